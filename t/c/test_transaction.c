/* One message's recipients: each settled once, in the order of RCPT. */
#include "failing.h"
#include "../../c/error.h"
#include "../../c/transaction.h"

/* Recipients as text: name, "+" for accepted, and the result ("-": none yet; "?": maybe delivered). */
static const char *shown(const mw_transaction *t)
{
    static const char stages[] = "cmrdbf";
    static char text[4096];
    const mw_recipient *r;
    size_t i, at = 0;

    *text = '\0';
    for (i = 0; i < t->count; i++) {
        r = &t->rcpts[i];
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s%s", i ? " " : "", r->result.recipient->bytes, r->accepted ? "+" : "");
        if (!r->settled && !r->result.code)
            at += (size_t)snprintf(text + at, sizeof text - at, "=-");
        else
            at += (size_t)snprintf(text + at, sizeof text - at, "=%u%c%s%s", r->result.code, stages[r->result.stage],
                r->result.maybe_delivered ? "?" : "", r->result.text ? r->result.text->bytes : "");
    }
    return text;
}

static mw_text *words(const char *bytes)
{
    return mw_text_new(mw_alloc_default(), bytes, strlen(bytes));
}

static void add(mw_transaction *t, const char *name)
{
    mw_slice address = { name, strlen(name) };

    if (mw_transaction_add(t, address))
        exit(1);
}

/* a, b and c: accepted, refused, accepted. */
static void begun(mw_transaction *t)
{
    mw_text *text = words("no");

    mw_transaction_init(t, mw_alloc_default());
    mw_transaction_begin(t, t->count);
    add(t, "a");
    add(t, "b");
    add(t, "c");
    mw_transaction_rcpt(t, 0, 250, NULL);
    mw_transaction_rcpt(t, 1, 550, text);
    mw_transaction_rcpt(t, 2, 251, NULL);
    mw_text_drop(text);
}

#define IS(t, name, text) tap_ok(strcmp(shown(t), text) == 0 || !printf("# %s\n", shown(t)), "%s: %s", name, text)

static void test_finals(void)
{
    mw_transaction t;
    mw_text *text = words("x");

    begun(&t);
    IS(&t, "rcpt", "a+=- b=550rno c+=-");
    tap_ok(mw_transaction_owed(&t) == 2 && t.accepted == 2, "finals: two are owed");
    tap_ok(mw_transaction_final(&t, 250, text) == 1, "finals: the first");
    IS(&t, "finals", "a+=250fx b=550rno c+=-");
    tap_ok(mw_transaction_final(&t, 450, NULL) == 1, "finals: the second");
    tap_ok(mw_transaction_final(&t, 250, text) == 0 && mw_transaction_owed(&t) == 0, "finals: nobody's");
    IS(&t, "finals", "a+=250fx b=550rno c+=450f");
    mw_transaction_abandon(&t, MW_RCPT_ALL, MW_STAGE_FINAL, 421, text, 1);
    mw_transaction_refused(&t, MW_STAGE_DATA, 503, text);
    mw_transaction_mail_refused(&t, 0, MW_RCPT_ALL, 550, text);
    mw_transaction_rcpt(&t, 1, 551, text);
    mw_transaction_rcpt(&t, 0, 551, text);
    mw_transaction_rcpt(&t, 99, 250, text);
    mw_transaction_reopen(&t);
    IS(&t, "finals: what settled it first stands", "a+=250fx b=550rno c+=450f");
    mw_transaction_begin(&t, t.count);
    IS(&t, "begin", "");
    tap_ok(t.id == 2 && !t.accepted && !mw_transaction_owed(&t), "begin: a new number, nobody");
    add(&t, "d");
    IS(&t, "begin: the refusal of the MAIL before is gone", "d=-");
    mw_text_drop(text);
    mw_transaction_free(&t);
}

/* Replies to RCPT may come when later recipients have their result. */
static void test_late_rcpt(void)
{
    mw_transaction t;

    begun(&t);
    add(&t, "d");
    mw_transaction_final(&t, 250, NULL);
    mw_transaction_final(&t, 250, NULL);
    tap_ok(mw_transaction_final(&t, 250, NULL) == 0, "late: d is not accepted");
    mw_transaction_rcpt(&t, 3, 250, NULL);
    tap_ok(mw_transaction_owed(&t) == 1 && mw_transaction_final(&t, 550, NULL) == 1, "late: now it is");
    IS(&t, "late", "a+=250f b=550rno c+=250f d+=550f");
    mw_transaction_free(&t);
}

