/* The byte queue against a stream whose every byte is known from its position. */
#include "../../c/buf.h"
#include "../../c/error.h"
#include "failing.h"

/* The byte at a position of the test's stream. */
static char byte_at(size_t position)
{
    return (char)(position * 31 + position / 251 + 7);
}

static void fill(char *to, size_t from, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        to[i] = byte_at(from + i);
}

/* Whether b holds exactly the stream from `from` to `to`. */
static int holds(const mw_buf *b, size_t from, size_t to)
{
    mw_slice view = mw_buf_view(b);
    size_t i;

    if (!view.base || view.len != to - from || mw_buf_len(b) != view.len)
        return 0;
    for (i = 0; i < view.len; i++)
        if (view.base[i] != byte_at(from + i))
            return 0;
    return 1;
}

static void test_empty(void)
{
    failing f;
    mw_buf b;

    failing_init(&f, 0);
    mw_buf_init(&b, &f.table);
    tap_ok(holds(&b, 0, 0) && f.calls == 0, "empty: nothing in it, nothing allocated");
    mw_buf_clear(&b);
    mw_buf_consume(&b, 0);
    mw_buf_cut(&b, 0);
    tap_ok(mw_buf_append(&b, NULL, 0) == MW_OK && holds(&b, 0, 0) && f.calls == 0,
           "empty: nothing added, nothing removed");
    tap_ok(mw_buf_room(&b, 0) != NULL, "empty: room for nothing is no failure");
    mw_buf_free(&b);
    mw_buf_free(&b);
    tap_ok(f.blocks == 0, "empty: freeing twice is fine");
}

static const size_t sizes[] = { 0, 1, 2, 63, 64, 65, 127, 128, 129, 1000, 65535, 65536, 65537 };

#define SIZES (sizeof sizes / sizeof sizes[0])

/* Comparing all that is left after each small step is quadratic: with much left, now and then does. */
static int worth_a_look(size_t left)
{
    return left < 300 || tap_random(200) == 0;
}

/* One size of input, appended in pieces; then read in pieces. */
static int run_size(size_t size, int cut)
{
    static char bytes[65537];
    failing f;
    mw_buf b;
    size_t done, n;
    int ok = 1;

    failing_init(&f, 0);
    mw_buf_init(&b, &f.table);
    fill(bytes, 0, size);
    for (done = 0; done < size; done += n) {
        n = tap_piece(cut, size - done);
        ok = ok && mw_buf_append(&b, bytes + done, n) == MW_OK;
    }
    ok = ok && holds(&b, 0, size);
    for (done = 0; done < size; done += n) {
        n = tap_piece(cut, size - done);
        mw_buf_consume(&b, n);
        ok = ok && mw_buf_len(&b) == size - done - n
             && (!worth_a_look(size - done - n) || holds(&b, done + n, size));
    }
    ok = ok && holds(&b, size, size);
    mw_buf_free(&b);
    return ok && f.blocks == 0;
}

static void test_sizes(void)
{
    size_t i;
    int cut;

    for (i = 0; i < SIZES; i++) {
        int ok = 1;

        for (cut = 0; cut <= TAP_RANDOM; cut++)
            ok = ok && run_size(sizes[i], cut);
        tap_ok(ok, "%lu bytes, in and out, whole, by the byte and in pieces", (unsigned long)sizes[i]);
    }
}

/* Random appends (by append and by room), consumes and cuts. Returns whether it kept its contents;
 * an append that found no memory must have changed nothing. */
static int run_random(const mw_alloc *a)
{
    char bytes[512];
    mw_buf b;
    size_t from = 0, to = 0, n;
    int i, ok = 1;

    tap_seed = 42;
    mw_buf_init(&b, a);
    for (i = 0; i < 400 && ok; i++) {
        n = tap_random(sizeof bytes);
        fill(bytes, to, n);
        if (tap_random(2)) {
            if (mw_buf_append(&b, bytes, n) == MW_OK)
                to += n;
        } else {
            char *room = mw_buf_room(&b, n + tap_random(100));

            if (room) {
                memcpy(room, bytes, n);
                mw_buf_wrote(&b, n);
                to += n;
            }
        }
        ok = holds(&b, from, to);
        n = tap_random((uint32_t)(to - from) + 1);
        mw_buf_consume(&b, n);
        from += n;
        n = tap_random((uint32_t)(to - from) / 4 + 1);
        mw_buf_cut(&b, n);
        to -= n;
        ok = ok && holds(&b, from, to);
    }
    mw_buf_free(&b);
    return ok;
}

