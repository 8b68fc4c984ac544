/* flight_private.h - what the files of the deliveries in flight share. Nobody else includes it. */
#ifndef MW_FLIGHT_PRIVATE_H
#define MW_FLIGHT_PRIVATE_H

#include "flight.h"
#include "trust.h"

struct mw_flight {
    mw_party party;             /* first, so that a pointer to it is one to the flight */
    mw_dialogue *dialogue;
    mw_queue queue;
    uint64_t replies;           /* how many were taken so far */
    mw_trust trust;
    size_t rcpt_max;            /* how many recipients a transaction may have, as the server showed; 0: not known */
    size_t eager;               /* content of at most this size goes ahead of the replies to RCPT */
    int more;                   /* the caller has more to submit: a stream need not end in a fence yet */
};

/* flight_reply.c: takes all replies that have come. */
void mw_flight_read(mw_flight *f);

/* The results of d are final. */
void mw_flight_finish(mw_flight *f, mw_delivery *d);

/* The results that d has are final. Recipients that go in another transaction wait for it; else d is finished. */
void mw_flight_conclude(mw_flight *f, mw_delivery *d);

/* The last byte of its content is queued. */
void mw_flight_ended(mw_flight *f, mw_delivery *d);

/* The last byte of d has left. */
int mw_flight_has_left(const mw_flight *f, const mw_delivery *d);

/* flight.c, for flight_chunk.c: queues bytes and what they are owed. 0, or the session is broken. */
int mw_flight_queue(mw_flight *f, const char *bytes, size_t len, mw_kind kind, size_t owed, mw_delivery *d);

/* Queues the LHLO line that was sent last, again: as a fence (MW_KIND_LHLO), or as the end of a probe (MW_KIND_PROBE). */
int mw_flight_queue_hello(mw_flight *f, mw_kind kind);

/* How many recipients a transaction may have, as far as that is known; 0: it is not. */
size_t mw_flight_rcpt_max(const mw_flight *f);

/* Queues RSET. */
int mw_flight_queue_reset(mw_flight *f);

/* flight_chunk.c: chooses whether d's content goes by DATA or by BDAT (RFC 3030), and whether ahead of the replies to RCPT. */
void mw_flight_choose(mw_flight *f, mw_delivery *d);

/* Queues BDAT and the content's first bytes. d->split: the BDAT is not the LAST; mw_flight_apply_chunk queues BDAT 0 LAST when it has the
 * reply. Else it is BDAT LAST. */
int mw_flight_queue_bdat(mw_flight *f, mw_delivery *d);

/* Queues more of d's content. 0, or the dialogue is broken. */
int mw_flight_write(mw_flight *f, mw_delivery *d);

/* More of a BDAT's content. 1 when something was queued. */
int mw_flight_write_chunk(mw_flight *f, mw_delivery *d);

/* The reply to a chunk that is not the last. */
void mw_flight_apply_chunk(mw_flight *f, mw_delivery *d, mw_reply *r);

/* flight_end.c: the dialogue breaks, and all deliveries get their results. It is the broken function of mw_party. */
void mw_flight_broken(mw_party *self, int why, mw_text *words);

#endif
