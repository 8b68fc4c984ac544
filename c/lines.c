/* lines.c - finding line ends once, and a stack of lines put back.
 *
 * A line put back is a record on `back`: its bytes, then their count, so that the last one can be
 * taken off the end. It is handed out as a copy in `held`: the caller may put back the very line
 * that it was given, and `back` may move under it. The room for that copy is taken when the line is
 * put back: handing out cannot fail.
 */
#include <string.h>
#include "error.h"
#include "lines.h"

void mw_lines_init(mw_lines *l, const mw_alloc *alloc)
{
    mw_buf_init(&l->in, alloc);
    mw_buf_init(&l->back, alloc);
    mw_buf_init(&l->held, alloc);
    l->scanned = 0;
    l->max = MW_LINE_MAX;
}

void mw_lines_free(mw_lines *l)
{
    mw_buf_free(&l->in);
    mw_buf_free(&l->back);
    mw_buf_free(&l->held);
    l->scanned = 0;
}

/* The length of the record on top of back, which is not empty. */
static size_t top_len(const mw_lines *l)
{
    mw_slice all = mw_buf_view(&l->back);
    size_t len;

    memcpy(&len, all.base + all.len - sizeof len, sizeof len);
    return len;
}

static mw_slice hold_top(mw_lines *l)
{
    mw_slice all = mw_buf_view(&l->back);
    size_t len = top_len(l);

    mw_buf_clear(&l->held);
    (void)mw_buf_append(&l->held, all.base + all.len - sizeof len - len, len);
    return mw_buf_view(&l->held);
}

static size_t without_cr(const char *line, size_t len)
{
    return len > 0 && line[len - 1] == '\r' ? len - 1 : len;
}

/* The line at the front of in; *eaten_r is its length with its end. */
static int find_line(mw_lines *l, mw_slice *line_r, size_t *eaten_r)
{
    mw_slice in = mw_buf_view(&l->in);
    const char *end = memchr(in.base + l->scanned, '\n', in.len - l->scanned);

    l->scanned = end ? (size_t)(end - in.base) : in.len;
    line_r->base = in.base;
    line_r->len = without_cr(in.base, l->scanned);
    *eaten_r = l->scanned + 1;
    /* A CR at the end of what is there may belong to the line's end, so it does not count yet. */
    if (line_r->len > l->max)
        return MW_E_LINE_LIMIT;
    return end ? 1 : 0;
}

int mw_lines_peek(mw_lines *l, mw_slice *line_r)
{
    size_t eaten;

    if (mw_buf_len(&l->back) == 0)
        return find_line(l, line_r, &eaten);
    *line_r = hold_top(l);
    return 1;
}

int mw_lines_next(mw_lines *l, mw_slice *line_r)
{
    size_t eaten;
    int found;

    if (mw_buf_len(&l->back) > 0) {
        *line_r = hold_top(l);
        mw_buf_cut(&l->back, line_r->len + sizeof(size_t));
        return 1;
    }
    found = find_line(l, line_r, &eaten);
    if (found == 1) {
        mw_buf_consume(&l->in, eaten);
        l->scanned = 0;
    }
    return found;
}

int mw_lines_unget(mw_lines *l, const char *line, size_t len)
{
    char *record = mw_buf_room(&l->back, len + sizeof len);

    if (!record)
        return MW_E_NOMEM;
    if (len > 0)
        memcpy(record, line, len);
    memcpy(record + len, &len, sizeof len);
    /* Only now: line may be the one in held. */
    mw_buf_clear(&l->held);
    if (!mw_buf_room(&l->held, len))
        return MW_E_NOMEM;
    mw_buf_wrote(&l->back, len + sizeof len);
    return MW_OK;
}

int mw_lines_waiting(const mw_lines *l)
{
    return mw_buf_len(&l->back) > 0 || mw_buf_len(&l->in) > 0;
}

void mw_lines_clear(mw_lines *l)
{
    mw_buf_clear(&l->in);
    mw_buf_clear(&l->back);
    mw_buf_clear(&l->held);
    l->scanned = 0;
}
