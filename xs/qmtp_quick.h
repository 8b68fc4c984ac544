/* qmtp_quick.h - submit and collect of Net::QMTP as most callers call them, without a step in Perl.
 *
 * Each of these says "no" when something is not as simple as that, and nothing has happened then: the Perl
 * methods do the same for every case.
 */
#ifndef MWX_QMTP_QUICK_H
#define MWX_QMTP_QUICK_H

#include "qmtp_flight_glue.h"

/* Hands a delivery over: From, To and Data, all plain, over a link that is there, with nobody watching. Returns the
 * id; 0: no. */
IV mwx_qmtp_quick_add(pTHX_ SV *self, SV **arguments, int count);

/* The same, and sends what must not be held back. *unlinked_r: the link was lost over it, which is for Perl to see to. */
IV mwx_qmtp_quick_submit(pTHX_ SV *self, SV **arguments, int count, int *unlinked_r);

/* The oldest delivery, waited for if that may be: a Mail::Wire::Delivery, a new reference. NULL: no. */
SV *mwx_qmtp_quick_collect(pTHX_ SV *self);

/* Delivery id as an object, its results noted as the last ones; NULL: it is not over. */
SV *mwx_qmtp_quick_take(pTHX_ SV *self, IV id);

/* How many deliveries were handed over and not taken. */
size_t mwx_qmtp_quick_count(pTHX_ SV *self);

#endif
