/* trust.h - when a reply may be believed, and what may be sent before it has come.
 *
 * Replies carry no name of what they answer. Behind a message's end they even look alike: 250 is a recipient's success and RSET's answer.
 * A server that says one reply too few, or one too many, would have another command's 250 credited to a recipient, and that mail is lost.
 * So nothing that was sent ahead is believed before a reply has come that cannot be mistaken. These are the rules; all of them are in
 * trust.c and probe.c.
 *
 * Anchors
 *   1. An anchor is a reply that cannot be another's: DATA's 354, and LHLO's own, which shows the server's name and keywords.
 *   2. A LHLO that is sent to get an anchor is a fence. It is legal in mid-session (RFC 5321 4.1.4) and may end a group (RFC 2920 3.1).
 *   3. Everything that is queued has a number. When an anchor comes in its place, all results with a lower number are final. A result with
 *      nothing queued behind it is final at once.
 *   4. When an anchor does not come in its place, the order is lost: the session breaks, and the results since the last anchor are
 *      forgotten. Their recipients get deferrals, and mail is sent again rather than lost.
 *
 *     A fence behind a message with two recipients:
 *
 *     client                        server
 *     content, ".", LHLO       ->
 *                              <-   250 a saved
 *                              <-   552 b full
 *                              <-   250-name, 250-keywords ..: the anchor, in its place. Both results are final.
 *
 *     Had the server said one reply less, the anchor would be in b's place; one more, and another reply would be in the anchor's.
 *
 * What may follow
 *   5. Each shape of a message (one recipient; several; some of several refused) goes with a fence behind it, and nothing else, the first
 *      time on a link. When it was answered in step the shape is proven, for DATA and for BDAT each on its own.
 *   6. Behind a message's end by DATA of a proven shape the next envelope may go: its 354 will be an anchor.
 *   7. A whole message by BDAT may follow another one only where a probe has passed (probe.h), and only to one recipient. A fence ends
 *      such a stream. The probe goes where a fence has held: a link's first message goes by DATA, so that a server that ends the link
 *      at a second LHLO has answered it by then.
 *   8. Content by BDAT to several recipients (a file, BINARYMIME) goes as a chunk that is not the last. The 250 to it shows what a 354
 *      would, and is waited for.
 *   9. Where PIPELINING is not offered, where the server joins final replies, or where a second LHLO is not answered like the first,
 *      nothing is sent behind an end. Files go by DATA there, whose 354 shows a reply too many in front of it; BINARYMIME can't.
 *
 * What the server may have left
 *  10. A transaction that may be open is ended by RSET, in front of a fence as well: Cyrus 3.6 ends one neither at LHLO nor at a message's
 *      end that it refuses. A reply to RSET that is no 2xx breaks the session.
 *
 * What comes early
 *  11. A refusal that comes before the message's end has left is its first final reply, or one too many. A fence goes next, and tells. A
 *      success that comes so early breaks the session.
 *
 * When the link ends
 *  12. A link that ends in front of a fence, with nothing out of step, leaves the results that came behind a 354 of messages of which
 *      nobody was refused: many servers close when they have answered, and a deferral would send the message again each time. By BDAT
 *      (BINARYMIME has no other way) there is no 354; there RSET, which goes in front of the fence, shows that no reply was missing, and
 *      none too many that is not the same to all.
 *
 * When a second LHLO is refused
 *  13. A server may refuse a LHLO in mid-session, or answer it in another way than the first. It is served without fences. But a final
 *      reply too many looks the same, and then LHLO's own is still to come. So once, on the first such reply, RSET is sent, and tells: if
 *      LHLO's reply comes in its place, all were out of step. When the doubtful reply did not show the server's name, it could be
 *      anybody's: then nothing may come behind RSET's for half a second.
 *  14. While it is not known how the server answers a second LHLO, its refusal, or a bare 250, can stand where a final reply is missing. When a
 *      wait runs out and final replies are owed still, the last ones that came are not believed: as many as could answer what was sent
 *      behind. The first one stands: a server that says nothing at all at a message's end goes on with nothing either.
 *
 * What no client can see, t/c/test_exhaust.c has in full: behind a message that nothing follows, a final reply that is missing, and one too
 * many that comes when the others have been taken. SECURITY.md says it for users.
 */
#ifndef MW_TRUST_H
#define MW_TRUST_H

