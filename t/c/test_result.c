/* Results: stages by name, and who holds which text. */
#include "../../c/result.h"
#include "failing.h"

static const struct {
    mw_stage stage;
    const char *text;
} stages[] = {
    { MW_STAGE_CONNECT, "connect" },
    { MW_STAGE_MAIL, "mail" },
    { MW_STAGE_RCPT, "rcpt" },
    { MW_STAGE_DATA, "data" },
    { MW_STAGE_BODY, "body" },
    { MW_STAGE_FINAL, "final" }
};

static void test_stages(void)
{
    size_t i;

    for (i = 0; i < sizeof stages / sizeof stages[0]; i++)
        tap_ok(strcmp(mw_stage_text(stages[i].stage), stages[i].text) == 0, "stage %s", stages[i].text);
    tap_ok(strcmp(mw_stage_text((mw_stage)99), "unknown") == 0, "no such stage");
}

static void test_set(void)
{
    failing f;
    mw_result r;
    mw_text *first, *second;

    failing_init(&f, 0);
    memset(&r, 0, sizeof r);
    r.recipient = mw_text_new(&f.table, "a@example.org", 13);
    first = mw_text_new(&f.table, "no", 2);
    second = mw_text_new(&f.table, "yes", 3);

    mw_result_set(&r, 421, first, MW_STAGE_BODY, 8);
    tap_ok(r.code == 421 && r.text == first && r.stage == MW_STAGE_BODY && r.maybe_delivered == 1, "set");
    tap_ok(first->holders == 2, "the text is held, not taken over");
    mw_text_drop(first);
    mw_result_set(&r, 450, r.text, MW_STAGE_FINAL, 1);
    tap_ok(f.blocks == 3 && r.text == first && first->holders == 1, "set to the text that it has");
    mw_result_set(&r, 250, second, MW_STAGE_FINAL, 0);
    tap_ok(f.blocks == 2 && r.text == second && !r.maybe_delivered, "what was there before is dropped");
    tap_ok(r.recipient && r.recipient->len == 13, "the recipient stays");
    mw_result_set(&r, 550, NULL, MW_STAGE_RCPT, 0);
    tap_ok(r.text == NULL && second->holders == 1, "no text");
    mw_result_set(&r, 250, second, MW_STAGE_FINAL, 0);
    mw_result_clear(&r);
    tap_ok(!r.recipient && !r.text && !r.code && r.stage == MW_STAGE_CONNECT && !r.maybe_delivered
           && f.blocks == 1 && second->holders == 1, "cleared");
    mw_result_clear(&r);
    mw_text_drop(second);
    tap_ok(f.blocks == 0, "clearing twice is fine; nothing left");
}

static void test_shared(void)
{
    enum { COUNT = 1000 };
    static mw_result all[COUNT];
    failing f;
    mw_text *words;
    int i;

    failing_init(&f, 0);
    words = mw_text_new(&f.table, "5.7.1 Refused", 13);
    for (i = 0; i < COUNT; i++)
        mw_result_set(&all[i], 550, words, MW_STAGE_DATA, 0);
    mw_text_drop(words);
    tap_ok(f.blocks == 1 && words->holders == COUNT, "one text for %d recipients", COUNT);
    for (i = 0; i < COUNT; i++)
        mw_result_clear(&all[i]);
    tap_ok(f.blocks == 0, "released with the last of them");
}

int main(void)
{
    test_stages();
    test_set();
    test_shared();
    return tap_done();
}
