/* io_guard.c - see io_guard.h. */
#include "io_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* macOS and OpenBSD have no sigtimedwait. */
#if !defined(MW_IO_POSIX_ONLY) && defined(_POSIX_REALTIME_SIGNALS) && _POSIX_REALTIME_SIGNALS > 0
#define HAS_SIGTIMEDWAIT
#endif

static int is_pending(void)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, SIGPIPE);
}

void mw_quiet_begin(mw_quiet *q)
{
    sigemptyset(&q->pipe_set);
    sigaddset(&q->pipe_set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &q->pipe_set, &q->old);
    /* What was not held back before was not pending either. */
    q->was_pending = sigismember(&q->old, SIGPIPE) && is_pending();
}

/* Takes a signal that is pending off, without ever waiting for it: one that was the process' and not ours alone may have been
 * taken by another thread since. */
static void take_off(const mw_quiet *q)
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

/* The signal may have come of a call that succeeded: Linux' sendfile says how much it sent before the
 * peer went. */
void mw_quiet_end(mw_quiet *q)
{
    int error = errno;

    if (!q->was_pending && is_pending())
        take_off(q);
    sigprocmask(SIG_SETMASK, &q->old, NULL);
    errno = error;
}

int mw_io_unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && !(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    return flags;
}

void mw_io_reblock(int fd, int flags)
{
    int error = errno;

    if (!(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags);
    errno = error;
}
