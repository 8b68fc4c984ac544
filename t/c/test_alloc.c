/* The default allocator, zeroed blocks, growing arrays. */
#include "../../c/alloc.h"
#include "../../c/error.h"
#include "failing.h"

static void test_default(void)
{
    const mw_alloc *a = mw_alloc_default();
    char *block = a->resize(a->ctx, NULL, 3);
    char *bigger;

    tap_ok(block != NULL, "default: a new block");
    memcpy(block, "abc", 3);
    bigger = a->resize(a->ctx, block, 100000);
    tap_ok(bigger && memcmp(bigger, "abc", 3) == 0, "default: resized, contents kept");
    a->release(a->ctx, bigger);
    a->release(a->ctx, NULL);
    tap_ok(a == mw_alloc_default(), "default: one table; releasing NULL is fine");
}

static void test_zeroed(void)
{
    static const char zeros[100];
    failing f;
    char *block;

    failing_init(&f, 2);
    block = mw_alloc_zeroed(&f.table, sizeof zeros);
    tap_ok(block && memcmp(block, zeros, sizeof zeros) == 0, "zeroed: all bytes are 0");
    tap_ok(mw_alloc_zeroed(&f.table, 1) == NULL, "zeroed: NULL when there is no memory");
    failing_release(&f, block);
    tap_ok(f.blocks == 0, "zeroed: one block");
}

static const struct {
    const char *name;
    size_t cap, need, item;
    int result;
    size_t cap_after;   /* at least */
    int calls;
} grows[] = {
    { "nothing needed", 0, 0, 4, MW_OK, 0, 0 },
    { "first item", 0, 1, 4, MW_OK, 1, 1 },
    { "one below the capacity", 16, 15, 4, MW_OK, 16, 0 },
    { "at the capacity", 16, 16, 4, MW_OK, 16, 0 },
    { "one above the capacity", 16, 17, 4, MW_OK, 32, 1 },
    { "more than twice", 16, 100, 4, MW_OK, 100, 1 },
    { "more than can be counted", 16, SIZE_MAX / 4 + 1, 4, MW_E_NOMEM, 16, 0 },
    { "as much as can be counted", 16, SIZE_MAX / 4, 4, MW_E_NOMEM, 16, 1 },
    { "all of it", 16, SIZE_MAX, 1, MW_E_NOMEM, 16, 1 },
    { "all of it, large items", 1, SIZE_MAX, 4096, MW_E_NOMEM, 1, 0 }
};

static void test_grow_table(void)
{
    size_t i;

    for (i = 0; i < sizeof grows / sizeof grows[0]; i++) {
        failing f;
        void *block = NULL;
        void *before;
        size_t cap = 0;
        int result;

        failing_init(&f, 0);
        if (grows[i].cap > 0)
            block = f.table.resize(f.table.ctx, NULL, (cap = grows[i].cap) * grows[i].item);
        before = block;
        f.calls = 0;
        result = mw_alloc_grow(&f.table, &block, &cap, grows[i].need, grows[i].item);
        tap_ok(result == grows[i].result && cap >= grows[i].cap_after && f.calls == grows[i].calls,
               "grow: %s", grows[i].name);
        tap_ok(result == MW_OK ? f.bytes == cap * grows[i].item : block == before && cap == grows[i].cap,
               "grow: %s: block and capacity agree", grows[i].name);
        failing_release(&f, block);
    }
}

static void test_grow_doubles(void)
{
    failing f;
    void *block = NULL;
    size_t cap = 0, n;

    failing_init(&f, 0);
    for (n = 1; n <= 100000; n++)
        if (mw_alloc_grow(&f.table, &block, &cap, n, sizeof n) != MW_OK)
            break;
    tap_ok(n == 100001 && f.calls < 20, "grow: 100000 appends, %ld resizes", f.calls);
    failing_release(&f, block);
}

/* 1000 numbers appended, those that were refused left out. */
static int run_grow(const mw_alloc *a)
{
    void *block = NULL;
    size_t cap = 0, count = 0, i;
    int ok = 1;

    for (i = 0; i < 1000; i++) {
        int result = mw_alloc_grow(a, &block, &cap, count + 1, sizeof i);

        ok = ok && (result == MW_OK || result == MW_E_NOMEM);
        if (result == MW_OK) {
            ((size_t *)block)[count] = count;
            count++;
        }
    }
    for (i = 0; i < count; i++)
        ok = ok && ((size_t *)block)[i] == i;
    a->release(a->ctx, block);
    return ok && count >= 999;
}

int main(void)
{
    test_default();
    test_zeroed();
    test_grow_table();
    test_grow_doubles();
    failing_every("grow", run_grow);
    return tap_done();
}
