/* dial.h - a connection in the making, for those that must not wait. */
#ifndef MWX_DIAL_H
#define MWX_DIAL_H

#include "perlglue.h"
#include "../c/io.h"

/* Hangs one on the object of ref: see mw_dial_start, which resolves the name and so may wait. timeout in seconds, 0 none. */
void mwx_dial_attach(pTHX_ SV *ref, const mw_dial_to *to, NV timeout);

/* Goes on without waiting: the connected descriptor, now the caller's; -1 not yet; -2 it failed, $@ and $! say why. */
int mwx_dial_poll(pTHX_ SV *ref);

/* See mw_dial_fd. */
int mwx_dial_fd(pTHX_ SV *ref);

/* Seconds that are left; negative: no limit. */
NV mwx_dial_timeout(pTHX_ SV *ref);

#endif
