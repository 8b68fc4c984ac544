/* The queue of deliveries, over QMTP links: what goes when, what comes back, what a lost link does to each; the window and deadlines. */
#include "failing.h"
#include "qmtp_drive.h"

/* A package of one recipient is 20 bytes on the wire: "4:\nhi\n,3:s@x,4:1:a,," */
#define ONE 20

static mw_delivery *delivery(const mw_alloc *alloc, const char *rcpts, const char *content)
{
    mw_delivery *d = mw_qmtp_delivery_new(alloc, slice("s@x"), MW_QMTP_LF);
    char name[2] = "";

    for (; d && *rcpts; rcpts++) {
        *name = *rcpts;
        if (mw_qmtp_delivery_rcpt(d, slice(name))) {
            mw_delivery_free(d);
            return NULL;
        }
    }
    if (d)
        mw_content_lend(&d->content, content, strlen(content));
    return d;
}

/* Adds one for these recipients, a letter each. */
static int64_t add(mw_queue *f, const char *rcpts)
{
    mw_delivery *d = delivery(mw_alloc_default(), rcpts, "hi\n");

    if (!d)
        exit(1);
    return mw_queue_add(f, d);
}

/* All deliveries: "1 a=250:text; 2 b waits; 3 c written; ". Those that are over are taken. */
static void report(mw_queue *f, char *to)
{
    mw_delivery *d, *next;
    size_t i;

    *to = '\0';
    for (d = f->first; d; d = next) {
        next = d->next;
        to += sprintf(to, "%d", (int)d->id);
        if (d->state != MW_DELIVERY_DONE) {
            to += sprintf(to, d->state == MW_DELIVERY_WAITING ? " waits; " : " written; ");
            continue;
        }
        for (i = 0; i < d->to.count; i++) {
            const mw_result *r = &d->to.rcpts[i].result;

            to += sprintf(to, " %s=%u%s%s", r->recipient->bytes, r->code, r->maybe_delivered ? "?" : "",
                r->stage == MW_STAGE_FINAL ? "" : r->stage == MW_STAGE_BODY ? "(body)" : "(connect)");
        }
        to += sprintf(to, "; ");
        mw_queue_take(f, d);
        mw_delivery_free(d);
    }
}

static void check(mw_queue *f, const char *expected, const char *name)
{
    char seen[512];

    report(f, seen);
    tap_ok(strcmp(seen, expected) == 0, "%s: %s", name, expected);
    if (strcmp(seen, expected) != 0)
        printf("# %s\n", seen);
}

static mw_queue *queue_new(void)
{
    mw_queue *f = malloc(sizeof *f);

    if (!f)
        exit(1);
    mw_queue_init(f, &mw_qmtp_protocol, NULL);
    return f;
}

static void queue_free(mw_queue *f)
{
    mw_queue_clear(f);
    free(f);
}

/* All that can be sent is, and the server says this. */
static int go_on(mw_queue *f, mw_qmtp *q, const char *says)
{
    int rc = mw_qmtp_write(q, f);

    session_send(q, SIZE_MAX, NULL);
    if (!rc && *says)
        rc = session_receive(q, says, strlen(says), TAP_WHOLE);
    return rc;
}

static void test_order(void)
{
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new();
    char wire[256] = "";

    tap_ok(add(f, "a") == 1 && add(f, "b") == 2 && f->unanswered == 2, "order: ids from 1");
    tap_ok(mw_qmtp_write(q, f) == 0 && !f->current, "order: all are written");
    session_send(q, SIZE_MAX, wire);
    tap_ok(strcmp(wire, "4:\nhi\n,3:s@x,4:1:a,,4:\nhi\n,3:s@x,4:1:b,,") == 0, "order: on the wire");
    go_on(f, q, "2:D1,");
    tap_ok(f->unanswered == 1 && f->bytes == 3 && f->count == 2, "order: counts");
    check(f, "1 a=550; 2 written; ", "order");
    go_on(f, q, "2:K2,");
    check(f, "2 b=250; ", "order");
    tap_ok(!f->first && !f->oldest && !mw_queue_find(f, 1), "order: none left");
    mw_qmtp_free(q);
    queue_free(f);
}

/* mailfront answers once per package: what is behind one of several waits until all its answers are there. */
static void test_alone(void)
{
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new();

    add(f, "a");
    add(f, "bc");
    add(f, "d");
    add(f, "ef");
    go_on(f, q, "");
    check(f, "1 written; 2 waits; 3 waits; 4 waits; ", "alone");
    go_on(f, q, "2:K1,");
    go_on(f, q, "2:K2,");
    check(f, "1 a=250; 2 written; 3 waits; 4 waits; ", "alone");
    go_on(f, q, "2:K3,");
    go_on(f, q, "");
    check(f, "2 b=250 c=250; 3 written; 4 written; ", "alone");
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    check(f, "3 d=450?; 4 e=450? f=450?; ", "alone");
    mw_qmtp_free(q);
    queue_free(f);
}

