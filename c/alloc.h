/* alloc.h - where the core's memory comes from.
 *
 * Every object of the core takes a table of allocation functions when it is made and uses
 * nothing else, so that a test can make any one allocation fail. The table is not copied:
 * it must live as long as the objects made with it.
 */
#ifndef MW_ALLOC_H
#define MW_ALLOC_H

#include <stddef.h>

typedef struct mw_alloc {
    /* Handed to both functions as it is. */
    void *ctx;
    /* As realloc: a NULL block is new; NULL when there is no memory. */
    void *(*resize)(void *ctx, void *block, size_t size);
    /* As free: a NULL block is fine. */
    void (*release)(void *ctx, void *block);
} mw_alloc;

/* The C library's allocator. Never NULL; static. */
const mw_alloc *mw_alloc_default(void);

/* A new block of size bytes (size > 0), zeroed. NULL when there is no memory. */
void *mw_alloc_zeroed(const mw_alloc *a, size_t size);

/* Grows *block, an array of *cap items of item bytes, to hold at least need of them. Doubles, so
 * that n appends cost O(n). Returns 0, or MW_E_NOMEM (also when the size cannot be counted), in
 * which case *block and *cap stay as they were. block points to a void * (not to another pointer,
 * cast). */
int mw_alloc_grow(const mw_alloc *a, void **block, size_t *cap, size_t need, size_t item);

#endif
