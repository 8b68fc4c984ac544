/* dialogue.h - what is said on a LMTP link: commands out, replies in, whoever gives the commands.
 *
 * Two parties stand on one dialogue: the session whose caller gives each command (lmtp.h), and the deliveries that drive themselves
 * (flight.h). They take turns and do not know each other. The dialogue keeps what both need: the bytes on their way, the commands that
 * are not answered yet, the reply that is being gathered and the last one, what the server offers, its farewell, and the error that broke
 * the link.
 *
 * Replies carry no name of what they answer. The oldest command that is owed a reply gets it, and each party judges for itself what makes
 * that order doubtful: then it breaks the dialogue, which is for good.
 */
#ifndef MW_DIALOGUE_H
#define MW_DIALOGUE_H

#include "commands.h"
#include "keywords.h"
#include "lines.h"
#include "outq.h"
#include "reply.h"
#include "trace.h"

/* The code of whatever the server did not say itself: service not available (RFC 5321 4.2.1). Also its farewell. */
#define MW_LMTP_LOST 421

/* Data is written into the queue while less than this is waiting there. */
#define MW_LMTP_HIGH_WATER 65536

/* One of those that stand on a dialogue. Both functions are called with the commands still queued. */
typedef struct mw_party {
    struct mw_party *next;
    /* The dialogue breaks: recipients without a result are deferrals from now on. words are the server's farewell or say what why means;
     * NULL: no memory for them. */
    void (*broken)(struct mw_party *self, int why, mw_text *words);
    /* What was learnt of the server is void (RFC 3207 4.2). */
    void (*restarted)(struct mw_party *self);
} mw_party;

typedef struct mw_dialogue {
    const mw_alloc *alloc;
    mw_party *parties;
    mw_outq out;                /* to be sent */
    mw_lines lines;             /* received */
    mw_commands commands;       /* sent, or queued to be, and not answered */
    mw_reply gathering;         /* the next reply, as far as it has come */
    mw_reply last;              /* the last complete one */
    int garbled;                /* the line in the place of the next reply is none */
    mw_text *hello;             /* the LHLO line that was sent last; NULL: none */
    mw_keywords keywords;       /* its reply */
    int lapsed;                 /* a LHLO came inside a transaction: the server may have none, or an old one, until MAIL or RSET */
    int joined;                 /* the server joins final replies: 1, 0, or -1 for what its banner says, */
    int banner_joins;           /* which is that of one that does */
    mw_text *farewell;          /* of a 421; NULL: none was said, or no memory */
    int parted;                 /* 421 was said */
    mw_trace trace;             /* the lines of both ways, while it is on */
    int error;                  /* why it broke; 0: it has not */
} mw_dialogue;

void mw_dialogue_init(mw_dialogue *d, const mw_alloc *alloc);
void mw_dialogue_free(mw_dialogue *d);

/* A party comes, and goes. It stays where it is in between. */
void mw_dialogue_join(mw_dialogue *d, mw_party *party);
void mw_dialogue_leave(mw_dialogue *d, mw_party *party);

/* Queues bytes that end in CRLF, and what they are owed: one command, or several that are one to the queue. The command, valid until
 * the next one is queued; NULL, with *rc_r an error, when nothing was queued. */
mw_command *mw_dialogue_send(mw_dialogue *d, const char *bytes, size_t len, mw_kind kind, size_t owed, int *rc_r);

/* Gathers the next reply from what was received: 1 d->last is it, 0 more bytes are needed, or an error as of mw_reply_add and
 * mw_lines_next. strict: as in mw_reply_scan. A line that is no reply is put back: MW_E_REPLY_SYNTAX. */
int mw_dialogue_gather(mw_dialogue *d, int strict);

/* A reply's line that somebody else has taken apart. Returns as mw_dialogue_gather. */
int mw_dialogue_put(mw_dialogue *d, unsigned code, mw_slice text, int more);

/* True when a whole line waits. *code_r is its code, 0 when it is no reply line, and *text_r its text. */
int mw_dialogue_peek(mw_dialogue *d, int strict, unsigned *code_r, mw_slice *text_r);

/* True when the next line is a 421, which asks for no more than that the link is closed. */
int mw_dialogue_says_farewell(mw_dialogue *d);

/* True when no command is owed a reply, and the server has said more than a farewell: a reply before may be the one too many. *code_r: the
 * next line's code; 0 when it is no reply. */
int mw_dialogue_has_more(mw_dialogue *d, int strict, unsigned *code_r);

/* The server said 421, with this text, which is held, or copied. The first one counts. */
void mw_dialogue_part(mw_dialogue *d, mw_text *text);
void mw_dialogue_part_line(mw_dialogue *d, mw_slice text);

/* The greeting tells whether the server joins final replies. */
void mw_dialogue_greeted(mw_dialogue *d, const mw_reply *r);

/* True when a server joins the final replies to a message into one reply of a line per recipient. */
int mw_dialogue_joins(const mw_dialogue *d);

/* What is said of recipients that get no reply: the server's farewell, which says more than we can, else words, else the text of why. The
 * caller has a holder. NULL: no memory. */
mw_text *mw_dialogue_words(const mw_dialogue *d, int why, mw_text *words);

/* Nothing can be trusted any more: the parties settle what they have, nothing is owed, nothing is queued, and why is the error unless it
 * had broken before. See mw_dialogue_words. */
void mw_dialogue_break(mw_dialogue *d, int why, mw_text *words);

/* The link is gone: the same, and what was received is dropped. */
void mw_dialogue_lost(mw_dialogue *d, int why, mw_text *words);

/* The server has forgotten us (STARTTLS, RFC 3207 4.2): so is what was learnt of it. */
void mw_dialogue_restart(mw_dialogue *d);

#endif