/* Three packages; the link dies when so many bytes have left. Those of which none did go over the next link. */
static int sweep_match(size_t out)
{
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new(), *next = session_new();
    char seen[512], expected[512], *to = expected;
    int n, good;

    for (n = 0; n < 3; n++)
        add(f, "a");
    mw_qmtp_write(q, f);
    session_send(q, out, NULL);
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    mw_qmtp_free(q);
    go_on(f, next, &"1:K,1:K,1:K,"[4 * ((out + ONE - 1) / ONE)]);
    for (n = 0; n < 3; n++)
        to += sprintf(to, "%d a=%s; ", n + 1, out >= ONE * (unsigned)(n + 1) ? "450?" : out > ONE * (unsigned)n ? "450(body)" : "250");
    report(f, seen);
    good = strcmp(seen, expected) == 0 && mw_qmtp_error(next) == 0 && f->unanswered == 0
        && f->bytes == 0;
    mw_qmtp_free(next);
    queue_free(f);
    return good;
}

static void test_sweep(void)
{
    size_t out;

    for (out = 0; out <= 3 * ONE; out++)
        tap_ok(sweep_match(out), "sweep: lost after %d bytes", (int)out);
}

static void test_progress(void)
{
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new();
    mw_delivery *d;
    size_t out;
    int good = 1;

    add(f, "a");
    add(f, "b");
    d = mw_queue_find(f, 2);
    good &= mw_qmtp_delivery_sent(d, mw_qmtp_out(q)->sent) == 0 && mw_qmtp_delivery_sent(d, 0) == 0;
    mw_qmtp_write(q, f);
    for (out = 0; out <= 2 * ONE; out++, session_send(q, 1, NULL))
        good &= mw_qmtp_delivery_sent(d, mw_qmtp_out(q)->sent) == (out < ONE + 3 ? 0 : out < ONE + 6 ? out - ONE - 3 : 3);
    tap_ok(good, "progress: the content's bytes, and no others");
    go_on(f, q, "1:K,1:K,");
    tap_ok(mw_qmtp_delivery_sent(d, mw_qmtp_out(q)->sent) == 3, "progress: all of them in the end");
    mw_qmtp_free(q);
    queue_free(f);
}

static void test_cancel(void)
{
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new();
    mw_text *words = mw_text_new(mw_alloc_default(), "late", 4);

    add(f, "a");
    add(f, "bc");
    add(f, "d");
    go_on(f, q, "");
    tap_ok(mw_queue_cancel(f, mw_queue_find(f, 1), MW_STAGE_CONNECT, words) == MW_E_STATE, "cancel: not what is written");
    tap_ok(mw_queue_cancel(f, mw_queue_find(f, 2), MW_STAGE_CONNECT, words) == 0, "cancel: what waits");
    go_on(f, q, "");
    check(f, "1 written; 2 b=450(connect) c=450(connect); 3 written; ", "cancel");
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    check(f, "1 a=450?; 3 d=450?; ", "cancel");
    add(f, "e");
    add(f, "f");
    mw_queue_abandon(f, words);
    check(f, "4 e=450(connect); 5 f=450(connect); ", "abandon");
    tap_ok(f->unanswered == 0 && !f->current, "abandon: nothing is left");
    mw_text_drop(words);
    mw_qmtp_free(q);
    queue_free(f);
}

/* A cancelled one between two that come back from a lost link. */
static void test_cancel_between(void)
{
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new(), *next = session_new(), *third = session_new();
    int n;

    for (n = 0; n < 3; n++)
        add(f, "a");
    mw_qmtp_write(q, f);
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    mw_queue_cancel(f, mw_queue_find(f, 2), MW_STAGE_CONNECT, NULL);
    mw_qmtp_write(next, f);
    mw_qmtp_lost(next, MW_E_CLOSED, NULL);
    go_on(f, third, "1:K,1:D,");
    check(f, "1 a=250; 2 a=450(connect); 3 a=550; ", "between");
    mw_qmtp_free(q);
    mw_qmtp_free(next);
    mw_qmtp_free(third);
    queue_free(f);
}

