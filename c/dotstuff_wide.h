/* dotstuff_wide.h - dotstuff.c's way of many bytes at once, where the processor has one. Private to the two. */
#ifndef MW_DOTSTUFF_WIDE_H
#define MW_DOTSTUFF_WIDE_H

#include <stddef.h>

/* Writes what comes before a changed byte c, of which the byte before it is given: at most two. Returns the length. */
static inline size_t mw_dotstuff_put_before(char before, char c, char *out)
{
    if (c == '\n') {
        out[0] = '\r';
        return 1;
    }
    if (before != '\r') {
        out[0] = '.';
        return 1;
    }
    out[0] = '\n';
    out[1] = '.';
    return 2;
}

/* With less input there is no step. */
#define MW_DOTSTUFF_WIDE_MIN 128

/* Expands the front of in, in[-1] being readable, in steps of its own size: returns how many bytes were written, in
 * *used_r how many were read. Both 0 when in or out are too small for a step, or there are no wide instructions. */
size_t mw_dotstuff_expand_wide(const char *in, size_t len, char *out, size_t cap, size_t *used_r);

#endif
