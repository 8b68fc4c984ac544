/* io_dial.c - see io_dial.h. */
#include "io_private.h"
#include "io_dial.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT_MAX 65535

/* How far a dial has come. */
enum phase {
    CONNECT,        /* the addresses are being tried in turn */
    HAND_OVER,      /* connected: the descriptor is to be taken */
    FAILED          /* no address is left, or there never was one */
};

/* How long a UNIX-domain listener whose queue is full is left alone. */
#define FULL_QUEUE_PAUSE 10000000 /* 10 ms */

/* Descriptors up to this are a program's standard input, output and errors, whether it has closed them or not. */
#define FD_STANDARD_MAX 2

struct mw_dial {
    const mw_alloc *alloc;
    struct addrinfo *list;      /* as resolved, NULL for a UNIX-domain socket */
    struct addrinfo *next;      /* to be tried after this one */
    struct addrinfo *local;     /* to bind to, NULL for any */
    struct addrinfo unix_entry;
    struct sockaddr_un unix_address;
    int left;                   /* addresses from next on */
    int fd;                     /* being connected, or connected; -1 */
    int family;
    enum phase phase;
    int failure;                /* what a step says in phase FAILED */
    int64_t until;              /* this address's share of the deadline */
    int error;                  /* errno */
    const char *words;          /* the resolver's, where errno does not tell */
    char said[MW_IO_WORDS];             /* the system's */
};

static int dial_failed(mw_dial *d, int error)
{
    d->error = error;
    mw_io_words(error, d->said, sizeof d->said);
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
    return MW_E_SYS;
}

/* A number that is none of a port. Resolvers take it modulo 65536. */
static int is_beyond_ports(const char *port)
{
    char *end;
    long number = strtol(port, &end, 10);

    return end != port && !*end && (number < 0 || number > PORT_MAX);
}

static int resolve(mw_dial *d, const char *host, const char *port, int family, int flags, struct addrinfo **list_r)
{
    struct addrinfo hints;
    int rc;

    if (port && is_beyond_ports(port)) {
        d->words = "port numbers go from 0 to 65535";
        return MW_E_RESOLVE;
    }
    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    rc = getaddrinfo(host, port, &hints, list_r);
    if (rc == 0)
        return 0;
    if (rc == EAI_SYSTEM)
        return dial_failed(d, errno);
    d->words = gai_strerror(rc);
    return MW_E_RESOLVE;
}

static int dial_unix(mw_dial *d, const char *path)
{
    size_t len = strlen(path);

    if (len >= sizeof d->unix_address.sun_path)
        return dial_failed(d, ENAMETOOLONG);
    d->unix_address.sun_family = AF_UNIX;
    memcpy(d->unix_address.sun_path, path, len + 1);
    d->unix_entry.ai_family = AF_UNIX;
    d->unix_entry.ai_socktype = SOCK_STREAM;
    d->unix_entry.ai_addr = (struct sockaddr *)&d->unix_address;
    d->unix_entry.ai_addrlen = sizeof d->unix_address;
    d->next = &d->unix_entry;
    d->left = 1;
    return 0;
}

/* "[::1]" is what URLs and mail programs write for "::1". */
static int resolve_host(mw_dial *d, const mw_dial_to *to)
{
    char literal[256];
    size_t len = strlen(to->host);

    if (to->host[0] != '[' || to->host[len - 1] != ']' || len > sizeof literal)
        return resolve(d, to->host, to->port, to->family, 0, &d->list);
    memcpy(literal, to->host + 1, len - 2);
    literal[len - 2] = '\0';
    return resolve(d, literal, to->port, to->family, AI_NUMERICHOST, &d->list);
}

static int dial_tcp(mw_dial *d, const mw_dial_to *to)
{
    struct addrinfo *a;
    int rc = resolve_host(d, to);

    if (!rc && (to->local_host || to->local_port))
        rc = resolve(d, to->local_host, to->local_port, to->family, AI_PASSIVE, &d->local);
    if (rc)
        return rc;
    d->next = d->list;
    for (a = d->list; a; a = a->ai_next)
        d->left++;
    return 0;
}

int mw_dial_start(const mw_alloc *alloc, mw_dial **dial_r, const mw_dial_to *to)
{
    mw_dial *d = mw_alloc_zeroed(alloc, sizeof *d);

    *dial_r = d;
    if (!d)
        return MW_E_NOMEM;
    d->alloc = alloc;
    d->fd = -1;
    d->failure = to->host[0] == '/' ? dial_unix(d, to->host) : dial_tcp(d, to);
    d->phase = d->failure ? FAILED : CONNECT;
    return 0;
}

static int bind_local(const mw_dial *d, int family)
{
    const struct addrinfo *a;

    if (!d->local)
        return 0;
    for (a = d->local; a; a = a->ai_next)
        if (a->ai_family == family)
            return bind(d->fd, a->ai_addr, a->ai_addrlen);
    errno = EAFNOSUPPORT;
    return -1;
}

static int set_flag(int fd, int get, int set, int flag, int on)
{
    int flags = fcntl(fd, get);

    return flags < 0 ? -1 : fcntl(fd, set, on ? flags | flag : flags & ~flag);
}

