/* deliver.h - deliver, submit and collect, of both classes.
 *
 * Perl is called where the caller's code takes part: content that comes from code or an object, Progress, methods of a class of its
 * own, lines that are shown; and for another link. When such code dies, a delivery that deliver has handed over is given up, and one
 * that was not handed over is freed.
 */
#ifndef MWX_DELIVER_H
#define MWX_DELIVER_H

#include "perlglue.h"

/* Hands a delivery over and waits for it: the results, a mortal array, which the object keeps as its last ones. *id_r: which it was. */
AV *mwx_deliver(pTHX_ SV *self, SV **arguments, int count, IV *id_r);

/* Hands a delivery over, once the window has room: its id; 0 when that would have to be waited for. */
IV mwx_submit(pTHX_ SV *self, SV **arguments, int count);

/* The oldest delivery, waited for if that may be: a Mail::Wire::Delivery, a new reference. NULL: there is none, or it would have to be waited
 * for. */
SV *mwx_collect(pTHX_ SV *self);

#endif
