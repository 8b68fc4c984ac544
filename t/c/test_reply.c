/* test_reply.c - replies taken apart line by line, limits, enhanced status codes. */
#include "../../c/error.h"
#include "../../c/reply.h"
#include "failing.h"
#include "slices.h"

enum { NONE, LAX_ONLY, BOTH };

static const struct {
    const char *name;
    const char *line;
    int taken;
    unsigned code;
    int more;
    const char *text;
} scans[] = {
    { "code and text", "250 ok", BOTH, 250, 0, "ok" },
    { "more to come", "250-ok", BOTH, 250, 1, "ok" },
    { "no text", "250", BOTH, 250, 0, "" },
    { "no text, a space", "250 ", BOTH, 250, 0, "" },
    { "no text, more to come", "250-", BOTH, 250, 1, "" },
    { "1xx", "100 x", BOTH, 100, 0, "x" },
    { "5xx, any digits", "599 x", BOTH, 599, 0, "x" },
    { "571", "571 x", BOTH, 571, 0, "x" },
    { "more separators belong to the text", "250-- x", BOTH, 250, 1, "- x" },
    { "a letter for a separator", "250x", LAX_ONLY, 250, 0, "" },
    { "a tab for a separator", "250\tok", LAX_ONLY, 250, 0, "ok" },
    { "a fourth digit", "2500 ok", LAX_ONLY, 250, 0, " ok" },
    { "0xx", "050 x", NONE, 0, 0, "" },
    { "6xx", "600 x", NONE, 0, 0, "" },
    { "9xx", "999 x", NONE, 0, 0, "" },
    { "two digits", "25", NONE, 0, 0, "" },
    { "two digits and a space", "25 ok", NONE, 0, 0, "" },
    { "one digit", "2", NONE, 0, 0, "" },
    { "an empty line", "", NONE, 0, 0, "" },
    { "words", "hello there", NONE, 0, 0, "" },
    { "a space before the code", " 250 ok", NONE, 0, 0, "" },
    { "a letter in the code", "2a0 ok", NONE, 0, 0, "" },
    { "bytes on both sides of the digits", "2/: ok", NONE, 0, 0, "" },
};

static int scan_is(size_t i, int strict)
{
    mw_slice line = slice_new(scans[i].line, strlen(scans[i].line));
    mw_slice text = { NULL, 0 };
    unsigned code = 0;
    int more = 0, wanted = scans[i].taken == BOTH || (scans[i].taken == LAX_ONLY && !strict), ok;

    ok = mw_reply_scan(line, strict, &code, &more, &text) == wanted;
    if (wanted)
        ok = ok && code == scans[i].code && more == scans[i].more && same(text, scans[i].text);
    else
        ok = ok && code == 0 && more == 0 && text.base == NULL;
    slice_free(line);
    return ok;
}

static void test_scan(void)
{
    size_t i;

    for (i = 0; i < COUNT(scans); i++) {
        tap_ok(scan_is(i, 1), "scan, strict: %s", scans[i].name);
        tap_ok(scan_is(i, 0), "scan, lax: %s", scans[i].name);
    }
}

static const struct {
    const char *name;
    const char *lines[5];
    int last;               /* what adding the last of them returns; the others return 0 */
    unsigned code, first_bad;
    int mixed;
    const char *joined;
} replies[] = {
    { "one line", { "250 ok" }, 1, 250, 0, 0, "ok" },
    { "one line without text", { "250" }, 1, 250, 0, 0, "" },
    { "three lines", { "250-a", "250-", "250 c" }, 1, 250, 0, 0, "a\n\nc" },
    { "three lines without text", { "250-", "250-", "250" }, 1, 250, 0, 0, "\n\n" },
    { "a refusal", { "550-5.1.1 no", "550 5.1.1 such user" }, 1, 550, 550, 0, "5.1.1 no\n5.1.1 such user" },
    { "codes differ", { "250-a", "550-b", "250 c" }, 1, 250, 550, 1, "a\nb\nc" },
    { "the first bad one counts", { "250-a", "451-b", "550 c" }, 1, 550, 451, 1, "a\nb\nc" },
    { "codes differ within a class", { "250-a", "251 b" }, 1, 251, 0, 1, "a\nb" },
    { "the first differs", { "550-a", "250-b", "250 c" }, 1, 250, 550, 1, "a\nb\nc" },
    { "a 3xx is no 2xx", { "354 go on" }, 1, 354, 354, 0, "go on" },
    { "unfinished", { "250-a", "250-b" }, 0, 250, 0, 0, "a\nb" },
    { "no reply", { "hello" }, MW_E_REPLY_SYNTAX, 0, 0, 0, "" },
    { "no reply line in the middle", { "250-a", "hello" }, MW_E_REPLY_SYNTAX, 250, 0, 0, "a" },
    { "a line behind the end", { "250 a", "250 b" }, MW_E_STATE, 250, 0, 0, "a" },
};

