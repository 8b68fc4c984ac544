/* test_dotstuff.c - line ends and dots: a table, every short string, block edges, random text. */
#include "../../c/dotstuff.h"
#include "tap.h"

/* Room for what a test's longest input can become, its end included. */
#define INPUT_MAX 600
#define OUTPUT_MAX (MW_DOTSTUFF_GROWTH * INPUT_MAX + MW_DOTSTUFF_END_MAX)

typedef struct output {
    char bytes[OUTPUT_MAX];
    size_t len;
} output;

static void put(output *o, const char *bytes, size_t len)
{
    if (len > 0)
        memcpy(o->bytes + o->len, bytes, len);
    o->len += len;
}

static int same(const output *o, const char *bytes, size_t len)
{
    return o->len == len && memcmp(o->bytes, bytes, len) == 0;
}

/* Which functions do the work. */
enum way { EXPAND, CLEAN_FIRST, MIXED, WAYS };

static int expand_piece(mw_dotstuff *d, const char *in, size_t len, size_t cap, output *o)
{
    char *out = malloc(cap);
    size_t i = 0;

    if (out == NULL)
        exit(1);
    while (i < len) {
        size_t used, n = mw_dotstuff_expand(d, in + i, len - i, out, cap, &used);

        if (n > cap || used == 0 || used > len - i)
            break;
        put(o, out, n);
        i += used;
    }
    free(out);
    return i == len;
}

/* As expand_piece, with mw_dotstuff_clean's help: always asked first, or now and then. */
static int stuff_piece(mw_dotstuff *d, const char *in, size_t len, size_t cap, enum way way, output *o)
{
    size_t i = 0;

    while (i < len) {
        size_t n = len - i;

        if (way == CLEAN_FIRST || (way == MIXED && tap_random(2))) {
            size_t clean = mw_dotstuff_clean(d, in + i, n);

            put(o, in + i, clean);
            i += clean;
            n = i < len ? 1 : 0;
        } else if (way == MIXED) {
            n = 1 + tap_random((uint32_t)n);
        }
        if (!expand_piece(d, in + i, n, cap, o))
            return 0;
        i += n;
    }
    return 1;
}

/* The whole output for in, cut up and done in one of the ways. */
static int stuff(const char *in, size_t len, int cut, size_t cap, enum way way, output *o)
{
    mw_dotstuff d = { 0 };
    char end[MW_DOTSTUFF_END_MAX];
    size_t at = 0;
    int ok = 1;

    o->len = 0;
    while (ok && at < len) {
        size_t n = tap_piece(cut, len - at);
        char *piece = block_new(in + at, n);

        ok = stuff_piece(&d, piece, n, cap, way, o);
        free(piece);
        at += n;
    }
    put(o, end, mw_dotstuff_end(&d, end));
    return ok;
}

static const size_t caps[] = { MW_DOTSTUFF_GROWTH, MW_DOTSTUFF_GROWTH + 1, 7, 19, 64, 255, 256, 320, OUTPUT_MAX };

/* Whether every cut, capacity and way gives expected. */
static int always_becomes(const char *in, size_t len, const char *expected, size_t expected_len)
{
    output o;
    int cut, way;
    size_t c;

    for (cut = TAP_WHOLE; cut <= TAP_CUTS; cut++)
        for (way = EXPAND; way < WAYS; way++)
            for (c = 0; c < COUNT(caps); c++)
                if (!stuff(in, len, cut, caps[c], (enum way)way, &o) || !same(&o, expected, expected_len)) {
                    printf("# cut %d, way %d, capacity %lu\n", cut, way, (unsigned long)caps[c]);
                    return 0;
                }
    return 1;
}

