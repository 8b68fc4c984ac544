/* fuzz_reply.c - replies and enhanced status codes. The input is "<longest reply>" LF, then lines that each end in
 * LF, added to one reply after the other.
 */
#include "../c/error.h"
#include "../c/reply.h"
#include "target.h"

#define MEMORY_MAX (1 << 20)

/* What the reply should be: its texts, and what its codes come to. */
typedef struct wanted {
    char *text;
    size_t len, lines, total;
    unsigned first, last, bad;
    int mixed, done;
} wanted;

static int is_digit(char c)
{
    return strchr("0123456789", c) && c;
}

/* RFC 5321 4.2.1, character by character. */
static int is_reply_line(mw_slice l, int strict)
{
    if (l.len < 3 || !strchr("12345", l.base[0]) || !l.base[0] || !is_digit(l.base[1]) || !is_digit(l.base[2]))
        return 0;
    return l.len == 3 || !strict || l.base[3] == ' ' || l.base[3] == '-';
}

static void want_line(wanted *w, mw_slice line)
{
    char digits[4] = { line.base[0], line.base[1], line.base[2], '\0' };
    unsigned code = (unsigned)atoi(digits);
    size_t head = line.len > 3 ? 4 : 3;

    if (!w->lines++)
        w->first = code;
    w->last = code;
    w->mixed |= code != w->first;
    if (!w->bad && code / 100 != 2)
        w->bad = code;
    w->done = head == 3 || line.base[3] != '-';
    w->total += 4 + line.len - head;
    memcpy(w->text + w->len, line.base + head, line.len - head);
    w->len += line.len - head;
    w->text[w->len++] = '\n';
}

static void check_reply(const mw_reply *r, const wanted *w)
{
    FUZZ_CHECK(r->count == w->lines && r->total == w->total && r->total <= r->max);
    FUZZ_CHECK(r->code == w->last && !r->mixed == !w->mixed && r->first_bad == w->bad && !r->done == !w->done);
    FUZZ_CHECK(mw_buf_len(&r->text) == w->len && memcmp(mw_buf_view(&r->text).base, w->text, w->len) == 0);
}

/* A complete reply: its lines, joined, and nothing can be added. */
static void check_complete(mw_reply *r, const wanted *w, mw_slice line, int strict)
{
    mw_text *joined = mw_reply_words(r);
    size_t i, at = 0;

    FUZZ_CHECK(joined && joined->len == w->len - 1 && memcmp(joined->bytes, w->text, w->len - 1) == 0);
    for (i = 0; i < r->count; i++) {
        mw_slice text = mw_reply_text(r, i);

        FUZZ_CHECK(memcmp(text.base, w->text + at, text.len) == 0);
        at += text.len + 1;
    }
    FUZZ_CHECK(at == w->len);
    FUZZ_CHECK(mw_reply_add(r, line, strict) == MW_E_STATE);
}

/* ---- enhanced status codes */

/* 1*3digit without leading zeros, n of them. */
static int is_subcode(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (!is_digit(s[i]))
            return 0;
    return n == 1 || s[0] != '0';
}

/* The length of class "." subject "." detail at the front of s (RFC 3463 2), no digit behind it; 0 for none. */
static size_t reference_enhanced(mw_slice s)
{
    size_t subject, detail, len;

    for (subject = 1; subject <= 3; subject++)
        for (detail = 1; detail <= 3; detail++) {
            len = 3 + subject + detail;
            if (s.len < len || !strchr("245", s.base[0]) || !s.base[0] || s.base[1] != '.' || s.base[2 + subject] != '.')
                continue;
            if (is_subcode(s.base + 2, subject) && is_subcode(s.base + 3 + subject, detail)
                && (s.len == len || !is_digit(s.base[len])))
                return len;
        }
    return 0;
}

static void check_written(mw_slice s, size_t len, const mw_enhanced *e)
{
    char text[40];

    FUZZ_CHECK((size_t)sprintf(text, "%u.%u.%u", e->cls, e->subject, e->detail) == len);
    FUZZ_CHECK(memcmp(text, s.base, len) == 0);
}

static void check_enhanced(mw_slice text)
{
    mw_enhanced e = { 0, 0, 0 };
    size_t len = reference_enhanced(text);
    int starts = len > 0 && (len == text.len || text.base[len] == ' ');

    FUZZ_CHECK(mw_enhanced_parse(text, &e) == starts);
    if (starts)
        check_written(text, len, &e);
    starts = mw_enhanced_find(text, &e);
    for (len = 0; text.len && !len;) {
        int mark = text.base[0] == '#';

        text.base++;
        text.len--;
        len = mark ? reference_enhanced(text) : 0;
    }
    FUZZ_CHECK(starts == (len > 0));
    if (starts)
        check_written(text, len, &e);
}

/* ---- the run */

/* Adds a line, sometimes without memory for it: then nothing has changed. */
static int add(mw_reply *r, mw_slice line, int strict, fuzz_memory *memory, const wanted *before)
{
    int rc;

    if (tap_random(4) == 0)
        fuzz_memory_fail(memory, 1 + (long)tap_random(2));
    rc = mw_reply_add(r, line, strict);
    memory->counter.fail_at = 0;
    if (rc != MW_E_NOMEM)
        return rc;
    check_reply(r, before);
    return mw_reply_add(r, line, strict);
}

static void one_line(mw_reply *r, wanted *w, mw_slice line, int strict, fuzz_memory *memory)
{
    size_t head = line.len > 3 ? 4 : 3;
    int rc = add(r, line, strict, memory, w);

    if (!is_reply_line(line, strict)) {
        FUZZ_CHECK(rc == MW_E_REPLY_SYNTAX);
    } else if (w->total + 4 + line.len - head > r->max) {
        FUZZ_CHECK(rc == MW_E_REPLY_LIMIT);
    } else {
        want_line(w, line);
        FUZZ_CHECK(rc == w->done);
        line.base += head;
        line.len -= head;
        check_enhanced(line);
    }
    check_reply(r, w);
}

static void run(mw_slice in, size_t max, int strict)
{
    wanted w, none;
    fuzz_memory memory;
    mw_slice line;
    mw_reply r;

    memset(&none, 0, sizeof none);
    none.text = malloc(in.len + 1);
    if (!none.text)
        exit(1);
    w = none;
    mw_reply_init(&r, fuzz_memory_init(&memory, MEMORY_MAX));
    r.max = max;
    while (fuzz_field(&in, '\n', &line)) {
        one_line(&r, &w, line, strict, &memory);
        if (!w.done)
            continue;
        check_complete(&r, &w, line, strict);
        mw_reply_clear(&r);
        w = none;
    }
    mw_reply_free(&r);
    free(none.text);
    fuzz_memory_end(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mw_slice in, head = { "", 0 };
    size_t max;

    in.base = (const char *)data;
    in.len = size;
    fuzz_seed(data, size);
    fuzz_field(&in, '\n', &head);
    max = fuzz_number(head, MW_REPLY_MAX, MW_REPLY_MAX);
    run(in, max, 0);
    run(in, max, 1);
    return 0;
}
