/* fuzz_netstring.c - the netstring reader against one that has the whole input before it. */
#include "../c/error.h"
#include "../c/netstring.h"
#include "target.h"

#define LONGEST 300

/* What a read of the whole input comes to: strings and an error are the same however it is cut. */
typedef struct outcome {
    size_t strings, used;
    int error;
    uint64_t hash;
} outcome;

static uint64_t mix(uint64_t hash, mw_slice s)
{
    size_t i;

    for (i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.base[i]) * UINT64_C(0x100000001b3);
    return (hash ^ s.len) * UINT64_C(0x100000001b3) + 1;
}

/* One netstring at the front of in (cr.yp.to/proto/netstrings.txt). Returns its whole length and where its bytes are;
 * 0 when more is needed, or an error. */
static long reference_one(mw_slice in, mw_slice *bytes_r)
{
    size_t value = 0, i;

    for (i = 0; i < in.len && in.base[i] >= '0' && in.base[i] <= '9'; i++) {
        if (i > 0 && in.base[0] == '0')
            return MW_E_NETSTRING;
        value = value * 10 + (size_t)(in.base[i] - '0');
        if (value > LONGEST)
            return MW_E_NETSTRING_LIMIT;
    }
    if (i == in.len)
        return 0;
    if (i == 0 || in.base[i] != ':')
        return MW_E_NETSTRING;
    bytes_r->base = in.base + i + 1;
    bytes_r->len = value;
    if (in.len - (i + 1) <= value)
        return 0;
    return bytes_r->base[value] == ',' ? (long)(i + value + 2) : MW_E_NETSTRING;
}

static outcome reference(mw_slice in)
{
    outcome o = { 0, 0, 0, 0 };
    mw_slice bytes;
    long n;

    while ((n = reference_one(in, &bytes)) > 0) {
        o.strings++;
        o.hash = mix(o.hash, bytes);
        in.base += n;
        in.len -= (size_t)n;
    }
    o.error = (int)n;
    return o;
}

/* Feeds one piece to its end or an error. */
static void feed_piece(mw_netstring *n, const char *piece, size_t len, mw_buf *string, outcome *o)
{
    size_t at = 0, used;
    int rc = 0;

    while (at < len && rc >= 0) {
        rc = mw_netstring_feed(n, piece + at, len - at, &used, string);
        FUZZ_CHECK(used <= len - at && (rc != 0 || used == len - at));
        FUZZ_CHECK(mw_buf_len(string) <= LONGEST);
        at += used;
        if (rc == 1) {
            o->strings++;
            o->hash = mix(o->hash, mw_buf_view(string));
            mw_buf_clear(string);
        }
    }
    o->error = rc < 0 ? rc : 0;
}

/* Pieces lie at the end of a block, so that a sanitizer sees a step behind them. */
static outcome feed(const char *in, size_t len, int cut)
{
    mw_netstring reader = { LONGEST, 0, 0, 0 };
    outcome o = { 0, 0, 0, 0 };
    fuzz_memory memory;
    mw_buf string;
    size_t n, used, left = len;
    char *block = fuzz_block(in, len);

    mw_buf_init(&string, fuzz_memory_init(&memory, 16 * LONGEST));
    for (; left && !o.error; left -= n, in += n) {
        n = tap_piece(cut, left);
        memcpy(block + len - n, in, n);
        feed_piece(&reader, block + len - n, n, &string, &o);
    }
    free(block);
    if (o.error) {
        FUZZ_CHECK(mw_netstring_feed(&reader, "0:,", 3, &used, &string) == MW_E_NETSTRING);
        FUZZ_CHECK(used == 0);
    }
    mw_buf_free(&string);
    fuzz_memory_end(&memory);
    return o;
}

/* The head of any length is read back by the C library as that length. */
static void check_head(const uint8_t *data, size_t size)
{
    char head[MW_NETSTRING_HEAD_MAX + 1];
    uint64_t length = 0;
    char *end;
    size_t n;

    memcpy(&length, data, size < sizeof length ? size : sizeof length);
    n = mw_netstring_head(head, length);
    FUZZ_CHECK(n >= 2 && n <= MW_NETSTRING_HEAD_MAX);
    head[n] = '\0';
    FUZZ_CHECK(strtoull(head, &end, 10) == length && end == head + n - 1 && *end == ':');
    FUZZ_CHECK(head[0] != '0' || n == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mw_slice in;
    outcome wanted;
    int cut;

    in.base = (const char *)data;
    in.len = size;
    wanted = reference(in);
    fuzz_seed(data, size);
    for (cut = TAP_WHOLE; cut <= TAP_RANDOM; cut++) {
        outcome o = feed(in.base, size, cut);

        FUZZ_CHECK(o.strings == wanted.strings && o.error == wanted.error && o.hash == wanted.hash);
    }
    if (size)
        check_head(data, size);
    return 0;
}
