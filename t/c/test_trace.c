/* Lines that are kept to be shown. */
#include "../../c/trace.h"
#include "failing.h"

static const struct {
    const char *name, *text, *expected;     /* the lines, each behind its direction */
} cases[] = {
    { "a line", "DATA\r\n", ">DATA|" },
    { "without an end", "LHLO x", ">LHLO x|" },
    { "several", "MAIL FROM:<>\r\nBDAT 0 LAST\r\nRSET\r\n", ">MAIL FROM:<>|>BDAT 0 LAST|>RSET|" },
    { "empty ones are none", "\r\n.\r\n", ">.|" },
    { "a bare LF", "one\ntwo\n", ">one|>two|" },
    { "a bare CR", "one\rtwo\r\n", ">one\rtwo|" },
    { "nothing", "", "" }
};

static void take_all(mw_trace *t, char *to)
{
    char direction;
    mw_slice line;

    *to = '\0';
    while (mw_trace_take(t, &direction, &line))
        to += sprintf(to, "%c%.*s|", direction, (int)line.len, line.base);
}

static void test_lines(void)
{
    mw_trace t;
    char taken[200];
    size_t i;

    mw_trace_init(&t, mw_alloc_default());
    mw_trace_add(&t, MW_TRACE_OUT, "RSET", 4);
    take_all(&t, taken);
    tap_ok(!*taken, "off: nothing is kept");
    t.on = 1;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mw_trace_add(&t, MW_TRACE_OUT, cases[i].text, strlen(cases[i].text));
        take_all(&t, taken);
        tap_ok(strcmp(taken, cases[i].expected) == 0, "%s", cases[i].name);
    }
    mw_trace_content(&t, 1234567);
    mw_trace_add(&t, MW_TRACE_IN, "250 ok", 6);
    take_all(&t, taken);
    tap_ok(strcmp(taken, ">(1234567 bytes of content)|<250 ok|") == 0, "content, and a reply");
    mw_trace_free(&t);
}

static void test_limit(void)
{
    static char line[MW_TRACE_MAX / 4];
    mw_trace t;
    mw_slice kept;
    char direction;
    int i;

    memset(line, 'x', sizeof line);
    mw_trace_init(&t, mw_alloc_default());
    t.on = 1;
    for (i = 0; i < 5; i++)
        mw_trace_add(&t, MW_TRACE_IN, line, sizeof line);
    tap_ok(mw_buf_len(&t.lines) <= MW_TRACE_MAX, "no more than the limit");
    for (i = 0; mw_trace_take(&t, &direction, &kept); i++)
        continue;
    tap_ok(i == 3, "what is over it is left out");
    mw_trace_add(&t, MW_TRACE_IN, "250", 3);
    tap_ok(mw_trace_take(&t, &direction, &kept) && kept.len == 3, "until there is room");
    mw_trace_free(&t);
}

static void test_no_memory(void)
{
    failing f;
    mw_trace t;

    failing_init(&f, 1);
    mw_trace_init(&t, &f.table);
    t.on = 1;
    mw_trace_add(&t, MW_TRACE_IN, "250", 3);
    tap_ok(mw_buf_len(&t.lines) == 0, "without memory the line is left out");
    mw_trace_free(&t);
}

int main(void)
{
    test_lines();
    test_limit();
    test_no_memory();
    return tap_done();
}