static const struct {
    const char *name;
    const char *in;
    size_t in_len;
    const char *expected;
    size_t expected_len;
} becomes[] = {
    { "nothing at all", BYTES(""), BYTES(".\r\n") },
    { "CRLF lines", BYTES("a\r\nb\r\n"), BYTES("a\r\nb\r\n.\r\n") },
    { "LF lines", BYTES("a\nb\n"), BYTES("a\r\nb\r\n.\r\n") },
    { "mixed lines", BYTES("a\nb\r\nc\n"), BYTES("a\r\nb\r\nc\r\n.\r\n") },
    { "empty LF lines", BYTES("\n\n\n"), BYTES("\r\n\r\n\r\n.\r\n") },
    { "an unfinished line", BYTES("a"), BYTES("a\r\n.\r\n") },
    { "a CR at the end is an unfinished line", BYTES("a\r"), BYTES("a\r\r\n.\r\n") },
    { "nothing but a CR", BYTES("\r"), BYTES("\r\r\n.\r\n") },
    { "a dot at the start", BYTES(".a\r\n"), BYTES("..a\r\n.\r\n") },
    { "nothing but a dot", BYTES("."), BYTES("..\r\n.\r\n") },
    { "two dots", BYTES("..\n"), BYTES("...\r\n.\r\n") },
    { "dots at lines' starts", BYTES("a\r\n.b\n.c\n"), BYTES("a\r\n..b\r\n..c\r\n.\r\n") },
    { "dots inside lines", BYTES("a.b.\r\nc.\n"), BYTES("a.b.\r\nc.\r\n.\r\n") },
    { "an end with CRLF", BYTES("a\r\n.\r\nQUIT\r\n"), BYTES("a\r\n..\r\nQUIT\r\n.\r\n") },
    { "an end with LF", BYTES("a\n.\nQUIT\n"), BYTES("a\r\n..\r\nQUIT\r\n.\r\n") },
    { "an end with LF and CRLF", BYTES("a\n.\r\nQUIT"), BYTES("a\r\n..\r\nQUIT\r\n.\r\n") },
    { "an end with CRLF and LF", BYTES("a\r\n.\nQUIT"), BYTES("a\r\n..\r\nQUIT\r\n.\r\n") },
    { "an end with CR", BYTES("a\r.\rQUIT"), BYTES("a\r\n..\rQUIT\r\n.\r\n") },
    { "a bare CR", BYTES("a\rb\r\n"), BYTES("a\rb\r\n.\r\n") },
    { "a bare CR before a dot", BYTES("a\r.b"), BYTES("a\r\n..b\r\n.\r\n") },
    { "a CR at the start before a dot", BYTES("\r."), BYTES("\r\n..\r\n.\r\n") },
    { "CR CR LF", BYTES("a\r\r\nb\n"), BYTES("a\r\r\nb\r\n.\r\n") },
    { "CR CR dot", BYTES("a\r\r.b\n"), BYTES("a\r\r\n..b\r\n.\r\n") },
    { "LF CR", BYTES("a\n\rb\n"), BYTES("a\r\n\rb\r\n.\r\n") },
    { "LF CR dot", BYTES("a\n\r.\n"), BYTES("a\r\n\r\n..\r\n.\r\n") },
    { "NUL and 8-bit bytes", BYTES("\0\x80\xff\n.\0\n"), BYTES("\0\x80\xff\r\n..\0\r\n.\r\n") },
    { "bytes that differ from CR, LF and dot in one bit", BYTES("\x8d\x8a\xae\x0c\x0b.\x0f\x2f\n"),
      BYTES("\x8d\x8a\xae\x0c\x0b.\x0f\x2f\r\n.\r\n") },
    { "lines longer than a block",
      BYTES("0123456789012345678901234567890123456789\n.123456789012345678901234567890\r.\n"),
      BYTES("0123456789012345678901234567890123456789\r\n..123456789012345678901234567890\r\n..\r\n.\r\n") },
};

static void test_table(void)
{
    size_t i;

    for (i = 0; i < COUNT(becomes); i++)
        tap_ok(always_becomes(becomes[i].in, becomes[i].in_len, becomes[i].expected, becomes[i].expected_len),
               "%s", becomes[i].name);
}