/* Adds all; returns whether each call returned what it should. */
static int add_all(mw_reply *r, size_t i)
{
    size_t n, count = 0;
    int ok = 1;

    while (count < COUNT(replies[i].lines) && replies[i].lines[count] != NULL)
        count++;
    for (n = 0; n < count; n++) {
        mw_slice line = slice_new(replies[i].lines[n], strlen(replies[i].lines[n]));
        int rc = mw_reply_add(r, line, 1);

        slice_free(line);
        if (n + 1 == count)
            ok = ok && rc == replies[i].last;
        else
            ok = ok && rc == (replies[i].last == MW_E_STATE);
    }
    return ok;
}

static int is_reply(mw_reply *r, size_t i)
{
    mw_text *joined = mw_reply_words(r);
    size_t len = strlen(replies[i].joined);
    int ok = joined != NULL && joined->len == len && memcmp(joined->bytes, replies[i].joined, len) == 0;

    return ok && r->code == replies[i].code && r->first_bad == replies[i].first_bad && r->mixed == replies[i].mixed
        && r->done == (replies[i].last == 1 || replies[i].last == MW_E_STATE);
}

static void test_add(void)
{
    mw_reply fresh, used;
    size_t i;

    mw_reply_init(&used, mw_alloc_default());
    for (i = 0; i < COUNT(replies); i++) {
        mw_reply_init(&fresh, mw_alloc_default());
        tap_ok(add_all(&fresh, i) && is_reply(&fresh, i), "reply: %s", replies[i].name);
        mw_reply_free(&fresh);
        mw_reply_clear(&used);
        tap_ok(add_all(&used, i) && is_reply(&used, i), "reply, cleared before: %s", replies[i].name);
    }
    mw_reply_free(&used);
}

static void test_lines(void)
{
    mw_reply r;

    mw_reply_init(&r, mw_alloc_default());
    mw_reply_add(&r, slice("250-first"), 1);
    mw_reply_add(&r, slice("550-"), 1);
    mw_reply_put(&r, 451, slice("a\nb"), 0);
    tap_ok(r.count == 3, "lines: counted");
    tap_ok(r.lines[0].code == 250 && same(mw_reply_text(&r, 0), "first"), "lines: the first");
    tap_ok(r.lines[1].code == 550 && same(mw_reply_text(&r, 1), ""), "lines: one without text");
    tap_ok(r.lines[2].code == 451 && same(mw_reply_text(&r, 2), "a\nb"), "lines: one put, with an LF of its own");
    tap_ok(mw_reply_put(&r, 250, slice(""), 0) == MW_E_STATE, "put: refused when complete");
    mw_reply_clear(&r);
    tap_ok(mw_reply_add(&r, slice("250xok"), 0) == 1 && same(mw_reply_text(&r, 0), "ok"), "lax: any separator");
    mw_reply_clear(&r);
    tap_ok(mw_reply_add(&r, slice("250xok"), 1) == MW_E_REPLY_SYNTAX && r.count == 0,
           "strict: a space, a hyphen or nothing");
    mw_reply_free(&r);
    tap_ok(r.count == 0 && r.code == 0, "free: empty");
}

