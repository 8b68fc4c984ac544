/* Shared strings: copied once, released with their last holder. */
#include "../../c/text.h"
#include "failing.h"

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
} texts[] = {
    { "empty", "", 0 },
    { "empty, from NULL", NULL, 0 },
    { "one octet", "x", 1 },
    { "words", "2.1.5 Ok", 8 },
    { "a NUL inside", "a\0b", 3 },
    { "8-bit octets", "\xff\x80\n", 3 }
};

static void test_table(void)
{
    size_t i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        failing f;
        mw_text *text;

        failing_init(&f, 0);
        text = mw_text_new(&f.table, texts[i].bytes, texts[i].len);
        tap_ok(text && text->len == texts[i].len && text->holders == 1
               && (text->len == 0 || memcmp(text->bytes, texts[i].bytes, text->len) == 0)
               && text->bytes[text->len] == '\0', "%s", texts[i].name);
        mw_text_drop(text);
        tap_ok(f.blocks == 0, "%s: released", texts[i].name);
    }
}

static void test_copy(void)
{
    failing f;
    char bytes[] = "before";
    mw_text *text;

    failing_init(&f, 0);
    text = mw_text_new(&f.table, bytes, 6);
    memcpy(bytes, "after!", 6);
    tap_ok(text && memcmp(text->bytes, "before", 7) == 0, "a copy");
    mw_text_drop(text);
}

static void test_holders(void)
{
    failing f;
    mw_text *text;
    int i;

    failing_init(&f, 0);
    text = mw_text_new(&f.table, "abc", 3);
    for (i = 0; i < 1000; i++)
        if (mw_text_hold(text) != text)
            break;
    tap_ok(i == 1000 && text->holders == 1001, "held, not copied");
    for (i = 0; i < 1000; i++)
        mw_text_drop(text);
    tap_ok(f.blocks == 1 && memcmp(text->bytes, "abc", 3) == 0, "there while one holder is left");
    mw_text_drop(text);
    tap_ok(f.blocks == 0, "released by the last");
    tap_ok(mw_text_hold(NULL) == NULL, "NULL stays NULL");
    mw_text_drop(NULL);
}

static void test_no_memory(void)
{
    failing f;

    failing_init(&f, 1);
    tap_ok(mw_text_new(&f.table, "abc", 3) == NULL, "NULL when there is no memory");
    failing_init(&f, 0);
    tap_ok(mw_text_new(&f.table, "abc", SIZE_MAX) == NULL && f.calls == 0,
           "a length that cannot be counted with its head");
}

int main(void)
{
    test_table();
    test_copy();
    test_holders();
    test_no_memory();
    return tap_done();
}
