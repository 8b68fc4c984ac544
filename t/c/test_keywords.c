/* test_keywords.c - what a server offers: lines of its reply to LHLO, what is found in them, and another reply that looks the same. */
#include "../../c/error.h"
#include "../../c/keywords.h"
#include "failing.h"
#include "slices.h"

static void test_lines(void)
{
    static const struct { const char *line; int taken; const char *keyword, *params; } lines[] = {
        { "PIPELINING", 1, "PIPELINING", "" },
        { "SIZE 100", 1, "SIZE", "100" },
        { "size", 1, "size", "" },
        { "8BITMIME", 1, "8BITMIME", "" },
        { "AUTH LOGIN PLAIN", 1, "AUTH", "LOGIN PLAIN" },
        { "AUTH=LOGIN PLAIN", 1, "AUTH", "LOGIN PLAIN" },
        { "AUTH= LOGIN ", 1, "AUTH", "LOGIN" },
        { "AUTH=", 1, "AUTH", "" },
        { "X =y", 1, "X", "=y" },
        { "SIZE  100 \t", 1, "SIZE", "100" },
        { "SIZE\t100", 1, "SIZE", "100" },
        { "SIZE ", 1, "SIZE", "" },
        { "X-FOO-BAR a", 1, "X-FOO-BAR", "a" },
        { "X_FOO a", 1, "X_FOO", "a" },
        { "OKAY", 1, "OKAY", "" },
        { "O", 1, "O", "" },
        { "", 0, "", "" },
        { " ", 0, "", "" },
        { " SIZE", 0, "", "" },
        { "-SIZE", 0, "", "" },
        { "_SIZE", 0, "", "" },
        { "SIZE:100", 0, "", "" },
        { "x.example.com", 0, "", "" },
        { "Ok SESSIONID=<cyrus-1-2-3>", 0, "", "" },
        { "OK", 0, "", "" },
        { "ok", 0, "", "" },
        { "\xc3\xa4", 0, "", "" },
    };
    size_t i;

    for (i = 0; i < COUNT(lines); i++) {
        mw_slice v = slice_new(lines[i].line, strlen(lines[i].line));
        mw_keyword found = { { "", 0 }, { "", 0 } };

        tap_ok(mw_keyword_parse(v, &found) == lines[i].taken && same(found.name, lines[i].keyword) && same(found.params, lines[i].params), "keyword: %s", lines[i].line);
        slice_free(v);
    }
}

/* A reply of these lines, "|" between them. */
static void reply(mw_reply *r, const mw_alloc *a, unsigned code, const char *lines)
{
    mw_slice line;

    mw_reply_init(r, a);
    do {
        line.base = lines;
        line.len = strcspn(lines, "|");
        lines += line.len;
        mw_reply_put(r, code, line, *lines != '\0');
    } while (*lines++);
}

static void take(mw_keywords *k, unsigned code, const char *lines)
{
    mw_reply r;

    reply(&r, mw_alloc_default(), code, lines);
    mw_keywords_take(k, &r);
    mw_reply_free(&r);
}

static const mw_keyword *find(const mw_keywords *k, const char *name)
{
    mw_slice s;

    s.base = name;
    s.len = strlen(name);
    return mw_keywords_find(k, s);
}

static void test_offers(void)
{
    mw_keywords k;

    mw_keywords_init(&k, mw_alloc_default());
    tap_ok(!find(&k, "SIZE") && !k.pipelining && !k.chunking && !k.eight_bit && !k.size, "nothing is known before LHLO");
    take(&k, 250, "mx hello|PIPELINING|Size 100|AUTH PLAIN|AUTH=LOGIN|chunking|Ok SESSIONID=<1>");
    tap_ok(k.pipelining && k.chunking && k.count == 5, "offers, in any case");
    tap_ok(find(&k, "SIZE") && same(find(&k, "size")->params, "100"), "a parameter");
    tap_ok(find(&k, "AUTH") && same(find(&k, "AUTH")->params, "LOGIN"), "the last of two");
    tap_ok(!find(&k, "MX") && !find(&k, "mx hello"), "the first line is no keyword");
    tap_ok(k.size == find(&k, "SIZE") && !k.eight_bit, "... of which the core looks at some");
    take(&k, 250, "mx|8bitmime");
    tap_ok(!k.size && k.eight_bit, "... as the latest reply has them");
    take(&k, 550, "no|PIPELINING|SIZE|8BITMIME");
    tap_ok(!find(&k, "PIPELINING") && !k.pipelining && !k.count && !k.size && !k.eight_bit, "a refusal offers nothing");
    take(&k, 250, "mx|PIPELINING");
    mw_keywords_clear(&k);
    tap_ok(!find(&k, "PIPELINING") && !k.pipelining, "forgotten");
    mw_keywords_free(&k);
}

