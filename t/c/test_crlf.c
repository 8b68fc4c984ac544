/* test_crlf.c - line ends for BDAT, against what a byte at a time makes of them: every short string, line ends at every place of a block,
 * random text. */
#include "../../c/crlf.h"
#include "tap.h"

#define INPUT_MAX 600
#define OUTPUT_MAX (2 * INPUT_MAX + 2)

/* What should become of the bytes. */
static size_t right(const char *in, size_t len, char *out, int *eight_bit)
{
    size_t i, o = 0;

    *eight_bit = 0;
    for (i = 0; i < len; i++) {
        if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
            out[o++] = '\r';
        out[o++] = in[i];
        *eight_bit |= (in[i] & 0x80) != 0;
    }
    return o;
}

/* In pieces, each into blocks of cap bytes. */
static size_t expanded(const char *in, size_t len, int cut, size_t cap, char *out)
{
    char *block = malloc(cap);
    size_t i, n, used, total = 0, written;
    int after_cr = 0;

    if (!block)
        exit(1);
    for (i = 0; i < len; i += n) {
        char *piece = block_new(in + i, n = tap_piece(cut, len - i));
        size_t at = 0;

        do {
            written = mw_crlf_expand(&after_cr, piece + at, n - at, block, cap, &used);
            memcpy(out + total, block, written <= cap ? written : 0);
            total += written;
            at += used;
        } while (used && at < n);
        free(piece);
    }
    free(block);
    return total;
}

static int is_right(const char *in, size_t len)
{
    static const size_t caps[] = { 2, 250, OUTPUT_MAX };
    char wanted[OUTPUT_MAX], got[2 * OUTPUT_MAX];
    char *copy = calloc(len + !len, 1);
    int eight_bit, found, cut, ok;
    size_t n = right(in, len, wanted, &eight_bit), c;

    if (!copy)
        exit(1);
    memcpy(copy, in, len);
    ok = mw_crlf_size(copy, len, &found) == n + (mw_crlf_open(copy, len) ? 2 : 0) && !found == !eight_bit;
    for (cut = 0; cut < TAP_CUTS; cut++)
        for (c = 0; c < COUNT(caps); c++)
            ok &= expanded(copy, len, cut, caps[c], got) == n && memcmp(got, wanted, n) == 0;
    free(copy);
    return ok;
}

static void test_every_short_string(void)
{
    static const char bytes[] = { 'a', '\r', '\n', '.', '\x80' };
    char in[5];
    size_t len, i, number, all, wrong = 0;

    for (len = 0, all = 1; len <= sizeof in; len++, all *= sizeof bytes)
        for (number = 0; number < all; number++) {
            size_t rest = number;

            for (i = 0; i < len; i++, rest /= sizeof bytes)
                in[i] = bytes[rest % sizeof bytes];
            wrong += !is_right(in, len);
        }
    tap_ok(!wrong, "every string of up to 5 bytes");
}

/* Each of these at every place of a block that is wider than any step. */
static void test_block_edges(void)
{
    static const char *const marks[] = { "\n", "\r\n", "\r", "\n\n", "\r\r\n", "\n\r", ".\n.", "\x80", "\n\xff\n" };
    char in[270];
    size_t i, at, wrong = 0;

    for (i = 0; i < COUNT(marks); i++)
        for (at = 0; at + strlen(marks[i]) <= sizeof in; at++) {
            memset(in, 'x', sizeof in);
            memcpy(in + at, marks[i], strlen(marks[i]));
            wrong += !is_right(in, sizeof in);
        }
    tap_ok(!wrong, "a line end, and a byte above 0x7F, at every place");
}

static void test_random_text(void)
{
    static const char bytes[] = "aaaaaaaaaaaaaaaaaa\r\n\n.";
    char in[INPUT_MAX];
    size_t i, len, wrong = 0;
    int run;

    for (run = 0; run < 300; run++) {
        len = tap_random(INPUT_MAX + 1);
        for (i = 0; i < len; i++)
            in[i] = bytes[tap_random(run % 2 ? sizeof bytes - 1 : 5 + tap_random(sizeof bytes - 6))];
        wrong += !is_right(in, len);
    }
    tap_ok(!wrong, "random text");
}

static void test_clean(void)
{
    int after_cr = 0;

    tap_ok(mw_crlf_clean(&after_cr, BYTES("a\r\nb\r")) && mw_crlf_clean(&after_cr, BYTES("\nc\r\n")), "a CRLF in two blocks is whole");
    tap_ok(!mw_crlf_clean(&after_cr, BYTES("\n")), "a bare LF is found");
}

int main(void)
{
    test_every_short_string();
    test_block_edges();
    test_random_text();
    test_clean();
    return tap_done();
}
