/* lmtp_session.h - what the files of the LMTP session share. Nobody else includes it. */
#ifndef MW_LMTP_SESSION_H
#define MW_LMTP_SESSION_H

#include "command.h"
#include "dotstuff.h"
#include "flight.h"
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

/* Shapes of a message, as bits: each is proven on its own. */
#define MW_SHAPE_ONE 1          /* one recipient, accepted */
#define MW_SHAPE_SEVERAL 2      /* several, all accepted */
#define MW_SHAPE_MIXED 4        /* some of several refused */

/* Deliveries in flight. */
typedef struct mw_flight {
    mw_delivery *first, *last;  /* not taken, in order of submit */
    mw_delivery *oldest;        /* the first one that is not done; NULL: none */
    mw_delivery *current;       /* the first one whose end is not queued; NULL: none */
    int64_t id;                 /* of the last one submitted */
    size_t unanswered, bytes;
    uint64_t replies;           /* taken so far */
    mw_text *hello;             /* the LHLO line that the link began with, for fences */
    enum { MW_FENCE_UNKNOWN, MW_FENCE_HOLDS, MW_FENCE_DOUBTED, MW_FENCE_REFUSED } fence;
    int anybodys;               /* what came for it may have been another's reply */
    int fence_owed;             /* one is under way: nothing may be sent behind it */
    int quiet;                  /* a doubtful reply is last: nothing may come for a while, or it was what it seemed not to be */
    int proven;                 /* MW_SHAPE_... that were answered in step */
    int chunk_proven;           /* the same, by BDAT */
    enum { MW_PROBE_NONE, MW_PROBE_SENT, MW_PROBE_DONE, MW_PROBE_FAILED } probe;
    size_t probe_replies;       /* seen since the probe's MAIL, anchors left out */
    int probe_odd;              /* one of them is none that its command gets */
    int probe_refused;          /* the last of them is a refusal */
    int probe_again;            /* how many anchors are to come behind one that came too early; 0: none has */
    size_t eager;               /* content of at most this size goes ahead of the replies to RCPT */
    int more;                   /* the caller has more to submit: a stream need not end in a fence yet */
    int must_fence;             /* a streamed message has another shape than those proven */
    int open;                   /* the server may have a transaction that nothing ended */
    int early;                  /* the next reply began to come before what it is owed for had left */
    int parted;                 /* 421 was said: nothing more is sent, what is owed may still come */
    mw_trace trace;             /* its lines */
} mw_flight;

struct mw_lmtp {
    const mw_alloc *alloc;
    mw_outq out;
    mw_lines lines;
    mw_expects due;
    mw_transaction now;

    mw_reply gathering;         /* the next reply, as far as it has come */
    mw_reply last;              /* the last complete one */
    mw_reply hello;             /* LHLO's last, */
    int pipelining, chunking;   /* and whether it offers these */

    mw_reply by_hand;           /* gathered from lines that the caller reads past us */
    mw_buf hand_line;           /* the last of them: it may still be put back */
    int hand_held;              /* there is one */
    size_t hand_loose;          /* lines read by hand that made no reply, since the last command */

    mw_lmtp_state state;
    int over;                   /* the message has its results: what is sent without a MAIL is not its. 2: as the session broke in it */
    size_t over_rcpts;          /* so many of the recipients are its: others came behind its end already */
    int lapsed;                 /* the server may have no transaction, or an old one: content has nowhere to go before MAIL or RSET */
    mw_dotstuff stuff;
    int end_seen;               /* so much of the end of content, CRLF dot CRLF, is what was last sent as it is */
    uint64_t end;               /* out.queued behind the message's last byte, once it is known */
    uint64_t chunk_left;        /* bytes that BDAT announced and that were not queued yet */
    int chunk_last;             /* that BDAT was the LAST */
    unsigned refused_code;      /* the reply that refused the content, or 421: it broke; 0: none */
    mw_text *refused_text;
    size_t handout;             /* the recipient whose reply is handed out next; 0: none */
    int auth;                   /* AUTH has been answered 334: what follows is no command */
    int quirk_joined;           /* the banner is that of a server that joins final replies */
    int joined;                 /* the option: 1, 0, or -1 for what the banner says */
    int joined_waits;           /* last is a joined reply that mw_lmtp_settle has not been called for */
    uint64_t taken;             /* replies */
    int garbled;                /* the line in place of the next one is none */
    int withheld;               /* content was offered while none was open, and not taken */
    int stray;                  /* a command was sent while bytes waited that nothing had asked for */
    int cut;                    /* it broke inside a message or a command: nothing can be sent any more */
    mw_text *parting;           /* of a 421 */
    int parted;                 /* 421 was seen */
    int error;
    mw_flight flight;
};

