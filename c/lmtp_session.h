/* lmtp_session.h - what the files of the LMTP session share. Nobody else includes it. */
#ifndef MW_LMTP_SESSION_H
#define MW_LMTP_SESSION_H

#include "command.h"
#include "content.h"
#include "lmtp.h"

/* The states, with the stage that a recipient reaches in each, whether a transaction is open, and the states
 * that may follow (the first letters of those listed here; B, broken, may follow any).
 *
 *   IDLE      no transaction
 *   ENVELOPE  MAIL was sent
 *   ASKED     DATA was sent, its reply is owed
 *   OPEN      354: the content is being written
 *   REFUSED   DATA or BDAT was refused
 *   CHUNKS    BDAT was sent
 *   WAIT      the end was sent: final replies are owed
 *   BROKEN    nothing can be trusted any more */
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

/* What the caller reads past the session, line by line. */
typedef struct mw_lmtp_hand {
    mw_reply reply;             /* gathered from those lines */
    mw_buf line;                /* the latest of them: it may still be put back */
    int is_held;                /* there is one */
    size_t loose;               /* lines that made no reply, since the last command */
} mw_lmtp_hand;

struct mw_lmtp {
    mw_party party;             /* the dialogue's; first, so that it is the session */
    mw_dialogue dialogue;
    mw_transaction now;

    mw_lmtp_hand hand;

    mw_lmtp_state state;
    int over;                   /* the message has its results: what is sent without a MAIL is not its. 2: as the session broke in it */
    size_t over_rcpts;          /* so many of the recipients are its: others came behind its end already */
    mw_dotstuff stuff;
    int end_seen;               /* so much of the end of content, CRLF dot CRLF, is what was last sent as it is */
    uint64_t end;               /* out.queued behind the message's last byte, once it is known */
    uint64_t chunk_left;        /* bytes that BDAT announced and that were not queued yet */
    int chunk_last;             /* that BDAT was the LAST */
    unsigned refused_code;      /* the reply that refused the content, or 421: it broke; 0: none */
    mw_text *refused_text;
    size_t handout;             /* the recipient whose reply is handed out next; 0: none */
    int auth;                   /* AUTH has been answered 334: what follows is no command */
    int joined_waits;           /* last is a joined reply that mw_lmtp_settle has not been called for */
    uint64_t taken;             /* replies */
    int withheld;               /* content was offered while none was open, and not taken */
    int stray;                  /* a command was sent while bytes waited that nothing had asked for */
    int cut;                    /* it broke inside a message or a command: nothing can be sent any more */
};

/* True in a state in which the server has a transaction. */
int mw_lmtp_is_open(const mw_lmtp *s);

/* The only place where the state changes. */
void mw_lmtp_move(mw_lmtp *s, mw_lmtp_state to);

/* ---- lmtp_transaction.c */

/* The oldest MAIL or RSET whose reply is owed, at which a transaction may begin; NULL when there is none. */
const mw_command *mw_lmtp_boundary(const mw_lmtp *s);

/* How many of the recipients the content is for that has been sent. Those from there on came behind its end, or behind a MAIL or RSET
 * that is not answered, with no message's end behind it. */
size_t mw_lmtp_own_rcpts(const mw_lmtp *s);

/* From now on mw_lmtp_reply_local gives the reply of each accepted recipient but the first. */
void mw_lmtp_hand_out_rest(mw_lmtp *s);

/* A new transaction begins: MAIL or RSET was accepted. Recipients from index first on are its own. */
void mw_lmtp_begin(mw_lmtp *s, size_t first);

/* MAIL was refused, by the server or here: see mw_transaction_mail_refused, and which of the two. */
void mw_lmtp_mail_refused(mw_lmtp *s, size_t first, unsigned code, mw_text *text);

/* A line that is not sent: who it is about has that for a result. 0 or MW_E_NOMEM, MW_E_RCPT_LIMIT. */
int mw_lmtp_refuse_line(mw_lmtp *s, mw_kind verb, mw_slice line, int why);

/* What follows is sent without a MAIL: the results of a message that is over are not its. */
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

/* A reply comes for the head of the queue. The replies to RCPT that it waited for have come: now it is known
 * how many it owns. */
void mw_lmtp_count_finals(mw_lmtp *s);

/* A final reply, to the oldest entry. Returns as mw_lmtp_apply. */
int mw_lmtp_apply_final(mw_lmtp *s, mw_reply *r);

/* A joined reply that cannot be taken line by line. */
void mw_lmtp_unjoined(mw_lmtp *s, const mw_reply *r);

/* The link goes: what the server had said about the message, or in parting, is taken from what was
 * received. */
void mw_lmtp_salvage(mw_lmtp *s);

/* lmtp_hand.c: a reply is asked for: what was read by hand before counts, and what was not whole is forgotten. */
void mw_lmtp_hand_over(mw_lmtp *s);

/* mw_lmtp_last becomes this reply of our own; text may hold several lines. */
void mw_lmtp_say(mw_lmtp *s, unsigned code, const char *text, size_t len);
void mw_lmtp_say_text(mw_lmtp *s, unsigned code, const mw_text *text);

/* A reply has come: what it means for the oldest thing that is owed one. Returns 1, or 2 as mw_lmtp_reply. */
int mw_lmtp_apply(mw_lmtp *s, mw_reply *r);

#endif
