/* wide.h - the ways of dotstuff.c and crlf.c through many bytes at once. Private to the three.
 *
 * For tests: MW_WIDE_AVX2, MW_WIDE_SSE2 and MW_WIDE_PORTABLE keep them from more than that, and the last one from all.
 */
#ifndef MW_WIDE_H
#define MW_WIDE_H

#include <stddef.h>

#if defined(__SSE2__) && defined(__GNUC__) && !defined(MW_WIDE_PORTABLE)
#define MW_WIDE_BY_16

#include <emmintrin.h>

/* Which of the 16 bytes at p are changed, p[-1] being readable: a bit each, the lowest for the first. */
static inline unsigned mw_dotstuff_changed_of_16(const char *p)
{
    __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), dot = _mm_set1_epi8('.');
    __m128i here = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i before = _mm_loadu_si128((const __m128i *)(const void *)(p - 1));
    __m128i cr_before = _mm_cmpeq_epi8(before, cr);
    __m128i end_before = _mm_or_si128(cr_before, _mm_cmpeq_epi8(before, lf));
    __m128i bare_lf = _mm_andnot_si128(cr_before, _mm_cmpeq_epi8(here, lf));
    __m128i first_dot = _mm_and_si128(end_before, _mm_cmpeq_epi8(here, dot));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(bare_lf, first_dot));
}

#endif

/* Writes what comes before a changed byte c, of which the byte before it is given: at most two. Returns the length. */
static inline size_t mw_dotstuff_put_before(char before, char c, char *out)
{
    if (c == '\n') {
        out[0] = '\r';
        return 1;
    }
    if (before != '\r') {
        out[0] = '.';
        return 1;
    }
    out[0] = '\n';
    out[1] = '.';
    return 2;
}

/* The most that one byte becomes: itself, and what comes before it. */
#define MW_WIDE_GROWTH 3

/* With less input there is no step. */
#define MW_WIDE_MIN 128

/* Expands the front of in, in[-1] being readable, in steps of its own size: returns how many bytes were written, in
 * *used_r how many were read. Both 0 when in or out are too small for a step, or there are no wide instructions. */
size_t mw_dotstuff_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r);

/* How many bytes at the front of in, in[-1] being readable, are unchanged: up to the first changed one, or to where what is left is too
 * small for a step. */
size_t mw_dotstuff_clean_wide(const char *in, size_t len);

/* The same as mw_dotstuff_expand_wide, for line ends alone. */
size_t mw_crlf_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r);

/* Adds the bare LFs of in, in[-1] being readable, to *bare, and sets *eight_bit when a byte of it is above 0x7F. Returns len; 0 when in is
 * too small for a step, or there are no wide instructions. */
size_t mw_crlf_count_wide(const char *in, size_t len, size_t *bare, int *eight_bit);

#endif
