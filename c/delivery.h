/* delivery.h - one message on its way over LMTP: its recipients, the command lines of its envelope, and its content.
 *
 * In the order of calls: mw_delivery_new, mw_delivery_mail once, mw_delivery_rcpt for each recipient, one of content.h's sources on content,
 * mw_flight_submit. Content that is lent or in a file stays where and as it is, and the file open, until the state is MW_DELIVERY_DONE:
 * the memory is the caller's all the time.
 */
#ifndef MW_DELIVERY_H
#define MW_DELIVERY_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"
#include "content.h"
#include "transaction.h"

/* How far it has come. */
typedef enum mw_delivery_state {
    MW_DELIVERY_WAITING,    /* nothing of it is queued */
    MW_DELIVERY_ENVELOPE,   /* MAIL is queued; RCPTs may be, too */
    MW_DELIVERY_ASKED,      /* DATA is queued, its reply is owed */
    MW_DELIVERY_CONTENT,    /* 354 has come, or BDAT is queued: the content is being written */
    MW_DELIVERY_CHUNK,      /* all content is queued, as a chunk that is not the last; the chunk's reply is owed */
    MW_DELIVERY_ENDED,      /* the message's end is queued, final replies are owed */
    MW_DELIVERY_ANSWERED,   /* every reply has come; they are believed when an anchor has come (trust.h) */
    MW_DELIVERY_DONE        /* the results are final */
} mw_delivery_state;

typedef struct mw_delivery {
    struct mw_delivery *next;
    void *owner;                /* the caller's: the core does not look at it */
    int64_t deadline;           /* the caller's, too */
    const mw_alloc *alloc;
    int64_t id;                 /* from mw_flight_submit */
    mw_delivery_state state;
    mw_transaction to;          /* recipients in the caller's order, and their results */
    mw_buf lines;               /* MAIL and RCPT lines, each with its CRLF */
    size_t mail_len;            /* the length of the MAIL line, CRLF included */
    size_t rcpts;               /* how many RCPT lines there are */
    size_t *index;              /* RCPT line i is for recipient index[i] */
    size_t index_cap;
    size_t asked;               /* how many RCPT lines are queued */
    int grouped;                /* the envelope was queued as one group (RFC 2920) */

    mw_content content;         /* pieces come by mw_flight_piece */
    int by_bdat;                /* the content goes by BDAT, not by DATA */
    int raw;                    /* the content goes by BDAT, unchanged: BINARYMIME (RFC 3030 3) */
    int eager;                  /* the content goes by BDAT, before RCPT is answered */
    int split;                  /* the content goes by a BDAT that is not the LAST; BDAT 0 LAST goes when that was answered */
    uint64_t begin;             /* the queue's count in front of MAIL */
    uint64_t number;            /* the number of what was queued for it last, see trust.h; 0: nothing was */
    int answered_early;         /* every reply has come, and the content's last byte has not left yet */
    int early;                  /* every final reply came before the message's last byte had left. Stays set when that byte has left */
    int refused_early;          /* a refusal came before the content's last byte had left: its own reply, or one too many. A fence tells */
    int has_end;                /* the message's end is queued */
    uint64_t end;               /* the queue's count behind the last byte of the message, or of the chunk in front of BDAT 0 LAST */
    int shape;                  /* MW_SHAPE_... (trust.h): expected before the replies to RCPT, known with the message's end */
    int guarded;                /* when the results became final, something was queued behind the message */
    int unsure;                 /* a reply too many came, or a reply that may be another command's. A fence tells */
} mw_delivery;

/* A delivery for nobody yet. NULL: no memory. */
mw_delivery *mw_delivery_new(const mw_alloc *alloc);
void mw_delivery_free(mw_delivery *d);

/* The MAIL line, without CRLF: first, and once. 0, MW_E_ARG_BYTES, MW_E_COMMAND_LIMIT, MW_E_NOMEM. */
int mw_delivery_mail(mw_delivery *d, mw_slice line);

/* A recipient: the address that its result shows, and its RCPT line without CRLF. If the line cannot be sent the recipient has a result at
 * once: 553, stage 'rcpt'. Returns 0, MW_E_RCPT_LIMIT, or MW_E_NOMEM: then the delivery can only be freed. */
int mw_delivery_rcpt(mw_delivery *d, mw_slice address, mw_slice line);

/* A recipient that gets no RCPT: this is its result. text is held. Returns as mw_delivery_rcpt. */
int mw_delivery_unsendable(mw_delivery *d, mw_slice address, mw_stage stage, unsigned code, mw_text *text);

/* Nothing of the delivery is sent: each recipient without a result gets this one. text is held. */
void mw_delivery_refuse(mw_delivery *d, mw_stage stage, unsigned code, mw_text *text);

#endif
