/* flight_quick.h - deliver, submit and collect of Net::LMTP as most callers call them, without a step in Perl.
 *
 * Each of these says "no" (NULL, 0) when something is not as simple as that, and nothing has happened then: the Perl
 * methods do the same for every case.
 */
#ifndef MWX_FLIGHT_QUICK_H
#define MWX_FLIGHT_QUICK_H

#include "flight_glue.h"

/* Hands a delivery over and waits for it: From, To and Data, all plain and sendable, no class' own way of making addresses.
 * Returns the results, which the link keeps. */
AV *mwx_flight_quick_deliver(pTHX_ SV *self, SV **arguments, int count);

/* Hands a delivery over, once the window has room: its id. */
IV mwx_flight_quick_submit(pTHX_ SV *self, SV **arguments, int count);

/* The oldest delivery, waited for if that may be: a Mail::Wire::Delivery, a new reference. */
SV *mwx_flight_quick_collect(pTHX_ SV *self);

#endif
