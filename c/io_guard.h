/* io_guard.h - for calls of code that may block, or raise SIGPIPE: makes the descriptor non-blocking and blocks SIGPIPE, and undoes both. */
#ifndef MW_IO_GUARD_H
#define MW_IO_GUARD_H

#include <signal.h>

/* SIGPIPE is blocked between begin and end. If the call raised it, it is no longer pending after end. */
typedef struct mw_quiet {
    sigset_t pipe_set, old;
    int was_pending;
} mw_quiet;

/* errno stays as it was. */
void mw_quiet_begin(mw_quiet *q);
void mw_quiet_end(mw_quiet *q);

/* Returns the flags that the descriptor had, for mw_io_reblock, or -1. */
int mw_io_unblock(int fd);

/* errno stays as it was. */
void mw_io_reblock(int fd, int flags);

#endif