/* If the descriptor is one of the standard three, moves it to a higher number: a warning or a child process would write to the link. */
static int above_standard(int fd)
{
    int moved;

    if (fd < 0 || fd > FD_STANDARD_MAX)
        return fd;
#ifdef F_DUPFD_CLOEXEC
    moved = fcntl(fd, F_DUPFD_CLOEXEC, FD_STANDARD_MAX + 1);
#else
    moved = fcntl(fd, F_DUPFD, FD_STANDARD_MAX + 1);
#endif
    close(fd);
    return moved;
}

static int open_socket(mw_dial *d, const struct addrinfo *a)
{
    int one = 1;

    d->family = a->ai_family;
    d->fd = above_standard(socket(a->ai_family, a->ai_socktype, a->ai_protocol));
    if (d->fd < 0)
        return -1;
    if (set_flag(d->fd, F_GETFD, F_SETFD, FD_CLOEXEC, 1) < 0 || set_flag(d->fd, F_GETFL, F_SETFL, O_NONBLOCK, 1) < 0)
        return -1;
#ifdef SO_NOSIGPIPE
    setsockopt(d->fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
    if (a->ai_family != AF_UNIX)
        setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return bind_local(d, a->ai_family);
}

/* An address that never answers must not use up the time of those behind it: each gets an equal share. */
static int64_t share(const mw_dial *d, int64_t deadline)
{
    int64_t now = mw_io_now();

    return deadline == MW_IO_NEVER ? deadline : now + (deadline - now) / d->left;
}

static int connected(mw_dial *d)
{
    d->phase = HAND_OVER;
    return 1;
}

/* This address failed: the next one is tried. */
static int leave_address(mw_dial *d, int error)
{
    dial_failed(d, error);
    d->next = d->next->ai_next;
    d->left--;
    if (!d->next) {
        d->phase = FAILED;
        d->failure = MW_E_SYS;
    }
    return MW_E_SYS;
}

/* Starts on the next address: 1 connected, 0 under way, MW_E_TIMEOUT, MW_E_SYS. */
static int dial_next(mw_dial *d, int64_t deadline)
{
    const struct addrinfo *a = d->next;

    if (open_socket(d, a) == 0) {
        d->until = share(d, deadline);
        if (connect(d->fd, a->ai_addr, a->ai_addrlen) == 0)
            return connected(d);
        if (errno == EINPROGRESS || errno == EINTR)
            return 0;
        /* A UNIX-domain listener whose queue is full: to be tried again, and poll cannot tell when. */
        if (errno == EAGAIN && a->ai_family == AF_UNIX) {
            close(d->fd);
            d->fd = -1;
            return deadline != MW_IO_NEVER && mw_io_now() >= deadline ? MW_E_TIMEOUT : 0;
        }
    }
    return leave_address(d, errno);
}

/* What has become of the connect under way: 1, 0, or an error. */
static int dial_look(mw_dial *d)
{
    int error = 0, rc = mw_io_ready(d->fd, MW_IO_OUT, 0);
    socklen_t len = sizeof error;

    if (rc == MW_E_INTR)
        return rc;
    if (rc == 0 && (d->until == MW_IO_NEVER || mw_io_now() < d->until))
        return 0;
    if (rc == 0) {
        leave_address(d, ETIMEDOUT);
        return MW_E_TIMEOUT;
    }
    if (rc < 0 || getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    return error ? leave_address(d, error) : connected(d);
}

int mw_dial_step(mw_dial *d, int64_t deadline)
{
    int rc;

    while (d->phase == CONNECT) {
        rc = d->fd < 0 ? dial_next(d, deadline) : dial_look(d);
        if (rc == 0 || rc == MW_E_INTR)
            return rc;
        if (rc == MW_E_TIMEOUT && (d->phase == FAILED || mw_io_now() >= deadline)) {
            dial_failed(d, ETIMEDOUT);
            return rc;
        }
    }
    return d->phase == HAND_OVER ? 1 : d->failure;
}

int mw_dial_wait(const mw_dial *d, int64_t deadline)
{
    int64_t pause = mw_io_now() + FULL_QUEUE_PAUSE;
    int rc;

    if (d->phase != CONNECT)
        return 0;
    if (d->fd < 0)
        rc = mw_io_wait_many(NULL, 0, pause < deadline ? pause : deadline);
    else
        rc = mw_io_ready(d->fd, MW_IO_OUT, d->until);
    return rc == MW_E_INTR ? rc : 0;
}

int mw_dial_fd(const mw_dial *d)
{
    return d->fd;
}

int mw_dial_take(mw_dial *d)
{
    int fd = d->fd;

    set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, 0);
    d->fd = -1;
    return fd;
}

int mw_dial_family(const mw_dial *d)
{
    return d->family;
}

int mw_dial_errno(const mw_dial *d)
{
    return d->error ? d->error : d->words ? EINVAL : 0;
}

const char *mw_dial_error(const mw_dial *d)
{
    return d->error ? d->said : d->words ? d->words : "";
}

void mw_dial_free(mw_dial *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd);
    if (d->list)
        freeaddrinfo(d->list);
    if (d->local)
        freeaddrinfo(d->local);
    d->alloc->release(d->alloc->ctx, d);
}