/* True in a state in which the server has a transaction. */
int mw_lmtp_is_open(const mw_lmtp *s);

/* The only place where the state changes. */
void mw_lmtp_move(mw_lmtp *s, mw_lmtp_state to);

/* ---- lmtp_transaction.c */

/* The oldest MAIL or RSET whose reply is owed, at which a transaction may begin; NULL when there is none. */
const mw_expect *mw_lmtp_boundary(const mw_lmtp *s);

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
int mw_lmtp_refuse_line(mw_lmtp *s, mw_verb verb, mw_slice line, int why);

/* What follows is sent without a MAIL: the results of a message that is over are not its. */
void mw_lmtp_leave_message(mw_lmtp *s);

/* The message has all its results. They are kept until the next transaction begins. */
void mw_lmtp_message_over(mw_lmtp *s);

/* Breaks the session: why is kept, the first one wins; what is owed is forgotten, and everybody without a
 * result gets a deferral. words may be NULL. */
void mw_lmtp_break(mw_lmtp *s, int why, mw_text *words);

/* The server said 421, with this text. The first one counts. */
void mw_lmtp_parted(mw_lmtp *s, const char *text, size_t len);

/* ---- lmtp_final.c */

/* True when the message's last byte has left. */
int mw_lmtp_end_left(const mw_lmtp *s);

/* True when nothing is owed any more, and the server has said more: which of its replies was the one too many cannot be told. A farewell
 * (421) is none. strict: as in mw_reply_scan. *code_r: the next line's code; 0 when it is no reply. */
int mw_lmtp_is_over(mw_lmtp *s, int strict, unsigned *code_r);

/* True when a line of the reply is no refusal: it then says, or may say, that something was accepted. */
int mw_lmtp_is_positive(const mw_reply *r);

/* True while the current transaction's RCPTs wait for replies. */
int mw_lmtp_rcpts_owed(const mw_lmtp *s);

/* A reply comes for the head of the queue. The replies to RCPT that it waited for have come: now it is known
 * how many it owns. */
void mw_lmtp_count_finals(mw_lmtp *s);

/* A final reply, to the oldest entry. Returns as mw_lmtp_apply. */
int mw_lmtp_apply_final(mw_lmtp *s, mw_reply *r);

/* True when a server joins its final replies. */
int mw_lmtp_joins(const mw_lmtp *s);

/* A joined reply that cannot be taken line by line. */
void mw_lmtp_unjoined(mw_lmtp *s, const mw_reply *r);

/* The link goes: what the server had said about the message, or in parting, is taken from what was
 * received. */
void mw_lmtp_salvage(mw_lmtp *s);

/* flight_reply.c: takes all replies that have come. */
void mw_flight_read(mw_lmtp *s);

/* Every reply that d can get has come. With nothing sent behind it there is nothing to mistake them for. */
void mw_flight_answered(mw_lmtp *s, mw_delivery *d);

/* The results of d are final. */
void mw_flight_finish(mw_lmtp *s, mw_delivery *d);

/* The first delivery whose end is not queued is now the next one that is not done. */
void mw_flight_pass(mw_lmtp *s);

