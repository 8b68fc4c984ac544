/* text.h - an immutable string of octets with a count of its holders.
 *
 * One refused DATA is the answer to every recipient: they share its text instead of copying it.
 * Not for use by two threads at once.
 */
#ifndef MW_TEXT_H
#define MW_TEXT_H

#include <stddef.h>
#include "alloc.h"

typedef struct mw_text {
    const mw_alloc *alloc;
    size_t holders;
    size_t len;
    char bytes[];       /* len of them and a NUL that is not counted */
} mw_text;

/* A copy of len bytes with one holder. NULL when there is no memory. */
mw_text *mw_text_new(const mw_alloc *alloc, const char *bytes, size_t len);

/* The same of a string without its NUL. */
mw_text *mw_text_of(const mw_alloc *alloc, const char *words);

/* One holder more; returns text. NULL stays NULL. */
mw_text *mw_text_hold(mw_text *text);

/* One holder less; the last one releases it. NULL is fine. */
void mw_text_drop(mw_text *text);

#endif
