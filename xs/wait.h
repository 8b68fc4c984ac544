/* wait.h - what carries a link's bytes, and waiting for the server so that Perl's signal handlers run meanwhile. */
#ifndef MWX_WAIT_H
#define MWX_WAIT_H

#include "handle_transport.h"

/* The descriptor behind a Perl handle (a reference to a glob); -1 when it is closed. Asked anew for each
 * wait, as a handler may have closed it. */
int mwx_fd(pTHX_ SV *ref);

/* How many bytes the handle has read ahead; -1 when these are not the file's bytes in front of the descriptor's position, as ungetc put
 * others there. What was printed to the handle, and waits, is written first. */
IV mwx_buffered(pTHX_ SV *ref);

/* What carries a link's bytes: its descriptor, or, while the handle is tied, the handle's own methods. Each call looks which of the two, as
 * a script may put TLS on a link at any time. If a handle becomes layered while bytes wait unread, the call is MW_E_REPLY_EXTRA. There is no way
 * back from TLS: once the handle had it and is not tied any more, the call is MW_E_CLOSED. */
typedef struct mwx_carrier {
    mw_fd_transport plain;
    mwx_handle_transport handle;
    mw_transport *used;         /* the one of the last call */
} mwx_carrier;

void mwx_carrier_init(mwx_carrier *c);
void mwx_carrier_free(pTHX_ mwx_carrier *c);

/* True, and the words for the last MW_E_SYS or MW_E_CLOSED, when the handle has its own. */
int mwx_carrier_says(const mwx_carrier *c, const char **words_r);

/* What the descriptor is to be polled for, MW_IO_IN and MW_IO_OUT, by one who waits for replies and has out to send. With TLS that may be the
 * other of the two. */
int mwx_carrier_wants(const mwx_carrier *c, const mw_outq *out);

/* True when a read may find bytes that poll does not show (mw_needs.pending). */
int mwx_carrier_is_pending(const mwx_carrier *c);

/* Runs the handlers of signals that came: 0, or MWX_E_DIED. keep, a reference or NULL, stays alive meanwhile. */
int mwx_signals(pTHX_ SV *keep, SV **died);

/* One step of mw_io_pump for the link of handle, until deadline at the most. It goes on after a slice or a signal. > 0 bytes moved; 0
 * nothing to do (MW_IO_OUT with an empty queue); MW_E_CLOSED also when the handle is closed; MWX_E_DIED; else as mw_io_pump. handle
 * stays alive meanwhile. */
int mwx_pump(pTHX_ SV *handle, mwx_carrier *c, mw_outq *out, mw_buf *in, int events, int64_t deadline, SV **died);

/* mw_io_poll for the link of handle: > 0 something came, 0 nothing; else as mwx_pump. */
int mwx_look(pTHX_ SV *handle, mwx_carrier *c, mw_buf *in, SV **died);

#endif