static void test_limits(void)
{
    static const struct { const char *offered; size_t rcpts, mails; } limits[] = {
        { "mx|LIMITS RCPTMAX=100", 100, 0 }, { "mx|limits rcptmax=7  MailMax=5 RCPTDOMAINMAX=1", 7, 5 }, { "mx|LIMITS", 0, 0 },
        { "mx|LIMITS RCPTMAX", 0, 0 }, { "mx|LIMITS RCPTMAX=", 0, 0 }, { "mx|LIMITS RCPTMAX=x", 0, 0 }, { "mx|LIMITS RCPTMAX=1x", 0, 0 },
        { "mx|LIMITS RCPTMAX=-1", 0, 0 }, { "mx|LIMITS RCPTMAX=999999999", 999999999, 0 }, { "mx|LIMITS RCPTMAX=1000000000", 0, 0 },
        { "mx|LIMITS XRCPTMAX=3 RCPTMAXX=3", 0, 0 }, { "mx|LIMITS RCPTMAX=0", 0, 0 }, { "mx|SIZE RCPTMAX=1", 0, 0 }, { "mx|LIMITS x RCPTMAX=2", 2, 0 }
    };
    mw_keywords k;
    size_t i;

    mw_keywords_init(&k, mw_alloc_default());
    for (i = 0; i < sizeof limits / sizeof *limits; i++) {
        take(&k, 250, limits[i].offered);
        tap_ok(k.rcpt_max == limits[i].rcpts && k.mail_max == limits[i].mails, "limits: %s", limits[i].offered);
    }
    mw_keywords_clear(&k);
    tap_ok(!k.rcpt_max && !k.mail_max, "limits are forgotten");
    mw_keywords_free(&k);
}

/* The link's first reply is always this one. */
#define FIRST "mx.example Hello|PIPELINING|SIZE 100|AUTH PLAIN|STARTTLS|ENHANCEDSTATUSCODES"

static void test_same(void)
{
    static const struct { const char *name; unsigned code; const char *lines; int same, server; } others[] = {
        { "the same", 250, FIRST, 1, 1 },
        { "another greeting", 250, "mx.example Hi|PIPELINING|SIZE 100|AUTH PLAIN|STARTTLS|ENHANCEDSTATUSCODES", 1, 1 },
        { "other parameters", 250, "mx.example Hello|PIPELINING|SIZE 99|AUTH X|STARTTLS|ENHANCEDSTATUSCODES", 1, 1 },
        { "without AUTH and STARTTLS", 250, "mx.example Hello|PIPELINING|SIZE 100|ENHANCEDSTATUSCODES", 1, 1 },
        { "Cyrus' last line", 250, FIRST "|Ok SESSIONID=<2>", 1, 1 },
        { "AUTH last", 250, "mx.example Hello|PIPELINING|SIZE 100|ENHANCEDSTATUSCODES|AUTH PLAIN", 1, 1 },
        { "a keyword less", 250, "mx.example Hello|PIPELINING|SIZE 100", 0, 1 },
        { "a keyword more", 250, FIRST "|CHUNKING", 0, 1 },
        { "another order", 250, "mx.example Hello|SIZE 100|PIPELINING|ENHANCEDSTATUSCODES", 0, 1 },
        { "another server", 250, "mx2.example Hello|PIPELINING|SIZE 100|ENHANCEDSTATUSCODES", 0, 0 },
        { "a part of its name", 250, "mx|PIPELINING|SIZE 100|ENHANCEDSTATUSCODES", 0, 0 },
        { "a line", 250, "mx.example Hello", 0, 1 },
        { "a refusal", 550, FIRST, 0, 1 },
        { "a final reply", 250, "2.0.0 saved", 0, 0 },
        { "an empty one", 250, "", 0, 0 },
    };
    mw_keywords k;
    mw_reply r;
    size_t i;

    mw_keywords_init(&k, mw_alloc_default());
    reply(&r, mw_alloc_default(), 250, FIRST);
    tap_ok(!mw_keywords_same(&k, &r) && !mw_keywords_same_server(&k, &r), "nothing is the same before LHLO");
    mw_reply_free(&r);
    take(&k, 250, FIRST);
    for (i = 0; i < COUNT(others); i++) {
        reply(&r, mw_alloc_default(), others[i].code, others[i].lines);
        tap_ok(mw_keywords_same(&k, &r) == others[i].same && mw_keywords_same_server(&k, &r) == others[i].server, "another reply: %s",
            others[i].name);
        mw_reply_free(&r);
    }
    mw_keywords_free(&k);
}

/* Without memory nothing is offered. */
static int taken(const mw_alloc *a)
{
    mw_keywords k;
    mw_reply r;
    int good;

    reply(&r, mw_alloc_default(), 250, FIRST);
    mw_keywords_init(&k, a);
    mw_keywords_take(&k, &r);
    good = failing_has_failed(a) ? !k.count && !k.pipelining && !find(&k, "SIZE") : k.count == 5 && k.pipelining;
    mw_keywords_free(&k);
    mw_reply_free(&r);
    return good;
}

int main(void)
{
    test_lines();
    test_offers();
    test_limits();
    test_same();
    failing_every("keywords", taken);
    return tap_done();
}
