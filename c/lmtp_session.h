/* lmtp_session.h - what the files of the LMTP session share. Nobody else includes it. */
#ifndef MW_LMTP_SESSION_H
#define MW_LMTP_SESSION_H

#include "command.h"
#include "content.h"
#include "lmtp.h"

/* X(state, the stage that a recipient has come to in it, whether the server has a transaction, the states that may follow by their first
 * letters). BROKEN may follow any.
 *
 *   IDLE      no transaction
 *   ENVELOPE  MAIL was sent
 *   ASKED     DATA was sent, its reply is owed
 *   OPEN      354: the content is being written
 *   REFUSED   DATA or BDAT was refused
 *   CHUNKS    BDAT was sent
 *   WAIT      the end was sent: final replies are owed
 *   BROKEN    the order of the replies is in doubt, or the link is gone */
#define MW_LMTP_STATES(X) \
    X(IDLE,     MW_STAGE_MAIL,  0, "IEAOC") \
    X(ENVELOPE, MW_STAGE_RCPT,  1, "IEAOC") \
    X(ASKED,    MW_STAGE_DATA,  1, "IEAOR") \
    X(OPEN,     MW_STAGE_BODY,  1, "W") \
    X(REFUSED,  MW_STAGE_DATA,  1, "IEARC") \
    X(CHUNKS,   MW_STAGE_BODY,  1, "IEACRW") \
    X(WAIT,     MW_STAGE_FINAL, 1, "IE") \
    X(BROKEN,   MW_STAGE_MAIL,  0, "")

typedef enum mw_lmtp_state {
#define MW_LMTP_STATE(name, stage, open, next) MW_STATE_##name,
    MW_LMTP_STATES(MW_LMTP_STATE)
#undef MW_LMTP_STATE
    MW_STATE_COUNT
} mw_lmtp_state;

/* Lines that the caller reads itself, by mw_lmtp_line. */
typedef struct mw_lmtp_hand {
    mw_reply reply;             /* gathered from those lines */
    mw_buf line;                /* the latest of them, which the caller may still put back */
    int is_held;                /* there is such a line */
    size_t loose;               /* how many lines made no reply, since the last command */
} mw_lmtp_hand;

struct mw_lmtp {
    mw_party party;             /* first, so that a pointer to it is one to the session */
    mw_dialogue dialogue;
    mw_transaction now;         /* the recipients since the last MAIL or RSET that was accepted */
    mw_lmtp_hand hand;

    mw_lmtp_state state;
    int over;                   /* the message has its results, so a RCPT or DATA sent now is the next message's. 2: the session broke in it */
    size_t over_rcpts;          /* the recipients in front of this index are the message's; the others were named behind its end */
    mw_dotstuff stuff;
    int end_seen;               /* how many bytes of the end of content, CRLF "." CRLF, the raw bytes that were queued last end in */
    uint64_t end;               /* in state WAIT: the queue's count behind the message's last byte */
    uint64_t chunk_left;        /* bytes that BDAT announced and that are not queued yet */
    int chunk_last;             /* that BDAT was LAST */
    int chunked;                /* the latest content goes by BDAT, not by DATA */
    unsigned refused_code;      /* the code of the reply that refused the content; 421: the session broke in the content; 0: neither */
    mw_text *refused_text;
    size_t handout;             /* the recipient whose reply mw_lmtp_reply_local takes next; 0: none */
    int auth;                   /* AUTH has been answered 3xx: the next line is no command */
    int answers;                /* AUTH was given, and no other command since: what is none is an answer */
    int sends_secrets;          /* of that AUTH: its mechanism may send a password as it is */
    int names_user;             /* of that AUTH: its next answer is the user's name */
    mw_buf spoken;              /* raw bytes that are no whole line yet */
    size_t public;              /* so many bytes at the front of the command that is being queued may be shown */
    int joined_waits;           /* dialogue.last is a joined reply that mw_lmtp_settle has not been called for */
    uint64_t taken;             /* how many replies were taken */
    int withheld;               /* content was offered while none was open, and not taken */
    int stray;                  /* a command was sent while bytes waited that no command had asked for */
    int cut;                    /* the session broke inside a message or a command: nothing can be sent any more */
};

/* True in a state in which the server has a transaction. */
int mw_lmtp_is_open(const mw_lmtp *s);

/* The only place where the state changes. */
void mw_lmtp_move(mw_lmtp *s, mw_lmtp_state to);

/* ---- lmtp_goes.c: which commands are sent */