/* What is queued is bounded, whatever waits. */
static void test_high_water(void)
{
    static char content[MW_CONTENT_LEND_MIN + 1];
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new();
    int n;

    memset(content, 'x', sizeof content - 1);
    for (n = 0; n < 50; n++)
        mw_queue_add(f, delivery(mw_alloc_default(), "a", content));
    mw_qmtp_write(q, f);
    tap_ok(mw_outq_len(mw_qmtp_out(q)) < 2 * MW_QMTP_HIGH_WATER && f->current, "high water: the rest waits");
    for (n = 0; n < 50 && f->current; n++)
        go_on(f, q, "");
    tap_ok(!f->current && f->unanswered == 50, "high water: until there is room");
    mw_qmtp_free(q);
    queue_free(f);
}

/* ---- the window */

static void test_window(void)
{
    static const struct { size_t window, bytes, given, size; int room; } cases[] = {
        { 1, 10, 0, 11, 1 }, { 1, 10, 1, 1, 0 }, { 3, 10, 2, 4, 1 }, { 3, 10, 2, 5, 0 }, { 2, 10, 2, 1, 0 }, { 0, 0, 0, 1, 1 },
    };
    mw_queue *f;
    size_t i, n;

    for (i = 0; i < COUNT(cases); i++) {
        f = queue_new();
        f->window = cases[i].window;
        f->window_bytes = cases[i].bytes;
        for (n = 0; n < cases[i].given; n++)
            add(f, "a");
        tap_ok(mw_queue_has_room(f, cases[i].size) == cases[i].room, "window of %d and %d bytes, %d unanswered: %d more", (int)cases[i].window,
            (int)cases[i].bytes, (int)cases[i].given, (int)cases[i].size);
        queue_free(f);
    }
}

/* ---- deadlines */

static void add_timed(mw_queue *f, int64_t deadline)
{
    mw_delivery *d = delivery(mw_alloc_default(), "a", "hi\n");

    if (!d)
        exit(1);
    d->deadline = deadline;
    mw_queue_add(f, d);
}

/* Deadlines 50, none, 30, 40 and 30: the earliest one of those that are not finished counts. */
static void test_deadlines(void)
{
    static const int64_t deadlines[] = { 50, MW_NEVER, 30, 40, 30 };
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new();
    size_t count, i;

    tap_ok(mw_queue_delivery_deadline(f) == MW_NEVER && mw_queue_deadline(f, 0) == MW_NEVER, "deadlines: none in an empty queue");
    for (i = 0; i < COUNT(deadlines); i++)
        add_timed(f, deadlines[i]);
    tap_ok(mw_queue_delivery_deadline(f) == 30, "deadlines: the earliest one");
    tap_ok(!mw_queue_expire(f, 29, NULL, &count) && count == 0, "deadlines: none has passed");
    tap_ok(!mw_queue_expire(f, 30, NULL, &count) && count == 2 && mw_queue_delivery_deadline(f) == 40, "deadlines: two have");
    tap_ok(mw_queue_deadline(f, 0) == 40, "deadlines: without a link, that is all");
    go_on(f, q, "");
    tap_ok(mw_queue_expire(f, 40, NULL, &count) && count == 0, "deadlines: what is written takes the link with it");
    mw_qmtp_lost(q, MW_E_TIMEOUT, NULL);
    tap_ok(mw_queue_delivery_deadline(f) == MW_NEVER, "deadlines: none is left");
    check(f, "1 a=450?; 2 a=450?; 3 a=450(connect); 4 a=450?; 5 a=450(connect); ", "deadlines");
    mw_qmtp_free(q);
    queue_free(f);
}

/* With a link, what is waited for has its own limit: for the bytes to leave, for an answer. */
static void test_waits(void)
{
    mw_queue *f = queue_new();
    mw_qmtp *q = session_new();

    f->link = q;
    f->clock.seconds[MW_WAIT_BLOCK] = 1e-9;
    f->clock.seconds[MW_WAIT_FINAL] = 5e-9;
    add_timed(f, 8);
    mw_qmtp_write(q, f);
    tap_ok(mw_queue_unsent(f) == ONE && mw_queue_deadline(f, 1) == 2 && mw_queue_deadline(f, 2) == 2, "waits: for a byte to leave");
    session_send(q, 1, NULL);
    tap_ok(mw_queue_deadline(f, 2) == 3, "waits: for the next one");
    session_send(q, SIZE_MAX, NULL);
    tap_ok(mw_queue_deadline(f, 2) == 7 && mw_queue_deadline(f, 6) == 7, "waits: for the answer");
    f->clock.cap = 2e-9;
    tap_ok(mw_queue_deadline(f, 6) == 4, "waits: not longer than the cap");
    f->clock.cap = 0;
    add_timed(f, 6);
    tap_ok(mw_queue_deadline(f, 6) == 6, "waits: nor than a delivery's deadline");
    mw_queue_clear(f);
    mw_qmtp_free(q);
    f->link = q = session_new();
    mw_queue_init(f, &mw_qmtp_protocol, q);
    f->clock.seconds[MW_WAIT_FINAL] = 5e-9;
    add(f, "a");
    go_on(f, q, "");
    tap_ok(mw_queue_deadline(f, 10) == 15, "waits: for an answer");
    go_on(f, q, "1:K,");
    tap_ok(mw_queue_deadline(f, 20) == MW_NEVER, "waits: for nothing");
    add(f, "b");
    tap_ok(mw_queue_deadline(f, 30) == MW_NEVER && mw_qmtp_write(q, f) == 0, "waits: what is not queued has no clock");
    session_send(q, SIZE_MAX, NULL);
    tap_ok(mw_queue_deadline(f, 40) == 45, "waits: an idle link's clock starts with what it is given");
    mw_qmtp_free(q);
    queue_free(f);
}

