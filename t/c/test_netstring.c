/* test_netstring.c - netstrings read in any pieces, refused when they are not strict, and their heads. */
#include "../../c/error.h"
#include "../../c/netstring.h"
#include "failing.h"
#include "tap.h"

typedef struct reading {
    int rc;             /* of the call that was the last */
    size_t used;        /* bytes eaten in all */
    size_t complete;    /* strings */
    mw_buf out;         /* each string and a "|" */
} reading;

/* Feeds in until it is eaten or refused. Each piece lies in a block of its own size. */
static void feed_all(reading *r, mw_netstring *n, const mw_alloc *a, const char *in, size_t len, int cut)
{
    memset(r, 0, sizeof *r);
    mw_buf_init(&r->out, a);
    while (r->rc >= 0 && r->used < len) {
        size_t piece = tap_piece(cut, len - r->used), at = 0;
        char *block = malloc(piece);

        if (block == NULL)
            exit(1);
        memcpy(block, in + r->used, piece);
        while (r->rc >= 0 && at < piece) {
            size_t used = 0;

            r->rc = mw_netstring_feed(n, block + at, piece - at, &used, &r->out);
            at += used;
            r->used += used;
            if (r->rc == 1) {
                r->complete++;
                r->rc = mw_buf_append(&r->out, "|", 1) == MW_OK ? 1 : MW_E_NOMEM;
            } else if (r->rc == 0 && at < piece) {
                r->rc = MW_E_STATE;     /* it stopped short for no reason */
            }
        }
        free(block);
    }
}

/* As feed_all, with max 20. */
static void read_all(reading *r, const char *in, size_t len, int cut)
{
    mw_netstring n = { 0 };

    n.max = 20;
    feed_all(r, &n, mw_alloc_default(), in, len, cut);
}

static const struct {
    const char *name;
    const char *in;
    size_t in_len;
    int rc;
    size_t used;        /* for errors: bytes before the one at fault */
    const char *out;
} reads[] = {
    { "empty", BYTES("0:,"), 1, 3, "|" },
    { "one byte", BYTES("1:a,"), 1, 4, "a|" },
    { "several", BYTES("12:hello world!,0:,1::,"), 1, 23, "hello world!||:|" },
    { "a comma and digits inside", BYTES("5:,1:,,,"), 1, 8, ",1:,,|" },
    { "at the limit", BYTES("20:01234567890123456789,"), 1, 24, "01234567890123456789|" },
    { "one below the limit", BYTES("19:0123456789012345678,"), 1, 23, "0123456789012345678|" },
    { "one above the limit, at its last digit", BYTES("21:"), MW_E_NETSTRING_LIMIT, 1, "" },
    { "far above the limit, at the digit that passes it", BYTES("9999999999999999999999999:"),
      MW_E_NETSTRING_LIMIT, 1, "" },
    { "above the limit, by a digit more", BYTES("100:"), MW_E_NETSTRING_LIMIT, 2, "" },
    { "nothing yet", BYTES(""), 0, 0, "" },
    { "unfinished length", BYTES("1"), 0, 1, "" },
    { "unfinished string", BYTES("3:ab"), 0, 4, "ab" },
    { "no comma yet", BYTES("3:abc"), 0, 5, "abc" },
    { "zero without colon", BYTES("0"), 0, 1, "" },
    { "no length", BYTES(":,"), MW_E_NETSTRING, 0, "" },
    { "two colons", BYTES("::"), MW_E_NETSTRING, 0, "" },
    { "a comma first", BYTES(","), MW_E_NETSTRING, 0, "" },
    { "a leading zero", BYTES("01:a,"), MW_E_NETSTRING, 1, "" },
    { "two zeros", BYTES("00:,"), MW_E_NETSTRING, 1, "" },
    { "a letter for a colon", BYTES("1a,"), MW_E_NETSTRING, 1, "" },
    { "a letter first", BYTES("a:,"), MW_E_NETSTRING, 0, "" },
    { "a sign", BYTES("+1:a,"), MW_E_NETSTRING, 0, "" },
    { "a negative length", BYTES("-1:a,"), MW_E_NETSTRING, 0, "" },
    { "a space first", BYTES(" 1:a,"), MW_E_NETSTRING, 0, "" },
    { "a space before the colon", BYTES("1 :a,"), MW_E_NETSTRING, 1, "" },
    { "a line end behind", BYTES("1:a,\n"), MW_E_NETSTRING, 4, "a|" },
    { "no comma", BYTES("1:ab"), MW_E_NETSTRING, 3, "a" },
    { "no comma behind the empty string", BYTES("0:0:,"), MW_E_NETSTRING, 2, "" },
    { "the slash below the digits", BYTES("/:"), MW_E_NETSTRING, 0, "" },
    { "a NUL", BYTES("1\0:"), MW_E_NETSTRING, 1, "" },
};

