/* io_fd.c - the transport over a file descriptor, see io.h.
 *
 * Blocking descriptors stay blocking, as other code may use them: sockets are read and written with
 * MSG_DONTWAIT, anything else only after poll has said that it is ready. Where there is no MSG_DONTWAIT or sending does not
 * heed it, and for sendfile, the mode is changed for the length of the call. SIGPIPE is kept off by MSG_NOSIGNAL, else by hand.
 */

#include "io_private.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* To test on Linux what other systems use. */
#ifdef MW_IO_POSIX_ONLY
#undef MSG_DONTWAIT
#undef MSG_NOSIGNAL
#elif defined(__linux__)
#include <sys/sendfile.h>
#define HAS_SENDFILE
#endif

#ifdef MSG_DONTWAIT
#define NO_WAIT MSG_DONTWAIT
#else
#define NO_WAIT 0
#endif

/* macOS and NetBSD have the flag, but heed it only where they receive: a sendmsg with it blocks. */
#if defined(__APPLE__) || defined(__NetBSD__) || defined(MW_IO_SEND_BLOCKS)
#define NO_WAIT_SENDING 0
#else
#define NO_WAIT_SENDING NO_WAIT
#endif

#ifdef MSG_NOSIGNAL
#define NO_SIGNAL MSG_NOSIGNAL
#else
#define NO_SIGNAL 0
#endif

/* macOS and OpenBSD have no sigtimedwait. */
#if !defined(MW_IO_POSIX_ONLY) && defined(_POSIX_REALTIME_SIGNALS) && _POSIX_REALTIME_SIGNALS > 0
#define HAS_SIGTIMEDWAIT
#endif

/* A pipe takes this much without blocking once poll has said that it takes anything (POSIX: PIPE_BUF >=
 * 512). */
#define PIPE_WRITE 512

/* How much sendfile is asked for at once: it takes what the socket has room for, and between two calls the peer is read. */
#define SENDFILE_MAX (1024 * 1024)

static int system_error(mw_transport *t)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return MW_E_AGAIN;
    if (errno == EINTR)
        return MW_E_INTR;
    t->error = errno;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
        return MW_E_CLOSED;
    return MW_E_SYS;
}

static int no_descriptor(mw_transport *t)
{
    t->error = EBADF;
    return MW_E_SYS;
}

static int fd_wait(mw_transport *t, int events, int ms)
{
    struct pollfd p;
    int rc;

    /* poll passes over a negative one, and waits. */
    if (t->fd < 0)
        return no_descriptor(t);
    p.fd = t->fd;
    p.events = (short)(((events & MW_IO_IN) ? POLLIN : 0) | ((events & MW_IO_OUT) ? POLLOUT : 0));
    p.revents = 0;
    rc = poll(&p, 1, ms);
    if (rc < 0)
        return system_error(t);
    if (rc == 0)
        return 0;
    if (p.revents & POLLNVAL)
        return no_descriptor(t);
    if (p.revents & (POLLERR | POLLHUP))
        return events;
    return ((p.revents & POLLIN) ? MW_IO_IN : 0) | ((p.revents & POLLOUT) ? MW_IO_OUT : 0);
}

static int file_read(mw_transport *t, char *to, size_t len, size_t *got_r)
{
    ssize_t n;
    int ready = fd_wait(t, MW_IO_IN, 0);

    if (ready <= 0)
        return ready ? ready : MW_E_AGAIN;
    n = read(t->fd, to, len);
    if (n < 0)
        return system_error(t);
    *got_r = (size_t)n;
    return 0;
}

/* A descriptor made not to block, for a call. Returns the flags it had, or -1. */
static int unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && !(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    return flags;
}

/* errno stays as it was. */
static void reblock(int fd, int flags)
{
    int error = errno;

    if (!(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags);
    errno = error;
}

static ssize_t receive_now(int fd, void *to, size_t len)
{
    int flags = NO_WAIT ? 0 : unblock(fd);
    ssize_t n;

    if (flags < 0)
        return -1;
    n = recv(fd, to, len, NO_WAIT);
    if (!NO_WAIT)
        reblock(fd, flags);
    return n;
}

static int fd_read(mw_transport *t, char *to, size_t len, size_t *got_r)
{
    ssize_t n;

    if (t->not_socket)
        return file_read(t, to, len, got_r);
    n = receive_now(t->fd, to, len);
    if (n < 0 && errno == ENOTSOCK) {
        t->not_socket = 1;
        return MW_E_AGAIN;
    }
    if (n < 0)
        return system_error(t);
    *got_r = (size_t)n;
    return 0;
}

/* SIGPIPE kept off for a call: blocked, and taken off if the call raised it. */
typedef struct quiet {
    sigset_t pipe_set, old;
    int was_pending;
} quiet;

static int is_pending(void)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, SIGPIPE);
}

static void quiet_begin(quiet *q)
{
    sigemptyset(&q->pipe_set);
    sigaddset(&q->pipe_set, SIGPIPE);
    q->was_pending = is_pending();
    sigprocmask(SIG_BLOCK, &q->pipe_set, &q->old);
}

