/* reply.c - see reply.h.
 *
 * A reply changes only when a line has been taken whole: memory is found first, then everything is
 * counted in. So a refused line, or one there is no memory for, leaves a reply that is still true.
 */
#include "reply.h"

#include <string.h>
#include "ascii.h"
#include "error.h"

/* Code and separator. Counted for every line, also for a bare "250", so that no line is free and
 * the limit bounds their number too. */
#define LINE_HEAD 4

void mw_reply_init(mw_reply *r, const mw_alloc *alloc)
{
    memset(r, 0, sizeof *r);
    r->alloc = alloc;
    r->max = MW_REPLY_MAX;
    mw_buf_init(&r->text, alloc);
}

static void forget_words(mw_reply *r)
{
    mw_text_drop(r->words);
    r->words = NULL;
}

void mw_reply_free(mw_reply *r)
{
    mw_buf_free(&r->text);
    r->alloc->release(r->alloc->ctx, r->lines);
    r->lines = NULL;
    r->cap = 0;
    mw_reply_clear(r);
}

void mw_reply_clear(mw_reply *r)
{
    mw_buf_clear(&r->text);
    forget_words(r);
    r->count = 0;
    r->total = 0;
    r->code = 0;
    r->first_bad = 0;
    r->mixed = 0;
    r->done = 0;
}

int mw_reply_scan(mw_slice line, int strict, unsigned *code_r, int *more_r, mw_slice *text_r)
{
    const char *s = line.base;
    size_t head = line.len < LINE_HEAD ? line.len : LINE_HEAD;

    if (head < 3 || s[0] < '1' || s[0] > '5' || !mw_is_digit(s[1]) || !mw_is_digit(s[2]))
        return 0;
    if (strict && head == LINE_HEAD && s[3] != ' ' && s[3] != '-')
        return 0;
    *code_r = (unsigned)(s[0] - '0') * 100 + (unsigned)(s[1] - '0') * 10 + (unsigned)(s[2] - '0');
    *more_r = head == LINE_HEAD && s[3] == '-';
    text_r->base = s + head;
    text_r->len = line.len - head;
    return 1;
}

int mw_reply_add(mw_reply *r, mw_slice line, int strict)
{
    unsigned code;
    int more;
    mw_slice text;

    if (r->done)
        return MW_E_STATE;
    if (!mw_reply_scan(line, strict, &code, &more, &text))
        return MW_E_REPLY_SYNTAX;
    return mw_reply_put(r, code, text, more);
}

static int line_fits(const mw_reply *r, size_t len)
{
    size_t left = r->max > r->total ? r->max - r->total : 0;

    return left >= LINE_HEAD && len <= left - LINE_HEAD;
}

/* Appends the text and its LF, and notes where it lies. */
static int store_line(mw_reply *r, unsigned code, mw_slice text)
{
    void *block = r->lines;
    size_t start = mw_buf_len(&r->text);
    mw_reply_line *line;
    char *room;

    if (mw_alloc_grow(r->alloc, &block, &r->cap, r->count + 1, sizeof *r->lines) != MW_OK)
        return MW_E_NOMEM;
    r->lines = block;
    room = mw_buf_room(&r->text, text.len + 1);
    if (room == NULL)
        return MW_E_NOMEM;
    if (text.len > 0)
        memcpy(room, text.base, text.len);
    room[text.len] = '\n';
    mw_buf_wrote(&r->text, text.len + 1);
    line = &r->lines[r->count++];
    line->code = code;
    line->start = start;
    line->len = text.len;
    return MW_OK;
}

int mw_reply_put(mw_reply *r, unsigned code, mw_slice text, int more)
{
    int err;

    if (r->done)
        return MW_E_STATE;
    if (!line_fits(r, text.len))
        return MW_E_REPLY_LIMIT;
    err = store_line(r, code, text);
    if (err != MW_OK)
        return err;
    forget_words(r);
    r->total += LINE_HEAD + text.len;
    r->code = code;
    if (code != r->lines[0].code)
        r->mixed = 1;
    if (r->first_bad == 0 && code / 100 != 2)
        r->first_bad = code;
    r->done = !more;
    return r->done;
}

mw_slice mw_reply_text(const mw_reply *r, size_t i)
{
    mw_slice text = mw_buf_view(&r->text);

    text.base += r->lines[i].start;
    text.len = r->lines[i].len;
    return text;
}

