/* slices.h - slices as the C tests make and compare them. */
#ifndef SLICES_H
#define SLICES_H

#include "../../c/buf.h"
#include "tap.h"

static inline mw_slice slice(const char *text)
{
    mw_slice v = { text, strlen(text) };

    return v;
}

static inline int same(mw_slice v, const char *text)
{
    return v.len == strlen(text) && (v.len == 0 || memcmp(v.base, text, v.len) == 0);
}

/* In a block of its own. */
static inline mw_slice slice_new(const char *bytes, size_t len)
{
    mw_slice v;

    v.base = block_new(bytes, len);
    v.len = len;
    return v;
}

static inline void slice_free(mw_slice v)
{
    free((char *)(uintptr_t)v.base);
}

#endif
