/* lmtp.h - an LMTP client's session (RFC 2033 on top of RFC 5321) whose caller gives each command. Without I/O.
 *
 * The caller pumps: it sends what is in mw_lmtp_out and appends what it receives to mw_lmtp_in. One message, in the order of calls:
 *
 *     mw_lmtp_new, mw_lmtp_greet                              read the greeting
 *     mw_lmtp_command "LHLO client.example"                   read the reply
 *     mw_lmtp_command "MAIL FROM:<a@example>"                 read the reply
 *     mw_lmtp_command "RCPT TO:<b@example>", for each one     read the reply
 *     mw_lmtp_command "DATA"                                  read the reply: 354 opens the content
 *     mw_lmtp_data until all is taken, mw_lmtp_data_end       read replies while mw_lmtp_finals_owed is not 0
 *     mw_lmtp_verdict, mw_lmtp_transaction                    what became of the message, and of each recipient
 *
 * The caller reads each reply: mw_lmtp_reply_local has those that are made here, mw_lmtp_reply those of the server. A reply is taken when
 * the caller asks for it, not when it arrives: the classes built on Net::Cmd expect that. Several commands may be given before their
 * replies are read (RFC 2920); the oldest command without a reply gets the next one. A reply that no command is owed is taken and means
 * nothing, but for a 354, which opens the content, and a 421.
 *
 * A command is a whole line, whoever made it. The session reads off the line what it is: a raw "RCPT TO:<x> FOO=1" is a RCPT, too.
 *
 * When the order of the replies is in doubt the session breaks, for good. mw_lmtp_error then says why, all commands but QUIT are refused,
 * and recipients without a result are deferrals. Where there is no memory for a command or for content, MW_E_NOMEM says so and the call may
 * be made again; where there is none for a reply, the session breaks.
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

/* For a link just made: the server owes its greeting. 0 or MW_E_NOMEM. */
int mw_lmtp_greet(mw_lmtp *s);

/* ---- commands */

/* Queues a command line (without its end) and what it is owed.
 *   0                 it is queued, or it is answered here: see below
 *   MW_E_ARG_BYTES, MW_E_COMMAND_LIMIT, MW_E_RCPT_LIMIT
 *                     it is refused: nothing is queued, and mw_lmtp_reply_local has MW_LMTP_REFUSED for it in its turn
 *   MW_E_REPLY_EXTRA  for MAIL, RCPT, DATA, BDAT and RSET: bytes wait that no command had asked for, or waited when an
 *                     earlier command was sent. The session is broken
 *   MW_E_REPLY_SYNTAX for BDAT: a line that is no reply waits in place of one that is owed. The session is broken
 *   MW_E_STATE        content is open, or not all of BDAT's bytes are sent: end it first. Or the session broke inside a message
 *                     or a command: only the end of the link makes the server discard that. Or MW_COMMANDS_MAX are unanswered
 *   MW_E_NOMEM        nothing is queued
 * Some commands are not sent. They are answered here, by mw_lmtp_reply_local in their turn:
 *   with MW_LMTP_OUT_OF_PLACE   BDAT when no recipient is accepted, when DATA's reply is owed, or when the reply of a MAIL or RSET is
 *                               owed; DATA and BDAT when final replies are owed, or when a LHLO inside the transaction may have ended it;
 *                               STARTTLS and AUTH when a reply is owed or a transaction is open, anything behind them before their
 *                               reply, and behind STARTTLS all that messages are made of, until a LHLO has succeeded
 *   with MW_LMTP_REFUSED        BDAT without a size
 *   with the refusal            BDAT after the content was refused
 *   with MW_LMTP_LOST           all but QUIT on a broken session */
int mw_lmtp_command(mw_lmtp *s, mw_slice line);

/* True when mw_lmtp_command would queue the line now: for callers that show what is sent. Lines read by hand count, as they do there. */
int mw_lmtp_goes(mw_lmtp *s, mw_slice line);

/* True for RSET. It cannot be sent while content is open: to discard the message then, the caller closes the link. */
int mw_lmtp_discards(mw_slice line);

/* How many bytes at the front of the line that is to be sent next may be shown to people. The others are AUTH's secrets: see
 * mw_command_public; while AUTH is under way nothing is shown. */
size_t mw_lmtp_public(mw_lmtp *s, mw_slice line);