int mw_reply_tells(const mw_reply *r)
{
    mw_secrets_look look;
    size_t i, head;
    int tells = 0;

    if (!r->secrets)
        return 0;
    mw_secrets_begin(&look, r->secrets, r->secrets->near ? MW_SECRETS_NEAR : MW_SECRETS_FAR);
    for (i = 0; i < r->count && !tells; i++) {
        mw_slice text = mw_reply_text(r, i);

        head = mw_enhanced_length(text);
        text.base += head;
        text.len -= head;
        tells = mw_secrets_see(&look, text);
    }
    return tells;
}

static int append_line(mw_buf *to, mw_slice text, int tells)
{
    int rc = mw_buf_append(to, text.base, tells ? mw_enhanced_length(text) : text.len);

    return rc || !tells ? rc : mw_buf_append(to, MW_HIDDEN, sizeof MW_HIDDEN - 1);
}

/* A text of lines from on, before to. */
static mw_text *words_of(const mw_reply *r, size_t from, size_t to, int tells)
{
    mw_text *words = NULL;
    mw_buf all;
    size_t i;
    int rc = 0;

    mw_buf_init(&all, r->alloc);
    for (i = from; i < to && !rc; i++) {
        if (i > from)
            rc = mw_buf_append(&all, "\n", 1);
        if (!rc)
            rc = append_line(&all, mw_reply_text(r, i), tells);
    }
    if (!rc)
        words = mw_text_new(r->alloc, mw_buf_view(&all).base, mw_buf_len(&all));
    mw_buf_free(&all);
    return words;
}

mw_text *mw_reply_line_words(const mw_reply *r, size_t i, int tells)
{
    mw_slice text = mw_reply_text(r, i);

    return tells ? words_of(r, i, i + 1, tells) : mw_text_new(r->alloc, text.base, text.len);
}

mw_text *mw_reply_words(mw_reply *r)
{
    mw_slice text = mw_buf_view(&r->text);

    if (r->words)
        return r->words;
    if (mw_reply_tells(r))
        r->words = words_of(r, 0, r->count, 1);
    else
        r->words = text.len ? mw_text_new(r->alloc, text.base, text.len - 1) : mw_text_new(r->alloc, "", 0);
    return r->words;
}

mw_text *mw_reply_refusal(mw_reply *r)
{
    return r->code / 100 == 2 ? NULL : mw_reply_words(r);
}

/* RFC 3463 2: "subject = 1*3digit", "detail = 1*3digit", "without leading zero digits". Returns how
 * many digits were read, 0 when it is not such a number. */
static size_t read_subcode(const char *s, size_t len, unsigned *value_r)
{
    unsigned value = 0;
    size_t n = 0;

    while (n < len && mw_is_digit(s[n])) {
        if (n == 3 || (n == 1 && s[0] == '0'))
            return 0;
        value = value * 10 + (unsigned)(s[n++] - '0');
    }
    *value_r = value;
    return n;
}

/* RFC 3463 2: status-code = class "." subject "." detail; class = "2" / "4" / "5". Returns its
 * length, 0 when text does not begin with one. */
static size_t read_enhanced(mw_slice text, mw_enhanced *out_r)
{
    const char *s = text.base;
    mw_enhanced e;
    size_t at = 2, n;

    if (text.len < 5 || (s[0] != '2' && s[0] != '4' && s[0] != '5') || s[1] != '.')
        return 0;
    e.cls = (unsigned)(s[0] - '0');
    n = read_subcode(s + at, text.len - at, &e.subject);
    at += n;
    if (n == 0 || at == text.len || s[at] != '.')
        return 0;
    at++;
    n = read_subcode(s + at, text.len - at, &e.detail);
    if (n == 0)
        return 0;
    *out_r = e;
    return at + n;
}

size_t mw_enhanced_length(mw_slice text)
{
    mw_enhanced code;
    const char *space;

    if (!mw_enhanced_parse(text, &code))
        return 0;
    space = memchr(text.base, ' ', text.len);
    return space ? (size_t)(space - text.base) + 1 : text.len;
}

size_t mw_reply_head(mw_slice line)
{
    mw_slice text;
    unsigned code;
    int more;

    return mw_reply_scan(line, 0, &code, &more, &text) ? line.len - text.len + mw_enhanced_length(text) : 0;
}

int mw_enhanced_parse(mw_slice text, mw_enhanced *out_r)
{
    mw_enhanced e;
    size_t n = read_enhanced(text, &e);

    if (n == 0 || (n < text.len && text.base[n] != ' '))
        return 0;
    *out_r = e;
    return 1;
}

int mw_enhanced_find(mw_slice text, mw_enhanced *out_r)
{
    while (text.len > 0) {
        int mark = text.base[0] == '#';

        text.base++;
        text.len--;
        if (mark && read_enhanced(text, out_r) > 0)
            return 1;
    }
    return 0;
}
