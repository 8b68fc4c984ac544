/* commands.c - see commands.h. */
#include "commands.h"
#include "error.h"

#include <assert.h>
#include <string.h>

#define FIRST_CAP 8

void mw_commands_init(mw_commands *q, const mw_alloc *alloc)
{
    memset(q, 0, sizeof *q);
    q->alloc = alloc;
    mw_buf_init(&q->noted, alloc);
    mw_buf_init(&q->asked, alloc);
}

void mw_commands_free(mw_commands *q)
{
    mw_buf_free(&q->noted);
    mw_buf_free(&q->asked);
    q->alloc->release(q->alloc->ctx, q->items);
    mw_commands_init(q, q->alloc);
}

int mw_commands_reserve(mw_commands *q, size_t n)
{
    size_t cap = q->cap ? q->cap : FIRST_CAP, i;
    mw_command *items;

    if (n > MW_COMMANDS_MAX - q->count)
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

mw_command *mw_commands_push(mw_commands *q, mw_kind kind, size_t owed)
{
    mw_command *e = &q->items[(q->head + q->count++) % q->cap];

    memset(e, 0, sizeof *e);
    e->kind = kind;
    e->owed = e->replies = owed;
    return e;
}

void mw_commands_note(mw_commands *q, mw_slice line)
{
    mw_command *e = mw_commands_tail(q);

    if (e && !mw_buf_append(&q->noted, line.base, line.len))
        e->line += line.len;
}

/* The head, e, is what was asked last. */
static void ask(mw_commands *q, const mw_command *e, int answered)
{
    mw_buf_clear(&q->asked);
    q->answered = answered;
    if (e->line)
        mw_buf_append(&q->asked, mw_buf_view(&q->noted).base, e->line);
}

mw_command *mw_commands_head(const mw_commands *q)
{
    return q->count ? &q->items[q->head] : NULL;
}

mw_command *mw_commands_tail(const mw_commands *q)
{
    return q->count ? &q->items[(q->head + q->count - 1) % q->cap] : NULL;
}

mw_command *mw_commands_at(const mw_commands *q, size_t i)
{
    return &q->items[(q->head + i) % q->cap];
}

size_t mw_commands_find(const mw_commands *q, size_t from, unsigned kinds)
{
    while (from < q->count && !(kinds >> mw_commands_at(q, from)->kind & 1))
        from++;
    return from;
}

const mw_command *mw_commands_oldest(const mw_commands *q)
{
    size_t i = mw_commands_find(q, 0, ~MW_KIND_BIT(LOCAL));

    return i < q->count ? mw_commands_at(q, i) : NULL;
}

mw_command *mw_commands_promote(mw_commands *q)
{
    size_t i = mw_commands_find(q, 0, ~MW_KIND_BIT(LOCAL));
    mw_command found;

    if (i == q->count)
        return NULL;
    found = *mw_commands_at(q, i);
    for (; i > 0; i--)
        *mw_commands_at(q, i) = *mw_commands_at(q, i - 1);
    *mw_commands_at(q, 0) = found;
    return mw_commands_at(q, 0);
}

void mw_commands_shift(mw_commands *q)
{
    mw_command *e = mw_commands_head(q);

    if (!e)
        return;
    ask(q, e, 1);
    if (--e->owed == 0)
        mw_commands_pop(q);
}

void mw_commands_pop(mw_commands *q)
{
    const mw_command *e = mw_commands_head(q);

    if (!e)
        return;
    if (e->line)
        mw_buf_consume(&q->noted, e->line);
    if (e->kind == MW_KIND_LOCAL)
        mw_buf_clear(&q->asked);
    q->head = (q->head + 1) % q->cap;
    q->count--;
}

void mw_commands_clear(mw_commands *q)
{
    const mw_command *e = mw_commands_head(q);

    if (e)
        ask(q, e, 0);
    mw_buf_clear(&q->noted);
    q->head = q->count = 0;
}
