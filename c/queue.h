/* queue.h - the deliveries of one object, by whichever protocol they go: those that wait, those that are on their way, and those whose
 * results were not taken yet. One list, in the order in which they were handed over.
 *
 * The protocols' own parts, flight.h and qmtp.h, send what current points at and finish what was answered. The window bounds what is
 * unanswered. The clock and the deadlines tell how long to wait; the caller waits, and calls mw_queue_expire.
 */
#ifndef MW_QUEUE_H
#define MW_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include "clock.h"
#include "delivery.h"

/* What a queue has to know of its protocol. link is the queue's. */
typedef struct mw_protocol {
    unsigned lost;                          /* the code of a result that is not the server's word */
    mw_wait (*waits)(const void *link);     /* what is waited for now */
    uint64_t (*replies)(const void *link);  /* how many replies were taken */
    const mw_outq *(*out)(const void *link);
} mw_protocol;

typedef struct mw_queue {
    const mw_protocol *protocol;
    void *link;                 /* what the protocol sends over; NULL: there is none now */
    mw_delivery *first, *last;  /* all */
    mw_delivery *oldest;        /* the first that is not finished; NULL: all are */
    mw_delivery *current;       /* the first whose end is not queued; NULL: there is none */
    size_t again;               /* how many wait for another transaction (mw_delivery_next_round) */
    int64_t id;                 /* of the latest */
    size_t count;               /* how many there are, */
    size_t unanswered;          /* how many of them are not finished, */
    uint64_t bytes;             /* and how much content those have */
    size_t window;              /* how many may be unanswered, */
    uint64_t window_bytes;      /* with how much content. One alone may have more */
    size_t timed;               /* how many of the unanswered have a deadline, */
    int64_t earliest;           /* which is not before this */
    int is_stale;               /* it may be later */
    mw_clock clock;
} mw_queue;

/* An empty queue, with a window of MW_WINDOW. */
#define MW_WINDOW 100
#define MW_WINDOW_BYTES (1024 * 1024)
void mw_queue_init(mw_queue *q, const mw_protocol *protocol, void *link);

/* Frees the deliveries. What they were lent to must not be used any more. */
void mw_queue_clear(mw_queue *q);

/* Puts a delivery at the end, with its content and its deadline: it is the queue's until it is taken. Returns its id, from 1. */
int64_t mw_queue_add(mw_queue *q, mw_delivery *d);

/* The delivery of this id; NULL when it was taken. */
mw_delivery *mw_queue_find(const mw_queue *q, int64_t id);

/* Takes a delivery off the list; the caller frees it. It must be finished, unless what it was lent to is not used any more. */
void mw_queue_take(mw_queue *q, mw_delivery *d);

/* True when the window has room for one more, with so much content. */
int mw_queue_has_room(const mw_queue *q, uint64_t size);

/* Gives up a delivery of which nothing is queued: its recipients get deferrals of this stage. words: why, held; NULL for none. 0, or
 * MW_E_STATE when something is queued. */
int mw_queue_cancel(mw_queue *q, mw_delivery *d, mw_stage stage, mw_text *words);

/* The same for all of which nothing is queued, with stage 'connect'. */
void mw_queue_abandon(mw_queue *q, mw_text *words);

/* What is waited for now: MW_WAIT_NONE also without a link. */
mw_wait mw_queue_waits(const mw_queue *q);

/* How many bytes are queued and not sent; 0 without a link. */
uint64_t mw_queue_unsent(const mw_queue *q);

/* The earliest deadline of a delivery, and that of what is waited for as well. MW_NEVER: there is none. */
int64_t mw_queue_delivery_deadline(mw_queue *q);
int64_t mw_queue_deadline(mw_queue *q, int64_t now);

/* Gives up the deliveries whose own deadline has passed and of which nothing is queued; *count_r (NULL: not wanted) is how many. Returns 1
 * when another one's has passed: then the link must be given up, as a late reply would be taken for another's. words as in
 * mw_queue_cancel. */
int mw_queue_expire(mw_queue *q, int64_t now, mw_text *words, size_t *count_r);

/* ---- for the protocols */

/* The results of d are final. */
void mw_queue_finish(mw_queue *q, mw_delivery *d);

/* The end of the current one is queued: the next one that is not finished is the current one. */
void mw_queue_pass(mw_queue *q);

#endif