/* ---- no memory */

/* Contents of each kind: copied into the queue, lent to it, and read from a file. */
static char long_content[MW_CONTENT_LEND_MIN + 2];
static int content_file;

static void make_contents(void)
{
    FILE *f = tmpfile();

    memset(long_content, 'x', sizeof long_content - 1);
    if (!f || fwrite(long_content, 1, 100, f) != 100 || fflush(f))
        exit(1);
    content_file = fileno(f);
}

/* As many of these deliveries as there is memory for. Returns how many. */
static int add_starved(mw_queue *f, const mw_alloc *alloc)
{
    static const char *const rcpts[] = { "ab", "c", "d" };
    static const char *const contents[] = { "hi\n", long_content, "" };
    mw_delivery *d;
    int i;

    for (i = 0; i < 3 && (d = delivery(alloc, rcpts[i], contents[i])); i++) {
        if (i == 2) {
            static const mw_file file = { NULL, 0, 0, 100, 0, 0 };

            mw_content_from_file(&d->content, &file);
            d->content.file.fd = content_file;
        }
        mw_queue_add(f, d);
    }
    return i;
}

/* Everything is sent, files as well. */
static void send_all(mw_qmtp *q)
{
    mw_outq_stretch stretch;

    do
        session_send(q, SIZE_MAX, NULL);
    while (mw_outq_peek_file(mw_qmtp_out(q), &stretch) && (mw_outq_sent(mw_qmtp_out(q), (size_t)stretch.left), 1));
}

/* On a link of its own, up to the first failure. */
static void fly_starved(mw_queue *f, const mw_alloc *alloc, const char *says)
{
    mw_qmtp *q = mw_qmtp_new(alloc, 0);

    if (!q)
        return;
    if (go_on(f, q, says) >= 0 && mw_qmtp_write(q, f) == 0) {
        send_all(q);
        session_receive(q, "2:K3,2:D4,", 10, TAP_WHOLE);
    }
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    mw_qmtp_free(q);
}

/* Everybody has a result, none better than the server's word: a and c accepted, b and d refused. */
static int judged(const mw_queue *f, int whole)
{
    const mw_delivery *d;
    size_t i;
    int good = 1;

    for (d = f->first; d; d = d->next) {
        for (i = 0; i < d->to.count; i++) {
            const mw_result *r = &d->to.rcpts[i].result;
            unsigned said = strchr("ac", *r->recipient->bytes) ? MW_QMTP_ACCEPTED : MW_QMTP_REFUSED;

            good &= r->code == said || (!whole && r->code == MW_QMTP_DEFERRED);
        }
        good &= d->state == MW_DELIVERY_DONE;
    }
    return good && f->unanswered == 0;
}

static int starved(const mw_alloc *alloc)
{
    mw_queue *f = queue_new();
    int good;

    good = add_starved(f, alloc) == 3 || failing_has_failed(alloc);
    fly_starved(f, alloc, "2:K1,2:D2,");
    /* c and d, if they were not begun, go over another link. */
    if (f->unanswered == 2)
        fly_starved(f, alloc, "");
    mw_queue_abandon(f, NULL);
    good &= judged(f, !failing_has_failed(alloc));
    queue_free(f);
    return good;
}

int main(void)
{
    test_order();
    test_alone();
    test_sweep();
    test_progress();
    test_cancel();
    test_cancel_between();
    test_high_water();
    test_window();
    test_deadlines();
    test_waits();
    make_contents();
    failing_every("memory: deliveries of each kind of content", starved);
    return tap_done();
}