/* Bytes count as they came, a line for at least 4 of them; the limit is inclusive. */
static void test_limit(void)
{
    static const struct {
        const char *name;
        size_t max;
        const char *first, *second;
        int wanted;
    } limits[] = {
        { "one below", 14, "250-abc", "250 de", 1 },
        { "at it", 13, "250-abc", "250 de", 1 },
        { "one above", 12, "250-abc", "250 de", MW_E_REPLY_LIMIT },
        { "a bare code counts for four, at it", 8, "250-", "250", 1 },
        { "a bare code counts for four, one above", 7, "250-", "250", MW_E_REPLY_LIMIT },
        { "nothing left", 4, "250-", "250", MW_E_REPLY_LIMIT },
    };
    mw_reply r;
    size_t i;

    for (i = 0; i < COUNT(limits); i++) {
        mw_reply_init(&r, mw_alloc_default());
        r.max = limits[i].max;
        tap_ok(mw_reply_add(&r, slice(limits[i].first), 1) == 0, "limit: %s, first line", limits[i].name);
        tap_ok(mw_reply_add(&r, slice(limits[i].second), 1) == limits[i].wanted
                   && r.count == (limits[i].wanted == 1 ? 2u : 1u), "limit: %s", limits[i].name);
        mw_reply_clear(&r);
        tap_ok(mw_reply_add(&r, slice(limits[i].first), 1) == 0, "limit: %s, counted anew when cleared",
               limits[i].name);
        mw_reply_free(&r);
    }
}

/* How many lines of this text fit into the default limit. */
static size_t lines_taken(mw_slice text, int *last_r)
{
    mw_reply r;
    size_t n = 0;

    mw_reply_init(&r, mw_alloc_default());
    while (n <= MW_REPLY_MAX && (*last_r = mw_reply_put(&r, 250, text, 1)) == 0)
        n++;
    mw_reply_free(&r);
    return n;
}

static void test_default_limit(void)
{
    static char big[MW_REPLY_MAX];
    mw_slice text = { big, 0 };
    int last;

    memset(big, 'x', sizeof big);
    tap_ok(lines_taken(text, &last) == MW_REPLY_MAX / 4 && last == MW_E_REPLY_LIMIT, "limit: empty lines without end");
    text.len = 60;
    tap_ok(lines_taken(text, &last) == MW_REPLY_MAX / 64 && last == MW_E_REPLY_LIMIT, "limit: lines without end");
    text.len = MW_REPLY_MAX - 5;
    tap_ok(lines_taken(text, &last) == 1, "limit: one line, one below");
    text.len = MW_REPLY_MAX - 4;
    tap_ok(lines_taken(text, &last) == 1, "limit: one line, at it");
    text.len = MW_REPLY_MAX - 3;
    tap_ok(lines_taken(text, &last) == 0 && last == MW_E_REPLY_LIMIT, "limit: one line, one above");
    text.len = (size_t)-1;
    tap_ok(lines_taken(text, &last) == 0 && last == MW_E_REPLY_LIMIT, "limit: a length that would wrap around");
}

static const struct {
    const char *text;
    int parsed, found;
    unsigned cls, subject, detail;
} enhanced[] = {
    { "2.1.5", 1, 0, 2, 1, 5 },
    { "2.1.5 ok", 1, 0, 2, 1, 5 },
    { "4.123.999 x", 1, 0, 4, 123, 999 },
    { "5.0.0 x", 1, 0, 5, 0, 0 },
    { "5.10.100", 1, 0, 5, 10, 100 },
    { "", 0, 0, 0, 0, 0 },
    { "2", 0, 0, 0, 0, 0 },
    { "2.", 0, 0, 0, 0, 0 },
    { "2.1", 0, 0, 0, 0, 0 },
    { "2.1.", 0, 0, 0, 0, 0 },
    { "2.1. x", 0, 0, 0, 0, 0 },
    { "2..5 x", 0, 0, 0, 0, 0 },
    { "2.1.5x", 0, 0, 0, 0, 0 },
    { "2.1.5.6", 0, 0, 0, 0, 0 },
    { "2.1234.5", 0, 0, 0, 0, 0 },
    { "2.1.1234", 0, 0, 0, 0, 0 },
    { "2.01.5", 0, 0, 0, 0, 0 },
    { "2.1.05", 0, 0, 0, 0, 0 },
    { "2.1.00", 0, 0, 0, 0, 0 },
    { "22.1.5", 0, 0, 0, 0, 0 },
    { "1.1.5", 0, 0, 0, 0, 0 },
    { "3.1.5", 0, 0, 0, 0, 0 },
    { "6.1.5", 0, 0, 0, 0, 0 },
    { " 2.1.5", 0, 0, 0, 0, 0 },
    { "-2.1.5", 0, 0, 0, 0, 0 },
    { "no such user (#5.1.1)", 0, 1, 5, 1, 1 },
    { "#4.4.1", 0, 1, 4, 4, 1 },
    { "## #5 #5.7.1 and #4.4.1", 0, 1, 5, 7, 1 },
    { "ticket #123, see (#5.2.2).", 0, 1, 5, 2, 2 },
    { "#3.1.1", 0, 0, 0, 0, 0 },
    { "#5.1.1111", 0, 0, 0, 0, 0 },
    { "# 5.1.1", 0, 0, 0, 0, 0 },
    { "5.1.1 #", 1, 0, 5, 1, 1 },
    { "#5.1.", 0, 0, 0, 0, 0 },
};

