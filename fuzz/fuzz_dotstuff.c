/* fuzz_dotstuff.c - line ends and dots. The input is a message's content. */
#include "../c/dotstuff.h"
#include "target.h"

/* How much more than the least there may be room for at a time: too little for many bytes at once, or enough. */
#define CAP_EXTRA 40
#define CAP_EXTRA_WIDE 700

typedef struct output {
    char *bytes;
    size_t len;
} output;

static output output_new(size_t input_len)
{
    output o = { malloc(MW_DOTSTUFF_GROWTH * input_len + MW_DOTSTUFF_END_MAX), 0 };

    if (!o.bytes)
        exit(1);
    return o;
}

/* One piece, through an output buffer of cap bytes; with clean, the clean stretches are lent first. */
static void stuff_piece(mw_dotstuff *d, const char *piece, size_t len, size_t cap, int clean, output *o)
{
    char out[MW_DOTSTUFF_GROWTH + CAP_EXTRA_WIDE];
    size_t i = 0, used, n;

    while (i < len) {
        used = clean ? mw_dotstuff_clean(d, piece + i, len - i) : 0;
        FUZZ_CHECK(used <= len - i);
        memcpy(o->bytes + o->len, piece + i, used);
        o->len += used;
        i += used;
        if (i == len)
            break;
        n = mw_dotstuff_expand(d, piece + i, clean ? 1 : len - i, out + sizeof out - cap, cap, &used);
        FUZZ_CHECK(n <= cap && used > 0 && used <= len - i);
        memcpy(o->bytes + o->len, out + sizeof out - cap, n);
        o->len += n;
        i += used;
    }
}

static size_t random_cap(void)
{
    return MW_DOTSTUFF_GROWTH + tap_random(1 + (tap_random(2) ? CAP_EXTRA_WIDE : CAP_EXTRA));
}

/* The whole content and its end. Pieces and output lie at the ends of their blocks, so that a sanitizer sees a step
 * behind them. */
static output stuff(const char *in, size_t len, int cut, int clean)
{
    output o = output_new(len);
    char *block = fuzz_block(in, len), *piece;
    mw_dotstuff d = { 0 };
    size_t n, left;

    for (left = len; left; left -= n, in += n) {
        n = tap_piece(cut, left);
        piece = block + len - n;
        memcpy(piece, in, n);
        stuff_piece(&d, piece, n, random_cap(), clean, &o);
    }
    free(block);
    o.len += mw_dotstuff_end(&d, o.bytes + o.len);
    return o;
}

/* What the input means, written down byte by byte: a bare LF and a CR before a dot are CRLF, and a last line
 * without an end gets one. */
static output normalise(const char *in, size_t len)
{
    output o = output_new(len);
    size_t i;

    for (i = 0; i < len; i++) {
        if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
            o.bytes[o.len++] = '\r';
        if (in[i] == '.' && i > 0 && in[i - 1] == '\r')
            o.bytes[o.len++] = '\n';
        o.bytes[o.len++] = in[i];
    }
    if (len > 0 && in[len - 1] != '\n') {
        o.bytes[o.len++] = '\r';
        o.bytes[o.len++] = '\n';
    }
    return o;
}

/* A server as RFC 5321 4.5.2 has it: lines end in CRLF, a leading dot goes, a line of one dot ends it. Decodes in
 * place; returns whether the end was the last byte. */
static int unstuff(output *o)
{
    size_t i = 0, to = 0, end;

    while (i < o->len) {
        for (end = i + 1; end < o->len && !(o->bytes[end - 1] == '\r' && o->bytes[end] == '\n');)
            end++;
        if (end >= o->len)
            return 0;
        if (o->bytes[i] == '.' && ++i == end - 1) {
            o->len = to;
            return end + 1 == i + 2;
        }
        memmove(o->bytes + to, o->bytes + i, end + 1 - i);
        to += end + 1 - i;
        i = end + 1;
    }
    return 0;
}

/* Line ends that some server may take: each alone, in pairs, and all of them. */
enum reading { TAKES_CR = 1, TAKES_LF = 2, TAKES_CRLF = 4, READINGS = 8 };

/* The length of the line end at i under that reading; 0 for none. */
static size_t line_end(const output *o, size_t i, int reading)
{
    char c = o->bytes[i];

    if ((reading & TAKES_CRLF) && c == '\r' && i + 1 < o->len && o->bytes[i + 1] == '\n')
        return 2;
    return (c == '\r' && (reading & TAKES_CR)) || (c == '\n' && (reading & TAKES_LF));
}

/* No line is one dot before the real end, which is the last three bytes. */
static void check_smuggling(const output *o, int reading)
{
    size_t end = o->len - 3, i = 0, n;
    int starts = 1;

    while (i < end) {
        n = line_end(o, i, reading);
        if (starts && o->bytes[i] == '.' && i + 1 < end)
            FUZZ_CHECK(line_end(o, i + 1, reading) == 0);
        starts = n > 0;
        i += n ? n : 1;
    }
}

/* The same line ends, taken however they are mixed. */
static void check_smuggling_mixed(const output *o)
{
    size_t end = o->len - 3, i;

    for (i = 0; i + 1 < end; i++)
        if (o->bytes[i] == '.' && (i == 0 || o->bytes[i - 1] == '\r' || o->bytes[i - 1] == '\n'))
            FUZZ_CHECK(o->bytes[i + 1] != '\r' && o->bytes[i + 1] != '\n');
}

/* What has been stuffed leaves the same state behind when it is passed. */
static void check_pass(const output *whole)
{
    char end[MW_DOTSTUFF_END_MAX];
    mw_dotstuff d = { 0 };
    size_t left = whole->len - 3, n;
    const char *at = whole->bytes;

    for (; left; left -= n, at += n) {
        n = tap_piece(TAP_RANDOM, left);
        mw_dotstuff_pass(&d, at, n);
    }
    FUZZ_CHECK(mw_dotstuff_end(&d, end) == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data;
    output whole = stuff(in, size, TAP_WHOLE, 0), meant = normalise(in, size);
    int cut, reading;

    fuzz_seed(data, size);
    for (cut = TAP_WHOLE; cut <= TAP_RANDOM; cut++) {
        output cut_up = stuff(in, size, cut, cut & 1);

        FUZZ_CHECK(cut_up.len == whole.len && memcmp(cut_up.bytes, whole.bytes, whole.len) == 0);
        free(cut_up.bytes);
    }
    FUZZ_CHECK(whole.len >= 3 && memcmp(whole.bytes + whole.len - 3, ".\r\n", 3) == 0);
    for (reading = 1; reading < READINGS; reading++)
        check_smuggling(&whole, reading);
    check_smuggling_mixed(&whole);
    check_pass(&whole);
    FUZZ_CHECK(unstuff(&whole) && whole.len == meant.len && memcmp(whole.bytes, meant.bytes, meant.len) == 0);
    free(whole.bytes);
    free(meant.bytes);
    return 0;
}
