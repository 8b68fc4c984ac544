/* The pump over sockets: every byte once and in order, no deadlock, no SIGPIPE, no wait past a deadline.
 * What is asserted is what comes out, never how long it took. */
#include "io_pair.h"

#include <math.h>
#include <sys/time.h>

/* ---- bytes there and back */

static void test_small(const char *name, void (*make)(pair *))
{
    pair p;
    char got[16] = "";

    make(&p);
    tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == 0, "%s: nothing to send", name);
    tap_ok(mw_io_poll(&p.t.base, &p.in) == 0 && in_is(&p, ""), "%s: nothing to read", name);
    mw_outq_copy(&p.out, "NOOP\r\n", 6);
    tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == 6 && read(p.fd[1], got, sizeof got) == 6 && memcmp(got, "NOOP\r\n", 6) == 0, "%s: sent", name);
    say(&p, "250 ok\r\n");
    tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == 0 && in_is(&p, ""), "%s: with nothing to send, only sending is no wait", name);
    tap_ok(pump(&p, MW_IO_IN, mw_io_after(60)) == 8 && in_is(&p, "250 ok\r\n"), "%s: received", name);
    say(&p, "more");
    tap_ok(pump(&p, MW_IO_IN | MW_IO_OUT, mw_io_after(60)) == 4 && in_is(&p, "250 ok\r\nmore"), "%s: behind what was there", name);
    say(&p, "!");
    while (mw_io_poll(&p.t.base, &p.in) == 0)
        continue;
    tap_ok(in_is(&p, "250 ok\r\nmore!"), "%s: polled", name);
    pair_end(&p);
}

/* The other side reads a little now and then: parts are written, and nothing twice. */
static void test_partial(const char *name, void (*make)(pair *))
{
    static char got[LARGE];
    size_t at = 0, most;
    ssize_t n;
    pair p;
    int i, rc = 0;

    make(&p);
    mw_outq_copy(&p.out, large, LARGE / 2);
    mw_outq_lend(&p.out, large + LARGE / 2, LARGE / 4);
    for (i = 0; i < 100; i++)
        mw_outq_lend(&p.out, large + LARGE / 2 + LARGE / 4 + i, 1);
    mw_outq_copy(&p.out, large + LARGE / 2 + LARGE / 4 + 100, LARGE / 4 - 100);
    fcntl(p.fd[1], F_SETFL, O_NONBLOCK);
    for (i = 0; i < PUMPS && at < LARGE && rc >= 0; i++) {
        rc = step(&p, MW_IO_OUT);
        most = 1 + tap_random(50000);
        n = read(p.fd[1], got + at, most < LARGE - at ? most : LARGE - at);
        at += n > 0 ? (size_t)n : 0;
    }
    tap_ok(at == LARGE && memcmp(got, large, LARGE) == 0 && !mw_outq_len(&p.out) && p.out.sent == LARGE, "%s: partial writes", name);
    pair_end(&p);
}

/* Both sides send more than the buffers between them hold, and read only while they write. */
static void test_both_ways(const char *name, void (*make)(pair *))
{
    static char got[2][LARGE];
    size_t at[2] = { 0, 0 };
    pair p, q;
    pair *both[2];
    mw_slice v;
    int i, k, rc = 0;

    make(&p);
    q.fd[0] = p.fd[1];
    q.fd[1] = -1;
    pair_begin(&q, mw_alloc_default());
    both[0] = &p;
    both[1] = &q;
    mw_outq_lend(&p.out, large, LARGE);
    mw_outq_lend(&q.out, large, LARGE);
    for (i = 0; i < PUMPS && (at[0] < LARGE || at[1] < LARGE) && rc >= 0; i++) {
        k = i % 2;
        rc = step(both[k], MW_IO_IN | MW_IO_OUT);
        v = mw_buf_view(&both[k]->in);
        if (at[k] + v.len > LARGE)
            break;
        memcpy(got[k] + at[k], v.base, v.len);
        at[k] += v.len;
        mw_buf_consume(&both[k]->in, v.len);
    }
    tap_ok(at[0] == LARGE && at[1] == LARGE && !memcmp(got[0], large, LARGE) && !memcmp(got[1], large, LARGE), "%s: both ways at once", name);
    p.fd[1] = -1;
    pair_end(&p);
    pair_end(&q);
}

/* ---- the end */

