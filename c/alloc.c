/* alloc.c - the C library's memory behind the table, and growing arrays on any table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "alloc.h"
#include "error.h"

/* The first array is at least this long: one item, then two, then four would be three allocations
 * where one does. */
#define FIRST_ITEMS 8

static void *default_resize(void *ctx, void *block, size_t size)
{
    (void)ctx;
    return realloc(block, size);
}

static void default_release(void *ctx, void *block)
{
    (void)ctx;
    free(block);
}

const mw_alloc *mw_alloc_default(void)
{
    static const mw_alloc table = { NULL, default_resize, default_release };

    return &table;
}

void *mw_alloc_zeroed(const mw_alloc *a, size_t size)
{
    void *block = a->resize(a->ctx, NULL, size);

    if (block)
        memset(block, 0, size);
    return block;
}

/* Twice the capacity, or need when that is more; most is what can be counted in bytes. */
static size_t next_cap(size_t cap, size_t need, size_t most)
{
    size_t next = cap > most / 2 ? most : cap * 2;

    if (next < FIRST_ITEMS && FIRST_ITEMS <= most)
        next = FIRST_ITEMS;
    return next < need ? need : next;
}

int mw_alloc_grow(const mw_alloc *a, void **block, size_t *cap, size_t need, size_t item)
{
    size_t most = SIZE_MAX / item;
    size_t next;
    void *grown;

    if (need <= *cap)
        return MW_OK;
    if (need > most)
        return MW_E_NOMEM;
    next = next_cap(*cap, need, most);
    grown = a->resize(a->ctx, *block, next * item);
    if (!grown)
        return MW_E_NOMEM;
    *block = grown;
    *cap = next;
    return MW_OK;
}