#include "delivery.h"
#include "dialogue.h"
#include "probe.h"

struct mw_flight;

/* What is known of a second LHLO on this link. */
typedef enum mw_fence {
    MW_FENCE_UNKNOWN,       /* none was answered */
    MW_FENCE_HOLDS,         /* one was, like the first: it is an anchor */
    MW_FENCE_REFUSED,       /* the server has another answer to it: there are no fences */
    MW_FENCE_DOUBTED,       /* rule 13: a reply of the server's own kind came in its place; RSET is to tell */
    MW_FENCE_ANYBODYS       /* the same, and the reply could be anybody's */
} mw_fence;

/* Shapes of a message, as bits: each is proven on its own. */
#define MW_SHAPE_ONE 1          /* one recipient, accepted */
#define MW_SHAPE_SEVERAL 2      /* several, all accepted */
#define MW_SHAPE_MIXED 4        /* some of several refused */

typedef struct mw_trust {
    uint64_t queued;        /* the number of the latest thing that was queued */
    uint64_t envelope;      /* of the latest MAIL */
    uint64_t reset;         /* of the latest RSET */
    uint64_t was_reset;     /* of the latest RSET that had a reply which is no other command's */
    uint64_t opened;        /* of the latest thing that may have left a transaction open */
    uint64_t confirmed;     /* what has at most this number is in front of an anchor that came in its place */
    mw_fence fence;
    int fence_owed;         /* one is under way: nothing may be sent behind it */
    int must_fence;         /* a message in a stream has a shape that is not proven, as its replies to RCPT showed */
    int proven[2];          /* the shapes (MW_SHAPE_...) that were answered in step: by DATA, by BDAT */
    int early;              /* the next reply began to come before what it is owed for had left */
    int quiet;              /* nothing may come for half a second, or the last reply was not what it seemed */
    mw_probe probe;
} mw_trust;

/* ---- what may be sent */

/* Rule 9: may anything be sent behind a message's end on this link? */
int mw_trust_may_follow(const struct mw_flight *f);

/* The shape of a delivery, or, before its RCPTs are answered, the one that it is expected to have. */
int mw_trust_shape(const mw_delivery *d);

/* Rule 5: messages of its shape were answered in step. */
int mw_trust_is_proven(const struct mw_flight *f, const mw_delivery *d);

/* True when d's end, which is the latest thing that was queued, has to have a fence behind it. */
int mw_trust_must_fence(const struct mw_flight *f, const mw_delivery *d);

/* True when nothing is owed, and results wait for a fence. */
int mw_trust_needs_fence(const struct mw_flight *f);

/* Rule 10: the server may have a transaction open. */
int mw_trust_is_open(const struct mw_flight *f);

/* The server may have a transaction open since what has this number. */
void mw_trust_opened(struct mw_flight *f, uint64_t number);

/* ---- what has come */

/* Every reply that d can get has come: its results are final now, or wait for an anchor. */
void mw_trust_answered(struct mw_flight *f, mw_delivery *d);

/* Rule 3: an anchor came in its place. number: of the command that it answers. */
void mw_trust_confirm(struct mw_flight *f, uint64_t number);

/* The reply to a fence, and the reply to a RSET. */
void mw_trust_on_fence(struct mw_flight *f, const mw_reply *r);
void mw_trust_on_reset(struct mw_flight *f, const mw_reply *r);

/* A fence came in its place. */
void mw_trust_fence_held(struct mw_flight *f);

/* Rule 13: the link is served without fences. */
void mw_trust_fence_refused(struct mw_flight *f);

/* ---- when the link ends */

/* True when the dialogue breaks for a reply that has no place: the replies in front of it may be in the wrong places. */
int mw_trust_is_out_of_step(int why);

/* Which replies to d are believed when the dialogue breaks for this reason (error.h): all; those to its envelope, but no final reply; or
 * none. */
typedef enum mw_belief { MW_BELIEVE_ALL, MW_BELIEVE_ENVELOPE, MW_BELIEVE_NOTHING } mw_belief;
mw_belief mw_trust_believes(const struct mw_flight *f, const mw_delivery *d, int why);

/* How many of the last final replies to d are not believed then (rule 14). */
size_t mw_trust_disbelieves(const struct mw_flight *f, const mw_delivery *d, int why);

#endif
