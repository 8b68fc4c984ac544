/* io_guard.h - a descriptor that does not block, and no SIGPIPE, for the length of a call into code that knows of neither. */
#ifndef MW_IO_GUARD_H
#define MW_IO_GUARD_H

#include <signal.h>

/* SIGPIPE is blocked, and taken off at the end if the call raised it. */
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
