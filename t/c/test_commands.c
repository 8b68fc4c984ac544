/* The queue of replies owed. */
#include "failing.h"
#include "../../c/error.h"
#include "../../c/commands.h"

/* The queue as text: a letter for each entry (R an rcpt's, F a final one, L a local one, o another) and how many it owns. */
static const char *shown(const mw_commands *q)
{
    static char text[4096];
    size_t i, at = 0;
    const mw_command *e;

    for (i = 0; i < q->count; i++) {
        e = mw_commands_at(q, i);
        at += (size_t)snprintf(text + at, sizeof text - at, "%c%d",
            e->kind == MW_KIND_RCPT ? 'R' : e->kind == MW_KIND_END ? 'F' : e->kind == MW_KIND_LOCAL ? 'L' : 'o', (int)e->owed);
    }
    text[at] = '\0';
    return text;
}

static void push(mw_commands *q, mw_kind kind, size_t owed)
{
    if (mw_commands_reserve(q, 1))
        exit(1);
    mw_commands_push(q, kind, owed);
}

#define IS(q, text) tap_ok(strcmp(shown(q), text) == 0, "queue: %s", *(text) ? text : "empty")

static void test_order(void)
{
    mw_commands q;

    mw_commands_init(&q, mw_alloc_default());
    tap_ok(!mw_commands_head(&q) && !mw_commands_tail(&q) && !mw_commands_oldest(&q) && !mw_commands_promote(&q), "empty: nothing is owed");
    mw_commands_shift(&q);
    mw_commands_pop(&q);
    IS(&q, "");
    push(&q, MW_KIND_MAIL, 1);
    push(&q, MW_KIND_END, 3);
    push(&q, MW_KIND_RCPT, 1);
    IS(&q, "o1F3R1");
    tap_ok(mw_commands_head(&q)->kind == MW_KIND_MAIL && mw_commands_tail(&q)->kind == MW_KIND_RCPT, "head and tail");
    mw_commands_shift(&q);
    mw_commands_shift(&q);
    IS(&q, "F2R1");
    mw_commands_shift(&q);
    mw_commands_shift(&q);
    IS(&q, "R1");
    push(&q, MW_KIND_END, 9);
    mw_commands_pop(&q);
    mw_commands_pop(&q);
    IS(&q, "");
    push(&q, MW_KIND_END, 9);
    mw_commands_clear(&q);
    IS(&q, "");
    mw_commands_free(&q);
}

/* What is answered here stays in its turn, but is no answer to what the server says. */
static void test_promote(void)
{
    mw_commands q;

    mw_commands_init(&q, mw_alloc_default());
    push(&q, MW_KIND_LOCAL, 1);
    tap_ok(!mw_commands_oldest(&q) && !mw_commands_promote(&q), "promote: nothing but local ones");
    push(&q, MW_KIND_LOCAL, 2);
    push(&q, MW_KIND_RCPT, 1);
    push(&q, MW_KIND_END, 1);
    tap_ok(mw_commands_oldest(&q)->kind == MW_KIND_RCPT, "oldest");
    IS(&q, "L1L2R1F1");
    tap_ok(mw_commands_promote(&q) == mw_commands_head(&q), "promote");
    IS(&q, "R1L1L2F1");
    mw_commands_promote(&q);
    IS(&q, "R1L1L2F1");
    mw_commands_free(&q);
}

/* Against a plain array. */
static void test_random(void)
{
    static size_t model[100000];
    size_t first = 0, last = 0, i, step;
    mw_commands q;
    int good = 1;

    mw_commands_init(&q, mw_alloc_default());
    for (step = 0; step < 100000 && good; step++) {
        if (tap_random(5) < 3) {
            push(&q, MW_KIND_RCPT, 1);
            mw_commands_tail(&q)->rcpt = model[last++] = step;
        } else if (first < last) {
            good &= mw_commands_head(&q)->rcpt == model[first++];
            mw_commands_pop(&q);
        }
        good &= q.count == last - first;
    }
    for (i = 0; good && i < q.count; i++)
        good &= mw_commands_at(&q, i)->rcpt == model[first + i];
    tap_ok(good, "random: first in, first out, whatever the ring does");
    mw_commands_free(&q);
}

