/* flight.h - deliveries in flight on an LMTP dialogue: whole messages that drive themselves, several at a time.
 *
 * In the order of calls: mw_flight_submit for each delivery; then, until none of the queue (queue.h) is unanswered, the pump and
 * mw_flight_advance in turn, mw_flight_piece while mw_flight_wants has a delivery, mw_queue_take for each delivery that is MW_DELIVERY_DONE.
 *
 * With PIPELINING, MAIL, RCPTs and DATA go as one group, and content is the first of the next group (RFC 2920 3.1): the next message's
 * envelope is sent behind this one's final dot. With CHUNKING whole messages follow each other. Without PIPELINING one command goes at a
 * time. What may be sent ahead, and when a result is final, trust.h says.
 *
 * Replies are read more strictly than those to the caller's commands (lmtp.h). Each of these breaks the dialogue, as the replies behind it
 * could be another command's: a line that is no reply, codes that differ inside a reply, a code of the wrong class, a reply that no command
 * is owed. A refusal that comes while content is written is kept: it is read as the first final reply (rule 11 of trust.h).
 *
 * Where a server takes so many recipients in a transaction (RFC 9422 RCPTMAX, RFC 5321 4.5.3.1.10) a message goes in several, each on its own:
 * one begins when nothing else is on its way, and the results of those before it stand, whatever becomes of it.
 *
 * The core does not know the time: mw_flight_waits names what is waited for, and the caller calls mw_flight_expired when that took too
 * long. Where there is no memory for a command, content or a reply, the dialogue breaks with MW_E_NOMEM. Whatever happens, every recipient
 * of every delivery ends in exactly one result.
 */
#ifndef MW_FLIGHT_H
#define MW_FLIGHT_H

#include "dialogue.h"
#include "queue.h"

typedef struct mw_flight mw_flight;

/* Deliveries on a dialogue, which must outlive them. NULL: no memory. */
mw_flight *mw_flight_new(mw_dialogue *dialogue);

/* Frees what is left of them, finished or not. NULL is fine. */
void mw_flight_free(mw_flight *f);

/* The deliveries. mw_queue_take and the others of queue.h are the caller's to use; for mw_queue_add there is mw_flight_submit. */
mw_queue *mw_flight_deliveries(mw_flight *f);

/* Puts a delivery into the queue. Returns its id. On a dialogue that is broken, or has restarted and not had a LHLO that succeeded since, it
 * is finished at once: every recipient without a result gets a deferral of stage 'connect'. */
int64_t mw_flight_submit(mw_flight *f, mw_delivery *d);

/* Takes the replies that have been received, and queues what may be sent now. What went wrong shows in the dialogue's error and in the
 * results. */
void mw_flight_advance(mw_flight *f);

/* 1: the caller has more to submit, so a stream by BDAT may stay without a fence at its end, and its results wait. 0: a fence ends it. */
void mw_flight_more(mw_flight *f, int more);

/* True when messages go out in a stream that waits for no reply: the caller can put off sending until much is queued. */
int mw_flight_streams(const mw_flight *f);

/* How many bytes of a delivery's content have been sent, as far as line ends and dots let it be told. */
uint64_t mw_flight_sent(const mw_flight *f, const mw_delivery *d);

/* Content of at most this many bytes may go ahead of the replies to RCPT. 0: none. */
void mw_flight_eager(mw_flight *f, size_t bytes);

/* The delivery whose content's next piece can be sent now; NULL when there is none. */
mw_delivery *mw_flight_wants(const mw_flight *f);

/* Queues the next piece of that delivery's content, all of it: pieces should be of moderate size. 0, or MW_E_NOMEM and the dialogue is
 * broken. */
int mw_flight_piece(mw_flight *f, const char *bytes, size_t len);

/* The content of that delivery has no more pieces: its end is queued by the next mw_flight_advance. */
void mw_flight_whole(mw_flight *f);

/* The time for the wait that mw_flight_waits names is over, and nothing came. After MW_WAIT_QUIET the last reply is taken for what it
 * seemed; after any other wait the dialogue breaks. */
void mw_flight_expired(mw_flight *f);
mw_wait mw_flight_waits(const mw_flight *f);

/* Queues RSET if a delivery left a transaction open on the server: 1, else 0. For callers that go on with
 * commands of their own. */
int mw_flight_reset(mw_flight *f);

/* True while the next reply is one to a command of the deliveries'. It may be owed when no delivery is left. */
int mw_flight_owes(const mw_flight *f);

#endif
