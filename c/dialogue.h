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
#include "secrets.h"
#include "trace.h"

/* The code of whatever the server did not say itself: service not available (RFC 5321 4.2.1). Also its farewell. */
#define MW_LMTP_LOST 421

/* Data is written into the queue while less than this is waiting there. */
#define MW_LMTP_HIGH_WATER 65536

/* One of those that stand on a dialogue. Both functions are called with the commands still queued. */
typedef struct mw_party {
    struct mw_party *next;
    /* The dialogue breaks: recipients without a result get deferrals. words are their text: the server's farewell, or what why means;
     * NULL: no memory for them. */
    void (*broken)(struct mw_party *self, int why, mw_text *words);
    /* STARTTLS or AUTH succeeded: what the server has shown of its ways before is void. NULL: nothing was noted. */
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
    int garbled;                /* the line where the next reply should begin is no reply line */
    mw_text *hello;             /* the LHLO line that was sent last; NULL: none */
    mw_keywords keywords;       /* the reply to LHLO */
    size_t mails;               /* how many MAILs were sent */
    int forgotten;              /* it restarted: no message is begun before a LHLO has succeeded */
    int lapsed;                 /* LHLO was sent inside a transaction: until MAIL or RSET is accepted the server may have none, or that one */
    int joined;                 /* whether the server joins its final replies: 1 yes, 0 no, -1 as banner_joins says */
    int banner_joins;           /* the greeting is that of a server that joins them */
    mw_text *farewell;          /* the text of the server's first 421, or of mw_dialogue_blame; NULL: neither, it may hold a secret, or no memory */
    int parted;                 /* 421 was said */
    mw_secrets secrets;         /* of AUTH; near: it was said, and no LHLO has succeeded since */
    mw_trace trace;             /* the lines of both ways, while it is on */
    int error;                  /* why it broke; 0: it has not */
} mw_dialogue;

void mw_dialogue_init(mw_dialogue *d, const mw_alloc *alloc);
void mw_dialogue_free(mw_dialogue *d);

/* A party joins the dialogue, and leaves it. The dialogue keeps the pointer in between. */
void mw_dialogue_join(mw_dialogue *d, mw_party *party);
void mw_dialogue_leave(mw_dialogue *d, mw_party *party);

/* Queues bytes that end in CRLF: a command, or several that count as one, owed so many replies. Returns the command, valid until the next
 * one is queued; NULL when nothing was queued, and *rc_r is the error. */
mw_command *mw_dialogue_send(mw_dialogue *d, const char *bytes, size_t len, mw_kind kind, size_t owed, int *rc_r);

/* Gathers the next reply from what was received: 1 d->last is the reply, 0 more bytes are needed, or an error of mw_reply_add or
 * mw_lines_next. strict: as in mw_reply_scan. A line that is no reply line is put back: MW_E_REPLY_SYNTAX. */
int mw_dialogue_gather(mw_dialogue *d, int strict);

/* A reply's line that somebody else has taken apart. Returns as mw_dialogue_gather. */
int mw_dialogue_put(mw_dialogue *d, unsigned code, mw_slice text, int more);

/* True when a whole line waits. *code_r is its code, 0 when it is no reply line, and *text_r its text. */
int mw_dialogue_peek(mw_dialogue *d, int strict, unsigned *code_r, mw_slice *text_r);

/* True when a whole reply was received, or what can be none: mw_dialogue_gather would not need more bytes. For who waits elsewhere. */
int mw_dialogue_has_reply(const mw_dialogue *d);

/* True when the next line is a 421, which asks for no more than that the link is closed. */
int mw_dialogue_says_farewell(mw_dialogue *d);

/* True when no command is owed a reply, and a whole line waits that is no 421. A reply that was taken before may then be one too many.
 * *code_r: the line's code; 0 when it is no reply line. */
int mw_dialogue_has_more(mw_dialogue *d, int strict, unsigned *code_r);

/* How many bytes at the front of a line that has come may be shown: all of them, unless its text has a part of a secret. */
size_t mw_dialogue_public(const mw_dialogue *d, mw_slice line);

/* The line has come: it is traced. */
void mw_dialogue_trace(mw_dialogue *d, mw_slice line);

/* The server said 421, with this text, which is held, or copied; NULL: it is not to be shown. The first one counts. */
void mw_dialogue_part(mw_dialogue *d, mw_text *text);
void mw_dialogue_part_line(mw_dialogue *d, mw_slice text);

/* The caller gave up the link for a reason of its own, in these words, which are held. They are the farewell if the server has said none. */
void mw_dialogue_blame(mw_dialogue *d, mw_text *words);

/* The greeting tells whether the server joins final replies. */
void mw_dialogue_greeted(mw_dialogue *d, const mw_reply *r);

/* True when a server joins the final replies to a message into one reply of a line per recipient. */
int mw_dialogue_joins(const mw_dialogue *d);

/* The text for recipients that get no reply: the server's farewell, else words, else the text of why. The caller drops it. NULL: no
 * memory. */
mw_text *mw_dialogue_words(const mw_dialogue *d, int why, mw_text *words);

/* Breaks the dialogue: the parties give each recipient a result, nothing is owed, nothing is queued, and why is the error. When it had
 * broken before, the error stays, and so does what was queued since (QUIT). words: see mw_dialogue_words. */
void mw_dialogue_break(mw_dialogue *d, int why, mw_text *words);

/* The link is gone: the same, and what is queued or was received is dropped in any case. */
void mw_dialogue_lost(mw_dialogue *d, int why, mw_text *words);

/* AUTH succeeded: the server may serve whom it knows in another way. What it has shown of its ways before is void; what it offers
 * stands until the next LHLO. */
void mw_dialogue_doubt(mw_dialogue *d);

/* The session starts over, as STARTTLS (RFC 3207 4.2) or XCLIENT succeeded: the same, and forgets what the server offers, as anybody may have
 * said it. */
void mw_dialogue_restart(mw_dialogue *d);

#endif
