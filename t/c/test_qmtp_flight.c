/* Deliveries over QMTP links: what goes when, what comes back, and what a lost link does to each. */
#include "failing.h"
#include "qmtp_drive.h"
#include "../../c/qmtp_flight.h"

/* A package of one recipient is 20 bytes on the wire: "4:\nhi\n,3:s@x,4:1:a,," */
#define ONE 20

static mw_qmtp_delivery *delivery(const mw_alloc *alloc, const char *rcpts, const char *content)
{
    mw_qmtp_delivery *d = mw_qmtp_delivery_new(alloc, slice("s@x"), MW_QMTP_LF);
    char name[2] = "";

    for (; d && *rcpts; rcpts++) {
        *name = *rcpts;
        if (mw_qmtp_delivery_rcpt(d, slice(name))) {
            mw_qmtp_delivery_free(d);
            return NULL;
        }
    }
    if (d)
        mw_qmtp_delivery_content(d, content, strlen(content));
    return d;
}

/* Adds one for these recipients, a letter each. */
static int64_t add(mw_qmtp_flight *f, const char *rcpts)
{
    mw_qmtp_delivery *d = delivery(mw_alloc_default(), rcpts, "hi\n");

    if (!d)
        exit(1);
    return mw_qmtp_flight_add(f, d);
}

/* All deliveries: "1 a=250:text; 2 b waits; 3 c written; ". Those that are over are taken. */
static void report(mw_qmtp_flight *f, char *to)
{
    mw_qmtp_delivery *d, *next;
    const mw_result *r;
    size_t i;

    *to = '\0';
    for (d = mw_qmtp_flight_first(f); d; d = next) {
        next = d->next;
        to += sprintf(to, "%d", (int)d->id);
        r = mw_qmtp_delivery_results(d);
        if (!r)
            to += sprintf(to, d->state == MW_QMTP_WAITING ? " waits" : " written");
        for (i = 0; r && i < d->rcpts; i++)
            to += sprintf(to, " %s=%u%s%s", r[i].recipient->bytes, r[i].code, r[i].maybe_delivered ? "?" : "",
                r[i].stage == MW_STAGE_FINAL ? "" : r[i].stage == MW_STAGE_BODY ? "(body)" : "(connect)");
        to += sprintf(to, "; ");
        if (r) {
            mw_qmtp_flight_take(f, d);
            mw_qmtp_delivery_free(d);
        }
    }
}

static void check(mw_qmtp_flight *f, const char *expected, const char *name)
{
    char seen[512];

    report(f, seen);
    tap_ok(strcmp(seen, expected) == 0, "%s: %s", name, expected);
    if (strcmp(seen, expected) != 0)
        printf("# %s\n", seen);
}

static mw_qmtp_flight *flight_new(void)
{
    mw_qmtp_flight *f = mw_qmtp_flight_new(mw_alloc_default());

    if (!f)
        exit(1);
    return f;
}

/* All that can be sent is, and the server says this. */
static int go_on(mw_qmtp_flight *f, mw_qmtp *q, const char *says)
{
    int rc = mw_qmtp_flight_write(f, q);

    session_send(q, SIZE_MAX, NULL);
    if (!rc && *says)
        rc = session_receive(q, says, strlen(says), TAP_WHOLE);
    mw_qmtp_flight_read(f, q);
    return rc;
}

static void test_order(void)
{
    mw_qmtp_flight *f = flight_new();
    mw_qmtp *q = session_new();
    char wire[256] = "";

    tap_ok(add(f, "a") == 1 && add(f, "b") == 2 && mw_qmtp_flight_unanswered(f) == 2, "order: ids from 1");
    tap_ok(mw_qmtp_flight_write(f, q) == 0 && !mw_qmtp_flight_waits(f), "order: all are written");
    session_send(q, SIZE_MAX, wire);
    tap_ok(strcmp(wire, "4:\nhi\n,3:s@x,4:1:a,,4:\nhi\n,3:s@x,4:1:b,,") == 0, "order: on the wire");
    go_on(f, q, "2:D1,");
    tap_ok(mw_qmtp_flight_unanswered(f) == 1 && mw_qmtp_flight_bytes(f) == 3 && mw_qmtp_flight_count(f) == 2, "order: counts");
    check(f, "1 a=550; 2 written; ", "order");
    go_on(f, q, "2:K2,");
    check(f, "2 b=250; ", "order");
    tap_ok(!mw_qmtp_flight_first(f) && !mw_qmtp_flight_open(f) && !mw_qmtp_flight_find(f, 1), "order: none left");
    mw_qmtp_free(q);
    mw_qmtp_flight_free(f);
}

