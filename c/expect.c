/* expect.c - see expect.h. */
#include "expect.h"
#include "error.h"

#include <assert.h>
#include <string.h>

#define FIRST_CAP 8

void mw_expects_init(mw_expects *q, const mw_alloc *alloc)
{
    memset(q, 0, sizeof *q);
    q->alloc = alloc;
}

void mw_expects_free(mw_expects *q)
{
    q->alloc->release(q->alloc->ctx, q->items);
    mw_expects_init(q, q->alloc);
}

int mw_expects_reserve(mw_expects *q, size_t n)
{
    size_t cap = q->cap ? q->cap : FIRST_CAP, i;
    mw_expect *items;

    if (n > MW_EXPECT_MAX - q->count)
        return MW_E_STATE;
    if (q->count + n <= q->cap)
        return 0;
    while (cap < q->count + n)
        cap *= 2;
    if (!(items = mw_alloc_zeroed(q->alloc, cap * sizeof *items)))
        return MW_E_NOMEM;
    assert(q->cap || !q->count);
    for (i = 0; i < q->count; i++)
        items[i] = q->items[(q->head + i) % q->cap];
    q->alloc->release(q->alloc->ctx, q->items);
    q->items = items;
    q->cap = cap;
    q->head = 0;
    return 0;
}

mw_expect *mw_expects_push(mw_expects *q, mw_due due, size_t owed)
{
    mw_expect *e = &q->items[(q->head + q->count++) % q->cap];

    memset(e, 0, sizeof *e);
    e->due = due;
    e->owed = e->replies = owed;
    return e;
}

mw_expect *mw_expects_head(const mw_expects *q)
{
    return q->count ? &q->items[q->head] : NULL;
}

mw_expect *mw_expects_tail(const mw_expects *q)
{
    return q->count ? &q->items[(q->head + q->count - 1) % q->cap] : NULL;
}

mw_expect *mw_expects_at(const mw_expects *q, size_t i)
{
    return &q->items[(q->head + i) % q->cap];
}

/* The index of the oldest entry that the server answers; q->count when there is none. */
static size_t find_oldest(const mw_expects *q)
{
    size_t i = 0;

    while (i < q->count && mw_expects_at(q, i)->due == MW_DUE_LOCAL)
        i++;
    return i;
}

const mw_expect *mw_expects_oldest(const mw_expects *q)
{
    size_t i = find_oldest(q);

    return i < q->count ? mw_expects_at(q, i) : NULL;
}

mw_expect *mw_expects_promote(mw_expects *q)
{
    size_t i = find_oldest(q);
    mw_expect found;

    if (i == q->count)
        return NULL;
    found = *mw_expects_at(q, i);
    for (; i > 0; i--)
        *mw_expects_at(q, i) = *mw_expects_at(q, i - 1);
    *mw_expects_at(q, 0) = found;
    return mw_expects_at(q, 0);
}

void mw_expects_shift(mw_expects *q)
{
    mw_expect *e = mw_expects_head(q);

    if (e && --e->owed == 0)
        mw_expects_pop(q);
}

void mw_expects_pop(mw_expects *q)
{
    if (!q->count)
        return;
    q->head = (q->head + 1) % q->cap;
    q->count--;
}

void mw_expects_clear(mw_expects *q)
{
    q->head = q->count = 0;
}
