/* lmtp.h - an LMTP client's session (RFC 2033 on top of RFC 5321). Without I/O.
 *
 * A session eats what the server sent and yields what is to be sent to it. The caller pumps: it sends from
 * mw_lmtp_out and appends to mw_lmtp_in. The session keeps
 *   - the replies that are owed, in order (commands.h),
 *   - the transaction: recipients and what became of each (transaction.h),
 *   - the state of the message's content.
 *
 * Commands are put in by mw_lmtp_command as whole lines, whoever made them; what they are is read off the
 * line, so a raw "RCPT TO:<x> FOO=1" counts as much as one of our own making.
 *
 * Calls of one kind belong to one point in time: replies are taken by mw_lmtp_reply when the caller wants
 * the next one, not when they arrive. That is what the classes built on Net::Cmd expect.
 *
 * A session breaks for good when its stream cannot be trusted any more: mw_lmtp_error then says why,
 * commands but QUIT are refused, and nobody is credited with anything any more.
 */
#ifndef MW_LMTP_H
#define MW_LMTP_H

#include <stddef.h>
#include <stdint.h>
#include "dialogue.h"
#include "transaction.h"

/* The code of a command that was refused here: syntax error in parameters. */
#define MW_LMTP_REFUSED 501
/* The code of one that is out of place: bad sequence of commands. */
#define MW_LMTP_OUT_OF_PLACE 503

typedef struct mw_lmtp mw_lmtp;

/* A session on a link. NULL when there is no memory. */
mw_lmtp *mw_lmtp_new(const mw_alloc *alloc);
void mw_lmtp_free(mw_lmtp *s);

/* Limits on what a server says, in bytes: see MW_LINE_MAX and MW_REPLY_MAX. 0 leaves one as it is. */
void mw_lmtp_limits(mw_lmtp *s, size_t line_max, size_t reply_max);

/* Servers that join their final replies into one of several lines: 1 yes, 0 no, -1 by the banner (the
 * default). */
void mw_lmtp_joined(mw_lmtp *s, int joined);

/* What the session stands on, for the deliveries of flight.h to stand on as well. */
mw_dialogue *mw_lmtp_dialogue(mw_lmtp *s);

mw_outq *mw_lmtp_out(mw_lmtp *s);
mw_buf *mw_lmtp_in(mw_lmtp *s);

/* The server owes its greeting: for a link just made. 0 or MW_E_NOMEM. */
int mw_lmtp_greet(mw_lmtp *s);

/* ---- commands */

/* Queues a command line (without its end) and what it is owed.
 *   0                 queued
 *   MW_E_ARG_BYTES, MW_E_COMMAND_LIMIT, MW_E_RCPT_LIMIT
 *                     refused: nothing is queued, the next reply is MW_LMTP_REFUSED, made here
 *   MW_E_REPLY_EXTRA  MAIL, RCPT, DATA, BDAT and RSET, when bytes are waiting that no command had asked for, or
 *                     were when the last command was sent: the session is broken
 *   MW_E_STATE        content is open (end it first), or BDAT's bytes are not all sent, or the session broke
 *                     in a message or a command: only closing the link makes the server discard that
 *   MW_E_NOMEM        nothing has changed
 * Some are answered here, and not sent (0 is returned): BDAT without an accepted recipient or behind DATA,
 * and DATA and BDAT while final replies are owed, with 503; BDAT after a refusal, with that; on a broken
 * session everything but QUIT, with MW_LMTP_LOST. */
int mw_lmtp_command(mw_lmtp *s, mw_slice line);

/* True for a line that cannot be sent while content is open, as it would say to discard it (RSET): the link
 * must be closed instead. */
int mw_lmtp_discards(mw_slice line);

/* How many bytes at the front of a command line may be shown: all, but for AUTH's secrets. For the line that
 * is about to be queued. */
size_t mw_lmtp_public(mw_lmtp *s, mw_slice line);

/* A MAIL that was not sent, as its caller's arguments were refused: the last message's results are not the
 * next one's. Nothing happens to a message that may still be sent. */
void mw_lmtp_forget(mw_lmtp *s);

/* The same, and why: recipients that follow have it for a result, as if a server had refused MAIL. why is held. */
void mw_lmtp_refuse_mail(mw_lmtp *s, unsigned code, mw_text *why);

/* A recipient whose RCPT was not sent has this for a result, unless it has MAIL's refusal. 0, MW_E_RCPT_LIMIT or MW_E_NOMEM. */
int mw_lmtp_refuse_rcpt(mw_lmtp *s, mw_slice address, unsigned code, mw_text *why);

/* A line that cannot be sent, as the session is broken: if it is a RCPT, its recipient is a deferral of stage 'connect'. */
int mw_lmtp_rcpt_lost(mw_lmtp *s, mw_slice line);

/* A wait ran out among the replies to RCPTs that went as a group (RFC 2920), of which the first is recipient first: what has come may be
 * one place off, so all of them are deferrals. For a session that is broken. */
