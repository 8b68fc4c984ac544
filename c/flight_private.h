/* flight_private.h - what the files of the deliveries in flight share. Nobody else includes it. */
#ifndef MW_FLIGHT_PRIVATE_H
#define MW_FLIGHT_PRIVATE_H

#include "flight.h"
#include "trust.h"

struct mw_flight {
    mw_party party;             /* the dialogue's; first, so that it is the flight */
    mw_dialogue *dialogue;
    mw_delivery *first, *last;  /* not taken, in order of submit */
    mw_delivery *oldest;        /* the first one that is not done; NULL: none */
    mw_delivery *current;       /* the first one whose end is not queued; NULL: none */
    int64_t id;                 /* of the last one submitted */
    size_t unanswered, bytes;
    uint64_t replies;           /* taken so far */
    mw_trust trust;
    size_t eager;               /* content of at most this size goes ahead of the replies to RCPT */
    int more;                   /* the caller has more to submit: a stream need not end in a fence yet */
};

/* flight_reply.c: takes all replies that have come. */
void mw_flight_read(mw_flight *f);

/* The results of d are final. */
void mw_flight_finish(mw_flight *f, mw_delivery *d);

/* The first delivery whose end is not queued is now the next one that is not done. */
void mw_flight_pass(mw_flight *f);

/* The last byte of its content is queued. */
void mw_flight_ended(mw_flight *f, mw_delivery *d);

/* The last byte of d has left. */
int mw_flight_has_left(const mw_flight *f, const mw_delivery *d);

/* flight.c, for flight_chunk.c: queues bytes and what they are owed. 0, or the session is broken. */
int mw_flight_queue(mw_flight *f, const char *bytes, size_t len, mw_kind kind, size_t owed, mw_delivery *d);

/* The LHLO line that the link began with: a fence (MW_KIND_LHLO), or what a probe ends in (MW_KIND_PROBE). */
int mw_flight_queue_hello(mw_flight *f, mw_kind kind);

/* RSET. */
int mw_flight_queue_reset(mw_flight *f);

/* flight_chunk.c: whether the link takes BDAT streams (RFC 3030); chooses how d's content goes. */
void mw_flight_choose(mw_flight *f, mw_delivery *d);

/* BDAT and the content's first bytes: LAST, or not, and then BDAT 0 LAST when mw_flight_apply_chunk has its reply. */
int mw_flight_queue_bdat(mw_flight *f, mw_delivery *d);

/* Queues more of d's content. 0, or the dialogue is broken. */
int mw_flight_write(mw_flight *f, mw_delivery *d);

/* More of a BDAT's content. 1 when something was queued. */
int mw_flight_write_chunk(mw_flight *f, mw_delivery *d);

/* The reply to a chunk that is not the last. */
void mw_flight_apply_chunk(mw_flight *f, mw_delivery *d, mw_reply *r);

/* flight_end.c: the dialogue breaks. What becomes of the deliveries in flight: a mw_party's broken. */
void mw_flight_broken(mw_party *self, int why, mw_text *words);

#endif