/* A reader that is always behind: the block must not grow with what has passed through, nor the
 * work with what is left. */
static void test_always_behind(void)
{
    enum { LEFT = 100000, PASSED = 1000000 };
    static char bytes[LEFT];
    failing f;
    mw_buf b;
    const char *base;
    size_t to = LEFT, i, moves = 0;
    char c;

    failing_init(&f, 0);
    mw_buf_init(&b, &f.table);
    fill(bytes, 0, LEFT);
    (void)mw_buf_append(&b, bytes, LEFT);
    base = mw_buf_view(&b).base;
    for (i = 0; i < PASSED; i++) {
        mw_buf_consume(&b, 1);
        c = byte_at(to++);
        (void)mw_buf_append(&b, &c, 1);
        moves += mw_buf_view(&b).base != base + 1;
        base = mw_buf_view(&b).base;
    }
    tap_ok(holds(&b, PASSED, PASSED + LEFT), "always behind: contents");
    tap_ok(f.bytes <= 4 * LEFT, "always behind: %lu bytes for %d", (unsigned long)f.bytes, LEFT);
    tap_ok(moves <= 15, "always behind: moved %lu times", (unsigned long)moves);
    mw_buf_free(&b);
}

static void test_promises(void)
{
    failing f;
    mw_buf b;
    mw_slice view;
    char *room;
    long calls;

    failing_init(&f, 0);
    mw_buf_init(&b, &f.table);
    (void)mw_buf_append(&b, "one two", 7);
    view = mw_buf_view(&b);
    mw_buf_consume(&b, 7);
    tap_ok(memcmp(view.base, "one two", 7) == 0, "a view outlives the consuming of its bytes");
    calls = f.calls;
    (void)mw_buf_append(&b, "three", 5);
    mw_buf_clear(&b);
    (void)mw_buf_append(&b, "four", 4);
    tap_ok(f.calls == calls && memcmp(mw_buf_view(&b).base, "four", 4) == 0, "clear keeps the memory");
    mw_buf_cut(&b, 2);
    tap_ok(mw_buf_len(&b) == 2 && memcmp(mw_buf_view(&b).base, "fo", 2) == 0, "cut takes from the end");
    room = mw_buf_room(&b, 50);
    mw_buf_wrote(&b, 0);
    tap_ok(room && mw_buf_len(&b) == 2, "room that is not used is not counted");
    tap_ok(!mw_buf_room(&b, SIZE_MAX) && !mw_buf_room(&b, SIZE_MAX - 2) && mw_buf_len(&b) == 2,
           "more room than can be counted");
    mw_buf_free(&b);
    tap_ok(mw_buf_len(&b) == 0 && f.blocks == 0, "free empties");
    tap_ok(mw_buf_append(&b, "again", 5) == MW_OK && mw_buf_len(&b) == 5, "and leaves it usable");
    mw_buf_free(&b);
}

static void test_no_memory(void)
{
    failing f;
    mw_buf b;
    char bytes[100];

    failing_init(&f, 2);
    mw_buf_init(&b, &f.table);
    fill(bytes, 0, sizeof bytes);
    (void)mw_buf_append(&b, bytes, 10);
    tap_ok(mw_buf_append(&b, bytes + 10, 90) == MW_E_NOMEM && holds(&b, 0, 10), "no memory: unchanged");
    tap_ok(mw_buf_append(&b, bytes + 10, 90) == MW_OK && holds(&b, 0, 100), "no memory: again, with some");
    mw_buf_free(&b);
    failing_every("random use", run_random);
}

int main(void)
{
    test_empty();
    test_sizes();
    test_always_behind();
    test_promises();
    test_no_memory();
    return tap_done();
}
