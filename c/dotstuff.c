/* dotstuff.c - see dotstuff.h.
 *
 * Whether a byte goes out unchanged depends on it and on the byte before it only:
 *
 *   LF     is changed unless it follows a CR
 *   "."    is changed when it follows a CR or LF, or is the very first byte
 *
 * So a state is no more than a stand-in for the byte before the first one of a call, and whole
 * blocks can be tested at once: the block, and the same block one byte earlier.
 *
 * Why no line of one dot can appear: a dot that follows a line end of any kind leaves as two, and
 * one that leaves alone follows neither CR nor LF.
 */
#include "dotstuff.h"
#include "wide.h"

#include <stdint.h>
#include <string.h>

enum {
    LINE_START,
    INSIDE,
    AFTER_CR,
    AFTER_BARE_LF       /* raw bytes only: a dot is doubled, but the end still needs its CRLF */
};

static const char byte_before[] = { '\n', 'a', '\r', '\n' };

static unsigned char state_behind(char last)
{
    return last == '\n' ? LINE_START : last == '\r' ? AFTER_CR : INSIDE;
}

static int is_changed(char before, char c)
{
    if (c == '\n')
        return before != '\r';
    return c == '.' && (before == '\n' || before == '\r');
}

/* block_changed: which of the BLOCK bytes at p are changed, p[-1] being readable: 0 for none.
 * block_first: the place of the first of them. */
#ifdef MW_WIDE_BY_16

#define BLOCK 16

typedef unsigned block_mask;

static block_mask block_changed(const char *p)
{
    return mw_dotstuff_changed_of_16(p);
}

static size_t block_first(block_mask changed, const char *p)
{
    (void)p;
    return (size_t)__builtin_ctz(changed);
}

#else

#define BLOCK 8

typedef uint64_t block_mask;

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (unsigned char)(c))

/* 0x80 in each byte of word that equals c, 0 in the others. */
static uint64_t bytes_equal(uint64_t word, char c)
{
    uint64_t low = EACH_BYTE(0x7f), x = word ^ EACH_BYTE(c);

    return ~(((x & low) + low) | x | low);
}

static block_mask block_changed(const char *p)
{
    uint64_t here, before, cr_before, end_before;

    memcpy(&here, p, BLOCK);
    memcpy(&before, p - 1, BLOCK);
    cr_before = bytes_equal(before, '\r');
    end_before = cr_before | bytes_equal(before, '\n');
    return (bytes_equal(here, '\n') & ~cr_before) | (bytes_equal(here, '.') & end_before);
}

/* Which end of the mask comes first depends on the machine; the bytes themselves don't. */
static size_t block_first(block_mask changed, const char *p)
{
    size_t i = 0;

    (void)changed;
    while (i < BLOCK - 1 && !is_changed(p[i - 1], p[i]))
        i++;
    return i;
}

#endif

/* How many bytes from in go out unchanged, given that the first does. */
static size_t scan_clean(const char *in, size_t len)
{
    size_t i = 1 + mw_dotstuff_clean_wide(in + 1, len - 1);

    for (; len - i >= BLOCK; i += BLOCK) {
        block_mask changed = block_changed(in + i);

        if (changed)
            return i + block_first(changed, in + i);
    }
    while (i < len && !is_changed(in[i - 1], in[i]))
        i++;
    return i;
}

/* The same, and copies them. Blocks are stored whole before they are judged: what is behind the
 * first changed byte will be written over, and lies within len. */
static size_t copy_clean(const char *in, size_t len, char *out)
{
    size_t i = 1;

    out[0] = in[0];
    for (; len - i >= BLOCK; i += BLOCK) {
        block_mask changed = block_changed(in + i);

        memcpy(out + i, in + i, BLOCK);
        if (changed)
            return i + block_first(changed, in + i);
    }
    for (; i < len && !is_changed(in[i - 1], in[i]); i++)
        out[i] = in[i];
    return i;
}

size_t mw_dotstuff_clean(mw_dotstuff *d, const char *in, size_t len)
{
    size_t n;

    if (len == 0 || is_changed(byte_before[d->state], in[0]))
        return 0;
    n = scan_clean(in, len);
    d->state = state_behind(in[n - 1]);
    return n;
}

/* Up to the next changed byte, or that byte: of one at least. The first byte has the given one before it. */
static size_t expand_some(char before, const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    size_t n;

    if (!is_changed(before, in[0])) {
        *used_r = copy_clean(in, len < cap ? len : cap, out);
        return *used_r;
    }
    *used_r = 0;
    if (cap < MW_DOTSTUFF_GROWTH)
        return 0;
    n = mw_dotstuff_put_before(before, in[0], out);
    out[n] = in[0];
    *used_r = 1;
    return n + 1;
}

size_t mw_dotstuff_expand(mw_dotstuff *d, const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    char before = byte_before[d->state];
    size_t i = 0, o = 0, used;

    while (i < len && o < cap) {
        o += expand_some(before, in + i, len - i, out + o, cap - o, &used);
        if (!used)
            break;
        i += used;
        if (len - i >= MW_WIDE_MIN) {
            o += mw_dotstuff_expand_wide(in + i, len - i, out + o, cap - o, &used);
            i += used;
        }
        before = in[i - 1];
    }
    if (i > 0)
        d->state = state_behind(before);
    *used_r = i;
    return o;
}

void mw_dotstuff_pass(mw_dotstuff *d, const char *in, size_t len)
{
    char before;

    if (len == 0)
        return;
    before = len > 1 ? in[len - 2] : byte_before[d->state];
    d->state = state_behind(in[len - 1]);
    if (d->state == LINE_START && before != '\r')
        d->state = AFTER_BARE_LF;
}

size_t mw_dotstuff_end(mw_dotstuff *d, char out[MW_DOTSTUFF_END_MAX])
{
    static const char end[] = { '\r', '\n', '.', '\r', '\n' };
    size_t skip = d->state == LINE_START ? 2 : 0;

    memcpy(out, end + skip, sizeof end - skip);
    d->state = LINE_START;
    return sizeof end - skip;
}