/* Raw bytes are to be sent, a line or a part of one, without its end: notes what of a login is in them. The same, of these bytes; all of
 * them when they are content. A part of more than MW_LMTP_SPOKEN_MAX octets is no login. */
#define MW_LMTP_SPOKEN_MAX 16384
size_t mw_lmtp_speak(mw_lmtp *s, mw_slice line, int ends);

/* The same for a line that has come, and that is of the next reply. Of the replies to AUTH, and of those behind it up to
 * that of a LHLO that succeeds, only the codes may be shown: challenges are for the two sides alone, and servers repeat what they do not
 * understand, which may be a password, one reply later as well. Behind that LHLO a line is shown but for the text if it has a part of a
 * secret. */
size_t mw_lmtp_public_reply(const mw_lmtp *s, mw_slice line);

/* Whether mw_lmtp_last is a challenge of AUTH. */
int mw_lmtp_has_challenge(const mw_lmtp *s);

/* True while an AUTH (RFC 4954 4) is under way: from when it is queued to its last reply. A challenge that comes too late would make
 * the next command an answer to it, and show it to nobody but the mechanism. */
int mw_lmtp_in_auth(const mw_lmtp *s);

/* The caller's arguments for a MAIL were refused, and it is not sent. If the last message has its results, its recipients are forgotten:
 * the next message must not have them. A message without results stays as it is. */
void mw_lmtp_forget(mw_lmtp *s);

/* The same. Recipients that follow have code and why for a result, as if the server had refused MAIL. why is held. */
void mw_lmtp_refuse_mail(mw_lmtp *s, unsigned code, mw_text *why);

/* Adds a recipient whose RCPT is not sent. Its result is MAIL's refusal if there is one, else this. 0, MW_E_RCPT_LIMIT or MW_E_NOMEM. */
int mw_lmtp_refuse_rcpt(mw_lmtp *s, mw_slice address, unsigned code, mw_text *why);

/* On a broken session, if the line is a RCPT: adds its recipient, with a deferral of stage 'connect'. 0, MW_E_RCPT_LIMIT or MW_E_NOMEM. */
int mw_lmtp_rcpt_lost(mw_lmtp *s, mw_slice line);

/* For a session that broke as a wait ran out among the replies to RCPTs that went as a group (RFC 2920). Which reply is missing
 * cannot be told, so all recipients of the group become deferrals: those from index first on. */
void mw_lmtp_doubt_group(mw_lmtp *s, size_t first);

/* True when no command is owed a reply and no transaction is open. Whatever the server sends now was not asked for. */
int mw_lmtp_idle(const mw_lmtp *s);

/* True when a message is under way, as the caller sees it: from when MAIL is queued to the last final reply, or to when RSET is queued. */
int mw_lmtp_has_message(const mw_lmtp *s);

/* The same as the server may see it: to RSET's reply. A reply that comes too late would be taken for another command's until then. */
int mw_lmtp_in_transaction(const mw_lmtp *s);

/* ---- replies */

/* Takes the server's next reply from what has been received.
 *   1   mw_lmtp_last is the reply, and the session has drawn its conclusions
 *   2   mw_lmtp_last is the reply, but its lines may be several recipients' replies: see mw_lmtp_settle
 *   0   more bytes are needed
 *   MW_E_REPLY_SYNTAX   a line is no reply. It was put back and is the next line. In place of a final reply it breaks the session
 *   MW_E_LINE_LIMIT, MW_E_REPLY_LIMIT, MW_E_NOMEM   the session is broken
 * A reply may be taken and break the session (mw_lmtp_error tells):
 *   - below 400 to DATA, but for 354; 354, when a command was sent behind DATA, or when more than the 354 came
 *   - 1xx or 2xx or 3xx to a message's end of which the last byte has not left; 1xx or 3xx to any message's end or chunk
 *   - a final reply whose lines are all 2xx and differ
 *   - one that has another reply behind it, when no more are owed and one of them is a refusal
 *   - 421, when no final replies are owed */
int mw_lmtp_reply(mw_lmtp *s);

/* The caller stops reading lines by hand (mw_lmtp_line). mw_lmtp_command does this, too. If the lines that were read made no reply, and
 * no other line waits, they count for the oldest reply that is owed. */
void mw_lmtp_leave_replies(mw_lmtp *s);

/* True while the oldest command without a reply is one of the caller's, not one of a delivery's (flight.h). */
int mw_lmtp_owes(const mw_lmtp *s);

