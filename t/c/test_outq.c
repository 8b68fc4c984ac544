/* The output queue against a stream whose every byte is known from its position, with senders that
 * take what they like. */
#include "../../c/error.h"
#include "../../c/outq.h"
#include "failing.h"

enum { STREAM = 2 * 1024 * 1024 };

static char stream[STREAM];

static void make_stream(void)
{
    size_t i;

    for (i = 0; i < STREAM; i++)
        stream[i] = (char)(i * 31 + i / 251 + 7);
}

/* Whether all slices that are there are, in order, the stream between the two positions, none
 * empty. max is how many are asked for at once; with fewer than there are only those are compared. */
static int shows(const mw_outq *q, size_t from, size_t to, int max)
{
    static mw_slice v[4096];
    int count = mw_outq_peek(q, v, max);
    int i;

    for (i = 0; i < count; i++) {
        if (v[i].len == 0 || v[i].len > to - from || memcmp(v[i].base, stream + from, v[i].len) != 0)
            return 0;
        from += v[i].len;
    }
    return mw_outq_len(q) == q->queued - q->sent && (from == to || count == max);
}

static int shows_all(const mw_outq *q, size_t from, size_t to)
{
    return mw_outq_len(q) == to - from && shows(q, from, to, 4096) && shows(q, from, to, 1)
           && shows(q, from, to, 2);
}

static void test_empty(void)
{
    failing f;
    mw_outq q;
    mw_slice v[2];

    failing_init(&f, 0);
    mw_outq_init(&q, &f.table);
    tap_ok(mw_outq_peek(&q, v, 2) == 0 && mw_outq_len(&q) == 0, "empty: nothing to send");
    tap_ok(mw_outq_copy(&q, NULL, 0) == MW_OK && mw_outq_lend(&q, NULL, 0) == MW_OK
           && mw_outq_peek(&q, v, 2) == 0 && f.calls == 0, "empty: no bytes queue nothing");
    mw_outq_sent(&q, 0);
    mw_outq_drop(&q);
    tap_ok(q.queued == 0 && q.sent == 0, "empty: nothing sent, nothing dropped");
    mw_outq_free(&q);
    mw_outq_free(&q);
    tap_ok(f.blocks == 0, "empty: freeing twice is fine");
}

static const size_t sizes[] = {
    1, 2, 4095, 4096, 4097, 8192,
    MW_OUTQ_CHUNK - 1, MW_OUTQ_CHUNK, MW_OUTQ_CHUNK + 1,
    4096 + MW_OUTQ_CHUNK - 1, 4096 + MW_OUTQ_CHUNK, 4096 + MW_OUTQ_CHUNK + 1,
    8 * MW_OUTQ_CHUNK - 1, 24 * MW_OUTQ_CHUNK + 1
};

#define SIZES (sizeof sizes / sizeof sizes[0])

enum way { COPY, LEND, ROOM, WAYS };

static const char *const way_names[WAYS] = { "copied", "lent", "written into its room" };

/* Queues the stream from *to_r on, n bytes. Advances *to_r by what was taken: all or nothing for
 * copies and loans. */
static int queue(mw_outq *q, enum way way, size_t *to_r, size_t n)
{
    size_t cap = 0;
    char *room;
    int result = way == LEND ? mw_outq_lend(q, stream + *to_r, n) : MW_OK;

    if (way == COPY)
        result = mw_outq_copy(q, stream + *to_r, n);
    if (way != ROOM) {
        *to_r += result == MW_OK ? n : 0;
        return result == MW_OK || result == MW_E_NOMEM;
    }
    if (n == 0)
        return 1;
    room = mw_outq_room(q, n, &cap);
    if (!room)
        return 1;
    if (cap > n || cap < (n < MW_OUTQ_ROOM_MIN ? n : MW_OUTQ_ROOM_MIN))
        return 0;
    memcpy(room, stream + *to_r, cap);
    mw_outq_wrote(q, cap);
    *to_r += cap;
    return 1;
}

/* Comparing all that is left after each small step is quadratic: with much left, now and then does. */
static int worth_a_look(size_t left)
{
    return left < 300 || tap_random(200) == 0;
}