static int read_is(size_t i, int cut)
{
    reading r;
    mw_slice out;
    int ok;

    read_all(&r, reads[i].in, reads[i].in_len, cut);
    out = mw_buf_view(&r.out);
    ok = r.rc == reads[i].rc && r.used == reads[i].used && out.len == strlen(reads[i].out)
        && (out.len == 0 || memcmp(out.base, reads[i].out, out.len) == 0);
    mw_buf_free(&r.out);
    return ok;
}

static void test_reads(void)
{
    size_t i;
    int cut;

    for (i = 0; i < COUNT(reads); i++) {
        int ok = 1;

        for (cut = TAP_WHOLE; cut <= TAP_CUTS; cut++)
            ok = ok && read_is(i, cut);
        tap_ok(ok, "%s", reads[i].name);
    }
}

static void test_stays_broken(void)
{
    mw_netstring n = { 0 };
    mw_buf out;
    size_t used;
    int rc;

    mw_buf_init(&out, mw_alloc_default());
    n.max = 5;
    rc = mw_netstring_feed(&n, "6:", 2, &used, &out);
    tap_ok(rc == MW_E_NETSTRING_LIMIT && used == 0, "broken by the limit");
    rc = mw_netstring_feed(&n, "1:a,", 4, &used, &out);
    tap_ok(rc == MW_E_NETSTRING && used == 0 && mw_buf_len(&out) == 0, "stays broken");
    rc = mw_netstring_feed(&n, "", 0, &used, &out);
    tap_ok(rc == MW_E_NETSTRING && used == 0, "stays broken, also for no bytes");
    mw_buf_free(&out);
}

static void test_new_start(void)
{
    mw_netstring n = { 0 };
    mw_buf out;
    size_t used;
    int rc;

    mw_buf_init(&out, mw_alloc_default());
    n.max = 5;
    rc = mw_netstring_feed(&n, "2:ab,3:cde,", 11, &used, &out);
    tap_ok(rc == 1 && used == 5 && mw_buf_len(&out) == 2, "stops behind each string");
    tap_ok(n.state == 0 && n.left == 0 && n.digits == 0 && n.max == 5, "and stands at a new start");
    mw_buf_free(&out);
}

/* The limits where numbers end: none but the empty string, and all that size_t counts. */
static void test_extreme_limits(void)
{
    reading r;
    mw_netstring none = { 0 }, all = { 0 }, over = { 0 };
    char head[MW_NETSTRING_HEAD_MAX];
    size_t len = mw_netstring_head(head, (uint64_t)(size_t)-1);

    feed_all(&r, &none, mw_alloc_default(), "0:,1:", 5, TAP_WHOLE);
    tap_ok(r.rc == MW_E_NETSTRING_LIMIT && r.complete == 1 && r.used == 3, "limit 0 takes the empty string only");
    mw_buf_free(&r.out);
    all.max = (size_t)-1;
    feed_all(&r, &all, mw_alloc_default(), head, len, TAP_BYTES);
    tap_ok(r.rc == 0 && r.used == len && all.left == (size_t)-1, "the largest limit, at it");
    mw_buf_free(&r.out);
    over.max = (size_t)-1;
    head[len - 2]++;        /* its last digit is a 5 in any width */
    feed_all(&r, &over, mw_alloc_default(), head, len, TAP_BYTES);
    tap_ok(r.rc == MW_E_NETSTRING_LIMIT && r.used == len - 2, "the largest limit, one above");
    mw_buf_free(&r.out);
}

