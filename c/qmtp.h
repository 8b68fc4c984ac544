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
 *   An answer too many, when the next package is sent already, is taken for that one's: no client can see it. mw_qmtp_may_write keeps
 *   a package of several recipients apart until the server has shown that it answers each of them.
 *
 * The pump sends from mw_qmtp_out and appends to mw_qmtp_in, also while a package is being sent: a server that answers while
 * nobody reads and a client that writes while nobody reads would block each other for ever. After each of its calls the caller
 * calls mw_qmtp_read, and closes the link when that returns an error.
 */
#ifndef MW_QMTP_H
#define MW_QMTP_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"
#include "buf.h"
#include "netstring.h"
#include "outq.h"
#include "qmtp_delivery.h"

typedef struct mw_qmtp mw_qmtp;

/* A session on a new link. answer_max is the longest answer that is accepted (0: MW_NETSTRING_MAX). The table of
 * allocation functions must outlive the session. NULL: no memory. */
mw_qmtp *mw_qmtp_new(const mw_alloc *alloc, size_t answer_max);

/* Frees the session, but no delivery. NULL is fine. */
void mw_qmtp_free(mw_qmtp *q);

/* The queue to send from and the buffer to receive into. Both live as long as the session. */
mw_outq *mw_qmtp_out(mw_qmtp *q);
mw_buf *mw_qmtp_in(mw_qmtp *q);

/* True when a package of so many recipients may be written now: the session is sound, and no answer could be credited to the wrong
 * package. Packages of one recipient follow each other freely. One of several travels alone until the server has shown that it
 * answers each of them (mw_qmtp_counts_answers). */
int mw_qmtp_may_write(const mw_qmtp *q, size_t rcpts);

/* Queues the package of a delivery that waits. The delivery is lent to the session until all its answers have come or the session
 * has broken. Returns 0; MW_E_STATE (it does not wait, it has no recipient, or mw_qmtp_may_write says no) with nothing changed;
 * MW_E_NOMEM, which breaks the session; or the session's error. */
int mw_qmtp_write(mw_qmtp *q, mw_qmtp_delivery *d);

/* Eats what has been received. Returns 1 when answers were taken, 0 when not, or the error that
 * broke the session, each time from then on:
 *   MW_E_NETSTRING, MW_E_NETSTRING_LIMIT    misframed, or longer than answer_max
 *   MW_E_ANSWER         empty, or begins with none of K, Z, D
 *   MW_E_ANSWER_EARLY   the package's last byte has not been sent, so this is no answer to it
 *   MW_E_REPLY_EXTRA    no package waits for an answer
 *   MW_E_NOMEM          no room for the answer */
int mw_qmtp_read(mw_qmtp *q);

/* The link is gone, or given up (why: one of the errors). Eats what has been received, then
 * breaks the session: every recipient without an answer becomes a deferral, stage 'final' and
 * maybe_delivered if its package's last byte has been sent, else stage 'body'. words are their
 * text, held; NULL: the error's own. Does nothing to a broken session. */
void mw_qmtp_lost(mw_qmtp *q, int why, mw_text *words);

/* What broke the session, 0 while it is sound. */
int mw_qmtp_error(const mw_qmtp *q);

/* Packages written whose answers have not all come. */
size_t mw_qmtp_in_flight(const mw_qmtp *q);

/* How many answers there were, in all. */
uint64_t mw_qmtp_answers(const mw_qmtp *q);

/* True when the next answer is not the first of its package: it is waited for as MW_WAIT_NEXT is (command.h). */
int mw_qmtp_between_answers(const mw_qmtp *q);

/* True once the server has answered a package of several recipients in full with nothing else in
 * flight. mailfront answers once per package: were such a package followed by another, that one's
 * answer would be taken for the second recipient's, a false "accepted". */
int mw_qmtp_counts_answers(const mw_qmtp *q);

#endif