/* Why a command is not sent, 0: it is; and the code of the answer that is made here, 0: none is. */
typedef struct mw_refused {
    int why;
    unsigned code;
} mw_refused;

/* The kind of a line that is to be sent now: any line is an answer while AUTH waits for one. */
mw_kind mw_lmtp_kind(const mw_lmtp *s, mw_slice line);

/* What becomes of a line of this kind. Nothing changes: what an error without an answer breaks is mw_lmtp_command's. */
mw_refused mw_lmtp_check(const mw_lmtp *s, mw_kind kind, mw_slice line);

/* True when bytes wait that no command had asked for. */
int mw_lmtp_has_unasked(const mw_lmtp *s);

/* ---- lmtp_auth.c: the line is to be sent, behind what was sent of it raw: what of a login is in it is secret from now on. */
void mw_lmtp_learn(mw_lmtp *s, mw_slice line);

/* ---- lmtp_transaction.c */

/* The oldest MAIL or RSET whose reply is owed, at which a transaction may begin; NULL when there is none. */
const mw_command *mw_lmtp_boundary(const mw_lmtp *s);

/* How many recipients, from the first on, the content is for. The others were named behind the message's end; or behind a MAIL or RSET
 * that has no reply yet, and that no message's end was sent behind. */
size_t mw_lmtp_own_rcpts(const mw_lmtp *s);

/* From now on mw_lmtp_reply_local takes the reply of each accepted recipient but the first. */
void mw_lmtp_hand_out_rest(mw_lmtp *s);

/* MAIL or RSET was accepted: a new transaction begins. The recipients from index first on are the new one's. */
void mw_lmtp_begin(mw_lmtp *s, size_t first);

/* MAIL was refused, by the server or here: mw_transaction_mail_refused_inside when the server may have a transaction, else
 * mw_transaction_mail_refused. */
void mw_lmtp_mail_refused(mw_lmtp *s, size_t first, unsigned code, mw_text *text);

/* A MAIL or RCPT line is not sent, for the error why: its recipients get MW_LMTP_REFUSED for a result. 0, MW_E_NOMEM or
 * MW_E_RCPT_LIMIT. */
int mw_lmtp_refuse_line(mw_lmtp *s, mw_kind verb, mw_slice line, unsigned code, int why);

/* A RCPT or content is to be sent, and no MAIL was sent before it. If the last message has its results, its recipients are forgotten. */
void mw_lmtp_leave_message(mw_lmtp *s);

/* The message has all its results. They are kept until the next transaction begins. */
void mw_lmtp_message_over(mw_lmtp *s);

/* ---- lmtp_final.c */

/* True when the message's last byte has left. */
int mw_lmtp_end_left(const mw_lmtp *s);

/* True when a line of the reply is no refusal: it then says, or may say, that something was accepted. */
int mw_lmtp_is_positive(const mw_reply *r);

/* True while the current transaction's RCPTs wait for replies. */
int mw_lmtp_rcpts_owed(const mw_lmtp *s);

/* A reply comes for the oldest command. If that is a message's end with counts_later, the replies to the RCPTs before it have come: now
 * it is known how many replies the end is owed. */
void mw_lmtp_count_finals(mw_lmtp *s);

/* The final reply r comes for the oldest command. Returns as mw_lmtp_apply. */
int mw_lmtp_apply_final(mw_lmtp *s, mw_reply *r);

/* A joined reply cannot be taken line by line: its code is the first recipient's if all lines have it, and the session breaks. */
void mw_lmtp_unjoined(mw_lmtp *s, const mw_reply *r);

/* The link goes: the replies that were received and not taken count, as far as they are beyond doubt. */
void mw_lmtp_salvage(mw_lmtp *s);

/* lmtp_hand.c: the caller asks for a reply. A whole reply that was read by hand counts, and a part of one is forgotten. */
void mw_lmtp_hand_over(mw_lmtp *s);

/* mw_lmtp_last becomes this reply of our own; text may hold several lines. */
void mw_lmtp_say(mw_lmtp *s, unsigned code, const char *text, size_t len);
void mw_lmtp_say_text(mw_lmtp *s, unsigned code, const mw_text *text);

/* If r, which has come for the oldest command, is a 421: the server parts. Its words become those of results, but when they answer AUTH,
 * as they may repeat a secret. */
void mw_lmtp_farewell(mw_lmtp *s, mw_reply *r);

/* The reply r has come for the oldest command. Returns 1, or 2 as mw_lmtp_reply. */
int mw_lmtp_apply(mw_lmtp *s, mw_reply *r);

#endif
