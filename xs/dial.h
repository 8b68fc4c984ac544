/* dial.h - a connection in the making, behind a Mail::Wire::Dial object. */
#ifndef MWX_DIAL_H
#define MWX_DIAL_H

#include "perlglue.h"
#include "../c/io_dial.h"

/* Hangs one on the object of ref: see mw_dial_start, which resolves the name and so may wait. timeout in seconds, 0 none. */
void mwx_dial_attach(pTHX_ SV *ref, const mw_dial_to *to, NV timeout);

/* Goes on, to the end if it may wait: the connected descriptor, now the caller's; -1 not yet; -2 it failed, $@ and $! say why. Croaks on
 * when a signal's handler died. */
int mwx_dial_go(pTHX_ SV *ref, int may_wait);

/* See mw_dial_fd and mw_dial_family. */
int mwx_dial_fd(pTHX_ SV *ref);
int mwx_dial_family(pTHX_ SV *ref);

/* Seconds that are left; negative: no limit. */
NV mwx_dial_timeout(pTHX_ SV *ref);

#endif
