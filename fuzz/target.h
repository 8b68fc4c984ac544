/* target.h - what the fuzz targets share: a check that ends the program, an allocator with a limit, pieces of
 * the input, and a main() that replays files where libFuzzer brings none of its own (see replay.h).
 *
 * A target is a function of its input alone: random cuts come from a generator seeded with the input.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../c/buf.h"
#include "../t/c/failing.h"
#include "../t/c/tap.h"

/* libFuzzer's name for the target. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property: when it does not hold the program ends, which is what libFuzzer takes for a find. NDEBUG does not
 * switch it off. */
#define FUZZ_CHECK(ok) ((ok) ? (void)0 : fuzz_failed(#ok, __FILE__, __LINE__))

static inline void fuzz_failed(const char *property, const char *file, int line)
{
    fflush(stdout);
    fprintf(stderr, "property failed: %s, %s line %d\n", property, file, line);
    abort();
}

/* ---- memory */

typedef struct fuzz_memory {
    failing counter;
    size_t most;        /* bytes that may be live at once */
} fuzz_memory;

static inline void *fuzz_resize(void *ctx, void *block, size_t size)
{
    fuzz_memory *m = ctx;

    FUZZ_CHECK(size <= m->most && m->counter.bytes <= m->most);
    return failing_resize(&m->counter, block, size);
}

static inline void fuzz_release(void *ctx, void *block)
{
    fuzz_memory *m = ctx;

    failing_release(&m->counter, block);
}

/* An allocator that takes more than most live bytes for a find. */
static inline const mw_alloc *fuzz_memory_init(fuzz_memory *m, size_t most)
{
    failing_init(&m->counter, 0);
    m->counter.table.ctx = m;
    m->counter.table.resize = fuzz_resize;
    m->counter.table.release = fuzz_release;
    m->most = most;
    return &m->counter.table;
}

/* The n-th allocation from now fails, once. */
static inline void fuzz_memory_fail(fuzz_memory *m, long n)
{
    m->counter.fail_at = m->counter.calls + n;
}

static inline int fuzz_memory_has_failed(const fuzz_memory *m)
{
    return m->counter.fail_at > 0 && m->counter.calls >= m->counter.fail_at;
}

/* Nothing is live any more. */
static inline void fuzz_memory_end(const fuzz_memory *m)
{
    FUZZ_CHECK(m->counter.blocks == 0 && m->counter.bytes == 0);
}

/* ---- input */

/* Seeds tap_random and tap_piece with the input. */
static inline void fuzz_seed(const uint8_t *data, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t i;

    for (i = 0; i < size; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    tap_seed = hash ? hash : 1;
}

/* Takes what is before the next end byte off the front of in, the end byte dropped. 1, or 0 when in is empty. */
static inline int fuzz_field(mw_slice *in, char end, mw_slice *field_r)
{
    const char *at;

    if (!in->len)
        return 0;
    at = memchr(in->base, end, in->len);
    field_r->base = in->base;
    field_r->len = at ? (size_t)(at - in->base) : in->len;
    in->base += field_r->len + (at != NULL);
    in->len -= field_r->len + (at != NULL);
    return 1;
}

/* The decimal number that s begins with, at most most; otherwise when there is none. */
static inline size_t fuzz_number(mw_slice s, size_t most, size_t otherwise)
{
    size_t n = 0, i;

    for (i = 0; i < s.len && s.base[i] >= '0' && s.base[i] <= '9'; i++)
        n = n * 10 + (size_t)(s.base[i] - '0') > most ? most : n * 10 + (size_t)(s.base[i] - '0');
    return i ? n : otherwise;
}

/* A block of exactly n bytes, so that a sanitizer sees a step beside it. */
static inline char *fuzz_block(const void *bytes, size_t n)
{
    char *block = malloc(n ? n : 1);

    if (!block)
        exit(1);
    if (n)
        memcpy(block, bytes, n);
    return block;
}

#ifndef MW_FUZZ_LIBFUZZER
#include "replay.h"
#endif

#endif