static void test_heads(void)
{
    static const struct { uint64_t length; const char *head; } heads[] = {
        { 0, "0:" }, { 1, "1:" }, { 9, "9:" }, { 10, "10:" }, { 99, "99:" }, { 100, "100:" }, { 65536, "65536:" },
        { UINT64_C(9999999999999999999), "9999999999999999999:" },
        { UINT64_C(10000000000000000000), "10000000000000000000:" },
        { UINT64_MAX, "18446744073709551615:" },
    };
    size_t i;

    for (i = 0; i < COUNT(heads); i++) {
        char out[MW_NETSTRING_HEAD_MAX];
        size_t len = mw_netstring_head(out, heads[i].length);

        tap_ok(len == strlen(heads[i].head) && memcmp(out, heads[i].head, len) == 0, "head %s", heads[i].head);
    }
}

/* What is written is what is read, at every cut. */
static void test_round_trip(void)
{
    enum { MOST = 3000 };
    static char wire[MOST + MW_NETSTRING_HEAD_MAX + 1], body[MOST];
    int round, ok = 1;

    for (round = 0; ok && round < 500; round++) {
        size_t len = tap_random(MOST + 1), i, head = mw_netstring_head(wire, len);
        mw_netstring n = { 0 };
        reading r;

        for (i = 0; i < len; i++)
            body[i] = wire[head + i] = (char)tap_random(256);
        wire[head + len] = ',';
        n.max = MW_NETSTRING_MAX;
        feed_all(&r, &n, mw_alloc_default(), wire, head + len + 1, round % (TAP_CUTS + 1));
        ok = r.complete == 1 && r.used == head + len + 1 && mw_buf_len(&r.out) == len + 1
            && memcmp(mw_buf_view(&r.out).base, body, len) == 0;
        mw_buf_free(&r.out);
    }
    tap_ok(ok, "what is written is what is read");
}

/* The same verdict and the same bytes at any cut. */
static void test_garbage(void)
{
    static const char bytes[] = "00112::::,,,,a\0";
    int round, ok = 1;

    for (round = 0; ok && round < 50000; round++) {
        char in[12];
        size_t len = tap_random(sizeof in + 1), i;
        reading whole, cut;

        for (i = 0; i < len; i++)
            in[i] = bytes[tap_random(sizeof bytes - 1)];
        read_all(&whole, in, len, TAP_WHOLE);
        read_all(&cut, in, len, TAP_BYTES + (int)tap_random(2));
        ok = (whole.rc < 0 ? whole.rc : 0) == (cut.rc < 0 ? cut.rc : 0) && whole.rc != MW_E_STATE
            && whole.used == cut.used && whole.complete == cut.complete
            && mw_buf_len(&whole.out) == mw_buf_len(&cut.out)
            && (mw_buf_len(&cut.out) == 0
                || memcmp(mw_buf_view(&whole.out).base, mw_buf_view(&cut.out).base, mw_buf_len(&cut.out)) == 0);
        mw_buf_free(&whole.out);
        mw_buf_free(&cut.out);
    }
    tap_ok(ok, "garbage");
}

static int run_failing(const mw_alloc *a)
{
    static char wire[3006];
    mw_netstring n = { 0 };
    reading r;
    int ok;

    memcpy(wire, "3000:", 5);
    memset(wire + 5, 'x', 3000);
    wire[3005] = ',';
    n.max = 3000;
    feed_all(&r, &n, a, wire, sizeof wire, TAP_RANDOM);
    ok = r.rc == 1 ? r.complete == 1 : r.rc == MW_E_NOMEM && failing_has_failed(a);
    if (r.rc == MW_E_NOMEM && r.complete == 0)
        ok = ok && mw_netstring_feed(&n, "x", 1, &r.used, &r.out) == MW_E_NETSTRING;
    mw_buf_free(&r.out);
    return ok;
}

int main(void)
{
    test_reads();
    test_stays_broken();
    test_new_start();
    test_extreme_limits();
    test_heads();
    test_round_trip();
    test_garbage();
    failing_every("netstring", run_failing);
    return tap_done();
}