/* mailfront answers once per package: what is behind one of several waits until all its answers are there. */
static void test_alone(void)
{
    mw_qmtp_flight *f = flight_new();
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
    mw_qmtp_flight_lost(f, q);
    check(f, "3 d=450?; 4 e=450? f=450?; ", "alone");
    mw_qmtp_free(q);
    mw_qmtp_flight_free(f);
}

/* Three packages; the link dies when so many bytes have left. Those of which none did go over the next link. */
static int sweep_match(size_t out)
{
    mw_qmtp_flight *f = flight_new();
    mw_qmtp *q = session_new(), *next = session_new();
    char seen[512], expected[512], *to = expected;
    int n, good;

    for (n = 0; n < 3; n++)
        add(f, "a");
    mw_qmtp_flight_write(f, q);
    session_send(q, out, NULL);
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    mw_qmtp_flight_read(f, q);
    mw_qmtp_flight_lost(f, q);
    mw_qmtp_free(q);
    go_on(f, next, &"1:K,1:K,1:K,"[4 * ((out + ONE - 1) / ONE)]);
    for (n = 0; n < 3; n++)
        to += sprintf(to, "%d a=%s; ", n + 1, out >= ONE * (unsigned)(n + 1) ? "450?" : out > ONE * (unsigned)n ? "450(body)" : "250");
    report(f, seen);
    good = strcmp(seen, expected) == 0 && mw_qmtp_error(next) == 0 && mw_qmtp_flight_unanswered(f) == 0
        && mw_qmtp_flight_bytes(f) == 0;
    mw_qmtp_free(next);
    mw_qmtp_flight_free(f);
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
    mw_qmtp_flight *f = flight_new();
    mw_qmtp *q = session_new();
    mw_qmtp_delivery *d;
    size_t out;
    int good = 1;

    add(f, "a");
    add(f, "b");
    d = mw_qmtp_flight_find(f, 2);
    good &= mw_qmtp_delivery_sent(d, mw_qmtp_out(q)->sent) == 0 && mw_qmtp_delivery_sent(d, 0) == 0;
    mw_qmtp_flight_write(f, q);
    for (out = 0; out <= 2 * ONE; out++, session_send(q, 1, NULL))
        good &= mw_qmtp_delivery_sent(d, mw_qmtp_out(q)->sent) == (out < ONE + 3 ? 0 : out < ONE + 6 ? out - ONE - 3 : 3);
    tap_ok(good, "progress: the content's bytes, and no others");
    go_on(f, q, "1:K,1:K,");
    tap_ok(mw_qmtp_delivery_sent(d, mw_qmtp_out(q)->sent) == 3, "progress: all of them in the end");
    mw_qmtp_free(q);
    mw_qmtp_flight_free(f);
}

static void test_cancel(void)
{
    mw_qmtp_flight *f = flight_new();
    mw_qmtp *q = session_new();
    mw_text *words = mw_text_new(mw_alloc_default(), "late", 4);

    add(f, "a");
    add(f, "bc");
    add(f, "d");
    go_on(f, q, "");
    tap_ok(mw_qmtp_flight_cancel(f, mw_qmtp_flight_find(f, 1), words) == MW_E_STATE, "cancel: not what is written");
    tap_ok(mw_qmtp_flight_cancel(f, mw_qmtp_flight_find(f, 2), words) == 0, "cancel: what waits");
    go_on(f, q, "");
    check(f, "1 written; 2 b=450(connect) c=450(connect); 3 written; ", "cancel");
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    mw_qmtp_flight_lost(f, q);
    check(f, "1 a=450?; 3 d=450?; ", "cancel");
    add(f, "e");
    add(f, "f");
    mw_qmtp_flight_abandon(f, words);
    check(f, "4 e=450(connect); 5 f=450(connect); ", "abandon");
    tap_ok(mw_qmtp_flight_unanswered(f) == 0 && !mw_qmtp_flight_waits(f), "abandon: nothing is left");
    mw_text_drop(words);
    mw_qmtp_free(q);
    mw_qmtp_flight_free(f);
}