/* How many replies were taken so far, those made here included. */
uint64_t mw_lmtp_taken(const mw_lmtp *s);

/* True when a line that is no reply was put back, and no reply has been taken since. */
int mw_lmtp_is_garbled(const mw_lmtp *s);

/* Takes a reply that needs no reading: after mw_lmtp_verdict, or a refused DATA, that of a further recipient, which callers written for
 * older modules read now; else the answer to a command that was refused here. 1: mw_lmtp_last is the reply; 0: there is none, and the next reply is
 * mw_lmtp_reply's. */
int mw_lmtp_reply_local(mw_lmtp *s);

/* For callers that read replies line by line. If no line waits, what mw_lmtp_reply_local would take becomes the next lines. The answer
 * to a command that was refused here does so only when the server owes no reply. 0 or MW_E_NOMEM. */
int mw_lmtp_line_local(mw_lmtp *s);

/* For callers that read lines themselves, and take them apart: adds one line to the next reply. Returns as mw_lmtp_reply; for a code
 * below 100 or above 599 MW_E_REPLY_SYNTAX, and nothing is put back. */
int mw_lmtp_reply_put(mw_lmtp *s, unsigned code, mw_slice text, int more);

/* For the same callers: a line was no reply, and the caller has put it back. What MW_E_REPLY_SYNTAX of mw_lmtp_reply means is done. */
void mw_lmtp_reply_garbled(mw_lmtp *s);

/* After mw_lmtp_reply returned 2: the reply to a message's end has as many lines as replies are owed, and the server is one that joins its
 * final replies. The caller waits half a second. quiet: nothing came meanwhile, so each line is a recipient's reply. Else whose
 * the lines are cannot be told: the session breaks and the recipients are deferrals, but for the first one if all lines have one code.
 * Another call in place of this one, by which a reply could be taken or something sent, is the same as not quiet. */
void mw_lmtp_settle(mw_lmtp *s, int quiet);

/* The last reply taken, or made here. Before any: no lines, code 0. Valid until the next call on s. */
const mw_reply *mw_lmtp_last(const mw_lmtp *s);

/* The next line. by_hand: the caller reads replies without mw_lmtp_reply. The session keeps the line, and a whole reply counts as taken at
 * the next command or reply. Else the line goes to mw_lmtp_reply_put. Returns as mw_lines_next. A line above the limit breaks the session,
 * and so does a lack of memory for its copy. */
int mw_lmtp_line(mw_lmtp *s, int by_hand, mw_slice *line_r);

/* Puts a line back: it is the next one. If it is the line that was read last by hand, it was not read. 0 or MW_E_NOMEM. */
int mw_lmtp_line_unget(mw_lmtp *s, mw_slice line);

/* How many replies to the message's end are owed. 0 while replies to older commands are owed: those come first. */
size_t mw_lmtp_finals_owed(const mw_lmtp *s);

/* How many replies to older commands are to be read before those to a message's end. 0 also when no message has ended. */
size_t mw_lmtp_finals_behind(const mw_lmtp *s);

/* Lines read by hand that complete a reply are counted now. */
void mw_lmtp_settle_hand(mw_lmtp *s);

/* The caller does not read the replies to the message's end: they are not owed any more, and the recipients without a result are
 * deferrals with maybe_delivered. */
void mw_lmtp_waive_finals(mw_lmtp *s);

/* After the replies to the message's end: mw_lmtp_last becomes the first one that is no success, else the first one. Returns 1 when all
 * accepted recipients' replies are successes; 0 when the first that is not came from the server; -1 when it was made here, as the server
 * sent none. From then on, until the next command, mw_lmtp_reply_local takes the second recipient's reply, the third's and so on. */
int mw_lmtp_verdict(mw_lmtp *s);

/* ---- content */

typedef enum mw_content_state {
    MW_CONTENT_NONE,        /* none was asked for since the last message */
    MW_CONTENT_ASKED,       /* DATA was sent, its reply is owed */
    MW_CONTENT_OPEN,        /* 354: mw_lmtp_data, mw_lmtp_data_end */
    MW_CONTENT_REFUSED,     /* DATA or a chunk was refused, or the session broke in the content: mw_lmtp_refusal has the reply */
    MW_CONTENT_CHUNK        /* BDAT: bytes to be sent by mw_lmtp_raw */
} mw_content_state;

mw_content_state mw_lmtp_content(const mw_lmtp *s);

