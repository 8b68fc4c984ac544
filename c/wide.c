/* wide.c - see wide.h.
 *
 * A stretch is stored as if nothing in it were changed. Then, for each changed byte, what comes before it is written, and
 * what follows is stored again, further on: storing some bytes twice costs less than finding out how many to store.
 */
#include "wide.h"

#ifdef MW_WIDE_BY_16

#include <stdint.h>
#include <string.h>

/* Functions for processors that have more, in a program for those that have not: gcc 8. */
#if defined(__x86_64__) && !defined(MW_WIDE_SSE2) && (defined(__clang__) ? __clang_major__ >= 8 : __GNUC__ >= 8)
#define HAS_WIDER
#include <immintrin.h>
#ifdef MW_WIDE_AVX2
#define HAS_AVX512 0
#else
#define HAS_AVX512 __builtin_cpu_supports("avx512bw")
#endif
#endif

#define STRETCH (MW_WIDE_MIN / 2)
#define STRETCH_GROWN (MW_WIDE_GROWTH * STRETCH)

/* Which bytes of a stretch are of a kind. */
typedef uint64_t find(const char *p);
typedef void copier(char *to, const char *from);

/* Writes what comes before a changed byte, of which the byte before it is given. Returns the length. */
typedef size_t put_before(char before, char c, char *out);

static inline size_t put_cr(char before, char c, char *out)
{
    (void)before, (void)c;
    out[0] = '\r';
    return 1;
}

/* What follows a changed byte is stored as long as a stretch: so there is one behind it to read. */
static inline __attribute__((always_inline))
size_t expand_stretches(find *find_changed, copier *copy, put_before *put, const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    size_t i, o = 0;

    for (i = 0; len - i >= 2 * STRETCH && cap - o >= STRETCH_GROWN + STRETCH; i += STRETCH, o += STRETCH) {
        uint64_t changed = find_changed(in + i);

        copy(out + o, in + i);
        for (; changed; changed &= changed - 1) {
            size_t at = (size_t)__builtin_ctzll(changed);
            const char *p = in + i + at;

            o += put(p[-1], p[0], out + o + at);
            copy(out + o + at, p);
        }
    }
    *used_r = i;
    return o;
}

/* How many bytes at the front of in are unchanged; up to the last stretch, if all are. */
static inline __attribute__((always_inline))
size_t clean_stretches(find *find_changed, const char *in, size_t len)
{
    size_t i;

    for (i = 0; len - i >= STRETCH; i += STRETCH) {
        uint64_t changed = find_changed(in + i);

        if (changed)
            return i + (size_t)__builtin_ctzll(changed);
    }
    return i;
}

static inline size_t count_bits(uint64_t bits)
{
    size_t count = 0;

    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

/* What is left behind the last stretch is the end of another one. */
static inline __attribute__((always_inline))
size_t count_stretches(find *find_bare, find *find_high, const char *in, size_t len, size_t *bare, uint64_t *high)
{
    size_t i;

    if (len < STRETCH)
        return 0;
    for (i = 0; len - i >= STRETCH; i += STRETCH) {
        *high |= find_high(in + i);
        *bare += count_bits(find_bare(in + i));
    }
    if (i < len) {
        *high |= find_high(in + len - STRETCH);
        *bare += count_bits(find_bare(in + len - STRETCH) >> (STRETCH - (len - i)));
    }
    return len;
}

/* The ways through the bytes, for one kind of processor. */
#define WAYS(target, by) \
    target static size_t expand_by_##by(const char *in, size_t len, char *out, size_t cap, size_t *used_r) \
    { \
        return expand_stretches(find_by_##by, copy_by_##by, mw_dotstuff_put_before, in, len, out, cap, used_r); \
    } \
    target static size_t clean_by_##by(const char *in, size_t len) \
    { \
        return clean_stretches(find_by_##by, in, len); \
    } \
    target static size_t expand_lines_by_##by(const char *in, size_t len, char *out, size_t cap, size_t *used_r) \
    { \
        return expand_stretches(bare_by_##by, copy_by_##by, put_cr, in, len, out, cap, used_r); \
    } \
    target static size_t count_by_##by(const char *in, size_t len, size_t *bare, uint64_t *high) \
    { \
        return count_stretches(bare_by_##by, high_by_##by, in, len, bare, high); \
    }

static inline uint64_t find_by_16(const char *p)
{
    uint64_t changed = 0;
    int i;

    for (i = 0; i < STRETCH; i += 16)
        changed |= (uint64_t)mw_dotstuff_changed_of_16(p + i) << i;
    return changed;
}

static inline uint64_t bare_by_16(const char *p)
{
    __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
    uint64_t bare = 0;
    int i;

    for (i = 0; i < STRETCH; i += 16) {
        __m128i here = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i before = _mm_loadu_si128((const __m128i *)(const void *)(p + i - 1));

        bare |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(before, cr), _mm_cmpeq_epi8(here, lf))) << i;
    }
    return bare;
}

static inline uint64_t high_by_16(const char *p)
{
    __m128i high = _mm_setzero_si128();
    int i;

    for (i = 0; i < STRETCH; i += 16)
        high = _mm_or_si128(high, _mm_loadu_si128((const __m128i *)(const void *)(p + i)));
    return (unsigned)_mm_movemask_epi8(high);
}

static inline void copy_by_16(char *to, const char *from)
{
    memcpy(to, from, STRETCH);
}

WAYS(, 16)

#ifdef HAS_WIDER

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw")))

AVX2 static inline uint64_t changed_of_32(const char *p)
{
    __m256i cr = _mm256_set1_epi8('\r'), lf = _mm256_set1_epi8('\n'), dot = _mm256_set1_epi8('.');
    __m256i here = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i before = _mm256_loadu_si256((const __m256i *)(const void *)(p - 1));
    __m256i cr_before = _mm256_cmpeq_epi8(before, cr);
    __m256i end_before = _mm256_or_si256(cr_before, _mm256_cmpeq_epi8(before, lf));
    __m256i bare_lf = _mm256_andnot_si256(cr_before, _mm256_cmpeq_epi8(here, lf));
    __m256i first_dot = _mm256_and_si256(end_before, _mm256_cmpeq_epi8(here, dot));

    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(bare_lf, first_dot));
}

AVX2 static inline uint64_t find_by_32(const char *p)
{
    return changed_of_32(p) | changed_of_32(p + 32) << 32;
}

AVX2 static inline uint64_t bare_of_32(const char *p)
{
    __m256i here = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i before = _mm256_loadu_si256((const __m256i *)(const void *)(p - 1));
    __m256i lf = _mm256_cmpeq_epi8(here, _mm256_set1_epi8('\n'));

    return (unsigned)_mm256_movemask_epi8(_mm256_andnot_si256(_mm256_cmpeq_epi8(before, _mm256_set1_epi8('\r')), lf));
}

AVX2 static inline uint64_t bare_by_32(const char *p)
{
    return bare_of_32(p) | bare_of_32(p + 32) << 32;
}

AVX2 static inline uint64_t high_by_32(const char *p)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));

    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(a, b));
}