/* A cancelled one between two that come back from a lost link. */
static void test_cancel_between(void)
{
    mw_qmtp_flight *f = flight_new();
    mw_qmtp *q = session_new(), *next = session_new(), *third = session_new();
    int n;

    for (n = 0; n < 3; n++)
        add(f, "a");
    mw_qmtp_flight_write(f, q);
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    mw_qmtp_flight_lost(f, q);
    mw_qmtp_flight_cancel(f, mw_qmtp_flight_find(f, 2), NULL);
    mw_qmtp_flight_write(f, next);
    mw_qmtp_lost(next, MW_E_CLOSED, NULL);
    mw_qmtp_flight_lost(f, next);
    go_on(f, third, "1:K,1:D,");
    check(f, "1 a=250; 2 a=450(connect); 3 a=550; ", "between");
    mw_qmtp_free(q);
    mw_qmtp_free(next);
    mw_qmtp_free(third);
    mw_qmtp_flight_free(f);
}

/* What is queued is bounded, whatever waits. */
static void test_high_water(void)
{
    static char content[MW_QMTP_COPY_MAX + 1];
    mw_qmtp_flight *f = flight_new();
    mw_qmtp *q = session_new();
    int n;

    memset(content, 'x', sizeof content - 1);
    for (n = 0; n < 50; n++)
        mw_qmtp_flight_add(f, delivery(mw_alloc_default(), "a", content));
    mw_qmtp_flight_write(f, q);
    tap_ok(mw_outq_len(mw_qmtp_out(q)) < 2 * MW_QMTP_HIGH_WATER && mw_qmtp_flight_waits(f), "high water: the rest waits");
    for (n = 0; n < 50 && mw_qmtp_flight_waits(f); n++)
        go_on(f, q, "");
    tap_ok(!mw_qmtp_flight_waits(f) && mw_qmtp_flight_unanswered(f) == 50, "high water: until there is room");
    mw_qmtp_free(q);
    mw_qmtp_flight_free(f);
}

/* ---- no memory */

/* Contents of each kind: copied into the queue, lent to it, and read from a file. */
static char long_content[MW_QMTP_COPY_MAX + 2];
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
static int add_starved(mw_qmtp_flight *f, const mw_alloc *alloc)
{
    static const char *const rcpts[] = { "ab", "c", "d" };
    static const char *const contents[] = { "hi\n", long_content, "" };
    mw_qmtp_delivery *d;
    int i;

    for (i = 0; i < 3 && (d = delivery(alloc, rcpts[i], contents[i])); i++) {
        if (i == 2)
            mw_qmtp_delivery_file(d, content_file, 0, 100, 0);
        mw_qmtp_flight_add(f, d);
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
static void fly_starved(mw_qmtp_flight *f, const mw_alloc *alloc, const char *says)
{
    mw_qmtp *q = mw_qmtp_new(alloc, 0);

    if (!q)
        return;
    if (go_on(f, q, says) >= 0 && mw_qmtp_flight_write(f, q) == 0) {
        send_all(q);
        session_receive(q, "2:K3,2:D4,", 10, TAP_WHOLE);
        mw_qmtp_flight_read(f, q);
    }
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    mw_qmtp_flight_lost(f, q);
    mw_qmtp_free(q);
}

/* Everybody has a result, none better than the server's word: a and c accepted, b and d refused. */
static int judged(const mw_qmtp_flight *f, int whole)
{
    const mw_qmtp_delivery *d;
    const mw_result *r;
    size_t i;
    int good = 1;

    for (d = mw_qmtp_flight_first(f); d; d = d->next) {
        r = mw_qmtp_delivery_results(d);
        for (i = 0; r && i < d->rcpts; i++) {
            unsigned said = strchr("ac", *r[i].recipient->bytes) ? MW_QMTP_ACCEPTED : MW_QMTP_REFUSED;

            good &= r[i].code == said || (!whole && r[i].code == MW_QMTP_DEFERRED);
        }
        good &= r != NULL;
    }
    return good && mw_qmtp_flight_unanswered(f) == 0;
}

static int starved(const mw_alloc *alloc)
{
    mw_qmtp_flight *f = mw_qmtp_flight_new(alloc);
    int good;

    if (!f)
        return failing_has_failed(alloc);
    good = add_starved(f, alloc) == 3 || failing_has_failed(alloc);
    fly_starved(f, alloc, "2:K1,2:D2,");
    /* c and d, if they were not begun, go over another link. */
    if (mw_qmtp_flight_unanswered(f) == 2)
        fly_starved(f, alloc, "");
    mw_qmtp_flight_abandon(f, NULL);
    good &= judged(f, !failing_has_failed(alloc));
    mw_qmtp_flight_free(f);
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
    make_contents();
    failing_every("memory: deliveries of each kind of content", starved);
    return tap_done();
}