/* The last byte of its content is queued. */
void mw_flight_ended(mw_lmtp *s, mw_delivery *d);

/* The last byte of d has left. */
int mw_flight_has_left(const mw_lmtp *s, const mw_delivery *d);

/* An anchor came in its place: what is in front of it is true. until: NULL for all. */
void mw_flight_confirm(mw_lmtp *s, const mw_delivery *until);

/* True while a delivery (in front of that one) has its replies but no anchor behind them. */
int mw_flight_doubtful(const mw_lmtp *s);
int mw_flight_doubtful_before(const mw_lmtp *s, const mw_delivery *until);

/* Frees what is left of them. */
void mw_flight_free(mw_lmtp *s);

/* flight.c, for flight_chunk.c: queues bytes and what they are owed. 0, or the session is broken. */
int mw_flight_queue(mw_lmtp *s, const char *bytes, size_t len, mw_due due, size_t owed, mw_delivery *d);

/* The LHLO line, as what is due. */
int mw_flight_queue_hello(mw_lmtp *s, mw_due due);

/* May anything be sent behind a message's end on this link? */
int mw_flight_may_follow(const mw_lmtp *s);

/* Which shape a delivery has, or, before its RCPTs are answered, is expected to have. */
int mw_flight_shape(const mw_delivery *d);

/* flight_chunk.c: whether the link takes BDAT streams (RFC 3030); chooses how d's content goes. */
void mw_flight_choose(mw_lmtp *s, mw_delivery *d);

/* True when a probe is due before d may go. */
int mw_flight_must_probe(const mw_lmtp *s, const mw_delivery *d);
int mw_flight_queue_probe(mw_lmtp *s);

/* BDAT and the content's first bytes: LAST, or not, and then BDAT 0 LAST when mw_flight_apply_chunk has its reply. */
int mw_flight_queue_bdat(mw_lmtp *s, mw_delivery *d);

/* More of a BDAT's content. 1 when something was queued. */
int mw_flight_write_chunk(mw_lmtp *s, mw_delivery *d);

/* The reply to a chunk that is not the last. */
void mw_flight_apply_chunk(mw_lmtp *s, mw_delivery *d, const mw_reply *r);

/* A reply while the probe is under way. */
void mw_flight_apply_probe(mw_lmtp *s, const mw_reply *r);

/* flight_fence.c: r begins with the server's name, as LHLO's reply does (RFC 5321 4.1.1.1). */
int mw_flight_shows_name(const mw_lmtp *s, const mw_reply *r);

/* True for a reply that only LHLO can get. */
int mw_flight_is_anchor(const mw_lmtp *s, const mw_reply *r);

/* True for one that looks like LHLO's, though it may not be as the link's first one was. */
int mw_flight_is_hello(const mw_lmtp *s, const mw_reply *r);

/* A fence came in its place. */
void mw_flight_fence_held(mw_lmtp *s);

/* The server does not accept a LHLO in mid-session, or answers it in a way of its own: the link is served without fences. */
void mw_flight_fence_refused(mw_lmtp *s);

/* The replies to a fence, and to a RSET. */
void mw_flight_apply_fence(mw_lmtp *s, const mw_reply *r);
void mw_flight_apply_reset(mw_lmtp *s, const mw_reply *r);
int mw_flight_queue_reset(mw_lmtp *s);

/* flight_end.c: the session breaks: what becomes of the deliveries in flight. words may be NULL. */
void mw_flight_abandon(mw_lmtp *s, int why, mw_text *words);

/* mw_lmtp_last becomes this reply of our own; text may hold several lines. */
void mw_lmtp_say(mw_lmtp *s, unsigned code, const char *text, size_t len);
void mw_lmtp_say_text(mw_lmtp *s, unsigned code, const mw_text *text);

/* A reply has come: what it means for the oldest thing that is owed one. Returns 1, or 2 as mw_lmtp_reply. */
int mw_lmtp_apply(mw_lmtp *s, mw_reply *r);

#endif
