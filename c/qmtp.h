/* qmtp.h - a QMTP session (cr.yp.to/proto/qmtp.txt): packages out, answers in. Without I/O.
 *
 *   package = netstring(message) netstring(sender) netstring( netstring(recipient) ... )
 *   message = line end, lines      ; the first byte names the line end: 0x0a LF, 0x0d CRLF
 *   answers = one non-empty netstring per recipient, in order: K accepted, Z try later, D refused
 *
 * Packages may follow each other without waiting; each recipient of each package ends in exactly
 * one mw_result. QMTP has no anchor that would show a server to be out of step, so whatever makes
 * the stream doubtful breaks the session for good: answers read before stand, all others are
 * deferrals, nothing more is sent, and every later call returns the error that broke it.
 *
 * One package is written at a time:
 *
 *   mw_qmtp_begin, mw_qmtp_rcpt for each recipient       ; nothing is queued yet: mw_qmtp_cancel
 *   mw_qmtp_message, mw_qmtp_body until it is whole, mw_qmtp_end
 *
 * The pump sends from mw_qmtp_out and appends to mw_qmtp_in, also while a package is being written
 * (a server that answers while nobody reads, and a client that writes while nobody reads, block each
 * other for ever). After each of its calls the caller calls mw_qmtp_read, and closes the link when
 * that returns an error. Results are then read package by package, oldest first.
 */
#ifndef MW_QMTP_H
#define MW_QMTP_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"
#include "buf.h"
#include "netstring.h"
#include "outq.h"
#include "result.h"

/* The line end that a message's first byte names. */
#define MW_QMTP_LF 0x0a
#define MW_QMTP_CRLF 0x0d

/* Codes of results: QMTP has none of its own. */
#define MW_QMTP_ACCEPTED 250    /* K */
#define MW_QMTP_DEFERRED 450    /* Z, and no answer */
#define MW_QMTP_REFUSED 550     /* D */

typedef struct mw_qmtp mw_qmtp;
struct mw_qmtp_package;

/* A session on a new link. answer_max is the longest answer (0: MW_NETSTRING_MAX). The table of
 * allocation functions must outlive the session. NULL: no memory. */
mw_qmtp *mw_qmtp_new(const mw_alloc *alloc, size_t answer_max);

/* Frees the session with all its packages and results, taken or not. NULL is fine. */
void mw_qmtp_free(mw_qmtp *q);

/* The queue to send from and the buffer to receive into. Both live as long as the session. */
mw_outq *mw_qmtp_out(mw_qmtp *q);
mw_buf *mw_qmtp_in(mw_qmtp *q);

/* True when a package of rcpts recipients may be begun now: none is being written, the session is
 * sound, and no answer could be credited to the wrong package. Packages of one recipient follow
 * each other freely; one of several travels alone until the server has shown that it answers each
 * of them (mw_qmtp_counts_answers). */
int mw_qmtp_may_begin(const mw_qmtp *q, size_t rcpts);

/* Starts a package. Returns its number, from 1; MW_E_STATE (one is being written), MW_E_NOMEM
 * (nothing has changed) or the session's error. */
int64_t mw_qmtp_begin(mw_qmtp *q);

/* The same with a package made beforehand, with its recipients (qmtp_package.h), which is the
 * session's from now on. Returns its number, or MW_E_STATE or the session's error: it is not, then. */
int64_t mw_qmtp_adopt(mw_qmtp *q, struct mw_qmtp_package *p);

/* A recipient of the package that was begun, any octets, copied. Results keep this order.
 * Returns 0, MW_E_STATE (none was begun, or its message was), MW_E_NOMEM (nothing has changed)
 * or the session's error. */
int mw_qmtp_rcpt(mw_qmtp *q, mw_slice address);

/* Forgets the package that was begun, of which nothing has been queued. Returns 0 or MW_E_STATE. */
int mw_qmtp_cancel(mw_qmtp *q);

/* Starts the message, which has size bytes: line ends as they are, as eol says (MW_QMTP_LF or
 * MW_QMTP_CRLF, sent on top of size). Returns 0; MW_E_STATE (no package, no recipient, another
 * eol, or mw_qmtp_may_begin would not have had it), MW_E_SIZE (the size cannot be written),
 * MW_E_NOMEM, the last three with nothing queued; or the session's error. */
int mw_qmtp_message(mw_qmtp *q, unsigned char eol, uint64_t size);

/* More of the message: copied, or with lend left where it is until it is sent or the package is
 * complete (see mw_outq_lend). Returns 0; MW_E_STATE, MW_E_SIZE (more than was announced),
 * MW_E_NOMEM, all three with nothing queued; or the session's error. */
int mw_qmtp_body(mw_qmtp *q, const void *bytes, size_t n, int lend);

/* The same with n bytes of a file from offset on, read when their turn comes (see mw_outq_stretch). */
int mw_qmtp_body_file(mw_qmtp *q, int fd, uint64_t offset, uint64_t n, int64_t stamp);

/* Ends the package: queues the sender, any octets or none, and the recipients. Returns 0;
 * MW_E_STATE or MW_E_SIZE (the message is short) with nothing queued: then the only other way
 * on is mw_qmtp_lost and closing the link, so that the server discards the package; MW_E_NOMEM,
 * which breaks the session; or the session's error. */
int mw_qmtp_end(mw_qmtp *q, mw_slice sender);

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

/* Packages begun whose results are not complete. */
size_t mw_qmtp_in_flight(const mw_qmtp *q);

/* How many answers there were, in all. */
uint64_t mw_qmtp_answers(const mw_qmtp *q);

/* True when the next answer is not the first of its package: the shorter wait (NextReplyTimeout)
 * counts. */
int mw_qmtp_between_answers(const mw_qmtp *q);

/* True once the server has answered a package of several recipients in full with nothing else in
 * flight. mailfront answers once per package: were such a package followed by another, that one's
 * answer would be taken for the second recipient's, a false "accepted". */
int mw_qmtp_counts_answers(const mw_qmtp *q);

/* The oldest package that has not been taken: its number (0: there is none) and its results, as
 * many as recipients, in their order. A result without an answer yet has code 0; one with an
 * answer may have no text for want of memory, never no code. Valid until the package is taken,
 * or gets another recipient. */
const mw_result *mw_qmtp_results(const mw_qmtp *q, int64_t *number_r, size_t *count_r);

/* True when there is an oldest package and each of its recipients has its result. The bytes lent to
 * it are then not looked at any more. */
int mw_qmtp_complete(const mw_qmtp *q);

/* Forgets the oldest package if it is complete. */
void mw_qmtp_take(mw_qmtp *q);

/* Hands the oldest package over if it is complete, with its results: the caller frees it. Else NULL. */
struct mw_qmtp_package *mw_qmtp_release(mw_qmtp *q);

#endif