void mw_lmtp_doubt_group(mw_lmtp *s, size_t first);

/* True when nothing is owed and no transaction is open: whatever the server sends now was not asked for. */
int mw_lmtp_idle(const mw_lmtp *s);

/* True from MAIL to the final replies, or to RSET, whose reply may be owed. */
int mw_lmtp_has_message(const mw_lmtp *s);

/* True from MAIL to the final replies, or to RSET's: a reply that comes too late would be taken for another's. */
int mw_lmtp_in_transaction(const mw_lmtp *s);

/* ---- replies */

/* The next reply, taken from what has been received.
 *   1   mw_lmtp_last is it, and the session has drawn its conclusions
 *   2   the same, but its lines may be several recipients' replies: see mw_lmtp_settle
 *   0   more bytes are needed
 *   MW_E_REPLY_SYNTAX   a line that is no reply: it was put back and is the next line. In place of a final
 *                       reply it breaks the session: the recipients left are deferrals
 *   MW_E_LINE_LIMIT, MW_E_REPLY_LIMIT, MW_E_NOMEM   the session is broken
 * A reply may break the session and be taken all the same (mw_lmtp_error tells): 2xx or 1xx to DATA, 3xx to
 * a chunk or to a message's end, 354 to a DATA that something was sent behind, a success for a message whose
 * end has not left, a final reply whose lines are all 2xx and differ. */
int mw_lmtp_reply(mw_lmtp *s);

/* What the caller did with replies past us, by mw_lmtp_line, ends here: as with each command. Of lines that made no reply, one
 * stood in place of the oldest reply owed, if nothing else is there. */
void mw_lmtp_leave_replies(mw_lmtp *s);

/* True while a command's reply is owed that the caller has not taken; those of deliveries left out. */
int mw_lmtp_owes(const mw_lmtp *s);

/* Counts the replies taken, and those made here: a change shows that there was one. */
uint64_t mw_lmtp_taken(const mw_lmtp *s);

/* True when a line that is no reply was put back, and no reply has been taken since. */
int mw_lmtp_is_garbled(const mw_lmtp *s);

/* A reply that is there without reading: the answer to a command refused here, or the reply of a further
 * recipient, which the caller of an old module would read now. 1: mw_lmtp_last is it; 0: the next one must
 * be read. */
int mw_lmtp_reply_local(mw_lmtp *s);

/* For callers that read replies line by line: what mw_lmtp_reply_local would hand out is put back as its lines, if there is
 * something and no line waits; the answer to a command refused here only if the server owes none. 0 or MW_E_NOMEM. */
int mw_lmtp_line_local(mw_lmtp *s);

/* For callers that read lines themselves: one line of the next reply, taken apart. Returns as mw_lmtp_reply;
 * MW_E_REPLY_SYNTAX, with nothing put back, for a code below 100 or above 599. */
int mw_lmtp_reply_put(mw_lmtp *s, unsigned code, mw_slice text, int more);

/* A line given to mw_lmtp_reply_put's caller was no reply: as MW_E_REPLY_SYNTAX of mw_lmtp_reply, the line
 * having been put back. */
void mw_lmtp_reply_garbled(mw_lmtp *s);

/* After 2: a final reply of a server that joins them, with as many lines as replies are owed, half a second
 * ago. quiet: nothing has come since, so each line is a recipient's reply. Else nobody knows whose the lines
 * are: the session breaks and the recipients are deferrals, but for the first if all lines have one code. Any
 * other call that could take a reply or send something instead counts as not quiet. */
void mw_lmtp_settle(mw_lmtp *s, int quiet);

/* The last reply taken, or made here. Before any: no lines, code 0. Valid until the next call on s. */
const mw_reply *mw_lmtp_last(const mw_lmtp *s);

/* The next line. by_hand: the caller reads it past the session, which follows as well as it can: whole
 * replies count as taken, at the next command or reply. Else it is on its way to mw_lmtp_reply_put. Returns
 * as mw_lines_next. A limit breaks the session, and so does a lack of memory to follow by. */
int mw_lmtp_line(mw_lmtp *s, int by_hand, mw_slice *line_r);

/* Puts a line back: it is the next one. If it is the one read last by hand, that was not read after all. 0 or
 * MW_E_NOMEM. */
int mw_lmtp_line_unget(mw_lmtp *s, mw_slice line);

/* How many replies to the message's end are owed, when it is their turn; 0 while older ones are owed. */
size_t mw_lmtp_finals_owed(const mw_lmtp *s);

/* How many replies to earlier commands are owed in front of those to a message's end: they are to be read
 * first. */
size_t mw_lmtp_finals_behind(const mw_lmtp *s);

/* Lines read by hand that complete a reply are counted now. */
void mw_lmtp_settle_hand(mw_lmtp *s);

/* The owner of the link has decided about the message's end without reading its replies: they are not waited
 * for, its recipients are deferrals, maybe_delivered. */
void mw_lmtp_waive_finals(mw_lmtp *s);

