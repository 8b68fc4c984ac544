/* failing.h - an allocator that fails when it is told to, counts what is live, and moves every
 * block that it resizes, so that a pointer kept over a resize is found by the sanitizer. */
#ifndef FAILING_H
#define FAILING_H

#include <stdlib.h>
#include <string.h>
#include "../../c/alloc.h"
#include "tap.h"

typedef struct failing {
    mw_alloc table;     /* hand out &failing.table */
    long calls;         /* allocations and resizes asked for */
    long fail_at;       /* the one that fails, from 1; 0: none */
    long blocks;        /* live ones */
    size_t bytes;       /* in live ones */
} failing;

/* A block larger than this is refused without asking the system: sanitizers end the program for
 * absurd sizes, and tests ask for them. */
#define FAILING_LARGEST ((size_t)1 << 28)

/* In front of each block; aligned for anything. */
typedef union failing_head {
    size_t size;
    long double align_number;
    void *align_pointer;
    char pad[16];
} failing_head;

static inline void failing_release(void *ctx, void *block)
{
    failing *f = ctx;
    failing_head *head = block;

    if (!block)
        return;
    f->blocks--;
    f->bytes -= head[-1].size;
    free(head - 1);
}

static inline void *failing_resize(void *ctx, void *block, size_t size)
{
    failing *f = ctx;
    failing_head *old = block;
    failing_head *made;

    if (++f->calls == f->fail_at || size > FAILING_LARGEST)
        return NULL;
    made = malloc(sizeof *made + size);
    if (!made)
        return NULL;
    made->size = size;
    if (old)
        memcpy(made + 1, old, old[-1].size < size ? old[-1].size : size);
    failing_release(f, old);
    f->blocks++;
    f->bytes += size;
    return made + 1;
}

/* fail_at is 0 for an allocator that only counts. */
static inline void failing_init(failing *f, long fail_at)
{
    memset(f, 0, sizeof *f);
    f->table.ctx = f;
    f->table.resize = failing_resize;
    f->table.release = failing_release;
    f->fail_at = fail_at;
}

/* The next one fails. */
static inline void failing_next(failing *f)
{
    f->fail_at = f->calls + 1;
}

/* More allocations than any run makes: stops a run that asks for ever. */
#define FAILING_MOST 100000

/* Runs run once for each allocation that it makes, failing that one, and once with none failing.
 * run makes its objects with a, frees them, and returns whether they were consistent all the way.
 * One test point. */
static inline void failing_every(const char *name, int (*run)(const mw_alloc *a))
{
    failing f;
    long n = 0;
    int ok;

    do {
        failing_init(&f, ++n);
        ok = run(&f.table) && f.blocks == 0 && f.bytes == 0;
    } while (ok && f.calls >= n && n < FAILING_MOST);
    tap_ok(ok && n > 1 && n < FAILING_MOST, "%s: each of %ld allocations fails in turn", name, n - 1);
    if (!ok)
        printf("#   allocation %ld of %ld failed; %ld blocks live\n", n, f.calls, f.blocks);
}

/* Whether the allocation that was to fail has failed by now. */
static inline int failing_has_failed(const mw_alloc *a)
{
    const failing *f = a->ctx;

    return f->fail_at > 0 && f->calls >= f->fail_at;
}

#endif
