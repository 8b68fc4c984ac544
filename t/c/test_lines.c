/* Lines: ends, limits, and lines put back, however the bytes arrive. */
#include "../../c/error.h"
#include "../../c/lines.h"
#include "failing.h"

#define MAX 8   /* the limit in the table */
#define LIMIT "!LIMIT"

/* lines are what comes out, NULL at the end; LIMIT where the stream becomes useless. */
static const struct {
    const char *name;
    const char *in;
    size_t len;
    const char *lines[6];
    int waiting;        /* a part of a line is left over */
} cases[] = {
    { "nothing", "", 0, { NULL }, 0 },
    { "CRLF", "250 ok\r\n", 8, { "250 ok" }, 0 },
    { "LF", "250 ok\n", 7, { "250 ok" }, 0 },
    { "no end yet", "250 ok", 6, { NULL }, 1 },
    { "CR only", "250 ok\r", 7, { NULL }, 1 },
    { "empty lines", "\r\n\n\r\n", 5, { "", "", "" }, 0 },
    { "several", "250-a\r\n250 b\r\n220 c\n", 20, { "250-a", "250 b", "220 c" }, 0 },
    { "several and a part", "a\r\nb\nc", 6, { "a", "b" }, 1 },
    { "a CR inside stays", "a\rb\r\n", 5, { "a\rb" }, 0 },
    { "one CR goes, one stays", "a\r\r\n", 4, { "a\r" }, 0 },
    { "LF CR", "a\n\rb\r\n", 6, { "a", "\rb" }, 0 },
    { "one below the limit", "1234567\r\n", 9, { "1234567" }, 0 },
    { "at the limit", "12345678\r\n", 10, { "12345678" }, 0 },
    { "at the limit, LF", "12345678\n", 9, { "12345678" }, 0 },
    { "at the limit, no end yet", "12345678", 8, { NULL }, 1 },
    { "at the limit, CR", "12345678\r", 9, { NULL }, 1 },
    { "one above the limit", "123456789\r\n", 11, { LIMIT }, 1 },
    { "one above the limit, LF", "123456789\n", 10, { LIMIT }, 1 },
    { "one above the limit, no end", "123456789", 9, { LIMIT }, 1 },
    { "above by a CR inside", "12345678\r\r\n", 11, { LIMIT }, 1 },
    { "above, CR and more", "12345678\rx", 10, { LIMIT }, 1 },
    { "far above", "1234567890123456789012345\r\nx\r\n", 30, { LIMIT }, 1 },
    { "good ones before", "a\r\nb\r\n123456789\r\nc\r\n", 20, { "a", "b", LIMIT }, 1 }
};

#define CASES (sizeof cases / sizeof cases[0])

static int is(mw_slice line, const char *text)
{
    return line.base && line.len == strlen(text) && memcmp(line.base, text, line.len) == 0;
}

/* Takes what is there by peek and next; compares it with expected from *at on. Returns 0 at a
 * difference. */
static int take(mw_lines *l, const char *const *expected, size_t *at)
{
    mw_slice peeked, line;
    int found;

    for (;;) {
        found = mw_lines_peek(l, &peeked);
        if (mw_lines_next(l, &line) != found)
            return 0;
        if (found == 0)
            return 1;
        if (found == MW_E_LINE_LIMIT) {
            int same = expected[*at] && strcmp(expected[*at], LIMIT) == 0;

            return same && mw_lines_next(l, &line) == MW_E_LINE_LIMIT;
        }
        if (peeked.base != line.base || !expected[*at] || !is(line, expected[*at]))
            return 0;
        (*at)++;
    }
}

static int run_case(size_t i, int cut)
{
    failing f;
    mw_lines l;
    size_t done, n, at = 0;
    int ok = 1;

    failing_init(&f, 0);
    mw_lines_init(&l, &f.table);
    l.max = MAX;
    for (done = 0; done < cases[i].len && ok; done += n) {
        n = tap_piece(cut, cases[i].len - done);
        ok = mw_buf_append(&l.in, cases[i].in + done, n) == MW_OK && take(&l, cases[i].lines, &at);
    }
    ok = ok && (!cases[i].lines[at] || strcmp(cases[i].lines[at], LIMIT) == 0);
    ok = ok && mw_lines_waiting(&l) == cases[i].waiting;
    mw_lines_free(&l);
    return ok && f.blocks == 0;
}

