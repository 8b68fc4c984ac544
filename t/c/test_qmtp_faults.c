/* The QMTP session when things break: early answers, links that die at every offset, no memory. */
#include "failing.h"
#include "qmtp_drive.h"

static const package one = { "hi\n", "s@x", { "a" } };
static const package two = { "hi\n", "s@x", { "a", "b" } };
static const package three = { "hi\n", "", { "a", "b", "a" } };

/* ---- answers that come too early, links that die ---- */

/* "The server sends nothing for a package before it has read its last byte." */
static void test_early(void)
{
    static const package *const before[] = { NULL, &one };
    char wire[256], seen[256], expected[256];
    size_t total, n, b;
    int good, error;

    for (b = 0; b < COUNT(before); b++) {
        total = 1;
        for (good = 1, n = 0; n <= total; n++) {
            mw_qmtp *q = session_new();

            if (before[b])
                package_write(q, before[b]);
            session_send(q, SIZE_MAX, NULL);
            package_write(q, &one);
            total = (size_t)mw_outq_len(mw_qmtp_out(q));
            session_send(q, n, wire + (*wire = '\0'));
            session_receive(q, "1:K,1:K,", before[b] ? 8 : 4, TAP_WHOLE);
            error = n < total ? MW_E_ANSWER_EARLY : 0;
            good &= mw_qmtp_error(q) == error && mw_outq_len(mw_qmtp_out(q)) == 0;
            session_results(seen);
            sprintf(expected, "%s%d a=%s%s; ", before[b] ? "1 a=250:; " : "", before[b] ? 2 : 1,
                error && n ? "450(body):" : error ? "-" : "250:", error && n ? mw_error_text(error) : "");
            good &= strcmp(seen, expected) == 0;
            session_end(q);
        }
        tap_ok(good, "early: an answer at every offset of %s", b ? "the second package" : "a package");
    }
}

static void test_early_unwritten(void)
{
    mw_qmtp *q = session_new();

    tap_ok(session_receive(q, "1:K,", 4, TAP_BYTES) == MW_E_ANSWER_EXTRA, "early: before any package");
    session_end(q);
}

/* The link closes after out bytes have left and in bytes have come. Three packages of one each, 20 bytes
 * each; answers of 5, 6 and 4 bytes. What has not begun to leave waits for the next link. */
static int sweep_match(size_t out, size_t in, int cut)
{
    static const char replies[] = "2:K1,3:Dno,1:Z,";
    static const size_t ends[] = { 5, 11, 15 };
    static const char *const got[] = { "250:1", "550:no", "450:" };
    mw_qmtp *q = session_new();
    char seen[512], expected[512], *to = expected;
    int good = 1, n;

    for (n = 0; n < 3; n++)
        good &= package_write(q, &one) == 0;
    session_send(q, out, NULL);
    session_receive(q, replies, in, cut);
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    for (n = 0; n < 3; n++) {
        if (in >= ends[n])
            to += sprintf(to, "%d a=%s; ", n + 1, got[n]);
        else if (out <= 20u * (unsigned)n)
            to += sprintf(to, "%d a=-; ", n + 1);
        else
            to += sprintf(to, "%d a=450%s:%s; ", n + 1, out >= 20u * (unsigned)(n + 1) ? "?" : "(body)", mw_error_text(MW_E_CLOSED));
    }
    session_results(seen);
    good &= strcmp(seen, expected) == 0 && mw_qmtp_error(q) == MW_E_CLOSED && mw_qmtp_in_flight(q) == 0;
    session_end(q);
    return good;
}

static void test_sweep(void)
{
    size_t out, in, allowed;
    int cut, good = 1;

    for (out = 0; out <= 60; out++) {
        allowed = out < 20 ? 0 : out < 40 ? 5 : out < 60 ? 11 : 15;
        for (in = 0; in <= allowed; in++) {
            for (cut = 0; cut < TAP_CUTS; cut++)
                good &= sweep_match(out, in, cut);
        }
    }
    tap_ok(good, "sweep: the link dies after each byte out and each byte in");
}

