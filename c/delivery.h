/* delivery.h - one message on its way: who it is for, the commands that say so, and its content.
 *
 * The envelope is kept as finished command lines, so that sending it again and again costs nothing but the
 * copy into the queue. The content is one of the sources of content.h: what is lent, or is in a file, stays where and as it is until
 * the delivery is done.
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
    MW_DELIVERY_WAITING,    /* nothing was sent */
    MW_DELIVERY_ENVELOPE,   /* MAIL is on its way, or all RCPTs, too */
    MW_DELIVERY_ASKED,      /* DATA is, its reply is owed */
    MW_DELIVERY_CONTENT,    /* 354: the content is being written */
    MW_DELIVERY_CHUNK,      /* it has been, as a chunk that is not the last: its reply is owed */
    MW_DELIVERY_ENDED,      /* the end is queued, final replies are owed */
    MW_DELIVERY_ANSWERED,   /* every reply has come; not believed before an anchor confirms it */
    MW_DELIVERY_DONE        /* the results are final */
} mw_delivery_state;

typedef struct mw_delivery {
    struct mw_delivery *next;
    void *owner;                /* the caller's, as is the next: no session looks at them */
    int64_t deadline;
    const mw_alloc *alloc;
    int64_t id;                 /* counts from 1 on each session */
    mw_delivery_state state;
    mw_transaction to;          /* recipients in the caller's order, and their results */
    mw_buf lines;               /* MAIL and RCPT lines, each with its CRLF */
    size_t mail_len;            /* of the first of them */
    size_t rcpts;               /* how many RCPT lines there are */
    size_t *index;              /* RCPT line i is for recipient index[i] */
    size_t index_cap;
    size_t asked;               /* RCPT lines queued */
    int grouped;                /* its commands went without waiting for replies in between */

    mw_content content;         /* pieces come by mw_flight_piece */
    int by_bdat;                /* the content goes by BDAT, not by DATA */
    int raw;                    /* by BDAT, and as it is: BINARYMIME */
    int eager;                  /* its content may go before a RCPT is answered */
    int split;                  /* by BDAT, the content first, and LAST when that was answered */
    uint64_t begin;             /* the queue's count in front of its first byte */
    uint64_t number;            /* of the latest thing that was queued for it, see trust.h; 0: nothing was */
    int answered_early;         /* every final reply has come, and the end has not left yet, */
    int early;                  /* or had not when they came: they answer nothing behind it */
    int refused_early;          /* a refusal came before the end had left: a reply too many, or its own; a fence is to tell */
    int has_end;                /* the end was queued: */
    uint64_t end;               /* the queue's count behind its last byte */
    int shape;                  /* of the message, MW_SHAPE_...: known with its end, see trust.h */
    int guarded;                /* its results were final, or given up, when something had been queued behind its end */
    int unsure;                 /* a reply more came than was owed, or one that may be another's: a fence is to tell */
} mw_delivery;

/* A delivery for nobody yet. NULL: no memory. */
mw_delivery *mw_delivery_new(const mw_alloc *alloc);
void mw_delivery_free(mw_delivery *d);

/* The MAIL line, without its end: first, once. 0, MW_E_ARG_BYTES, MW_E_COMMAND_LIMIT, MW_E_NOMEM. */
int mw_delivery_mail(mw_delivery *d, mw_slice line);

/* A recipient: address as results show it, and its RCPT line. A line that cannot be sent settles the
 * recipient: code, text. Returns 0, MW_E_RCPT_LIMIT or MW_E_NOMEM. */
int mw_delivery_rcpt(mw_delivery *d, mw_slice address, mw_slice line);

/* The same for one that is not to be sent at all, as text says. */
int mw_delivery_unsendable(mw_delivery *d, mw_slice address, mw_stage stage, unsigned code, mw_text *text);

/* Nobody gets it, and nothing of it is sent: each recipient that has no result yet has this one. text is held. */
void mw_delivery_refuse(mw_delivery *d, mw_stage stage, unsigned code, mw_text *text);

#endif
