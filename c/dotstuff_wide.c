/* dotstuff_wide.c - see dotstuff_wide.h.
 *
 * A stretch is stored as if nothing in it were changed. Then, for each changed byte, what comes before it is written, and
 * what follows is stored again, further on: storing some bytes twice costs less than finding out how many to store.
 */
#include "dotstuff_wide.h"

#ifdef MW_DOTSTUFF_BY_16

#include <stdint.h>
#include <string.h>
#include "dotstuff.h"

/* Functions for processors that have more, in a program for those that have not: gcc 8. */
#if defined(__x86_64__) && !defined(MW_DOTSTUFF_SSE2) && (defined(__clang__) ? __clang_major__ >= 8 : __GNUC__ >= 8)
#define HAS_WIDER
#include <immintrin.h>
#ifdef MW_DOTSTUFF_AVX2
#define HAS_AVX512 0
#else
#define HAS_AVX512 __builtin_cpu_supports("avx512bw")
#endif
#endif

#define STRETCH (MW_DOTSTUFF_WIDE_MIN / 2)
#define STRETCH_GROWN (MW_DOTSTUFF_GROWTH * STRETCH)

/* Which bytes of a stretch are changed. */
typedef uint64_t find(const char *p);
typedef void copier(char *to, const char *from);

/* What follows a changed byte is stored as long as a stretch: so there is one behind it to read. */
static inline __attribute__((always_inline))
size_t expand_stretches(find *find_changed, copier *copy, const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    size_t i, o = 0;

    for (i = 0; len - i >= 2 * STRETCH && cap - o >= STRETCH_GROWN + STRETCH; i += STRETCH, o += STRETCH) {
        uint64_t changed = find_changed(in + i);

        copy(out + o, in + i);
        for (; changed; changed &= changed - 1) {
            size_t at = (size_t)__builtin_ctzll(changed);
            const char *p = in + i + at;

            o += mw_dotstuff_put_before(p[-1], p[0], out + o + at);
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

/* The two ways through the bytes, for one kind of processor. */
#define WAYS(target, by) \
    target static size_t expand_by_##by(const char *in, size_t len, char *out, size_t cap, size_t *used_r) \
    { \
        return expand_stretches(find_by_##by, copy_by_##by, in, len, out, cap, used_r); \
    } \
    target static size_t clean_by_##by(const char *in, size_t len) \
    { \
        return clean_stretches(find_by_##by, in, len); \
    }

static inline uint64_t find_by_16(const char *p)
{
    uint64_t changed = 0;
    int i;

    for (i = 0; i < STRETCH; i += 16)
        changed |= (uint64_t)mw_dotstuff_changed_of_16(p + i) << i;
    return changed;
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

#endif
