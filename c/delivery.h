/* delivery.h - one message on its way, over LMTP or over QMTP: its envelope, its content, and what became of each recipient.
 *
 * In the order of calls, for LMTP: mw_delivery_new, mw_delivery_mail once, mw_delivery_rcpt for each recipient, one of content.h's sources on
 * content, mw_flight_submit. For QMTP: see qmtp_delivery.h. Content that is lent or in a file stays where and as it is, and the file open,
 * until the state is MW_DELIVERY_DONE: the memory is the caller's all the time.
 */
#ifndef MW_DELIVERY_H
#define MW_DELIVERY_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"
#include "content.h"
#include "keywords.h"
#include "parameter.h"
#include "transaction.h"

/* What MAIL can say of the content by itself: its size (RFC 1870), and that it has octets above 0x7F (RFC 6152). */
#define MW_DECLARE_SIZE 1
#define MW_DECLARE_BODY 2

/* How far it has come. */
typedef enum mw_delivery_state {
    MW_DELIVERY_WAITING,    /* nothing of it is queued */
    MW_DELIVERY_ENVELOPE,   /* MAIL is queued; RCPTs may be, too */
    MW_DELIVERY_ASKED,      /* DATA is queued, its reply is owed */
    MW_DELIVERY_CONTENT,    /* 354 has come, or BDAT is queued: the content is being written */
    MW_DELIVERY_CHUNK,      /* all content is queued, as a chunk that is not the last; the chunk's reply is owed */
    MW_DELIVERY_ENDED,      /* the message's end is queued, final replies are owed. QMTP: the package is queued, answers are owed */
    MW_DELIVERY_ANSWERED,   /* every reply has come; they are believed when an anchor has come (trust.h) */
    MW_DELIVERY_DONE        /* the results are final */
} mw_delivery_state;

typedef struct mw_delivery {
    struct mw_delivery *next;   /* in its queue */
    void *owner;                /* the caller's: the core does not look at it */
    int64_t deadline;           /* MW_NEVER: none (clock.h) */
    const mw_alloc *alloc;
    int64_t id;                 /* its number in the queue, from 1 */
    mw_delivery_state state;
    mw_transaction to;          /* recipients in the caller's order, and their results */
    mw_buf lines;               /* MAIL and RCPT lines, each with its CRLF; QMTP: the netstrings of the sender and of each recipient */
    size_t mail_len;            /* the length of the first of them */
    size_t rcpts;               /* how many others there are, but for those that go in a later transaction */
    mw_content content;
    uint64_t begin;             /* the count of the queue of bytes in front of its first byte, */
    uint64_t end;               /* and behind the last byte of the message, or of the chunk in front of BDAT 0 LAST */

    /* QMTP alone */
    unsigned char eol;          /* the byte that names the line end */
    uint64_t body;              /* the count in front of its content */

    /* LMTP alone */
    size_t *index;              /* RCPT line i is for recipient index[i] */
    size_t index_cap;
    size_t asked;               /* how many RCPT lines are queued */
    size_t line;                /* where the next one begins */
    size_t rest;                /* how many go in a later transaction */
    int again;                  /* it waits for such a transaction */
    int grouped;                /* the envelope was queued as one group (RFC 2920) */
    int declares;               /* MW_DECLARE_...: what MAIL may say of the content by itself */
    int by_bdat;                /* the content goes by BDAT, not by DATA */
    int raw;                    /* the content goes by BDAT, unchanged: BINARYMIME (RFC 3030 3) */
    int eager;                  /* the content goes by BDAT, before RCPT is answered */
    int split;                  /* the content goes by a BDAT that is not the LAST; BDAT 0 LAST goes when that was answered */
    uint64_t number;            /* the number of what was queued for it last, see trust.h; 0: nothing was */
    int answered_early;         /* every reply has come, and the content's last byte has not left yet */
    int early;                  /* every final reply came before the message's last byte had left. Stays set when that byte has left */
    int refused_early;          /* a refusal came before the content's last byte had left: its own reply, or one too many. A fence tells */
    int has_end;                /* the message's end is queued */
    int shape;                  /* MW_SHAPE_... (trust.h): expected before the replies to RCPT, known with the message's end */
    int guarded;                /* when the results became final, something was queued behind the message */
    int unsure;                 /* a reply too many came, or a reply that may be another command's. A fence tells */
} mw_delivery;

/* A delivery for nobody yet. NULL: no memory. */
mw_delivery *mw_delivery_new(const mw_alloc *alloc);
void mw_delivery_free(mw_delivery *d);

/* The MAIL line, without CRLF: first, and once. 0, MW_E_ARG_BYTES, MW_E_COMMAND_LIMIT, MW_E_NOMEM. */
int mw_delivery_mail(mw_delivery *d, mw_slice line);

/* Adds a parameter to the MAIL line, if there is one. row: MW_PARAMETER_...; the value fits it. 0 or MW_E_NOMEM. */
int mw_delivery_mail_says(mw_delivery *d, size_t row, mw_slice value);

/* Has MAIL say of the content what d->declares allows and the server wants to know. A message that is larger than the server takes is not
 * sent: its recipients have their results. What there is no memory for is not said. mw_flight_submit calls it. */
void mw_delivery_declare(mw_delivery *d, const mw_keywords *offered);

/* A recipient: the address that its result shows, and its RCPT line without CRLF. If the line cannot be sent the recipient has a result at
 * once: 553, stage 'rcpt'. Returns 0, MW_E_RCPT_LIMIT, or MW_E_NOMEM: then the delivery can only be freed. */
int mw_delivery_rcpt(mw_delivery *d, mw_slice address, mw_slice line);

/* A recipient that gets no RCPT: this is its result. text is held. Returns as mw_delivery_rcpt. */
int mw_delivery_unsendable(mw_delivery *d, mw_slice address, mw_stage stage, unsigned code, mw_text *text);

/* At most so many recipients go in a transaction, and the others in the next one, of which content in pieces cannot be part. 0: no limit. Before
 * anything is queued; mw_flight_submit calls it. */
void mw_delivery_limit(mw_delivery *d, size_t most);

/* The next final reply, or answer. A success for a file that has been written to meanwhile (mw_content_has_changed), and whose pages the
 * queue out shared, is none: the recipient has a deferral with the code lost, stage 'body', maybe_delivered. text is held. */
void mw_delivery_final(mw_delivery *d, const mw_outq *out, unsigned code, mw_text *text, unsigned lost);

/* A transaction is over, and its results are final. If there are recipients for another one, d is as before the first, with these, and 1 is
 * returned; else 0. They are those that were over the limit, and those that the server had too many of: behind an accepted one their RCPT
 * was answered by 452 (RFC 5321 4.5.3.1.10), or 552, with an enhanced status code of x.5.3 or none. *most is the limit, and becomes what
 * the server showed it to be. */
int mw_delivery_next_round(mw_delivery *d, size_t *most);

/* Nothing of the delivery is sent: each recipient without a result gets this one. text is held. */
void mw_delivery_refuse(mw_delivery *d, mw_stage stage, unsigned code, mw_text *text);

#endif