/* What the receiver must have in the end: every line ended, no dot doubled. */
static void normalise(const char *in, size_t len, output *o)
{
    char before = '\n';
    size_t i;

    o->len = 0;
    for (i = 0; i < len; i++) {
        if (in[i] == '\n' && (i == 0 || before != '\r'))
            put(o, "\r", 1);
        if (in[i] == '.' && i > 0 && before == '\r')
            put(o, "\n", 1);
        put(o, in + i, 1);
        before = in[i];
    }
    if (before != '\n')
        put(o, "\r\n", 2);
}

/* A strict receiver (RFC 5321 4.5.2): only CRLF ends a line. Returns 0 when the end is not where it
 * should be. */
static int decode(const output *wire, output *o)
{
    size_t i = 0;

    o->len = 0;
    while (i < wire->len) {
        size_t end = i;

        while (end + 1 < wire->len && (wire->bytes[end] != '\r' || wire->bytes[end + 1] != '\n'))
            end++;
        if (end + 1 >= wire->len)
            return 0;
        if (wire->bytes[i] == '.' && end == i + 1)
            return end + 2 == wire->len;
        if (wire->bytes[i] == '.')
            i++;
        put(o, wire->bytes + i, end + 2 - i);
        i = end + 2;
    }
    return 0;
}

enum reading { READ_CR = 1, READ_LF = 2, READ_CRLF = 4, READINGS = 8 };

/* The length of the line end at i for a receiver that takes these for one; 0 when there is none. */
static size_t line_end(const output *wire, size_t i, int reading)
{
    char c = wire->bytes[i];

    if ((reading & READ_CRLF) && c == '\r' && i + 1 < wire->len && wire->bytes[i + 1] == '\n')
        return 2;
    return ((reading & READ_CR) && c == '\r') || ((reading & READ_LF) && c == '\n');
}

/* Whether no reading of the line ends shows a line of one dot before the end's own. */
static int no_early_end(const output *wire)
{
    int reading;

    for (reading = 1; reading < READINGS; reading++) {
        size_t start = 0, i = 0;

        while (i < wire->len) {
            size_t n = line_end(wire, i, reading);

            if (n > 0 && i == start + 1 && wire->bytes[start] == '.' && start != wire->len - 3)
                return 0;
            i += n > 0 ? n : 1;
            if (n > 0)
                start = i;
        }
    }
    return 1;
}

static int has_properties(const char *in, size_t len)
{
    output wire, cut, wanted, got;
    int way;

    if (!stuff(in, len, TAP_WHOLE, OUTPUT_MAX, EXPAND, &wire))
        return 0;
    normalise(in, len, &wanted);
    if (!decode(&wire, &got) || !same(&got, wanted.bytes, wanted.len) || !no_early_end(&wire))
        return 0;
    for (way = EXPAND; way < WAYS; way++) {
        if (!stuff(in, len, TAP_BYTES, MW_DOTSTUFF_GROWTH, (enum way)way, &cut) || !same(&cut, wire.bytes, wire.len))
            return 0;
        if (!stuff(in, len, TAP_RANDOM, caps[tap_random(COUNT(caps))], (enum way)way, &cut)
            || !same(&cut, wire.bytes, wire.len))
            return 0;
    }
    return 1;
}

static void show(const char *in, size_t len)
{
    size_t i;

    printf("#");
    for (i = 0; i < len; i++)
        printf(" %02x", (unsigned)(unsigned char)in[i]);
    putchar('\n');
}

static void test_every_short_string(void)
{
    static const char alphabet[] = { '\r', '\n', '.', 'a' };
    char in[7];
    size_t len, i;
    unsigned code;
    int ok;

    for (len = 0; len <= sizeof in; len++) {
        ok = 1;
        for (code = 0; ok && code < 1u << (2 * len); code++) {
            for (i = 0; i < len; i++)
                in[i] = alphabet[code >> (2 * i) & 3];
            ok = has_properties(in, len);
        }
        tap_ok(ok, "every string of length %u", (unsigned)len);
        if (!ok)
            show(in, len);
    }
}

