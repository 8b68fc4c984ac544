/* io_wait.c - the one wait, see mw_io_wait_many; and what all transports have. */
#include "io_private.h"
#include "error.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

void mw_transport_init(mw_transport *t, const mw_transport_calls *calls)
{
    memset(t, 0, sizeof *t);
    t->calls = calls;
}

void mw_transport_words(const mw_transport *t, char *to, size_t size)
{
    if (t->file_error)
        mw_io_words(t->file_error, to, size);
    else
        t->calls->words(t, to, size);
}

void mw_transport_close(mw_transport *t)
{
    if (t->calls->close)
        t->calls->close(t);
}

/* Milliseconds to wait now, at most a slice, rounded up so that a wait never ends just before its deadline. */
static int wait_ms(int64_t deadline)
{
    int64_t now = mw_io_now(), left = MW_IO_SLICE;

    if (deadline <= now)
        return 0;
    if (deadline - now < left)
        left = deadline - now;
    return (int)((left + 999999) / 1000000);
}

static int poll_all(struct pollfd *p, size_t count, int ms)
{
    int rc = poll(p, (nfds_t)count, ms);

    if (rc < 0)
        return errno == EINTR || errno == EAGAIN ? MW_E_INTR : MW_E_SYS;
    return rc;
}

static struct pollfd poll_for(int fd, int events)
{
    struct pollfd p;

    p.fd = fd;
    p.events = (short)(((events & MW_IO_IN) ? POLLIN : 0) | ((events & MW_IO_OUT) ? POLLOUT : 0));
    p.revents = 0;
    return p;
}

/* A descriptor that is none, or has an error or a hang-up, counts as ready: the read or write tells what is wrong. */
static int events_of(const struct pollfd *p)
{
    if (p->revents & ~(POLLIN | POLLOUT))
        return MW_IO_IN | MW_IO_OUT;
    return ((p->revents & POLLIN) ? MW_IO_IN : 0) | ((p->revents & POLLOUT) ? MW_IO_OUT : 0);
}

int mw_io_ready(int fd, int events, int64_t deadline)
{
    struct pollfd p = poll_for(fd, events);
    int rc = poll_all(&p, 1, wait_ms(deadline));

    return rc > 0 ? events_of(&p) & events : rc;
}

/* What poll is asked for a link. True when nothing need be waited for. */
static int prepare(mw_io_wait *w, struct pollfd *p)
{
    const mw_needs *needs = &w->needs;
    int rc = w->transport->calls->needs(w->transport, &w->needs);

    w->ready = rc ? rc : needs->pending ? w->events & MW_IO_IN : 0;
    *p = poll_for(rc ? -1 : needs->fd,
        ((w->events & MW_IO_IN) ? needs->for_read : 0) | ((w->events & MW_IO_OUT) ? needs->for_write : 0));
    return w->ready != 0;
}

/* True when the link is ready. */
static int conclude(mw_io_wait *w, const struct pollfd *p)
{
    int found = events_of(p);

    if (w->ready < 0)
        return 1;
    if (found & w->needs.for_read)
        w->ready |= w->events & MW_IO_IN;
    if (found & w->needs.for_write)
        w->ready |= w->events & MW_IO_OUT;
    return w->ready != 0;
}

int mw_io_wait_many(mw_io_wait *waits, size_t count, int64_t deadline)
{
    struct pollfd polled[MW_IO_LINKS_MAX];
    int rc, at_once = 0, ready = 0;
    size_t i;

    if (count > MW_IO_LINKS_MAX)
        return MW_E_STATE;
    for (i = 0; i < count; i++)
        at_once |= prepare(&waits[i], &polled[i]);
    rc = poll_all(polled, count, at_once ? 0 : wait_ms(deadline));
    if (rc < 0)
        return rc;
    for (i = 0; i < count; i++)
        ready += conclude(&waits[i], &polled[i]);
    if (ready)
        return ready;
    return deadline != MW_IO_NEVER && mw_io_now() >= deadline ? MW_E_TIMEOUT : 0;
}