/* After the replies to the message's end: mw_lmtp_last becomes the first that is no success, else the first
 * one. 1 when all accepted recipients' replies were successes, 0 when the server's was not, -1 when the
 * first that is none was made here (there was no reply). From then on mw_lmtp_reply_local hands out the
 * second recipient's reply, the third's and so on, until the next command. */
int mw_lmtp_verdict(mw_lmtp *s);

/* ---- content */

typedef enum mw_content_state {
    MW_CONTENT_NONE,        /* none was asked for since the last message */
    MW_CONTENT_ASKED,       /* DATA was sent, its reply is owed */
    MW_CONTENT_OPEN,        /* 354: mw_lmtp_data, mw_lmtp_data_end */
    MW_CONTENT_REFUSED,     /* mw_lmtp_last was, and mw_lmtp_refusal is, the reply; or it broke */
    MW_CONTENT_CHUNK        /* BDAT: bytes to be sent by mw_lmtp_raw */
} mw_content_state;

mw_content_state mw_lmtp_content(const mw_lmtp *s);

/* Opens the content without a 354 that the session has seen. Returns 0, or MW_E_STATE after a refusal,
 * inside BDAT or on a broken session. */
int mw_lmtp_content_open(mw_lmtp *s);

/* Makes mw_lmtp_last the reply that refused the content. */
void mw_lmtp_refusal(mw_lmtp *s);

/* Content, line ends and dots made right on the way: takes bytes while less than MW_LMTP_HIGH_WATER is
 * queued; *used_r says how many. Long stretches that need no change are lent: where len is MW_CONTENT_LEND_MIN or more the bytes stay
 * until the queue is empty.
 *   0               taken; if not all were, send and call again
 *   MW_E_STATE      no content is open; bytes offered while MW_CONTENT_ASKED are missing from then on
 *   MW_E_CLOSED     the server has said 421 meanwhile
 *   MW_E_REPLY_EARLY  it has answered a message that has not ended: the session is broken
 *   MW_E_NOMEM */
int mw_lmtp_data(mw_lmtp *s, const char *bytes, size_t len, size_t *used_r);

/* True when mw_lmtp_data was given bytes that it did not take, as no content was open, since the last DATA or the last call of
 * this. */
int mw_lmtp_withheld(mw_lmtp *s);

/* Bytes as they are. Inside content they are taken to be stuffed, and the line state follows; an end of content among them, last, is
 * the message's, as by mw_lmtp_data_end; behind BDAT
 * they are the chunk's, MW_E_SIZE if they are more than it announced; elsewhere they are just sent. Returns
 * as mw_lmtp_data. */
int mw_lmtp_raw(mw_lmtp *s, const char *bytes, size_t len, size_t *used_r);

/* The caller has written the end of the content to the link himself, past the session: its replies are owed. 0, or as
 * mw_lmtp_data_end. */
int mw_lmtp_content_ended(mw_lmtp *s);

/* The caller has content for BDAT, and it cannot be had to its end: who waits for it has come as far as the body. The link is lost next. */
void mw_lmtp_content_failed(mw_lmtp *s);

/* Ends the content: queues the dot, which is owed one reply per accepted recipient (of RCPTs without a reply
 * yet, those that will be accepted), one if there is none. Returns as mw_lmtp_data; MW_E_SIZE, and the session is
 * broken, when bytes are missing. */
int mw_lmtp_data_end(mw_lmtp *s);

/* ---- the end */

/* The link is gone or given up. Replies that have come and are beyond doubt still count. Every other
 * recipient without a result becomes a deferral, MW_LMTP_LOST, with the text of the server's 421 if it said
 * one, else words (held; may be NULL); maybe_delivered if the message's last byte may have left. Nothing is
 * owed any more, nothing queued. why becomes mw_lmtp_error unless the session was broken before. */
void mw_lmtp_lost(mw_lmtp *s, int why, mw_text *words);

/* 0 while the session is sound. */
int mw_lmtp_error(const mw_lmtp *s);

/* True when the server has said 421 and owes no more final replies: the link is to be closed. */
int mw_lmtp_closing(const mw_lmtp *s);

/* The text of the server's 421; NULL when it said none. */
const mw_text *mw_lmtp_parting(const mw_lmtp *s);

/* ---- what is known */

/* The recipients since the last MAIL or RSET. Valid until the next call on s. One that has no result yet has
 * code 0. */
const mw_transaction *mw_lmtp_transaction(const mw_lmtp *s);

/* What is to be said of recipient i now: its result; while it has none, how far it has come, code 0. Once the message's last byte has
 * left it may have been delivered. Its strings are the transaction's. */
mw_result mw_lmtp_result(const mw_lmtp *s, size_t i);

/* A keyword of the last LHLO reply, without regard to case: 1 and its parameters (empty: none), or 0. */
int mw_lmtp_keyword(const mw_lmtp *s, mw_slice keyword, mw_slice *params_r);

/* How far the session is, for the results of what is lost now. */
mw_stage mw_lmtp_stage(const mw_lmtp *s);

#endif
