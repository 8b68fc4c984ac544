/* flight_private.h - what the files of the deliveries in flight share. Nobody else includes it. */
#ifndef MW_FLIGHT_PRIVATE_H
#define MW_FLIGHT_PRIVATE_H

#include "flight.h"

/* Shapes of a message, as bits: each is proven on its own. */
#define MW_SHAPE_ONE 1          /* one recipient, accepted */
#define MW_SHAPE_SEVERAL 2      /* several, all accepted */
#define MW_SHAPE_MIXED 4        /* some of several refused */

/* Deliveries in flight. */
struct mw_flight {
    mw_party party;             /* the dialogue's; first, so that it is the flight */
    mw_dialogue *dialogue;
    mw_delivery *first, *last;  /* not taken, in order of submit */
    mw_delivery *oldest;        /* the first one that is not done; NULL: none */
    mw_delivery *current;       /* the first one whose end is not queued; NULL: none */
    int64_t id;                 /* of the last one submitted */
    size_t unanswered, bytes;
    uint64_t replies;           /* taken so far */
    enum { MW_FENCE_UNKNOWN, MW_FENCE_HOLDS, MW_FENCE_DOUBTED, MW_FENCE_REFUSED } fence;
    int anybodys;               /* what came for it may have been another's reply */
    int fence_owed;             /* one is under way: nothing may be sent behind it */
    int quiet;                  /* a doubtful reply is last: nothing may come for a while, or it was what it seemed not to be */
    int proven;                 /* MW_SHAPE_... that were answered in step */
    int chunk_proven;           /* the same, by BDAT */
    enum { MW_PROBE_NONE, MW_PROBE_SENT, MW_PROBE_DONE, MW_PROBE_FAILED } probe;
    size_t probe_replies;       /* seen since the probe's MAIL, anchors left out */
    int probe_odd;              /* one of them is none that its command gets */
    int probe_refused;          /* the last of them is a refusal */
    int probe_again;            /* how many anchors are to come behind one that came too early; 0: none has */
    size_t eager;               /* content of at most this size goes ahead of the replies to RCPT */
    int more;                   /* the caller has more to submit: a stream need not end in a fence yet */
    int must_fence;             /* a streamed message has another shape than those proven */
    int open;                   /* the server may have a transaction that nothing ended */
    int early;                  /* the next reply began to come before what it is owed for had left */
    int parted;                 /* 421 was said: nothing more is sent, what is owed may still come */
};

/* flight_reply.c: takes all replies that have come. */
void mw_flight_read(mw_flight *f);

/* Every reply that d can get has come. With nothing sent behind it there is nothing to mistake them for. */
void mw_flight_answered(mw_flight *f, mw_delivery *d);

/* The results of d are final. */
void mw_flight_finish(mw_flight *f, mw_delivery *d);

/* The first delivery whose end is not queued is now the next one that is not done. */
void mw_flight_pass(mw_flight *f);

/* The last byte of its content is queued. */
void mw_flight_ended(mw_flight *f, mw_delivery *d);

/* The last byte of d has left. */
int mw_flight_has_left(const mw_flight *f, const mw_delivery *d);

/* An anchor came in its place: what is in front of it is true. until: NULL for all. */
void mw_flight_confirm(mw_flight *f, const mw_delivery *until);

/* True while a delivery (in front of that one) has its replies but no anchor behind them. */
int mw_flight_doubtful(const mw_flight *f);
int mw_flight_doubtful_before(const mw_flight *f, const mw_delivery *until);

/* flight.c, for flight_chunk.c: queues bytes and what they are owed. 0, or the session is broken. */
int mw_flight_queue(mw_flight *f, const char *bytes, size_t len, mw_kind kind, size_t owed, mw_delivery *d);

/* The LHLO line, as what is due. */
int mw_flight_queue_hello(mw_flight *f, mw_kind kind);

/* May anything be sent behind a message's end on this link? */
int mw_flight_may_follow(const mw_flight *f);

/* Which shape a delivery has, or, before its RCPTs are answered, is expected to have. */
int mw_flight_shape(const mw_delivery *d);

/* flight_chunk.c: whether the link takes BDAT streams (RFC 3030); chooses how d's content goes. */
void mw_flight_choose(mw_flight *f, mw_delivery *d);

/* True when a probe is due before d may go. */
int mw_flight_must_probe(const mw_flight *f, const mw_delivery *d);
int mw_flight_queue_probe(mw_flight *f);

/* BDAT and the content's first bytes: LAST, or not, and then BDAT 0 LAST when mw_flight_apply_chunk has its reply. */
int mw_flight_queue_bdat(mw_flight *f, mw_delivery *d);

/* More of a BDAT's content. 1 when something was queued. */
int mw_flight_write_chunk(mw_flight *f, mw_delivery *d);

/* The reply to a chunk that is not the last. */
void mw_flight_apply_chunk(mw_flight *f, mw_delivery *d, const mw_reply *r);

/* A reply while the probe is under way. */
void mw_flight_apply_probe(mw_flight *f, const mw_reply *r);

/* ---- flight_fence.c */

/* True for one that looks like LHLO's, though it may not be as the link's first one was. */
int mw_flight_is_hello(const mw_flight *f, const mw_reply *r);

/* A fence came in its place. */
void mw_flight_fence_held(mw_flight *f);

/* The server does not accept a LHLO in mid-session, or answers it in a way of its own: the link is served without fences. */
void mw_flight_fence_refused(mw_flight *f);

/* The replies to a fence, and to a RSET. */
void mw_flight_apply_fence(mw_flight *f, const mw_reply *r);
void mw_flight_apply_reset(mw_flight *f, const mw_reply *r);
int mw_flight_queue_reset(mw_flight *f);

/* flight_end.c: the dialogue breaks. What becomes of the deliveries in flight: a mw_party's broken. */
void mw_flight_broken(mw_party *self, int why, mw_text *words);

#endif