static int run_size(enum way way, size_t size, int cut)
{
    failing f;
    mw_outq q;
    size_t from = 0, to = 0, n;
    int ok = 1;

    failing_init(&f, 0);
    mw_outq_init(&q, &f.table);
    while (to < size && ok)
        ok = queue(&q, way, &to, tap_piece(cut, size - to));
    ok = ok && q.queued == size && mw_outq_len(&q) == size && shows(&q, 0, size, 64);
    while (from < size && ok) {
        n = tap_piece(cut, size - from);
        mw_outq_sent(&q, n);
        from += n;
        ok = q.sent == from && (!worth_a_look(size - from) || shows(&q, from, size, 2));
    }
    mw_outq_free(&q);
    return ok && f.blocks == 0;
}

static void test_sizes(void)
{
    size_t i;
    int way, cut;

    for (way = 0; way < WAYS; way++)
        for (i = 0; i < SIZES; i++) {
            int ok = 1;

            for (cut = 0; cut <= TAP_RANDOM; cut++)
                if (cut != TAP_BYTES || sizes[i] <= 8192)
                    ok = ok && run_size((enum way)way, sizes[i], cut);
            tap_ok(ok, "%lu bytes, %s", (unsigned long)sizes[i], way_names[way]);
        }
}

/* Everything mixed; after each step the queue shows what it should. */
static int run_random(const mw_alloc *a)
{
    mw_outq q;
    size_t from = 0, to = 0, dropped = 0;
    int i, ok = 1;

    tap_seed = 7;
    mw_outq_init(&q, a);
    for (i = 0; i < 300 && ok; i++) {
        size_t most = tap_random(8) ? 300 : 9000;

        ok = queue(&q, (enum way)tap_random(WAYS), &to, tap_random((uint32_t)most));
        ok = ok && shows_all(&q, from, to);
        if (ok && tap_random(3) == 0) {
            size_t n = tap_random((uint32_t)(to - from) + 1);

            mw_outq_sent(&q, n);
            from += n;
        }
        if (ok && tap_random(50) == 0) {
            mw_outq_drop(&q);
            dropped += to - from;
            from = to;
        }
        ok = ok && shows_all(&q, from, to) && q.queued == to - dropped;
    }
    mw_outq_free(&q);
    return ok && dropped > 0;
}

static void test_whole_or_nothing(void)
{
    static const size_t more[] = { 4096, MW_OUTQ_CHUNK, 24 * MW_OUTQ_CHUNK };
    size_t i;

    for (i = 0; i < sizeof more / sizeof more[0]; i++) {
        failing f;
        mw_outq q;

        failing_init(&f, 2);
        mw_outq_init(&q, &f.table);
        (void)mw_outq_copy(&q, stream, 10);
        tap_ok(mw_outq_copy(&q, stream + 10, more[i]) == MW_E_NOMEM && q.queued == 10 && shows_all(&q, 0, 10),
               "no memory for %lu more: nothing of it is queued", (unsigned long)more[i]);
        tap_ok(mw_outq_copy(&q, stream + 10, more[i]) == MW_OK && shows_all(&q, 0, 10 + more[i]),
               "then all of it");
        tap_ok(mw_outq_copy(&q, stream, SIZE_MAX / 2) == MW_E_NOMEM
               && mw_outq_copy(&q, stream, SIZE_MAX) == MW_E_NOMEM && shows_all(&q, 0, 10 + more[i]),
               "more than can be had");
        mw_outq_free(&q);
        tap_ok(f.blocks == 0, "and nothing is left");
    }
}

static void test_lent(void)
{
    failing f;
    mw_outq q;
    mw_slice v[4];

    failing_init(&f, 0);
    mw_outq_init(&q, &f.table);
    (void)mw_outq_copy(&q, "ab", 2);
    (void)mw_outq_lend(&q, stream, 100000);
    (void)mw_outq_copy(&q, "cd", 2);
    tap_ok(mw_outq_peek(&q, v, 4) == 3 && v[1].base == stream && v[1].len == 100000,
           "lent: sent from where it is");
    mw_outq_sent(&q, 3);
    tap_ok(mw_outq_peek(&q, v, 4) == 2 && v[0].base == stream + 1, "lent: the rest after a part");
    mw_outq_sent(&q, 99999 + 1);
    tap_ok(mw_outq_peek(&q, v, 4) == 1 && v[0].len == 1 && *v[0].base == 'd', "lent: what was copied behind");
    mw_outq_free(&q);
    tap_ok(f.blocks == 0, "lent: not released by the queue");
}

