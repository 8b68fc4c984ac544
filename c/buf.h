/* buf.h - a growing queue of bytes: appended at the end, consumed from the front. */
#ifndef MW_BUF_H
#define MW_BUF_H

#include <stddef.h>
#include "alloc.h"

/* A stretch of memory that belongs to somebody else. */
typedef struct mw_slice {
    const char *base;
    size_t len;
} mw_slice;

typedef struct mw_buf {
    const mw_alloc *alloc;
    char *block;
    size_t head;    /* offset of the first byte that is left */
    size_t tail;    /* offset behind the last */
    size_t cap;
} mw_buf;

/* An empty buffer; allocates nothing yet. */
void mw_buf_init(mw_buf *b, const mw_alloc *alloc);

/* Releases the memory; the buffer is empty and usable again. */
void mw_buf_free(mw_buf *b);

/* The bytes that are left. base is never NULL, and valid until the next call that appends or frees. */
mw_slice mw_buf_view(const mw_buf *b);
size_t mw_buf_len(const mw_buf *b);

/* Room for n more bytes at the end, moving what is left to the front of the block when that is
 * enough and cheap. Returns where to write them, NULL when there is no memory; mw_buf_wrote then counts
 * them in (at most what was asked for). */
char *mw_buf_room(mw_buf *b, size_t n);
void mw_buf_wrote(mw_buf *b, size_t n);

/* Copies n bytes to the end. Returns 0 or MW_E_NOMEM. */
int mw_buf_append(mw_buf *b, const void *bytes, size_t n);

/* Drops n bytes from the front (at most mw_buf_len). */
void mw_buf_consume(mw_buf *b, size_t n);

/* Drops n bytes from the end (at most mw_buf_len). */
void mw_buf_cut(mw_buf *b, size_t n);

/* Drops all bytes, keeps the memory. */
void mw_buf_clear(mw_buf *b);

#endif