/* A package of three recipients whose answers stop at every byte. */
static void test_sweep_several(void)
{
    static const char replies[] = "2:K1,2:D2,2:Z3,";
    char seen[512], expected[512], *to;
    size_t in, n;
    int good = 1;

    for (in = 0; in < sizeof replies; in++) {
        mw_qmtp *q = session_new();

        package_write(q, &three);
        session_send(q, SIZE_MAX, NULL);
        session_receive(q, replies, in, TAP_BYTES);
        mw_qmtp_lost(q, MW_E_TIMEOUT, NULL);
        to = expected + sprintf(expected, "1");
        for (n = 0; n < 3; n++) {
            to += sprintf(to, " %s=", three.rcpts[n]);
            to += in >= 5 * (n + 1) ? sprintf(to, "%s:%d", n == 0 ? "250" : n == 1 ? "550" : "450", (int)n + 1)
                                    : sprintf(to, "450?:%s", mw_error_text(MW_E_TIMEOUT));
        }
        strcpy(to, "; ");
        session_results(seen);
        good &= strcmp(seen, expected) == 0;
        session_end(q);
    }
    tap_ok(good, "sweep: the answers of one package stop at each byte");
}

static void test_lost(void)
{
    mw_qmtp *q = session_new();
    mw_text *words = mw_text_new(mw_alloc_default(), "gone", 4);
    char seen[256];
    mw_slice v;

    package_write(q, &two);
    session_send(q, SIZE_MAX, NULL);
    mw_buf_append(mw_qmtp_in(q), "3:Kok,3:D", 9);
    mw_qmtp_lost(q, MW_E_CLOSED, words);
    mw_text_drop(words);
    mw_qmtp_lost(q, MW_E_TIMEOUT, NULL);
    tap_ok(mw_qmtp_error(q) == MW_E_CLOSED, "lost: the first reason stays");
    session_results(seen);
    tap_ok(strcmp(seen, "1 a=250:ok b=450?:gone; ") == 0, "lost: answers that had come count, a part of one does not");
    tap_ok(package_write(q, &one) == MW_E_CLOSED && mw_qmtp_read(q) == MW_E_CLOSED, "lost: every later call says why");
    tap_ok(!mw_outq_peek(mw_qmtp_out(q), &v, 1), "lost: nothing goes out any more");
    mw_buf_append(mw_qmtp_in(q), "1:K,", 4);
    tap_ok(mw_qmtp_read(q) == MW_E_CLOSED, "lost: a late answer is credited to nobody");
    session_end(q);
}

static void test_lost_idle(void)
{
    mw_qmtp *q = session_new();
    char seen[256];

    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    session_results(seen);
    tap_ok(*seen == '\0' && package_write(q, &one) == MW_E_CLOSED, "lost: an idle link");
    session_end(q);
}

/* ---- no memory ---- */

/* Each result in order, none better than the server's word. */
static int results_honest(const mw_delivery *d)
{
    size_t i;
    int good = 1;

    for (i = 0; i < d->rcpts; i++) {
        const mw_result *r = &d->to.rcpts[i].result;

        good &= r->recipient && (r->code == MW_QMTP_DEFERRED || r->code == (i == 0 ? MW_QMTP_ACCEPTED : MW_QMTP_REFUSED));
    }
    return good;
}

/* A package of three and its answers, up to the first failure. */
static int starved_session(const mw_alloc *alloc)
{
    static const char replies[] = "2:K1,2:D2,2:Z3,";
    mw_qmtp *q = mw_qmtp_new(alloc, 0);
    int error, good;

    if (!q)
        return failing_has_failed(alloc);
    error = delivery_write(q, package_delivery(alloc, &three));
    session_send(q, SIZE_MAX, NULL);
    if (!error)
        error = session_receive(q, replies, sizeof replies - 1, TAP_BYTES);
    if (error < 0)
        mw_qmtp_lost(q, error, NULL);
    good = error >= 0 || (error == MW_E_NOMEM && failing_has_failed(alloc));
    /* A package that could not be queued whole waits for another link. */
    mw_queue_abandon(&deliveries, NULL);
    good &= deliveries.count ? results_honest(deliveries.first) && deliveries.first->rcpts == 3 : error < 0;
    good &= deliveries.unanswered == 0;
    good &= mw_qmtp_in_flight(q) == 0;
    session_end(q);
    return good;
}

