/* io_fd.c - the transport over a file descriptor, see io_transport.h.
 *
 * Blocking descriptors stay blocking, as other code may use them: sockets are read and written with
 * MSG_DONTWAIT, anything else only after poll has said that it is ready. Where there is no MSG_DONTWAIT or sending does not
 * heed it, and for sendfile, the mode is changed for the length of the call. SIGPIPE is kept off by MSG_NOSIGNAL, else by hand.
 */

#include "io_private.h"
#include "io_guard.h"
#include "error.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
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

/* A pipe takes this much without blocking once poll has said that it takes anything (POSIX: PIPE_BUF >=
 * 512). */
#define PIPE_WRITE 512

/* How much sendfile is asked for at once: it takes what the socket has room for, and between two calls the peer is read. */
#define SENDFILE_MAX (1024 * 1024)

static int system_error(mw_fd_transport *t)
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

static int fd_needs(mw_transport *base, mw_needs *needs_r)
{
    mw_fd_transport *t = (mw_fd_transport *)base;

    if (t->fd < 0) {
        t->error = EBADF;
        return MW_E_SYS;
    }
    needs_r->fd = t->fd;
    needs_r->for_read = MW_IO_IN;
    needs_r->for_write = MW_IO_OUT;
    needs_r->pending = 0;
    return 0;
}

static int file_read(mw_fd_transport *t, char *to, size_t len, size_t *got_r)
{
    ssize_t n;
    int ready = mw_io_ready(t->fd, MW_IO_IN, 0);

    if (ready <= 0)
        return ready ? ready : MW_E_AGAIN;
    n = read(t->fd, to, len);
    if (n < 0)
        return system_error(t);
    *got_r = (size_t)n;
    return 0;
}

static ssize_t receive_now(int fd, void *to, size_t len)
{
    int flags = NO_WAIT ? 0 : mw_io_unblock(fd);
    ssize_t n;

    if (flags < 0)
        return -1;
    n = recv(fd, to, len, NO_WAIT);
    if (!NO_WAIT)
        mw_io_reblock(fd, flags);
    return n;
}

static int fd_read(mw_transport *base, char *to, size_t len, size_t *got_r)
{
    mw_fd_transport *t = (mw_fd_transport *)base;
    ssize_t n;

    if (!t->base.reads_unasked)
        return file_read(t, to, len, got_r);
    n = receive_now(t->fd, to, len);
    if (n < 0 && errno == ENOTSOCK) {
        t->base.reads_unasked = t->base.reads_cheaply = 0;
        return MW_E_AGAIN;
    }
    if (n < 0)
        return system_error(t);
    *got_r = (size_t)n;
    return 0;
}

static ssize_t write_quietly(int fd, const void *bytes, size_t len)
{
    mw_quiet q;
    ssize_t n;

    mw_quiet_begin(&q);
    n = write(fd, bytes, len);
    mw_quiet_end(&q);
    return n;
}

static int file_write(mw_fd_transport *t, const mw_slice *v, size_t *put_r)
{
    ssize_t n;
    int ready = mw_io_ready(t->fd, MW_IO_OUT, 0);

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
    int flags = NO_WAIT_SENDING ? 0 : mw_io_unblock(fd);
    ssize_t n;
    mw_quiet q;

    if (flags < 0)
        return -1;
    if (!NO_SIGNAL)
        mw_quiet_begin(&q);
    n = sendmsg(fd, msg, NO_WAIT_SENDING | NO_SIGNAL);
    if (!NO_SIGNAL)
        mw_quiet_end(&q);
    if (!NO_WAIT_SENDING)
        mw_io_reblock(fd, flags);
    return n;
}

static int fd_write(mw_transport *base, const mw_slice *v, int count, size_t *put_r)
{
    mw_fd_transport *t = (mw_fd_transport *)base;
    struct iovec iov[MW_IO_SLICES];
    struct msghdr msg;
    ssize_t n;
    int i;

    if (!t->base.reads_unasked)
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
        t->base.reads_unasked = t->base.reads_cheaply = 0;
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
    mw_quiet q;
    int flags = mw_io_unblock(to);

    if (flags < 0)
        return -1;
    mw_quiet_begin(&q);
    n = sendfile(to, f->fd, &offset, f->left < SENDFILE_MAX ? (size_t)f->left : SENDFILE_MAX);
    mw_quiet_end(&q);
    mw_io_reblock(to, flags);
    return n;
}

/* True for an error of the link, not of the file. */
static int is_of_link(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == EPIPE || error == ECONNRESET || error == ENOTCONN
        || error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH || error == ENETDOWN || error == ECONNABORTED
        || error == ENOBUFS || error == ENOMEM;
}

/* Any other failure, of the descriptors or of the file, shows when the file is read and written. */

static int fd_send_file(mw_transport *base, const mw_outq_stretch *f, size_t *put_r)
{
    mw_fd_transport *t = (mw_fd_transport *)base;
    ssize_t n = t->no_send_file ? -1 : sendfile_now(t->fd, f);

    if (n < 0 && (t->no_send_file || !is_of_link(errno))) {
        t->no_send_file = 1;
        return MW_E_STATE;
    }
    if (n < 0)
        return system_error(t);
    *put_r = (size_t)n;
    return 0;
}

#else
#define fd_send_file NULL
#endif

static void fd_words(const mw_transport *base, char *to, size_t size)
{
    mw_io_words(((const mw_fd_transport *)base)->error, to, size);
}

static const mw_transport_calls fd_calls = { fd_read, fd_write, fd_send_file, fd_needs, fd_words, NULL };

void mw_fd_transport_init(mw_fd_transport *t)
{
    memset(t, 0, sizeof *t);
    mw_transport_init(&t->base, &fd_calls);
    mw_fd_transport_set(t, -1);
}

void mw_fd_transport_set(mw_fd_transport *t, int fd)
{
    if (fd == t->fd)
        return;
    t->fd = fd;
    t->no_send_file = 0;
    t->base.reads_unasked = t->base.reads_cheaply = 1;
}