static void test_table(void)
{
    size_t i;
    int cut;

    for (i = 0; i < CASES; i++) {
        int ok = 1;

        for (cut = 0; cut < TAP_CUTS; cut++)
            ok = ok && run_case(i, cut);
        tap_ok(ok, "%s", cases[i].name);
    }
}

/* MW_LINE_MAX is what holds when nothing else is said. */
static void test_default_limit(void)
{
    int over;

    for (over = -1; over <= 1; over++) {
        static char text[MW_LINE_MAX + 1];
        size_t len = (size_t)(MW_LINE_MAX + over);
        failing f;
        mw_lines l;
        mw_slice line;
        int found;

        failing_init(&f, 0);
        mw_lines_init(&l, &f.table);
        memset(text, 'x', sizeof text);
        (void)mw_buf_append(&l.in, text, len);
        (void)mw_buf_append(&l.in, "\r\n", 2);
        found = mw_lines_next(&l, &line);
        tap_ok(over > 0 ? found == MW_E_LINE_LIMIT : found == 1 && line.len == len, "a line of %lu bytes",
               (unsigned long)len);
        mw_lines_free(&l);
    }
}

static void test_scanned_once(void)
{
    failing f;
    mw_lines l;
    mw_slice line;
    size_t i;
    int ok = 1;

    failing_init(&f, 0);
    mw_lines_init(&l, &f.table);
    for (i = 1; i <= 1000; i++) {
        (void)mw_buf_append(&l.in, "x", 1);
        ok = ok && mw_lines_next(&l, &line) == 0 && l.scanned == i;
    }
    tap_ok(ok, "what was looked at is not looked at again");
    (void)mw_buf_append(&l.in, "\nyy\n", 4);
    tap_ok(mw_lines_next(&l, &line) == 1 && line.len == 1000 && l.scanned == 0, "the next line starts anew");
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, "yy") && !mw_lines_waiting(&l), "and is found");
    mw_lines_free(&l);
}

static void test_unget(void)
{
    failing f;
    mw_lines l;
    mw_slice line, again;

    failing_init(&f, 0);
    mw_lines_init(&l, &f.table);
    (void)mw_buf_append(&l.in, "one\r\ntwo\r\nthr", 13);
    (void)mw_lines_next(&l, &line);
    tap_ok(mw_lines_unget(&l, line.base, line.len) == MW_OK && mw_lines_next(&l, &line) == 1
           && is(line, "one"), "the line itself, from the input");
    tap_ok(mw_lines_unget(&l, line.base, line.len) == MW_OK && mw_lines_peek(&l, &line) == 1
           && is(line, "one"), "the line itself, handed out for the second time");
    tap_ok(mw_lines_unget(&l, line.base + 1, 2) == MW_OK && mw_lines_next(&l, &line) == 1 && is(line, "ne"),
           "a part of a line that was only peeked at");
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, "one"), "which is still there, behind it");
    (void)mw_lines_unget(&l, "second", 6);
    (void)mw_lines_unget(&l, "a\r\n\0b", 5);
    (void)mw_lines_unget(&l, NULL, 0);
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, ""), "the last put back is the first: an empty one");
    tap_ok(mw_lines_next(&l, &line) == 1 && line.len == 5 && memcmp(line.base, "a\r\n\0b", 5) == 0,
           "any bytes, also line ends");
    again = line;
    (void)mw_lines_waiting(&l);
    tap_ok(memcmp(again.base, "a\r\n\0b", 5) == 0, "and it stays valid");
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, "second"), "the first put back is the last");
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, "two"), "then the input goes on");
    tap_ok(mw_lines_next(&l, &line) == 0 && mw_lines_waiting(&l), "a part of a line is waiting");
    (void)mw_lines_unget(&l, "x", 1);
    (void)mw_buf_append(&l.in, "ee\n", 3);
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, "x"), "put back in front of a part of a line");
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, "three") && !mw_lines_waiting(&l),
           "which is then whole");
    mw_lines_free(&l);
    tap_ok(f.blocks == 0, "nothing left");
}

