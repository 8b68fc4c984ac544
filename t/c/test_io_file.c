/* The pump over what is no socket: pipes and files, and files whose bytes are in the queue. */
#include "io_pair.h"

/* A pipe: ours is the end to write to, or to read from. */
static void pair_pipe(pair *p, int writes)
{
    int ends[2];

    if (pipe(ends))
        stop("pipe");
    p->fd[0] = ends[writes];
    p->fd[1] = ends[!writes];
    pair_begin(p, mw_alloc_default());
}

static void test_pipe_out(void)
{
    static char got[200000];
    size_t at = 0;
    ssize_t n;
    pair p;
    int i, rc = 0;

    pair_pipe(&p, 1);
    mw_outq_copy(&p.out, large, sizeof got);
    fcntl(p.fd[1], F_SETFL, O_NONBLOCK);
    for (i = 0; i < PUMPS && at < sizeof got && rc >= 0; i++) {
        rc = step(&p, MW_IO_OUT);
        n = i % 200 == 0 || !mw_outq_len(&p.out) ? read(p.fd[1], got + at, sizeof got - at) : 0;
        at += n > 0 ? (size_t)n : 0;
    }
    tap_ok(at == sizeof got && memcmp(got, large, at) == 0, "pipe: written, and never blocked");
    close_end(&p, 1);
    mw_outq_copy(&p.out, "x", 1);
    tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == MW_E_CLOSED, "pipe: no reader, and no SIGPIPE");
    pair_end(&p);
}

static int is_pending(void)
{
    sigset_t set;

    sigpending(&set);
    return sigismember(&set, SIGPIPE);
}

/* A SIGPIPE that somebody else has waiting is not ours to take, nor is the mask ours to change. */
static void test_pipe_signals(void)
{
    sigset_t set, before, after;
    struct timespec none = { 0, 0 };
    pair p;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, &before);
    pair_pipe(&p, 1);
    close_end(&p, 1);
    mw_outq_copy(&p.out, "x", 1);
    tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == MW_E_CLOSED && !is_pending(), "pipe: ours is taken off");
    raise(SIGPIPE);
    tap_ok(pump(&p, MW_IO_OUT, MW_IO_NEVER) == MW_E_CLOSED && is_pending(), "pipe: another's is left");
    sigtimedwait(&set, NULL, &none);
    sigprocmask(SIG_SETMASK, &before, NULL);
    pump(&p, MW_IO_OUT, MW_IO_NEVER);
    sigprocmask(SIG_SETMASK, NULL, &after);
    tap_ok(sigismember(&after, SIGPIPE) == sigismember(&before, SIGPIPE), "pipe: the mask is what it was");
    pair_end(&p);
}

static void test_pipe_in(void)
{
    pair p;
    int rc = 0, i;

    pair_pipe(&p, 0);
    say(&p, "hello");
    for (i = 0; i < 5 && rc == 0; i++)
        rc = pump(&p, MW_IO_IN, mw_io_after(60));
    tap_ok(rc == 5 && in_is(&p, "hello"), "pipe: read");
    say(&p, "x");
    tap_ok(mw_io_poll(&p.t.base, &p.in) == 0 && in_is(&p, "hello"), "pipe: not polled");
    tap_ok(pump(&p, MW_IO_IN, mw_io_after(60)) == 1 && pump(&p, MW_IO_IN, mw_io_now()) == MW_E_TIMEOUT, "pipe: no more, no wait");
    close_end(&p, 1);
    tap_ok(pump_out(&p, MW_IO_IN) == MW_E_CLOSED, "pipe: end of file");
    pair_end(&p);
}

static void test_file(void)
{
    char name[] = "/tmp/mw-test-io-XXXXXX", got[LARGE / 8];
    pair p;

    p.fd[0] = mkstemp(name);
    p.fd[1] = -1;
    unlink(name);
    pair_begin(&p, mw_alloc_default());
    mw_outq_copy(&p.out, large, sizeof got);
    tap_ok(pump_out(&p, MW_IO_OUT) == 0 && lseek(p.fd[0], 0, SEEK_CUR) == (off_t)sizeof got, "file: written");
    tap_ok(pread(p.fd[0], got, sizeof got, 0) == (ssize_t)sizeof got && !memcmp(got, large, sizeof got), "file: what was written");
    lseek(p.fd[0], 0, SEEK_SET);
    tap_ok(pump_out(&p, MW_IO_IN) == MW_E_CLOSED && mw_buf_len(&p.in) == sizeof got, "file: read to its end");
    pair_end(&p);
}

