/* trace.c - see trace.h. */
#include "trace.h"

#include <stdio.h>
#include <string.h>

void mw_trace_init(mw_trace *t, const mw_alloc *alloc)
{
    mw_buf_init(&t->lines, alloc);
    t->on = 0;
}

void mw_trace_free(mw_trace *t)
{
    mw_buf_free(&t->lines);
}

static void add_line(mw_trace *t, char direction, const char *line, size_t len)
{
    char *to;

    if (len && line[len - 1] == '\r')
        len--;
    if (!len || mw_buf_len(&t->lines) + len > MW_TRACE_MAX || !(to = mw_buf_room(&t->lines, len + 2)))
        return;
    to[0] = direction;
    memcpy(to + 1, line, len);
    to[len + 1] = '\n';
    mw_buf_wrote(&t->lines, len + 2);
}

void mw_trace_add(mw_trace *t, char direction, const char *text, size_t len)
{
    const char *at = text, *end = text + len, *stop;

    for (; t->on && at < end; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        add_line(t, direction, at, (size_t)(stop - at));
    }
}

void mw_trace_content(mw_trace *t, uint64_t bytes)
{
    char line[64];
    int len = !t->on ? 0 : snprintf(line, sizeof line, "(%llu bytes of content)", (unsigned long long)bytes);

    mw_trace_add(t, MW_TRACE_OUT, line, (size_t)len);
}

int mw_trace_take(mw_trace *t, char *direction_r, mw_slice *line_r)
{
    mw_slice all = mw_buf_view(&t->lines);

    if (!all.len)
        return 0;
    *direction_r = all.base[0];
    line_r->base = all.base + 1;
    line_r->len = (size_t)((const char *)memchr(all.base, '\n', all.len) - all.base) - 1;
    mw_buf_consume(&t->lines, line_r->len + 2);
    return 1;
}