/* Text with all that matters in it, thickly or thinly. */
static size_t random_text(char *in)
{
    static const char special[] = { '\r', '\n', '.', '\n', '\r' };
    size_t len = tap_random(INPUT_MAX + 1), i;
    uint32_t thin = 1 + tap_random(60);

    for (i = 0; i < len; i++)
        in[i] = tap_random(thin) ? (char)tap_random(256) : special[tap_random(sizeof special)];
    return len;
}

static void test_random_text(void)
{
    char in[INPUT_MAX];
    size_t len = 0;
    int round, ok = 1;

    for (round = 0; ok && round < 300; round++) {
        len = random_text(in);
        ok = has_properties(in, len);
    }
    tap_ok(ok, "random text");
    if (!ok)
        show(in, len);
}

static const struct {
    const char *name;
    const char *before;     /* expanded first, for the state */
    const char *in;
    size_t in_len;
    size_t clean;
} cleans[] = {
    { "nothing", "", BYTES(""), 0 },
    { "a text without lines", "", BYTES("abc"), 3 },
    { "CRLF lines", "", BYTES("a\r\nb\r\n\r\n"), 8 },
    { "up to a bare LF", "", BYTES("a\r\nb\nc"), 4 },
    { "up to a dot at a line's start", "", BYTES("a\r\n.b"), 3 },
    { "up to a dot behind a CR", "", BYTES("a\r.b"), 2 },
    { "a dot inside a line", "a", BYTES(".b"), 2 },
    { "a dot at the start", "", BYTES(".b"), 0 },
    { "a dot behind an LF", "a\n", BYTES(".b"), 0 },
    { "a dot behind a CR", "a\r", BYTES(".b"), 0 },
    { "an LF at the start", "", BYTES("\nb"), 0 },
    { "an LF inside a line", "a", BYTES("\nb"), 0 },
    { "an LF behind a CR", "a\r", BYTES("\nb"), 2 },
    { "a bare CR", "a", BYTES("\rb"), 2 },
    { "a CR at the end", "a", BYTES("b\r"), 2 },
};

static void test_clean(void)
{
    size_t i;

    for (i = 0; i < COUNT(cleans); i++) {
        mw_dotstuff d = { 0 };
        char *in = block_new(cleans[i].in, cleans[i].in_len);
        output o;

        o.len = 0;
        expand_piece(&d, cleans[i].before, strlen(cleans[i].before), OUTPUT_MAX, &o);
        tap_ok(mw_dotstuff_clean(&d, in, cleans[i].in_len) == cleans[i].clean, "clean: %s", cleans[i].name);
        free(in);
    }
}

/* The blocks that are looked at at once have edges: each defect at each place of a long clean text. */
static void test_block_edges(void)
{
    static const struct { const char *bytes; size_t len, at; } defects[] = {
        { "\n", 1, 0 }, { "a\n", 2, 1 }, { "\r.", 2, 1 }, { "\r\n.", 3, 2 }, { "\r\n\n", 3, 2 },
        { "\r\r\n\r\n.", 6, 5 }
    };
    char text[50];
    size_t i, place, len;

    for (i = 0; i < COUNT(defects); i++) {
        int ok = 1;

        for (len = defects[i].len + 1; len <= sizeof text; len++)
            for (place = 1; place + defects[i].len <= len; place++) {
                mw_dotstuff d = { 0 };
                char *in;

                memset(text, 'a', len);
                memcpy(text + place, defects[i].bytes, defects[i].len);
                in = block_new(text, len);
                ok = ok && mw_dotstuff_clean(&d, in, len) == place + defects[i].at
                    && has_properties(in, len);
                free(in);
            }
        tap_ok(ok, "a defect at each place, kind %u", (unsigned)i);
    }
}