static void test_eof(const char *name, void (*make)(pair *))
{
    pair p;

    make(&p);
    say(&p, "421 bye\r\n");
    close_end(&p, 1);
    tap_ok(pump_out(&p, MW_IO_IN) == MW_E_CLOSED && in_is(&p, "421 bye\r\n"), "%s: end of file, behind what was said", name);
    tap_ok(pump(&p, MW_IO_IN, MW_IO_NEVER) == MW_E_CLOSED && mw_io_poll(&p.t.base, &p.in) == MW_E_CLOSED, "%s: and again", name);
    pair_end(&p);
}

/* The default action of SIGPIPE is the end of this program. */
static void test_gone(const char *name, void (*make)(pair *))
{
    pair p;

    signal(SIGPIPE, SIG_DFL);
    make(&p);
    say(&p, "421 bye\r\n");
    close_end(&p, 1);
    mw_outq_lend(&p.out, large, LARGE);
    tap_ok(pump_out(&p, MW_IO_OUT) == MW_E_CLOSED, "%s: a peer that is gone", name);
    tap_ok(in_is(&p, "421 bye\r\n") || p.t.error == ECONNRESET || p.t.error == EPIPE, "%s: what it had said is read, if it is there", name);
    tap_ok(pump_out(&p, MW_IO_OUT) == MW_E_CLOSED, "%s: and again", name);
    pair_end(&p);
}

static void test_farewell(void)
{
    pair p;

    pair_unix(&p);
    say(&p, "421 bye\r\n");
    close_end(&p, 1);
    mw_outq_copy(&p.out, "NOOP\r\n", 6);
    tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == MW_E_CLOSED && in_is(&p, "421 bye\r\n"), "unix: a farewell is read when writing fails");
    pair_end(&p);
}

/* ---- no descriptor */

static void test_no_descriptor(void)
{
    static const int bad[] = { -1, 9999 };
    pair p;
    size_t i;

    for (i = 0; i < 2; i++) {
        p.fd[0] = p.fd[1] = -1;
        pair_begin(&p, mw_alloc_default());
        mw_fd_transport_set(&p.t, bad[i]);
        tap_ok(pump(&p, MW_IO_IN, MW_IO_NEVER) == MW_E_SYS && p.t.error == EBADF, "descriptor %d: no reading", bad[i]);
        mw_outq_copy(&p.out, "x", 1);
        tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == MW_E_SYS && p.t.error == EBADF, "descriptor %d: no writing", bad[i]);
        tap_ok(mw_io_poll(&p.t.base, &p.in) == MW_E_SYS, "descriptor %d: no polling", bad[i]);
        pair_end(&p);
    }
}

/* ---- time and signals */

static void test_deadlines(void)
{
    static const double none[] = { 0, -1, -1e300, 1e300 };
    int64_t now = mw_io_now();
    size_t i;
    pair p;

    pair_unix(&p);
    for (i = 0; i < 4; i++)
        tap_ok(mw_io_after(none[i]) == MW_IO_NEVER, "deadline: none for %g seconds", none[i]);
    tap_ok(mw_io_after(NAN) == MW_IO_NEVER && mw_io_after(INFINITY) == MW_IO_NEVER, "deadline: nor for what is no number");
    tap_ok(mw_io_after(1e-12) >= now && mw_io_after(3600) > now + INT64_C(3599000000000), "deadline: lies ahead");
    tap_ok(pump(&p, MW_IO_IN, mw_io_now()) == MW_E_TIMEOUT, "deadline: now");
    tap_ok(pump(&p, MW_IO_IN, 0) == MW_E_TIMEOUT && pump(&p, MW_IO_IN, INT64_MIN) == MW_E_TIMEOUT, "deadline: long past");
    tap_ok(pump(&p, MW_IO_IN, MW_IO_NEVER) == 0, "deadline: none, a slice passes");
    say(&p, "x");
    tap_ok(pump(&p, MW_IO_IN, 0) == 1, "deadline: past, but something is there");
    mw_outq_lend(&p.out, large, LARGE);
    tap_ok(pump_out(&p, MW_IO_OUT) == 0 || mw_outq_len(&p.out), "deadline: a slice passes while nothing can be written");
    tap_ok(pump(&p, MW_IO_OUT, 0) == MW_E_TIMEOUT, "deadline: past while nothing can be written");
    pair_end(&p);
}

static volatile sig_atomic_t rung;

static void ring(int sig)
{
    (void)sig;
    rung = 1;
}

