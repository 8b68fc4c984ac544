/* outq.c - a singly linked list of chunks, each with storage of its own, a pointer to lent bytes or a
 * place in a file.
 *
 * Bytes are never moved once they are in a chunk: a slice that was given to the kernel stays where
 * it was while more is appended. A chunk leaves the list when its last byte has been sent; one with
 * storage is kept as a spare, so that a session that only copies soon allocates nothing more.
 */
#include <assert.h>
#include <string.h>
#include "error.h"
#include "outq.h"

/* The storage of a chunk that has no other with storage right before it: a session that sends a few commands now and then stays small. */
#define FIRST_CHUNK 4096

struct mw_outq_chunk {
    mw_outq_chunk *next;
    const char *base;   /* store, or the lent bytes; NULL: a file's, */
    mw_outq_stretch file;   /* which one, as it was queued */
    uint64_t head;      /* bytes that were sent */
    uint64_t tail;      /* bytes that were queued */
    size_t cap;         /* bytes of store; 0 for what is not the queue's own */
    char store[];
};

void mw_outq_init(mw_outq *q, const mw_alloc *alloc)
{
    memset(q, 0, sizeof *q);
    q->alloc = alloc;
}

static void release(mw_outq *q, mw_outq_chunk *c)
{
    q->alloc->release(q->alloc->ctx, c);
}

static mw_outq_chunk *chunk_new(mw_outq *q, size_t cap)
{
    mw_outq_chunk *c;

    if (cap > SIZE_MAX - sizeof *c)
        return NULL;
    c = q->alloc->resize(q->alloc->ctx, NULL, sizeof *c + cap);
    if (!c)
        return NULL;
    c->next = NULL;
    c->base = c->store;
    c->head = c->tail = 0;
    c->cap = cap;
    return c;
}

static void push(mw_outq *q, mw_outq_chunk *c)
{
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
}

/* Takes the first chunk off the list and keeps it as the spare, unless it has no storage, more than
 * is kept (memory is to stay flat behind a single huge copy), or less than the spare there is. */
static void retire_first(mw_outq *q)
{
    mw_outq_chunk *c = q->first;

    q->first = c->next;
    if (!q->first)
        q->last = NULL;
    if (c->cap == 0 || c->cap > MW_OUTQ_CHUNK || (q->spare && q->spare->cap >= c->cap)) {
        release(q, c);
        return;
    }
    release(q, q->spare);
    c->next = NULL;
    c->head = c->tail = 0;
    q->spare = c;
}

void mw_outq_drop(mw_outq *q)
{
    while (q->first)
        retire_first(q);
    q->queued = q->sent;
}

void mw_outq_free(mw_outq *q)
{
    mw_outq_drop(q);
    release(q, q->spare);
    mw_outq_init(q, q->alloc);
}

uint64_t mw_outq_len(const mw_outq *q)
{
    return q->queued - q->sent;
}

/* Room that is left in the last chunk. */
static size_t last_room(const mw_outq *q)
{
    return q->last && q->last->cap > 0 ? q->last->cap - (size_t)q->last->tail : 0;
}

/* How much storage the next chunk gets, for need bytes at once. */
static size_t next_cap(const mw_outq *q, size_t need)
{
    if (need > MW_OUTQ_CHUNK)
        return need;
    if (need > FIRST_CHUNK || (q->last && q->last->cap > 0))
        return MW_OUTQ_CHUNK;
    return FIRST_CHUNK;
}

/* A chunk with storage for need bytes at least, on the list. NULL when there is no memory. */
static mw_outq_chunk *push_store(mw_outq *q, size_t need)
{
    size_t cap = next_cap(q, need);
    mw_outq_chunk *c = q->spare;

    if (c && c->cap >= cap)
        q->spare = NULL;
    else
        c = chunk_new(q, cap);
    if (c)
        push(q, c);
    return c;
}

static void put(mw_outq *q, mw_outq_chunk *c, const char *bytes, size_t n)
{
    memcpy(c->store + c->tail, bytes, n);
    c->tail += n;
    q->queued += n;
}

int mw_outq_copy(mw_outq *q, const void *bytes, size_t n)
{
    mw_outq_chunk *old = q->last;
    size_t room = last_room(q);
    size_t now = n < room ? n : room;

    /* The only allocation comes first, so that a failure leaves the queue as it was. */
    if (n > now && !push_store(q, n - now))
        return MW_E_NOMEM;
    if (now > 0)
        put(q, old, bytes, now);
    if (n > now)
        put(q, q->last, (const char *)bytes + now, n - now);
    return MW_OK;
}

char *mw_outq_room(mw_outq *q, size_t want, size_t *cap_r)
{
    size_t least = want < MW_OUTQ_ROOM_MIN ? want : MW_OUTQ_ROOM_MIN;
    size_t room;

    *cap_r = 0;
    if (want > MW_OUTQ_CHUNK)
        want = MW_OUTQ_CHUNK;
    if (last_room(q) < least && !push_store(q, want))
        return NULL;
    room = last_room(q);
    *cap_r = want < room ? want : room;
    return q->last->store + q->last->tail;
}

void mw_outq_wrote(mw_outq *q, size_t n)
{
    assert(n <= last_room(q));
    if (n == 0)
        return;
    q->last->tail += n;
    q->queued += n;
}

/* A chunk for n bytes that are not the queue's own. NULL when there is no memory. */
static mw_outq_chunk *push_foreign(mw_outq *q, uint64_t n)
{
    mw_outq_chunk *c = chunk_new(q, 0);

    if (!c)
        return NULL;
    c->tail = n;
    push(q, c);
    q->queued += n;
    return c;
}

int mw_outq_lend(mw_outq *q, const void *bytes, size_t n)
{
    mw_outq_chunk *c;

    if (n == 0)
        return MW_OK;
    c = push_foreign(q, n);
    if (!c)
        return MW_E_NOMEM;
    c->base = bytes;
    return MW_OK;
}

int mw_outq_stretch_of(mw_outq *q, const mw_outq_stretch *stretch)
{
    mw_outq_chunk *c;

    if (stretch->left == 0)
        return MW_OK;
    c = push_foreign(q, stretch->left);
    if (!c)
        return MW_E_NOMEM;
    c->base = NULL;
    c->file = *stretch;
    return MW_OK;
}

/* Gives back room that was asked for and not used. */
static int is_empty(const mw_outq_chunk *c)
{
    return c->head == c->tail;
}

int mw_outq_peek_file(const mw_outq *q, mw_outq_stretch *stretch_r)
{
    const mw_outq_chunk *c = q->first;

    while (c && is_empty(c))
        c = c->next;
    if (!c || c->base)
        return 0;
    *stretch_r = c->file;
    stretch_r->offset += c->head;
    stretch_r->left = c->tail - c->head;
    return 1;
}

int mw_outq_peek(const mw_outq *q, mw_slice *v, int max)
{
    const mw_outq_chunk *c;
    int count = 0;

    for (c = q->first; c && c->base && count < max; c = c->next) {
        if (is_empty(c))
            continue;
        v[count].base = c->base + c->head;
        v[count].len = (size_t)(c->tail - c->head);
        count++;
    }
    return count;
}

void mw_outq_sent(mw_outq *q, size_t n)
{
    assert(n <= mw_outq_len(q));
    q->sent += n;
    while (q->first) {
        uint64_t left = q->first->tail - q->first->head;

        if (n < left) {
            q->first->head += n;
            return;
        }
        n -= (size_t)left;
        retire_first(q);
    }
}
