/* wait.h - waiting for the other side, in a way that Perl's signal handlers run meanwhile. */
#ifndef MWX_WAIT_H
#define MWX_WAIT_H

#include "perlglue.h"
#include "../c/io.h"

/* Not one of the core's errors: a signal handler died; what it died of is in *died. */
#define MWX_E_DIED (-901)

/* The descriptor behind a Perl handle (a reference to a glob); -1 when it is closed. Asked anew for each
 * wait, as a handler may have closed it. */
int mwx_fd(pTHX_ SV *ref);

/* How many bytes the handle has read ahead; -1 when they are not what the file has in front of the descriptor's place: ungetc put
 * others there. What was printed to it, and waits, is written first. */
IV mwx_buffered(pTHX_ SV *ref);

/* One step of mw_io_pump, over the descriptor of handle, at the most until deadline; slices and signals are
 * dealt with inside. > 0 bytes moved; 0 nothing to do (MW_IO_OUT with an empty queue); MW_E_CLOSED also
 * when the handle is closed; MWX_E_DIED; else as mw_io_pump. handle stays alive meanwhile. */
int mwx_pump(pTHX_ SV *handle, mw_transport *t, mw_outq *out, mw_buf *in, int events, int64_t deadline, SV **died);

/* Connects: the descriptor, or -1 with $! and $@ set. croaks on when a handler died. timeout in seconds, 0
 * none. See mw_dial_to. */
int mwx_dial(pTHX_ const mw_dial_to *to, NV timeout, int *family_r);

#endif