/* Once the package is whole, an answer needs room only for its text. */
static void test_starved_text(void)
{
    failing f;
    mw_qmtp *q;
    char seen[256];

    failing_init(&f, 0);
    q = mw_qmtp_new(&f.table, 0);
    delivery_write(q, package_delivery(&f.table, &two));
    session_send(q, SIZE_MAX, NULL);
    session_receive(q, "4:Kone,", 7, TAP_WHOLE);
    mw_buf_append(mw_qmtp_in(q), "4:Dtwo,", 7);
    failing_next(&f);
    tap_ok(mw_qmtp_read(q) == 1 && failing_has_failed(&f.table), "memory: none for the second answer's text");
    session_results(seen);
    tap_ok(strcmp(seen, "1 a=250:one b=550:; ") == 0, "memory: its code is there all the same");
    session_end(q);
    tap_ok(f.blocks == 0, "memory: no leak");
}

static void test_starved_loss(void)
{
    failing f;
    mw_qmtp *q;
    char seen[256];

    failing_init(&f, 0);
    q = mw_qmtp_new(&f.table, 0);
    delivery_write(q, package_delivery(&f.table, &two));
    session_send(q, SIZE_MAX, NULL);
    failing_next(&f);
    mw_qmtp_lost(q, MW_E_CLOSED, NULL);
    session_results(seen);
    tap_ok(strcmp(seen, "1 a=450?: b=450?:; ") == 0, "memory: a lost link needs none");
    session_end(q);
    tap_ok(f.blocks == 0, "memory: no leak");
}

/* A failure changes nothing of a delivery. */
static void test_starved_rcpt(void)
{
    failing f;
    mw_qmtp *q;
    mw_delivery *d;
    char wire[256] = "";

    failing_init(&f, 0);
    q = mw_qmtp_new(&f.table, 0);
    failing_next(&f);
    tap_ok(!mw_qmtp_delivery_new(&f.table, slice("s"), MW_QMTP_LF), "memory: none for a delivery");
    d = mw_qmtp_delivery_new(&f.table, slice("s"), MW_QMTP_LF);
    failing_next(&f);
    tap_ok(mw_qmtp_delivery_rcpt(d, slice("a")) == MW_E_NOMEM, "memory: none for a recipient");
    tap_ok(mw_qmtp_delivery_rcpt(d, slice("a")) == 0, "memory: but later");
    mw_content_lend(&d->content, "hi", 2);
    delivery_write(q, d);
    session_send(q, sizeof wire, wire);
    tap_ok(strcmp(wire, "3:\nhi,1:s,4:1:a,,") == 0, "memory: and every byte once");
    session_end(q);
    tap_ok(f.blocks == 0, "memory: no leak");
}

/* No memory for the package's tail: the link must go, as the server must not take it for whole. */
static void test_starved_tail(void)
{
    enum { LONG = 2 * MW_OUTQ_CHUNK };
    static char address[LONG];
    static const mw_slice sender = { address, LONG };
    failing f;
    mw_qmtp *q;
    mw_delivery *d;
    char seen[256];

    failing_init(&f, 0);
    q = mw_qmtp_new(&f.table, 0);
    d = mw_qmtp_delivery_new(&f.table, sender, MW_QMTP_LF);
    mw_qmtp_delivery_rcpt(d, slice("a"));
    mw_content_lend(&d->content, "hi\n", 3);
    /* The first is for all that is short. */
    f.fail_at = f.calls + 2;
    tap_ok(delivery_write(q, d) == MW_E_NOMEM && mw_qmtp_error(q) == MW_E_NOMEM, "memory: none for the tail breaks the session");
    tap_ok(mw_outq_len(mw_qmtp_out(q)) == 0, "memory: the rest is not sent");
    f.fail_at = 0;
    session_results(seen);
    tap_ok(strcmp(seen, "1 a=-; ") == 0 && deliveries.current, "memory: nothing of it was sent, it waits for another link");
    session_end(q);
    tap_ok(f.blocks == 0, "memory: no leak");
}

int main(void)
{
    test_early();
    test_early_unwritten();
    test_sweep();
    test_sweep_several();
    test_lost();
    test_lost_idle();
    failing_every("memory: a package of three", starved_session);
    test_starved_text();
    test_starved_loss();
    test_starved_rcpt();
    test_starved_tail();
    return tap_done();
}