/* Takes a signal that is pending off, without ever waiting for it: one that was the process' and not ours alone may have been
 * taken by another thread since. */
static void take_off(const quiet *q)
{
#ifdef HAS_SIGTIMEDWAIT
    struct timespec none = { 0, 0 };

    while (sigtimedwait(&q->pipe_set, NULL, &none) < 0 && errno == EINTR)
        continue;
#else
    struct sigaction ignore, old;

    /* POSIX: what is pending goes when it is to be ignored, blocked or not. */
    (void)q;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    sigemptyset(&ignore.sa_mask);
    if (!sigaction(SIGPIPE, &ignore, &old))
        sigaction(SIGPIPE, &old, NULL);
#endif
}

/* errno stays as it was. The signal may have come of a call that succeeded: Linux' sendfile says how much it sent before the
 * peer went. */
static void quiet_end(quiet *q)
{
    int error = errno;

    if (!q->was_pending && is_pending())
        take_off(q);
    sigprocmask(SIG_SETMASK, &q->old, NULL);
    errno = error;
}

static ssize_t write_quietly(int fd, const void *bytes, size_t len)
{
    quiet q;
    ssize_t n;

    quiet_begin(&q);
    n = write(fd, bytes, len);
    quiet_end(&q);
    return n;
}

static int file_write(mw_transport *t, const mw_slice *v, size_t *put_r)
{
    ssize_t n;
    int ready = fd_wait(t, MW_IO_OUT, 0);

    if (ready <= 0)
        return ready ? ready : MW_E_AGAIN;
    n = write_quietly(t->fd, v->base, v->len < PIPE_WRITE ? v->len : PIPE_WRITE);
    if (n < 0)
        return system_error(t);
    *put_r = (size_t)n;
    return 0;
}

static ssize_t send_now(int fd, const struct msghdr *msg)
{
    int flags = NO_WAIT_SENDING ? 0 : unblock(fd);
    ssize_t n;
    quiet q;

    if (flags < 0)
        return -1;
    if (!NO_SIGNAL)
        quiet_begin(&q);
    n = sendmsg(fd, msg, NO_WAIT_SENDING | NO_SIGNAL);
    if (!NO_SIGNAL)
        quiet_end(&q);
    if (!NO_WAIT_SENDING)
        reblock(fd, flags);
    return n;
}

static int fd_write(mw_transport *t, const mw_slice *v, int count, size_t *put_r)
{
    struct iovec iov[MW_IO_SLICES];
    struct msghdr msg;
    ssize_t n;
    int i;

    if (t->not_socket)
        return file_write(t, v, put_r);
    for (i = 0; i < count; i++) {
        iov[i].iov_base = (void *)(uintptr_t)v[i].base;
        iov[i].iov_len = v[i].len;
    }
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = iov;
    msg.msg_iovlen = (unsigned)count;
    n = send_now(t->fd, &msg);
    if (n < 0 && errno == ENOTSOCK) {
        t->not_socket = 1;
        return file_write(t, v, put_r);
    }
    if (n < 0)
        return system_error(t);
    *put_r = (size_t)n;
    return 0;
}

#ifdef HAS_SENDFILE

/* sendfile(2) has no MSG_DONTWAIT and no MSG_NOSIGNAL. */
static ssize_t sendfile_now(int to, const mw_outq_stretch *f)
{
    off_t offset = (off_t)f->offset;
    ssize_t n;
    quiet q;
    int flags = unblock(to);

    if (flags < 0)
        return -1;
    quiet_begin(&q);
    n = sendfile(to, f->fd, &offset, f->left < SENDFILE_MAX ? (size_t)f->left : SENDFILE_MAX);
    quiet_end(&q);
    reblock(to, flags);
    return n;
}

/* What the socket's end of it can have. */
static int is_of_link(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == EPIPE || error == ECONNRESET || error == ENOTCONN
        || error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH || error == ENETDOWN || error == ECONNABORTED
        || error == ENOBUFS || error == ENOMEM;
}

/* Anything else, be it that these two descriptors cannot do it or that the file cannot be read, shows when it is read and sent. */

static int fd_send_file(mw_transport *t, const mw_outq_stretch *f, size_t *put_r)
{
    ssize_t n = sendfile_now(t->fd, f);

    if (n < 0)
        return is_of_link(errno) ? system_error(t) : MW_E_STATE;
    *put_r = (size_t)n;
    return 0;
}

#else
#define fd_send_file NULL
#endif

static const mw_transport_calls fd_calls = { fd_read, fd_write, fd_wait, fd_send_file, 1 };

void mw_transport_fd(mw_transport *t, int fd)
{
    t->calls = &fd_calls;
    t->fd = fd;
    t->not_socket = 0;
    t->no_send_file = 0;
    t->misses = t->pause = 0;
    t->error = 0;
    t->is_of_file = 0;
}