/* A signal that comes just before a wait is seen a slice later: so the timer goes on. */
static void test_signal(void)
{
    struct sigaction action;
    struct itimerval every = { { 0, 20000 }, { 0, 20000 } }, none = { { 0, 0 }, { 0, 0 } };
    pair p;
    int rc = 0, i;

    memset(&action, 0, sizeof action);
    action.sa_handler = ring;
    sigaction(SIGALRM, &action, NULL);
    pair_unix(&p);
    setitimer(ITIMER_REAL, &every, NULL);
    for (i = 0; i < 1000 && rc == 0; i++)
        rc = pump(&p, MW_IO_IN, MW_IO_NEVER);
    setitimer(ITIMER_REAL, &none, NULL);
    tap_ok(rc == MW_E_INTR && rung, "signal: ends the wait");
    say(&p, "x");
    tap_ok(pump(&p, MW_IO_IN, MW_IO_NEVER) == 1, "signal: then it goes on");
    pair_end(&p);
}

/* ---- limits and memory */

static void test_input_limit(void)
{
    static const size_t before[] = { MW_IO_INPUT_MAX - 1, MW_IO_INPUT_MAX, MW_IO_INPUT_MAX + 1 };
    size_t i;
    pair p;
    int rc;

    for (i = 0; i < 3; i++) {
        pair_unix(&p);
        if (!mw_buf_room(&p.in, before[i]))
            stop("memory");
        mw_buf_wrote(&p.in, before[i]);
        say(&p, "x");
        rc = pump(&p, MW_IO_IN, mw_io_after(60));
        tap_ok(rc == (i ? MW_E_INPUT_LIMIT : 1), "input limit: %s", i == 0 ? "one below" : i == 1 ? "at" : "above");
        tap_ok(mw_io_poll(&p.t.base, &p.in) == MW_E_INPUT_LIMIT, "input limit: polled");
        pair_end(&p);
    }
}

/* A peer that only talks while we want to write. */
static void test_flood(void)
{
    pair p;
    int i, rc = 0;

    pair_unix(&p);
    fcntl(p.fd[1], F_SETFL, O_NONBLOCK);
    mw_outq_lend(&p.out, large, LARGE);
    for (i = 0; i < PUMPS && rc >= 0; i++) {
        if (write(p.fd[1], large, 65536) < 0 && errno != EAGAIN)
            stop("write");
        rc = pump(&p, MW_IO_OUT, mw_io_after(60));
    }
    tap_ok(rc == MW_E_INPUT_LIMIT && mw_buf_len(&p.in) < MW_IO_INPUT_MAX + MW_IO_READ, "input limit: a flood while we write");
    pair_end(&p);
}

static void test_memory(void)
{
    failing f;
    pair p;

    failing_init(&f, 1);
    pair_unix(&p);
    mw_buf_init(&p.in, &f.table);
    say(&p, "x");
    tap_ok(pump(&p, MW_IO_IN, MW_IO_NEVER) == MW_E_NOMEM, "memory: none to read into");
    tap_ok(pump(&p, MW_IO_IN, MW_IO_NEVER) == 1 && in_is(&p, "x"), "memory: nothing is lost");
    pair_end(&p);
}

/* ---- the descriptor is lent, as it is */

static void test_mode(int flag)
{
    pair p;
    int before, good;

    pair_tcp(&p);
    fcntl(p.fd[0], F_SETFL, fcntl(p.fd[0], F_GETFL) | flag);
    before = fcntl(p.fd[0], F_GETFL);
    mw_outq_lend(&p.out, large, LARGE);
    good = pump(&p, MW_IO_OUT, MW_IO_NEVER) > 0;
    good &= fcntl(p.fd[0], F_GETFL) == before;
    while (pump(&p, MW_IO_OUT, 0) > 0)
        continue;
    say(&p, "x");
    good &= pump(&p, MW_IO_IN, MW_IO_NEVER) == 1 && mw_io_poll(&p.t.base, &p.in) == 0 && fcntl(p.fd[0], F_GETFL) == before;
    tap_ok(good, "mode: %s before and after", flag ? "not blocking" : "blocking");
    pair_end(&p);
}

int main(void)
{
    fill_large();
    test_small("unix", pair_unix);
    test_small("tcp", pair_tcp);
    test_partial("unix", pair_unix);
    test_partial("tcp", pair_tcp);
    test_both_ways("unix", pair_unix);
    test_both_ways("tcp", pair_tcp);
    test_eof("unix", pair_unix);
    test_eof("tcp", pair_tcp);
    test_gone("unix", pair_unix);
    test_gone("tcp", pair_tcp);
    test_farewell();
    test_no_descriptor();
    test_deadlines();
    test_signal();
    test_input_limit();
    test_flood();
    test_memory();
    test_mode(0);
    test_mode(O_NONBLOCK);
    return tap_done();
}