/* A queue that has a file's bytes between others: sent, unless the file is not what it was. */
static void test_file_queued(const char *name, long size, int expected, const char *wanted)
{
    char file[] = "/tmp/mw-test-io-XXXXXX", got[64] = "";
    int fd = mkstemp(file), rc;
    mw_outq_stretch stretch = { fd, 2, 6, 0, 0, 0 };
    pair p;

    unlink(file);
    if (fd < 0 || write(fd, "0123456789", (size_t)size) != size)
        stop("file");
    pair_unix(&p);
    mw_outq_copy(&p.out, "<", 1);
    mw_outq_stretch_of(&p.out, &stretch);
    mw_outq_copy(&p.out, ">", 1);
    rc = pump_out(&p, MW_IO_OUT);
    fcntl(p.fd[1], F_SETFL, O_NONBLOCK);
    tap_ok(rc == expected && read(p.fd[1], got, sizeof got) == (ssize_t)strlen(wanted) && memcmp(got, wanted, strlen(wanted)) == 0,
        "file in a queue: %s", name);
    close(fd);
    pair_end(&p);
}

/* A file by its name, and a stretch of it: opened and read, unless it is none, or is not what it was. */
static void test_file_named(void)
{
    char name[] = "/tmp/mw-test-io-XXXXXX", got[16] = "";
    int fd = mkstemp(name);
    mw_file file, part;

    if (fd < 0 || write(fd, "0123456789", 10) != 10)
        stop("file");
    tap_ok(mw_io_open_file(&file, name) == 0 && file.size == 10 && file.offset == 0 && !file.is_part, "named file: opened");
    tap_ok(fcntl(file.fd, F_GETFD) & FD_CLOEXEC, "named file: no other program gets it");
    tap_ok(mw_io_read_stretch(&file, got) == 10 && memcmp(got, "0123456789", 10) == 0, "named file: read");
    mw_io_file(&part, file.fd, 3, 4, 1);
    tap_ok(mw_io_read_stretch(&part, got) == 4 && memcmp(got, "3456", 4) == 0, "part of a file: read");
    mw_io_file(&part, file.fd, 3, 4, 0);
    tap_ok(mw_io_read_stretch(&part, got) == MW_E_CHANGED, "stretch that should end the file, and does not");
    mw_io_file(&part, file.fd, 8, 4, 1);
    tap_ok(mw_io_read_stretch(&part, got) == MW_E_CHANGED, "stretch that the file has not all of");
    if (write(fd, "x", 1) != 1)
        stop("file");
    tap_ok(mw_io_read_stretch(&file, got) == MW_E_CHANGED, "named file: it has grown");
    close(file.fd);
    tap_ok(mw_io_read_stretch(&file, got) == MW_E_SYS, "named file: it is closed");
    close(fd);
    unlink(name);
    tap_ok(mw_io_open_file(&file, name) < 0, "named file: it is gone");
    tap_ok(mw_io_open_file(&file, "/tmp") < 0, "named file: it is a folder");
    if (mkfifo(name, 0600))
        stop("fifo");
    tap_ok(mw_io_open_file(&file, name) < 0, "named file: it is a FIFO, and is not waited for");
    unlink(name);
}

int main(void)
{
    fill_large();
    test_file_named();
    test_pipe_out();
    test_pipe_signals();
    test_pipe_in();
    test_file();
    test_file_queued("as it was", 8, 0, "<234567>");
    test_file_queued("it has grown", 9, MW_E_CHANGED, "<234567");
    test_file_queued("it has shrunk", 5, MW_E_CHANGED, "<234");
    test_file_queued("it has nothing left", 1, MW_E_CHANGED, "<");
    return tap_done();
}
