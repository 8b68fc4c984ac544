/* reply.h - one reply of an LMTP server, gathered line by line (RFC 5321 4.2), and enhanced status
 * codes (RFC 2034, RFC 3463).
 *
 *   Reply-line     = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
 *   Reply-code     = %x31-35 2DIGIT        ; any digits after the first: 571 and 56x are real
 */
#ifndef MW_REPLY_H
#define MW_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"
#include "secrets.h"
#include "text.h"

/* All lines of one reply together, codes included, line ends not. Stops a reply that never ends. */
#define MW_REPLY_MAX 65536

/* One line of a reply: its code, and where its text lies in mw_reply.text. */
typedef struct mw_reply_line {
    unsigned code;
    size_t start, len;
} mw_reply_line;

typedef struct mw_reply {
    const mw_alloc *alloc;
    const mw_secrets *secrets;  /* what is not to be in words; NULL: nothing */
    mw_text *words;         /* all texts together, once mw_reply_words made them */
    mw_buf text;            /* the texts without code and separator, each followed by LF */
    mw_reply_line *lines;
    size_t count, cap;
    size_t total;           /* bytes taken, against max */
    size_t max;             /* MW_REPLY_MAX, or the caller's */
    unsigned code;          /* of the last line; 0 before any */
    unsigned first_bad;     /* of the first line that is no 2xx; 0 when there is none */
    int mixed;              /* the lines differ in code */
    int done;               /* the last line was seen */
} mw_reply;

void mw_reply_init(mw_reply *r, const mw_alloc *alloc);
void mw_reply_free(mw_reply *r);

/* Back to before the first line; keeps the memory and max. */
void mw_reply_clear(mw_reply *r);

/* Reads one line (without its end) as a reply line: 1 and code, text, whether more follow; 0 when
 * it is no reply line. strict wants a space, a hyphen or nothing behind the code; else any one
 * byte there is taken for a separator, as Net::Cmd does. Touches nothing but its out-parameters. */
int mw_reply_scan(mw_slice line, int strict, unsigned *code_r, int *more_r, mw_slice *text_r);

/* Adds a line: 1 when the reply is complete, 0 when more lines follow, MW_E_REPLY_SYNTAX when it is no
 * reply line (the reply stays as it was), MW_E_REPLY_LIMIT, MW_E_NOMEM. A complete reply must be
 * cleared first: MW_E_STATE. */
int mw_reply_add(mw_reply *r, mw_slice line, int strict);

/* Adds a line that someone else has taken apart; len of text may be 0. Returns as mw_reply_add. */
int mw_reply_put(mw_reply *r, unsigned code, mw_slice text, int more);

/* The text of line i (i < count), without LF. Valid until the reply changes. */
mw_slice mw_reply_text(const mw_reply *r, size_t i);

/* Whether a part of a secret is in the texts, which may be cut over lines. People are shown of each text mw_enhanced_length and MW_HIDDEN then. */
int mw_reply_tells(const mw_reply *r);

/* What people are shown of line i: a text with one holder. tells: mw_reply_tells. NULL: no memory. */
mw_text *mw_reply_line_words(const mw_reply *r, size_t i, int tells);

/* The length of what is in front of a reply line's text, with the enhanced status code and its space; 0 when it is no reply line. No more
 * than MW_REPLY_HEAD_MAX. */
#define MW_REPLY_HEAD_MAX 16
size_t mw_reply_head(mw_slice line);

/* What people are shown of all texts, joined by LF, without the last LF. Made once. It is the reply's: a caller that keeps it holds it.
 * NULL when there is no memory. */
mw_text *mw_reply_words(mw_reply *r);

/* The same; NULL for 2xx, whose text is not kept. */
mw_text *mw_reply_refusal(mw_reply *r);

/* An enhanced status code: class "." subject "." detail (RFC 3463 2). */
typedef struct mw_enhanced {
    unsigned cls, subject, detail;
} mw_enhanced;

/* Reads one at the very start of text, followed by a space or the end (RFC 2034 4). 1 or 0. */
int mw_enhanced_parse(mw_slice text, mw_enhanced *out_r);

/* The length of the enhanced status code that the text begins with, and of the space behind it; 0: there is none. */
size_t mw_enhanced_length(mw_slice text);

/* Finds the first "#c.s.d" in text, as qmail's programs write it ("(#5.1.1)"). 1 or 0. */
int mw_enhanced_find(mw_slice text, mw_enhanced *out_r);

#endif
