/* flight.h - deliveries in flight on an LMTP dialogue: whole messages that drive themselves, several at a time.
 *
 * With PIPELINING, MAIL, RCPTs and DATA go as one group, and the content as the first of the next group (RFC 2920 3.1): the next message's
 * envelope rides behind this one's final dot. With CHUNKING whole messages follow each other. Without PIPELINING one command goes at a
 * time. What may be sent ahead, and when a result is believed, trust.h says: its rules are what keeps mail from getting lost.
 *
 * Replies are read more strictly than those to the caller's commands (lmtp.h): a line that is no reply, codes that differ inside a reply, a
 * code of the wrong class, a reply that nobody is owed: each breaks the dialogue, as all that follows could be another's.
 *
 * The caller pumps as ever, calls mw_flight_advance after each step, feeds content where mw_flight_wants asks for it, and takes what is
 * finished. The core does not know the time: mw_flight_waits names what is waited for, mw_flight_expired ends the wait. Whatever
 * happens, every recipient of every delivery ends in exactly one result.
 */
#ifndef MW_FLIGHT_H
#define MW_FLIGHT_H

#include "delivery.h"
#include "dialogue.h"

typedef struct mw_flight mw_flight;

/* Deliveries on a dialogue, which must outlive them. NULL: no memory. */
mw_flight *mw_flight_new(mw_dialogue *dialogue);

/* Frees what is left of them, finished or not. NULL is fine. */
void mw_flight_free(mw_flight *f);

/* Hands a delivery over: the session frees it. Returns its id, from 1. On a broken session it is finished
 * at once, every recipient a deferral of stage 'connect'. */
int64_t mw_flight_submit(mw_flight *f, mw_delivery *d);

/* Draws the conclusions from what has been received and queues what may be sent now. Never fails: what went
 * wrong shows in mw_lmtp_error and in the results. */
void mw_flight_advance(mw_flight *f);

/* The caller has more to submit (1): a stream may stay open, its results can wait. 0: they are waited for. */
void mw_flight_more(mw_flight *f, int more);

/* True when submitted messages go out in a stream that waits for nothing: writing can be put off until
 * there is much to write. */
int mw_flight_streams(const mw_flight *f);

/* Content of at most this many bytes may go ahead of the replies to RCPT. 0: none. */
void mw_flight_eager(mw_flight *f, size_t bytes);

/* The delivery whose content's next piece can be sent now; NULL when there is none. */
mw_delivery *mw_flight_wants(const mw_flight *f);

/* A piece of it. Queues what it becomes, all of it: pieces should be of moderate size. 0 or MW_E_NOMEM (the
 * session is broken then). */
int mw_flight_piece(mw_flight *f, const char *bytes, size_t len);

/* There are no more pieces: the end goes out at the next mw_flight_advance. */
void mw_flight_whole(mw_flight *f);

/* The wait that mw_flight_waits named is over and nothing came. */
void mw_flight_expired(mw_flight *f);
mw_wait mw_flight_waits(const mw_flight *f);

/* Deliveries that are not finished, and the bytes of their content. */
size_t mw_flight_unanswered(const mw_flight *f);
size_t mw_flight_bytes(const mw_flight *f);

/* The oldest delivery that was not taken; NULL when there is none. The others follow it, in the order of
 * submit. */
mw_delivery *mw_flight_first(const mw_flight *f);

/* The oldest one that is not finished; NULL when all are. */
mw_delivery *mw_flight_oldest(const mw_flight *f);

/* The delivery of this id; NULL when it was taken. */
mw_delivery *mw_flight_find(const mw_flight *f, int64_t id);

/* Takes a delivery off the list: it is the caller's now, and freed by it. It must be finished, or the
 * session is not used any more. */
void mw_flight_take(mw_flight *f, mw_delivery *d);

/* Gives up a delivery of which nothing was sent: its recipients are deferrals. MW_E_STATE when something
 * was. */
int mw_flight_cancel(mw_flight *f, mw_delivery *d, mw_text *words);

/* Queues RSET if a delivery left a transaction open on the server: 1, else 0. For callers that go on with
 * commands of their own. */
int mw_flight_reset(mw_flight *f);

/* True while a reply is owed that was asked for by deliveries: it may be after the last one was given up. */
int mw_flight_owes(const mw_flight *f);

/* Counts the replies taken: a change shows that the server goes on. */
uint64_t mw_flight_replies(const mw_flight *f);

#endif