static void test_refused(void)
{
    mw_transaction t;
    mw_text *text = words("x");

    begun(&t);
    mw_transaction_refused(&t, MW_STAGE_DATA, 451, text);
    IS(&t, "refused", "a+=451dx b=550rno c+=451dx");
    mw_transaction_reopen(&t);
    IS(&t, "reopened", "a+=- b=550rno c+=-");
    mw_transaction_final(&t, 250, NULL);
    mw_transaction_refused(&t, MW_STAGE_BODY, 452, text);
    mw_transaction_reopen(&t);
    IS(&t, "reopened: a final reply stands", "a+=250f b=550rno c+=-");
    mw_transaction_abandon(&t, MW_RCPT_ALL, MW_STAGE_BODY, 421, text, 0);
    IS(&t, "abandoned", "a+=250f b=550rno c+=421bx");
    mw_text_drop(text);
    mw_transaction_free(&t);
}

static void test_mail_refused(void)
{
    mw_transaction t;
    mw_text *text = words("x");

    mw_transaction_init(&t, mw_alloc_default());
    mw_transaction_begin(&t, t.count);
    add(&t, "a");
    mw_transaction_mail_refused(&t, 0, MW_RCPT_ALL, 550, text);
    mw_text_drop(text);
    add(&t, "b");
    mw_transaction_rcpt(&t, 0, 250, NULL);
    mw_transaction_rcpt(&t, 1, 503, NULL);
    IS(&t, "MAIL refused", "a=550mx b=550mx");
    tap_ok(mw_transaction_owed(&t) == 0 && mw_transaction_final(&t, 250, NULL) == 0, "MAIL refused: nobody is accepted");
    mw_transaction_drop_last(&t);
    IS(&t, "dropped", "a=550mx");
    mw_transaction_drop_last(&t);
    IS(&t, "dropped", "");
    mw_transaction_free(&t);
}

static void test_equal(void)
{
    mw_transaction t;

    mw_transaction_init(&t, mw_alloc_default());
    mw_transaction_begin(&t, t.count);
    add(&t, "a");
    add(&t, "a");
    add(&t, "");
    mw_transaction_rcpt(&t, 0, 250, NULL);
    mw_transaction_rcpt(&t, 1, 250, NULL);
    mw_transaction_rcpt(&t, 2, 250, NULL);
    mw_transaction_final(&t, 250, NULL);
    mw_transaction_final(&t, 550, NULL);
    mw_transaction_abandon(&t, MW_RCPT_ALL, MW_STAGE_FINAL, 421, NULL, 1);
    IS(&t, "equal addresses", "a+=250f a+=550f +=421f?");
    mw_transaction_free(&t);
}

static void test_limit(void)
{
    mw_transaction t;
    mw_slice address = { "a", 1 };
    size_t i;
    int good = 1;

    mw_transaction_init(&t, mw_alloc_default());
    mw_transaction_begin(&t, t.count);
    for (i = 0; i < MW_RCPT_MAX - 1; i++)
        good &= mw_transaction_add(&t, address) == 0;
    tap_ok(good && mw_transaction_add(&t, address) == 0, "limit: as many recipients as there may be");
    tap_ok(mw_transaction_add(&t, address) == MW_E_RCPT_LIMIT && t.count == MW_RCPT_MAX, "limit: one more");
    mw_transaction_free(&t);
}

static int starved(const mw_alloc *a)
{
    mw_transaction t;
    mw_slice address = { "a@x", 3 };
    mw_text *text = mw_text_new(a, "x", 1);
    size_t i, count = 0;
    int good = 1, rc;

    mw_transaction_init(&t, a);
    mw_transaction_begin(&t, t.count);
    for (i = 0; i < 20; i++) {
        rc = mw_transaction_add(&t, address);
        good &= !rc || (rc == MW_E_NOMEM && failing_has_failed(a));
        count += !rc;
    }
    for (i = 0; i < t.count; i++)
        mw_transaction_rcpt(&t, i, 250, text);
    good &= t.count == count && mw_transaction_owed(&t) == count;
    mw_transaction_refused(&t, MW_STAGE_DATA, 503, text);
    mw_transaction_reopen(&t);
    mw_transaction_final(&t, 250, text);
    mw_transaction_abandon(&t, MW_RCPT_ALL, MW_STAGE_FINAL, 421, text, 1);
    for (i = 0; i < t.count; i++)
        good &= t.rcpts[i].result.recipient != NULL && t.rcpts[i].result.code == (i ? 421u : 250u);
    mw_text_drop(text);
    mw_transaction_free(&t);
    return good;
}

int main(void)
{
    test_finals();
    test_late_rcpt();
    test_refused();
    test_mail_refused();
    test_equal();
    test_limit();
    failing_every("memory: a transaction", starved);
    return tap_done();
}