static void test_limit(void)
{
    mw_commands q;
    size_t i;
    int good = 1;

    mw_commands_init(&q, mw_alloc_default());
    tap_ok(mw_commands_reserve(&q, MW_COMMANDS_MAX + 1) == MW_E_STATE && mw_commands_reserve(&q, SIZE_MAX) == MW_E_STATE, "limit: not at once");
    for (i = 0; i < MW_COMMANDS_MAX - 1; i++)
        push(&q, MW_KIND_OTHER, 1);
    good &= mw_commands_reserve(&q, 1) == 0 && mw_commands_reserve(&q, 2) == MW_E_STATE;
    push(&q, MW_KIND_OTHER, 1);
    tap_ok(good && mw_commands_reserve(&q, 1) == MW_E_STATE && mw_commands_reserve(&q, SIZE_MAX) == MW_E_STATE, "limit: nor one by one");
    mw_commands_pop(&q);
    tap_ok(mw_commands_reserve(&q, 1) == 0, "limit: one less");
    mw_commands_free(&q);
}

/* What was asked last: the line of the command that was answered, or that the end found. */
static int is_asked(const mw_commands *q, const char *line, int answered)
{
    mw_slice asked = mw_buf_view(&q->asked);

    return asked.len == strlen(line) && (!asked.len || (memcmp(asked.base, line, asked.len) == 0 && q->answered == answered));
}

static void push_noted(mw_commands *q, mw_kind kind, size_t owed, const char *line)
{
    push(q, kind, owed);
    if (line)
        mw_commands_note(q, (mw_slice){ line, strlen(line) });
}

static void test_asked(void)
{
    mw_commands q;

    mw_commands_init(&q, mw_alloc_default());
    push_noted(&q, MW_KIND_MAIL, 1, "MAIL");
    push_noted(&q, MW_KIND_LOCAL, 1, NULL);
    push_noted(&q, MW_KIND_END, 2, "EN");
    mw_commands_note(&q, (mw_slice){ "D", 1 });
    push_noted(&q, MW_KIND_QUIT, 1, "QUIT");
    tap_ok(is_asked(&q, "", 0), "asked: nothing yet");
    mw_commands_shift(&q);
    tap_ok(is_asked(&q, "MAIL", 1), "... the first");
    mw_commands_promote(&q);
    mw_commands_shift(&q);
    tap_ok(is_asked(&q, "END", 1), "... one that is owed two replies, in two pieces");
    mw_commands_shift(&q);
    tap_ok(is_asked(&q, "END", 1), "... its second");
    mw_commands_pop(&q);
    tap_ok(is_asked(&q, "", 1), "... none behind one that was not sent");
    mw_commands_clear(&q);
    tap_ok(is_asked(&q, "QUIT", 0), "... the end: without an answer");
    mw_commands_clear(&q);
    tap_ok(is_asked(&q, "QUIT", 0), "... twice");
    push_noted(&q, MW_KIND_RSET, 1, NULL);
    mw_commands_shift(&q);
    tap_ok(is_asked(&q, "", 1), "... none behind one without a line");
    mw_commands_free(&q);
}

static int starved(const mw_alloc *a)
{
    mw_commands q;
    size_t i;
    int good = 1, rc = 0;

    mw_commands_init(&q, a);
    for (i = 0; i < 100 && !rc; i++) {
        rc = mw_commands_reserve(&q, 3);
        if (!rc)
            mw_commands_push(&q, MW_KIND_RCPT, 1)->rcpt = i;
        if (!rc)
            mw_commands_note(&q, (mw_slice){ "RCPT", 4 });
    }
    good &= !rc || (rc == MW_E_NOMEM && failing_has_failed(a));
    for (i = 0; q.count; i++) {
        good &= mw_commands_head(&q)->rcpt == i;
        mw_commands_shift(&q);
    }
    mw_commands_free(&q);
    return good;
}

int main(void)
{
    test_order();
    test_promote();
    test_random();
    test_limit();
    test_asked();
    failing_every("memory: a queue", starved);
    return tap_done();
}