static const struct {
    const char *name;
    const char *raw;
    const char *in;
    const char *expected;
} passes[] = {
    { "nothing", "", ".a", "..a\r\n.\r\n" },
    { "whole lines", "a\r\n", ".b\n", "..b\r\n.\r\n" },
    { "an unfinished line", "a", ".b\n", ".b\r\n.\r\n" },
    { "half a line end", "a\r", "\n.\n", "\n..\r\n.\r\n" },
    { "a CR, then a dot", "a\r", ".\n", "\n..\r\n.\r\n" },
    { "a bare LF, then a dot", "a\n", ".\n", "..\r\n.\r\n" },
    { "a bare LF, then a line", "a\n", "b\n", "b\r\n.\r\n" },
    { "stuffed dots", "..a\r\n..", "b\n", "b\r\n.\r\n" },
    { "lines and no more", "a\r\n", "", ".\r\n" },
    { "an unfinished line and no more", "a", "", "\r\n.\r\n" },
    { "a CR and no more", "a\r", "", "\r\n.\r\n" },
    { "a bare LF and no more: no CRLF is before the dot yet", "a\n", "", "\r\n.\r\n" },
    { "an LF alone and no more", "\n", "", "\r\n.\r\n" },
};

static void test_pass(void)
{
    size_t i;
    int cut;

    for (i = 0; i < COUNT(passes); i++) {
        int ok = 1;

        for (cut = TAP_WHOLE; cut <= TAP_CUTS; cut++) {
            const char *raw = passes[i].raw;
            char end[MW_DOTSTUFF_END_MAX];
            mw_dotstuff d = { 0 };
            output o;
            size_t used;

            for (o.len = 0; *raw != '\0';) {
                size_t n = tap_piece(cut, strlen(raw));

                mw_dotstuff_pass(&d, raw, n);
                raw += n;
            }
            mw_dotstuff_pass(&d, raw, 0);
            mw_dotstuff_expand(&d, raw, 0, end, sizeof end, &used);
            ok = ok && mw_dotstuff_clean(&d, raw, 0) == 0
                && expand_piece(&d, passes[i].in, strlen(passes[i].in), OUTPUT_MAX, &o);
            put(&o, end, mw_dotstuff_end(&d, end));
            ok = ok && same(&o, passes[i].expected, strlen(passes[i].expected));
        }
        tap_ok(ok, "pass: %s", passes[i].name);
    }
}

/* Output that is passed raw leaves the state where expanding it did. */
static void test_pass_of_output(void)
{
    char in[INPUT_MAX];
    int round, ok = 1;

    for (round = 0; ok && round < 1000; round++) {
        mw_dotstuff expanded = { 0 }, passed = { 0 };
        size_t len = random_text(in);
        output o;

        o.len = 0;
        ok = expand_piece(&expanded, in, len, OUTPUT_MAX, &o);
        mw_dotstuff_pass(&passed, o.bytes, o.len);
        ok = ok && expanded.state == passed.state;
    }
    tap_ok(ok, "pass: what was expanded");
}

static void test_end(void)
{
    mw_dotstuff d = { 0 };
    char end[MW_DOTSTUFF_END_MAX];
    size_t used;
    char out[8];

    mw_dotstuff_expand(&d, "a", 1, out, sizeof out, &used);
    tap_ok(mw_dotstuff_end(&d, end) == 5 && memcmp(end, "\r\n.\r\n", 5) == 0,
           "end: five bytes behind an unfinished line");
    tap_ok(mw_dotstuff_end(&d, end) == 3 && memcmp(end, ".\r\n", 3) == 0, "end: starts anew");
    tap_ok(mw_dotstuff_expand(&d, "", 0, out, sizeof out, &used) == 0 && used == 0,
           "nothing gives nothing");
}

int main(void)
{
    test_table();
    test_every_short_string();
    test_random_text();
    test_clean();
    test_block_edges();
    test_pass();
    test_pass_of_output();
    test_end();
    return tap_done();
}
