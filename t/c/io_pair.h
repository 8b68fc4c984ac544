/* io_pair.h - two connected descriptors, one of which is pumped. */
#ifndef IO_PAIR_H
#define IO_PAIR_H

#include "failing.h"
#include "../../c/error.h"
#include "../../c/io.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 3 * 1024 * 1024, PUMPS = 2000000 };

static char large[LARGE];

static inline void fill_large(void)
{
    size_t i;

    for (i = 0; i < sizeof large; i++)
        large[i] = (char)tap_random(256);
}

/* Two connected descriptors: the first is pumped. */
typedef struct pair {
    int fd[2];
    mw_fd_transport t;
    mw_outq out;
    mw_buf in;
} pair;

static inline void stop(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline void pair_begin(pair *p, const mw_alloc *a)
{
    mw_fd_transport_init(&p->t);
    mw_fd_transport_set(&p->t, p->fd[0]);
    mw_outq_init(&p->out, a);
    mw_buf_init(&p->in, a);
}

static inline void pair_unix(pair *p)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, p->fd))
        stop("socketpair");
    pair_begin(p, mw_alloc_default());
}

static inline void pair_tcp(pair *p)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || p->fd[0] < 0 || bind(listener, (struct sockaddr *)&address, len) || listen(listener, 1)
        || getsockname(listener, (struct sockaddr *)&address, &len) || connect(p->fd[0], (struct sockaddr *)&address, len)
        || (p->fd[1] = accept(listener, NULL, NULL)) < 0)
        stop("loopback");
    close(listener);
    pair_begin(p, mw_alloc_default());
}

static inline void close_end(pair *p, int end)
{
    if (p->fd[end] >= 0)
        close(p->fd[end]);
    p->fd[end] = -1;
}

static inline void pair_end(pair *p)
{
    close_end(p, 0);
    close_end(p, 1);
    mw_outq_free(&p->out);
    mw_buf_free(&p->in);
}

static inline int pump(pair *p, int events, int64_t deadline)
{
    return mw_io_pump(&p->t.base, &p->out, &p->in, events, deadline);
}

static inline int in_is(const pair *p, const char *bytes)
{
    mw_slice in = mw_buf_view(&p->in);

    return in.len == strlen(bytes) && memcmp(in.base, bytes, in.len) == 0;
}

static inline void say(const pair *p, const char *bytes)
{
    if (write(p->fd[1], bytes, strlen(bytes)) != (ssize_t)strlen(bytes))
        stop("write");
}

/* Pumps until something else than bytes or a slice comes. */
static inline int pump_out(pair *p, int events)
{
    int rc = 1, i;

    for (i = 0; i < PUMPS && rc > 0; i++)
        rc = pump(p, events, mw_io_after(60));
    return rc;
}

/* What can be done now: bytes moved, 0 none, or an error. */
static inline int step(pair *p, int events)
{
    int rc = pump(p, events, mw_io_now());

    return rc == MW_E_TIMEOUT ? 0 : rc;
}

#endif