static int is_enhanced(const mw_enhanced *e, size_t i)
{
    return e->cls == enhanced[i].cls && e->subject == enhanced[i].subject && e->detail == enhanced[i].detail;
}

static void test_enhanced(void)
{
    size_t i;

    for (i = 0; i < COUNT(enhanced); i++) {
        mw_slice text = slice_new(enhanced[i].text, strlen(enhanced[i].text));
        mw_enhanced e;

        tap_ok(mw_enhanced_parse(text, &e) == enhanced[i].parsed && (!enhanced[i].parsed || is_enhanced(&e, i)),
               "enhanced: %s", enhanced[i].text);
        tap_ok(mw_enhanced_find(text, &e) == enhanced[i].found && (!enhanced[i].found || is_enhanced(&e, i)),
               "enhanced, by its mark: %s", enhanced[i].text);
        slice_free(text);
    }
}

/* Whatever comes, the reply's own account of itself holds. */
static int is_sound(const mw_reply *r)
{
    size_t i, len = 0;

    for (i = 0; i < r->count; i++) {
        mw_slice text = mw_reply_text(r, i);

        if (r->lines[i].code < 100 || r->lines[i].code > 599 || text.base[text.len] != '\n')
            return 0;
        len += text.len + 1;
    }
    return len == mw_buf_len(&r->text) && r->total <= r->max && (r->count > 0) == (r->code > 0);
}

static void test_garbage(void)
{
    static const char bytes[] = "0123456789- .#\n\r\0xA";
    mw_reply r;
    int round, ok = 1;

    mw_reply_init(&r, mw_alloc_default());
    r.max = 200;
    for (round = 0; ok && round < 20000; round++) {
        char line[12];
        size_t len = tap_random(sizeof line + 1), i;
        mw_enhanced e;
        mw_slice v;

        for (i = 0; i < len; i++)
            line[i] = i == 3 && tap_random(2) ? '-' : bytes[tap_random(i < 3 ? 6 : sizeof bytes - 1)];
        v = slice_new(line, len);
        mw_enhanced_parse(v, &e);
        mw_enhanced_find(v, &e);
        if (mw_reply_add(&r, v, (int)tap_random(2)) != 0 && tap_random(2))
            mw_reply_clear(&r);
        slice_free(v);
        ok = is_sound(&r);
    }
    mw_reply_free(&r);
    tap_ok(ok, "garbage");
}

/* Forty lines: the array and the texts grow several times. A line there was no memory for changes nothing. */
static int run_failing(const mw_alloc *a)
{
    char text[100];
    mw_slice v = { text, sizeof text };
    mw_text *joined;
    mw_reply r;
    int i, ok = 1;

    memset(text, 'x', sizeof text);
    mw_reply_init(&r, a);
    for (i = 0; ok && i < 40; i++) {
        size_t count = r.count, total = r.total;
        int rc = mw_reply_put(&r, 250, v, i < 39);

        if (rc == MW_E_NOMEM) {
            ok = r.count == count && r.total == total && !r.done && is_sound(&r) && failing_has_failed(a);
            rc = mw_reply_put(&r, 250, v, i < 39);
        }
        ok = ok && rc == (i == 39) && is_sound(&r);
    }
    joined = mw_reply_words(&r);
    ok = ok && (joined != NULL ? joined->len == 40 * 101 - 1 : failing_has_failed(a));
    mw_reply_free(&r);
    return ok;
}

int main(void)
{
    test_scan();
    test_add();
    test_lines();
    test_limit();
    test_default_limit();
    test_enhanced();
    test_garbage();
    failing_every("reply", run_failing);
    return tap_done();
}
