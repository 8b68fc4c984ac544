/* text.c - the count and the bytes share one block. */
#include <stdint.h>
#include <string.h>
#include "text.h"

mw_text *mw_text_new(const mw_alloc *alloc, const char *bytes, size_t len)
{
    mw_text *text;

    if (len > SIZE_MAX - sizeof *text - 1)
        return NULL;
    text = alloc->resize(alloc->ctx, NULL, sizeof *text + len + 1);
    if (!text)
        return NULL;
    text->alloc = alloc;
    text->holders = 1;
    text->len = len;
    if (len > 0)
        memcpy(text->bytes, bytes, len);
    text->bytes[len] = '\0';
    return text;
}

mw_text *mw_text_of(const mw_alloc *alloc, const char *words)
{
    return mw_text_new(alloc, words, strlen(words));
}

mw_text *mw_text_hold(mw_text *text)
{
    if (text)
        text->holders++;
    return text;
}

void mw_text_drop(mw_text *text)
{
    if (text && --text->holders == 0)
        text->alloc->release(text->alloc->ctx, text);
}
