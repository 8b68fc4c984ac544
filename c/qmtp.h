/* qmtp.h - a QMTP session (cr.yp.to/proto/qmtp.txt): packages out, answers in. Without I/O.
 *
 *   package = netstring(message) netstring(sender) netstring( netstring(recipient) ... )
 *   message = line end, lines      ; the first byte names the line end: 0x0a LF, 0x0d CRLF
 *   answers = one non-empty netstring per recipient, in order: K accepted, Z try later, D refused
 *
 * Packages may follow each other without waiting; each recipient of each package ends in exactly
 * one mw_result. QMTP has no reply that could show a server to be out of step, so what makes
 * the order of the answers doubtful breaks the session for good: answers read before stand, all other
 * recipients get deferrals, nothing more is sent, and every later call returns the error that broke it.
 *
 *   An answer before its package's last byte was sent, or when no package waits for one, breaks the session.
 *   An answer that does not come in time: the caller calls mw_qmtp_lost and closes the link, so that a late one is not read.
 *   An answer too many, when the next package is sent already, is taken for that one's: no client can see it. So a package of several
 *   recipients travels alone until the server has shown that it answers each of them. mailfront answers once per package: were such a
 *   package followed by another, that one's answer would be taken for the second recipient's, a false "accepted".
 *
 * A session ends with its link. The deliveries wait in a queue (queue.h) that outlives the links, and are lent to a session by mw_qmtp_write.
 * They come back with their results; or, when the link was lost before a byte of them was sent, to be sent over the next link. The server
 * cannot have seen such a delivery, so no recipient gets it twice.
 *
 * The pump sends from mw_qmtp_out and appends to mw_qmtp_in, also while a package is being sent: a server that answers while
 * nobody reads and a client that writes while nobody reads would block each other for ever. After each of its calls the caller
 * calls mw_qmtp_read, and closes the link when that returns an error.
 */
#ifndef MW_QMTP_H
#define MW_QMTP_H

#include <stddef.h>
#include <stdint.h>
#include "netstring.h"
#include "outq.h"
#include "qmtp_delivery.h"
#include "queue.h"
#include "trace.h"

/* Packages are queued while less than this is: enough for large writes, and with a small package more still one chunk of the queue's. */
#define MW_QMTP_HIGH_WATER 57344

typedef struct mw_qmtp mw_qmtp;

/* For the queues of deliveries that go by QMTP. Their link is a session, or NULL. */
extern const mw_protocol mw_qmtp_protocol;

/* A session on a new link. answer_max is the longest answer that is accepted (0: MW_NETSTRING_MAX). The table of
 * allocation functions must outlive the session. NULL: no memory. */
mw_qmtp *mw_qmtp_new(const mw_alloc *alloc, size_t answer_max);

/* Frees the session, but no delivery: those that it was lent are to be freed, too, or it is to be broken before. NULL is fine. */
void mw_qmtp_free(mw_qmtp *q);

/* The queue to send from and the buffer to receive into. Both live as long as the session. */
mw_outq *mw_qmtp_out(mw_qmtp *q);
mw_buf *mw_qmtp_in(mw_qmtp *q);

/* The lines that pass, while it is on: packages, their content counted, and answers. */
mw_trace *mw_qmtp_trace(mw_qmtp *q);

/* Queues the packages of the deliveries that wait, as far as they may go now. While any are lent, it must be the same queue each time. 0;
 * MW_E_NOMEM, which breaks the session; or the session's error. */
int mw_qmtp_write(mw_qmtp *q, mw_queue *deliveries);

/* Eats what has been received. Returns 1 when answers were taken, 0 when not, or the error that
 * broke the session, each time from then on:
 *   MW_E_NETSTRING, MW_E_NETSTRING_LIMIT    misframed, or longer than answer_max
 *   MW_E_ANSWER         empty, or begins with none of K, Z, D
 *   MW_E_ANSWER_EARLY   the package's last byte has not been sent, so this is no answer to it
 *   MW_E_ANSWER_EXTRA   no package waits for an answer
 *   MW_E_NOMEM          no room for the answer */
int mw_qmtp_read(mw_qmtp *q);

/* The link is gone, or given up (why: one of the errors). Eats what has been received, then
 * breaks the session. Of each delivery that had begun to leave, every recipient without an answer becomes a deferral, stage 'final' and
 * maybe_delivered if its package's last byte has been sent, else stage 'body'. words are their
 * text, held; NULL: the error's own. The others wait again. Does nothing to a broken session. */
void mw_qmtp_lost(mw_qmtp *q, int why, mw_text *words);

/* What broke the session, 0 while it is sound. */
int mw_qmtp_error(const mw_qmtp *q);

/* The same in words; NULL while it is sound, and when memory has failed. The session's own. */
const mw_text *mw_qmtp_words(const mw_qmtp *q);

/* Deliveries that are lent: their answers have not all come. */
size_t mw_qmtp_in_flight(const mw_qmtp *q);

#endif