static void test_unget_beyond_limit(void)
{
    static char text[3 * MW_LINE_MAX];
    failing f;
    mw_lines l;
    mw_slice line;
    int i, ok = 1;

    failing_init(&f, 0);
    mw_lines_init(&l, &f.table);
    memset(text, 'y', sizeof text);
    tap_ok(mw_lines_unget(&l, text, sizeof text) == MW_OK && mw_lines_waiting(&l),
           "a line of the caller's has no limit");
    tap_ok(mw_lines_next(&l, &line) == 1 && line.len == sizeof text && !mw_lines_waiting(&l),
           "and comes back");
    for (i = 0; i < 1000; i++)
        ok = ok && mw_lines_unget(&l, text, (size_t)i) == MW_OK;
    while (i-- > 0)
        ok = ok && mw_lines_next(&l, &line) == 1 && line.len == (size_t)i;
    tap_ok(ok && !mw_lines_waiting(&l), "a thousand lines put back");
    mw_lines_free(&l);
}

static void test_clear(void)
{
    failing f;
    mw_lines l;
    mw_slice line;

    failing_init(&f, 0);
    mw_lines_init(&l, &f.table);
    l.max = MAX;
    (void)mw_buf_append(&l.in, "a\nbcd", 5);
    (void)mw_lines_next(&l, &line);
    (void)mw_lines_next(&l, &line);
    (void)mw_lines_unget(&l, "x", 1);
    mw_lines_clear(&l);
    tap_ok(!mw_lines_waiting(&l) && mw_lines_next(&l, &line) == 0, "clear: nothing is left");
    (void)mw_buf_append(&l.in, "12345678\r\n123456789\r\n", 21);
    tap_ok(mw_lines_next(&l, &line) == 1 && is(line, "12345678")
           && mw_lines_next(&l, &line) == MW_E_LINE_LIMIT,
           "clear: usable, the limit stays");
    mw_lines_free(&l);
    mw_lines_free(&l);
    tap_ok(f.blocks == 0, "freeing twice is fine");
}

/* Lines in, put back and taken again; one that was not put back for want of memory is still valid
 * and everything else is as it was. */
static int run_no_memory(const mw_alloc *a)
{
    char text[400];
    mw_lines l;
    mw_slice line;
    size_t i;
    int ok = 1;

    memset(text, 'z', sizeof text);
    mw_lines_init(&l, a);
    for (i = 0; i < sizeof text && ok; i += 20) {
        int added = mw_buf_append(&l.in, text, i) == MW_OK && mw_buf_append(&l.in, "\n", 1) == MW_OK;
        int put;

        if (!added) {
            mw_buf_clear(&l.in);
            l.scanned = 0;
            ok = failing_has_failed(a);
            continue;
        }
        ok = mw_lines_next(&l, &line) == 1 && line.len == i;
        put = mw_lines_unget(&l, line.base, line.len);
        ok = ok && memcmp(line.base, text, i) == 0 && mw_lines_waiting(&l) == (put == MW_OK);
        put = mw_lines_unget(&l, "top", 3) == MW_OK ? put : MW_OK + 1;
        if (put == MW_OK)
            ok = ok && mw_lines_next(&l, &line) == 1 && is(line, "top");
        ok = ok && (put == MW_OK ? mw_lines_next(&l, &line) == 1 && line.len == i : failing_has_failed(a));
        while (mw_lines_waiting(&l))
            (void)mw_lines_next(&l, &line);
    }
    mw_lines_free(&l);
    return ok && (i == sizeof text);
}

int main(void)
{
    test_table();
    test_default_limit();
    test_scanned_once();
    test_unget();
    test_unget_beyond_limit();
    test_clear();
    failing_every("lines", run_no_memory);
    return tap_done();
}