AVX2 static inline void copy_by_32(char *to, const char *from)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)from);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(from + 32));

    _mm256_storeu_si256((__m256i *)(void *)to, a);
    _mm256_storeu_si256((__m256i *)(void *)(to + 32), b);
}

WAYS(AVX2, 32)

AVX512 static inline uint64_t find_by_64(const char *p)
{
    __m512i here = _mm512_loadu_si512(p), before = _mm512_loadu_si512(p - 1);
    uint64_t cr_before = _mm512_cmpeq_epi8_mask(before, _mm512_set1_epi8('\r'));
    uint64_t lf_before = _mm512_cmpeq_epi8_mask(before, _mm512_set1_epi8('\n'));
    uint64_t lf = _mm512_cmpeq_epi8_mask(here, _mm512_set1_epi8('\n'));
    uint64_t dot = _mm512_cmpeq_epi8_mask(here, _mm512_set1_epi8('.'));

    return (lf & ~cr_before) | (dot & (cr_before | lf_before));
}

AVX512 static inline uint64_t bare_by_64(const char *p)
{
    __m512i here = _mm512_loadu_si512(p), before = _mm512_loadu_si512(p - 1);

    return _mm512_cmpeq_epi8_mask(here, _mm512_set1_epi8('\n')) & ~_mm512_cmpeq_epi8_mask(before, _mm512_set1_epi8('\r'));
}

AVX512 static inline uint64_t high_by_64(const char *p)
{
    return _mm512_movepi8_mask(_mm512_loadu_si512(p));
}

AVX512 static inline void copy_by_64(char *to, const char *from)
{
    _mm512_storeu_si512(to, _mm512_loadu_si512(from));
}

WAYS(AVX512, 64)

#define WIDEST(way) \
    (HAS_AVX512 ? way##_by_64 : __builtin_cpu_supports("avx2") ? way##_by_32 : way##_by_16)

#else
#define WIDEST(way) way##_by_16
#endif

size_t mw_dotstuff_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    return WIDEST(expand)(in, len, out, cap, used_r);
}

size_t mw_dotstuff_clean_wide(const char *in, size_t len)
{
    return WIDEST(clean)(in, len);
}

size_t mw_crlf_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    return WIDEST(expand_lines)(in, len, out, cap, used_r);
}

size_t mw_crlf_count_wide(const char *in, size_t len, size_t *bare, int *eight_bit)
{
    uint64_t high = 0;
    size_t used = WIDEST(count)(in, len, bare, &high);

    *eight_bit |= high != 0;
    return used;
}

#else

size_t mw_dotstuff_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    (void)in, (void)len, (void)out, (void)cap;
    *used_r = 0;
    return 0;
}

size_t mw_dotstuff_clean_wide(const char *in, size_t len)
{
    (void)in, (void)len;
    return 0;
}

size_t mw_crlf_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    return mw_dotstuff_expand_wide(in, len, out, cap, used_r);
}

size_t mw_crlf_count_wide(const char *in, size_t len, size_t *bare, int *eight_bit)
{
    (void)in, (void)len, (void)bare, (void)eight_bit;
    return 0;
}

#endif
