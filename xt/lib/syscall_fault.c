/* syscall_fault.c - one fault in the system calls of a process, on connections to one port: for LD_PRELOAD.
 *
 * Words in the file that SYSCALL_FAULT names, shared with who tells it what to do: see xt/254-tls-faults.t.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What happens. Behind the first three, which come once, all goes on; the next three come at each call; behind the others the connection is gone. */
enum { NONE, INTERRUPTED, AGAIN, SHORT, ALWAYS_SHORT, OFTEN_INTERRUPTED, OFTEN_AGAIN, RESET, END, TIMED_OUT, NO_MEMORY, CUT };

struct control {
    uint32_t port;      /* on connections to it */
    uint32_t at;        /* at this call, from 1 on */
    uint32_t what;
    uint32_t count;     /* calls that there were */
};

static volatile struct control *control;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("SYSCALL_FAULT");
    int fd = name ? open(name, O_RDWR) : -1;
    void *map = fd >= 0 ? mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (map != MAP_FAILED)
        control = map;
    if (fd >= 0)
        close(fd);
}

static int is_ours(int fd)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    int is, error = errno;

    is = control && control->port && !getpeername(fd, (struct sockaddr *)&peer, &size) && peer.sin_family == AF_INET
        && ntohs(peer.sin_port) == control->port;
    errno = error;
    return is;
}

static ssize_t fails(int fd, int error)
{
    shutdown(fd, SHUT_RDWR);
    errno = error;
    return -1;
}

/* 1: the call is to have at most *len_r bytes; 0: it has returned what is in *result_r. */
static int may_go(int fd, int writes, size_t *len_r, ssize_t *result_r)
{
    uint32_t n, what;

    if (!is_ours(fd))
        return 1;
    n = ++control->count;
    what = control->what;
    *result_r = -1;
    if (what == ALWAYS_SHORT)
        *len_r = *len_r ? 1 : 0;
    if ((what == OFTEN_INTERRUPTED || what == OFTEN_AGAIN) && n % 2) {
        errno = what == OFTEN_AGAIN ? EAGAIN : EINTR;
        return 0;
    }
    if (n != control->at)
        return 1;
    switch (what) {
    case INTERRUPTED:
        errno = EINTR;
        return 0;
    case AGAIN:
        errno = EAGAIN;
        return 0;
    case SHORT:
        *len_r = *len_r ? 1 : 0;
        return 1;
    case RESET:
        fails(fd, writes ? EPIPE : ECONNRESET);
        return 0;
    case END:
        fails(fd, EPIPE);
        *result_r = writes ? -1 : 0;
        return 0;
    case TIMED_OUT:
        fails(fd, ETIMEDOUT);
        return 0;
    case NO_MEMORY:
        fails(fd, ENOBUFS);
        return 0;
    case CUT:
        *len_r = (*len_r + 1) / 2;
        return 1;
    default:
        return 1;
    }
}

/* What a call has done that was cut: the next one finds the end. */
static ssize_t done(int fd, ssize_t result)
{
    int error = errno;

    if (is_ours(fd) && control->what == CUT && control->count == control->at)
        shutdown(fd, SHUT_RDWR);
    errno = error;
    return result;
}

#define NEXT(name) *(void **)&next = dlsym(RTLD_NEXT, name)

ssize_t read(int fd, void *to, size_t len)
{
    static ssize_t (*next)(int, void *, size_t);
    ssize_t result;

    if (!next)
        NEXT("read");
    return may_go(fd, 0, &len, &result) ? done(fd, next(fd, to, len)) : result;
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
    static ssize_t (*next)(int, void *, size_t, int);
    ssize_t result;

    if (!next)
        NEXT("recv");
    return may_go(fd, 0, &len, &result) ? done(fd, next(fd, to, len, flags)) : result;
}

ssize_t write(int fd, const void *from, size_t len)
{
    static ssize_t (*next)(int, const void *, size_t);
    ssize_t result;

    if (!next)
        NEXT("write");
    return may_go(fd, 1, &len, &result) ? done(fd, next(fd, from, len)) : result;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    static ssize_t (*next)(int, const struct msghdr *, int);
    struct msghdr less = *msg;
    struct iovec first = msg->msg_iov[0];
    size_t len = 0, asked, i;
    ssize_t result;

    if (!next)
        NEXT("sendmsg");
    for (i = 0; i < msg->msg_iovlen; i++)
        len += msg->msg_iov[i].iov_len;
    asked = len;
    if (!may_go(fd, 1, &len, &result))
        return result;
    if (len < asked) {
        if (first.iov_len > len)
            first.iov_len = len;
        less.msg_iov = &first;
        less.msg_iovlen = 1;
    }
    return done(fd, next(fd, &less, flags));
}