static void test_bytes_stay(void)
{
    failing f;
    mw_outq q;
    mw_slice before, after;
    int i;

    failing_init(&f, 0);
    mw_outq_init(&q, &f.table);
    (void)mw_outq_copy(&q, "x", 1);
    (void)mw_outq_peek(&q, &before, 1);
    for (i = 0; i < 100; i++)
        (void)mw_outq_copy(&q, stream, 1000);
    (void)mw_outq_peek(&q, &after, 1);
    tap_ok(before.base == after.base && *before.base == 'x', "queued bytes are not moved");
    mw_outq_free(&q);
}

static void test_unused_room(void)
{
    failing f;
    mw_outq q;
    mw_slice v[2];
    size_t cap, most = 0;

    failing_init(&f, 0);
    mw_outq_init(&q, &f.table);
    tap_ok(mw_outq_room(&q, 1000000, &most) && most >= MW_OUTQ_ROOM_MIN && most <= MW_OUTQ_CHUNK,
           "room: bounded (%lu)", (unsigned long)most);
    tap_ok(mw_outq_peek(&q, v, 2) == 0 && mw_outq_len(&q) == 0, "room: not used, nothing to send");
    (void)mw_outq_lend(&q, stream, 5);
    tap_ok(mw_outq_peek(&q, v, 2) == 1 && v[0].base == stream, "room: no empty slice before what is lent");
    mw_outq_sent(&q, 5);
    (void)mw_outq_copy(&q, stream, MW_OUTQ_CHUNK - 1);
    tap_ok(mw_outq_room(&q, 1000, &cap) && cap >= MW_OUTQ_ROOM_MIN, "room: never less than the least");
    mw_outq_wrote(&q, 0);
    tap_ok(mw_outq_room(&q, 1, &cap) && cap == 1, "room: nor more than wanted");
    mw_outq_free(&q);
    tap_ok(f.blocks == 0, "room: nothing left");
}

static void test_memory(void)
{
    failing f;
    mw_outq q;
    size_t idle;
    long calls;
    int i;

    failing_init(&f, 0);
    mw_outq_init(&q, &f.table);
    (void)mw_outq_copy(&q, "LHLO me\r\n", 9);
    mw_outq_sent(&q, 9);
    idle = f.bytes;
    tap_ok(idle < 5000, "an idle session's queue has %lu bytes", (unsigned long)idle);
    calls = f.calls;
    for (i = 0; i < 1000; i++) {
        (void)mw_outq_copy(&q, "NOOP\r\n", 6);
        mw_outq_sent(&q, 6);
    }
    tap_ok(f.calls == calls, "a thousand commands later nothing more was allocated");
    (void)mw_outq_copy(&q, stream, STREAM);
    mw_outq_sent(&q, STREAM);
    tap_ok(f.bytes <= idle, "a huge copy is not kept");
    for (i = 0; i < 20000; i++) {
        (void)mw_outq_copy(&q, stream, 73);
        if (i % 1000 == 999)
            mw_outq_sent(&q, 73000);
    }
    tap_ok(f.bytes < MW_OUTQ_CHUNK + 1000 && f.calls < calls + 50,
           "1.4 MB in lines: %ld allocations", f.calls - calls);
    tap_ok(q.queued == q.sent && q.queued == 9 + 6000 + STREAM + 20000 * 73, "every byte was counted");
    (void)mw_outq_copy(&q, stream, 100);
    (void)mw_outq_lend(&q, stream, 100);
    mw_outq_sent(&q, 50);
    mw_outq_drop(&q);
    tap_ok(q.queued == q.sent && q.sent == 9 + 6000 + STREAM + 20000 * 73 + 50,
           "what was dropped counts as neither");
    mw_outq_free(&q);
    tap_ok(f.blocks == 0, "nothing left");
}

int main(void)
{
    make_stream();
    test_empty();
    test_sizes();
    test_whole_or_nothing();
    test_lent();
    test_bytes_stay();
    test_unused_room();
    test_memory();
    failing_every("random use", run_random);
    return tap_done();
}
