/* dotstuff_wide.h - what dotstuff.c and its way of many bytes at once share. Private to the two.
 *
 * For tests: MW_DOTSTUFF_AVX2, MW_DOTSTUFF_SSE2 and MW_DOTSTUFF_PORTABLE keep them from more than that, and the last one from all.
 */
#ifndef MW_DOTSTUFF_WIDE_H
#define MW_DOTSTUFF_WIDE_H

#include <stddef.h>

#if defined(__SSE2__) && defined(__GNUC__) && !defined(MW_DOTSTUFF_PORTABLE)
#define MW_DOTSTUFF_BY_16

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

/* With less input there is no step. */
#define MW_DOTSTUFF_WIDE_MIN 128

/* Expands the front of in, in[-1] being readable, in steps of its own size: returns how many bytes were written, in
 * *used_r how many were read. Both 0 when in or out are too small for a step, or there are no wide instructions. */
size_t mw_dotstuff_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r);

/* How many bytes at the front of in, in[-1] being readable, are unchanged: up to the first changed one, or to where what is left is too
 * small for a step. */
size_t mw_dotstuff_clean_wide(const char *in, size_t len);

#endif
