/* buf.c - one block with a head and a tail.
 *
 * What is left moves to the front of the block only once at least as much lies consumed before it:
 * each byte moved is paid for by one consumed, so that a peer that keeps the buffer full and has it
 * emptied a byte at a time costs no more than any other. What lies consumed is thus never more than
 * what is left when the block grows, which bounds the block by a multiple of what it has to hold.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "buf.h"
#include "error.h"

/* The smallest block worth having. */
#define FIRST_BLOCK 64

void mw_buf_init(mw_buf *b, const mw_alloc *alloc)
{
    memset(b, 0, sizeof *b);
    b->alloc = alloc;
}

void mw_buf_free(mw_buf *b)
{
    b->alloc->release(b->alloc->ctx, b->block);
    mw_buf_init(b, b->alloc);
}

mw_slice mw_buf_view(const mw_buf *b)
{
    mw_slice view = { "", 0 };

    if (b->block) {
        view.base = b->block + b->head;
        view.len = b->tail - b->head;
    }
    return view;
}

size_t mw_buf_len(const mw_buf *b)
{
    return b->tail - b->head;
}

static void move_to_front(mw_buf *b)
{
    size_t len = mw_buf_len(b);

    memmove(b->block, b->block + b->head, len);
    b->head = 0;
    b->tail = len;
}

static int grow(mw_buf *b, size_t n)
{
    void *block = b->block;
    size_t need;
    int error;

    if (n > SIZE_MAX - b->tail)
        return MW_E_NOMEM;
    need = b->tail + n < FIRST_BLOCK ? FIRST_BLOCK : b->tail + n;
    error = mw_alloc_grow(b->alloc, &block, &b->cap, need, 1);
    b->block = block;
    return error;
}

char *mw_buf_room(mw_buf *b, size_t n)
{
    if (n > b->cap - b->tail && b->head > 0 && b->head >= mw_buf_len(b))
        move_to_front(b);
    if ((!b->block || n > b->cap - b->tail) && grow(b, n) < 0)
        return NULL;
    return b->block + b->tail;
}

void mw_buf_wrote(mw_buf *b, size_t n)
{
    assert(n <= b->cap - b->tail);
    b->tail += n;
}

int mw_buf_append(mw_buf *b, const void *bytes, size_t n)
{
    char *to;

    if (n == 0)
        return MW_OK;
    to = mw_buf_room(b, n);
    if (!to)
        return MW_E_NOMEM;
    memcpy(to, bytes, n);
    mw_buf_wrote(b, n);
    return MW_OK;
}

void mw_buf_consume(mw_buf *b, size_t n)
{
    assert(n <= mw_buf_len(b));
    b->head += n;
    if (b->head == b->tail)
        mw_buf_clear(b);
}

void mw_buf_cut(mw_buf *b, size_t n)
{
    assert(n <= mw_buf_len(b));
    b->tail -= n;
    if (b->head == b->tail)
        mw_buf_clear(b);
}

void mw_buf_clear(mw_buf *b)
{
    b->head = b->tail = 0;
}