/* Opens the content: the caller has read the 354, or goes on without it. 0, or MW_E_STATE after a refusal, inside BDAT, while final
 * replies are owed, or on a broken session. */
int mw_lmtp_content_open(mw_lmtp *s);

/* Makes mw_lmtp_last the reply that refused the content. */
void mw_lmtp_refusal(mw_lmtp *s);

/* Content, for DATA: queues it with line ends and dots made right (dotstuff.h). Takes bytes while less than MW_LMTP_HIGH_WATER is queued;
 * *used_r says how many. If len is MW_CONTENT_LEND_MIN or more, the queue may refer to the bytes: the caller keeps them unchanged until
 * the queue is empty.
 *   0               *used_r bytes are taken. If that is not all: send, and call again with the rest
 *   MW_E_STATE      no content is open, and nothing is taken
 *   MW_E_CLOSED     the server has said 421: the link is to be closed
 *   MW_E_REPLY_EARLY  the server has said something else than a refusal before the message's end: the session is broken
 *   MW_E_NOMEM      *used_r bytes are taken */
int mw_lmtp_data(mw_lmtp *s, const char *bytes, size_t len, size_t *used_r);

/* True when mw_lmtp_data was given bytes and did not take them, as no content was open. Counts from the last DATA, or from the last call
 * of this function. mw_lmtp_data_end fails when such bytes are missing. */
int mw_lmtp_withheld(mw_lmtp *s);

/* Queues bytes as they are. While content is open the caller has made line ends and dots right; if the last bytes are CRLF "." CRLF they
 * end the message, as mw_lmtp_data_end does. Behind BDAT they are the chunk's: MW_E_SIZE when they are more than it announced. Elsewhere
 * they are sent and mean nothing here. Returns as mw_lmtp_data. */
int mw_lmtp_raw(mw_lmtp *s, const char *bytes, size_t len, size_t *used_r);

/* The caller has sent the end of the content without the session: its replies are owed now. 0, MW_E_STATE or MW_E_NOMEM. */
int mw_lmtp_content_ended(mw_lmtp *s);

/* The caller cannot read its content for BDAT. Its recipients have come to stage 'body'. The caller calls mw_lmtp_lost next. */
void mw_lmtp_content_failed(mw_lmtp *s);

/* Ends the content: queues the final dot. It is owed one reply per accepted recipient, and one when there is none. RCPTs that have no reply
 * yet are counted when they have. Returns as mw_lmtp_data; MW_E_SIZE when bytes are missing (mw_lmtp_withheld): the session is broken. */
int mw_lmtp_data_end(mw_lmtp *s);

/* The same, but queues nothing: for callers that show what is sent. */
int mw_lmtp_data_ends(mw_lmtp *s);

/* ---- the end */

/* The link is gone, or the caller gives it up. Replies that have come and are beyond doubt still count. Every other recipient without a
 * result becomes a deferral: code MW_LMTP_LOST; the text of the server's 421, else words (held; NULL: why's own); maybe_delivered if
 * the message's last byte has left. Then nothing is owed and nothing queued. why is mw_lmtp_error, unless the session had broken before. */
void mw_lmtp_lost(mw_lmtp *s, int why, mw_text *words);

/* 0 while the session is sound. */
int mw_lmtp_error(const mw_lmtp *s);

/* True when the server has said 421 and owes no final replies any more: the link is to be closed. */
int mw_lmtp_closing(const mw_lmtp *s);

/* The text of the server's 421; NULL when it said none. */
const mw_text *mw_lmtp_parting(const mw_lmtp *s);

/* ---- what is known */

/* The recipients since the last MAIL or RSET. Valid until the next call on s. One that has no result yet has
 * code 0. */
const mw_transaction *mw_lmtp_transaction(const mw_lmtp *s);

/* Recipient i's result. While there is none: code 0, and how far the recipient has come; maybe_delivered once the message's last byte has
 * left. The strings are the transaction's. */
mw_result mw_lmtp_result(const mw_lmtp *s, size_t i);

/* The content that was sent last went by BDAT. */
int mw_lmtp_is_chunked(const mw_lmtp *s);

/* A keyword of the last LHLO reply, without regard to case: 1 and its parameters (empty: none), or 0. */
int mw_lmtp_keyword(const mw_lmtp *s, mw_slice name, mw_slice *params_r);

/* The stage that a recipient's result gets if the link is lost now. */
mw_stage mw_lmtp_stage(const mw_lmtp *s);

#endif
