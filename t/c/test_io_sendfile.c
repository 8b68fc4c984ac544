/* The pump with stretches of files in the queue: by sendfile and without, files that change, peers that go. */
#include "tap.h"
#include "../../c/error.h"
#include "../../c/io.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE (3 * 1024 * 1024 + 17)

/* A link: the pump's end, the peer's end, a file of SIZE bytes. */
typedef struct fixture {
    mw_fd_transport transport;
    mw_transport_calls calls;
    mw_outq out;
    mw_buf in;
    int ends[2];
    int file;
} fixture;

static volatile sig_atomic_t pipes;

static void count_pipe(int sig)
{
    (void)sig;
    pipes++;
}

static char file_byte(size_t at)
{
    return (char)('a' + (at * 7 + at / 4096) % 26);
}

static void file_fill(int fd, size_t from, size_t to)
{
    static char block[65536];
    size_t n, i;

    for (; from < to; from += n) {
        n = to - from < sizeof block ? to - from : sizeof block;
        for (i = 0; i < n; i++)
            block[i] = file_byte(from + i);
        if (pwrite(fd, block, n, (off_t)from) != (ssize_t)n)
            exit(1);
    }
}

static void fixture_open(fixture *f, int without_sendfile)
{
    FILE *file = tmpfile();

    if (!file || socketpair(AF_UNIX, SOCK_STREAM, 0, f->ends) < 0)
        exit(1);
    f->file = dup(fileno(file));
    fclose(file);
    file_fill(f->file, 0, SIZE);
    mw_fd_transport_init(&f->transport);
    mw_fd_transport_set(&f->transport, f->ends[0]);
    f->calls = *f->transport.base.calls;
    if (without_sendfile)
        f->calls.send_file = NULL;
    f->transport.base.calls = &f->calls;
    mw_outq_init(&f->out, mw_alloc_default());
    mw_buf_init(&f->in, mw_alloc_default());
}

static void fixture_close(fixture *f)
{
    close(f->ends[0]);
    close(f->ends[1]);
    close(f->file);
    mw_outq_free(&f->out);
    mw_buf_free(&f->in);
}

/* What the peer gets until the queue is empty or the pump fails; returns how much, and what the pump said last. */
static size_t transfer(fixture *f, char *got, size_t max, int *rc_r)
{
    size_t len = 0;
    ssize_t n;

    do {
        *rc_r = mw_outq_len(&f->out) ? mw_io_pump(&f->transport.base, &f->out, &f->in, MW_IO_OUT, mw_io_now()) : 0;
        while (len < max && (n = recv(f->ends[1], got + len, max - len, MSG_DONTWAIT)) > 0)
            len += (size_t)n;
    } while (mw_outq_len(&f->out) && (*rc_r > 0 || *rc_r == MW_E_TIMEOUT));
    return len;
}

static int is_file(const char *got, size_t from, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (got[i] != file_byte(from + i))
            return 0;
    return 1;
}

static char received[SIZE + 100];

static void queue_file(mw_outq *out, int fd, uint64_t offset, uint64_t len)
{
    mw_outq_stretch stretch = { fd, offset, len, 0, 0, 0 };

    mw_outq_stretch_of(out, &stretch);
}

static void test_whole(int without)
{
    fixture f;
    int rc, flags;
    size_t len;

    fixture_open(&f, without);
    flags = fcntl(f.ends[0], F_GETFL);
    mw_outq_copy(&f.out, "head", 4);
    queue_file(&f.out, f.file, 5, SIZE - 5);
    mw_outq_copy(&f.out, "tail", 4);
    len = transfer(&f, received, sizeof received, &rc);
    tap_ok(rc > 0 && len == SIZE + 3, "whole: all of it");
    tap_ok(memcmp(received, "head", 4) == 0 && memcmp(received + len - 4, "tail", 4) == 0, "whole: what is around it");
    tap_ok(is_file(received + 4, 5, SIZE - 5), "whole: byte for byte");
    tap_ok(fcntl(f.ends[0], F_GETFL) == flags && !(flags & O_NONBLOCK), "whole: the descriptor still blocks");
    tap_ok(f.out.sent == SIZE + 3, "whole: counted");
    tap_ok(!f.out.shares || !without, "whole: what was read is not the file's any more");
    fixture_close(&f);
}

static void test_changed(int without, size_t size, off_t now, const char *what)
{
    fixture f;
    int rc;
    size_t len;

    fixture_open(&f, without);
    if (ftruncate(f.file, (off_t)size) < 0)
        exit(1);
    mw_outq_copy(&f.out, "head", 4);
    queue_file(&f.out, f.file, 0, size);
    mw_outq_copy(&f.out, "tail", 4);
    if (ftruncate(f.file, now) < 0)
        exit(1);
    len = transfer(&f, received, sizeof received, &rc);
    tap_ok(rc == MW_E_CHANGED, "%s: noticed", what);
    tap_ok(len <= 4 + size && len >= 4 && (len < 8 || memcmp(received + len - 4, "tail", 4) != 0), "%s: what is behind it is not sent", what);
    tap_ok(len - 4 <= (size_t)now && is_file(received + 4, 0, len - 4), "%s: what was sent is what there was", what);
    fixture_close(&f);
}

/* It is cut off half-way through. */
static void test_shrinks(int without)
{
    fixture f;
    int rc;
    size_t len;

    fixture_open(&f, without);
    queue_file(&f.out, f.file, 0, SIZE);
    mw_outq_copy(&f.out, "tail", 4);
    mw_io_pump(&f.transport.base, &f.out, &f.in, MW_IO_OUT, mw_io_now());
    if (ftruncate(f.file, (off_t)f.out.sent + 1000) < 0)
        exit(1);
    len = transfer(&f, received, sizeof received, &rc);
    tap_ok(rc == MW_E_CHANGED && len < SIZE && is_file(received, 0, len), "shrinks: noticed");
    fixture_close(&f);
}

static void test_gone(int without)
{
    fixture f;
    int rc;

    fixture_open(&f, without);
    close(f.ends[1]);
    f.ends[1] = -1;
    queue_file(&f.out, f.file, 0, SIZE);
    rc = mw_io_pump(&f.transport.base, &f.out, &f.in, MW_IO_OUT, mw_io_now());
    tap_ok(rc == MW_E_CLOSED && pipes == 0, "gone: the peer's end, without SIGPIPE");
    fixture_close(&f);
}

static void test_bad_file(int without)
{
    fixture f;
    int rc;
    size_t len;

    fixture_open(&f, without);
    close(f.file);
    mw_outq_copy(&f.out, "head", 4);
    queue_file(&f.out, f.file, 0, SIZE);
    len = transfer(&f, received, sizeof received, &rc);
    tap_ok(len == 4 && rc == MW_E_SYS, "bad: a file that cannot be read");
    f.file = -1;
    fixture_close(&f);
}

int main(void)
{
    int without;

    signal(SIGPIPE, count_pipe);
    for (without = 0; without < 2; without++) {
        test_whole(without);
        test_changed(without, 100000, 99999, "shorter");
        test_changed(without, 100000, 0, "empty");
        test_changed(without, 100000, 100001, "longer");
        test_shrinks(without);
        test_gone(without);
        test_bad_file(without);
    }
    return tap_done();
}
