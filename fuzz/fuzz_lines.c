/* fuzz_lines.c - lines, however they arrive, and lines put back. The input is "<longest line>" LF, then what the
 * peer sends.
 */
#include "../c/error.h"
#include "../c/lines.h"
#include "target.h"

#define MEMORY_MAX 65536

/* The next line of in, which is all there will ever be: 1, 0 none, or the limit's error. */
static int reference_next(mw_slice *in, size_t max, mw_slice *line_r)
{
    int ended = in->len && memchr(in->base, '\n', in->len);

    if (!fuzz_field(in, '\n', line_r))
        return 0;
    if (line_r->len && line_r->base[line_r->len - 1] == '\r')
        line_r->len--;
    return line_r->len > max ? MW_E_LINE_LIMIT : ended;
}

static int same(mw_slice a, mw_slice b)
{
    return a.len == b.len && memcmp(a.base, b.base, a.len) == 0;
}

/* Puts lines back, the wanted one first of all, and takes the others again. */
static void put_back(mw_lines *l, mw_slice wanted)
{
    static const char *const others[] = { "", "250 other", "\r\n" };
    size_t count = tap_random(4), i;
    mw_slice line;

    FUZZ_CHECK(mw_lines_unget(l, wanted.base, wanted.len) == 0);
    for (i = 0; i < count; i++)
        FUZZ_CHECK(mw_lines_unget(l, others[i % 3], strlen(others[i % 3])) == 0);
    while (i-- > 0) {
        FUZZ_CHECK(mw_lines_waiting(l) && mw_lines_next(l, &line) == 1);
        FUZZ_CHECK(line.len == strlen(others[i % 3]) && memcmp(line.base, others[i % 3], line.len) == 0);
        if (tap_random(4) == 0) {
            FUZZ_CHECK(mw_lines_unget(l, line.base, line.len) == 0);
            FUZZ_CHECK(mw_lines_next(l, &line) == 1);
        }
    }
}

/* Takes the lines that are there, each as the reference has it. Returns what ended it: 0 or the limit's error. */
static int take_lines(mw_lines *l, mw_slice *rest)
{
    mw_slice line, peeked, wanted;
    int rc, expected;

    while ((rc = mw_lines_peek(l, &peeked)) == 1) {
        expected = reference_next(rest, l->max, &wanted);
        FUZZ_CHECK(expected == 1 && same(peeked, wanted));
        FUZZ_CHECK(mw_lines_next(l, &line) == 1 && same(line, wanted));
        if (tap_random(4))
            continue;
        put_back(l, wanted);
        FUZZ_CHECK(mw_lines_peek(l, &peeked) == 1 && same(peeked, wanted));
        FUZZ_CHECK(mw_lines_next(l, &line) == 1 && same(line, wanted));
    }
    return rc;
}

static void read_all(mw_slice in, size_t max, int cut)
{
    fuzz_memory memory;
    mw_slice rest = in, line;
    mw_lines l;
    size_t n;
    int rc = 0;

    mw_lines_init(&l, fuzz_memory_init(&memory, MEMORY_MAX + 4 * in.len));
    l.max = max;
    for (; in.len && rc == 0; in.base += n, in.len -= n) {
        n = tap_piece(cut, in.len);
        FUZZ_CHECK(mw_buf_append(&l.in, in.base, n) == 0);
        rc = take_lines(&l, &rest);
    }
    FUZZ_CHECK(reference_next(&rest, max, &line) == rc);
    FUZZ_CHECK(rc < 0 || mw_lines_waiting(&l) == (mw_buf_len(&l.in) > 0));
    mw_lines_clear(&l);
    FUZZ_CHECK(!mw_lines_waiting(&l) && mw_lines_next(&l, &line) == 0);
    mw_lines_free(&l);
    fuzz_memory_end(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mw_slice in, head = { "", 0 };
    size_t max;
    int cut;

    in.base = (const char *)data;
    in.len = size;
    fuzz_field(&in, '\n', &head);
    max = fuzz_number(head, MW_LINE_MAX, MW_LINE_MAX);
    fuzz_seed(data, size);
    for (cut = TAP_WHOLE; cut <= TAP_RANDOM; cut++)
        read_all(in, max, cut);
    return 0;
}
