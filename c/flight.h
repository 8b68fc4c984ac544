/* flight.h - deliveries in flight on an LMTP session: what may be sent ahead, and when a result may be
 * believed.
 *
 * Replies carry no name of what they answer. Behind a message's end they even look alike: a server that is
 * one reply short, or one over, would have the next command's 250 credited to a recipient. So
 *
 *   - an anchor is a reply that can't be mistaken: DATA's 354, and LHLO's own, which shows the server's
 *     name and keywords. A LHLO sent as an anchor is a fence (legal in mid-session, RFC 5321 4.1.4; it may end a
 *     group, RFC 2920 3.1);
 *   - a result with something sent behind it is final only when the next anchor has come in its place. Out
 *     of step: every result since the last anchor in step is forgotten, its recipient a deferral, and the
 *     session is broken;
 *   - each shape of a message (one recipient; several; some refused among several) goes fenced, with
 *     nothing else behind it, the first time on a link. Only shapes that were answered in step have the
 *     next envelope sent behind their end;
 *   - a link that ends in front of such a fence, with nothing out of step, leaves what was answered behind a
 *     354, to messages of which nobody was refused: many servers close when they have answered a message, and
 *     a deferral would send it again each time;
 *   - a transaction that may be open is ended by RSET, in front of a fence as well: Cyrus 3.6 ends one neither at
 *     LHLO nor at a message's end that it refuses. A reply to RSET that is no 2xx breaks the session;
 *   - a link's first message goes by DATA, unless it is a file or BINARYMIME. Its fence shows whether the server bears a second
 *     LHLO. One that closes or says 421 has answered a message by then, and that message's results stand: each new link delivers one;
 *   - whole messages by BDAT follow each other only when a fence has held, and a probe has shown that a refused chunk is eaten and
 *     answered once: MAIL FROM:<>, BDAT whose chunk is the LHLO line, RSET, LHLO. A server that runs the chunk shows an
 *     anchor too many;
 *   - content that goes by BDAT to several recipients (a file, BINARYMIME) is a chunk that is not the last: its 250 shows what a 354
 *     would, and is waited for;
 *   - a refusal that comes before the message's end has left is its first final reply, or one too many: a fence goes next, and tells;
 *   - where PIPELINING is not offered, or a second LHLO is not answered like the first, nothing is ever
 *     sent behind an end.
 *
 * A fence behind a message with two recipients:
 *
 *     client                        server
 *     content, ".", LHLO       ->
 *                              <-   250 a saved
 *                              <-   552 b full
 *                              <-   250-name, 250-keywords ..: the anchor, in its place. Both results are final.
 *
 * Had the server said one reply less, the anchor would be in b's place; one more, and another reply would be in the anchor's.
 *
 * What cannot be seen, t/c/test_exhaust.c has in full: behind a message that nothing follows, a final reply that is missing, and
 * one too many that comes when the others have been taken. SECURITY.md says it for users.
 *
 * With PIPELINING: MAIL, RCPTs and DATA go as one group, the content as the first of the next (RFC 2920
 * 3.1). Without: one command at a time.
 *
 * The caller pumps as ever, calls mw_flight_advance after each step, feeds content where mw_flight_wants
 * it, and takes what is finished. The session does not know the time: mw_flight_waits names the wait,
 * mw_flight_expired ends it.
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

/* True when the server takes BDAT (RFC 3030): see mw_delivery_file. */
int mw_flight_chunks(const mw_flight *f);

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
