/* qmtp_client.h - submit, deliver and collect of a Net::QMTP: its arguments, its link and its flight brought together.
 *
 * Plain values are handled here. A function returns "no" when code of the caller's has to run, when a link has to be made, or when the
 * caller made a mistake. Nothing has changed then, and the Perl method of the same purpose does the work.
 */
#ifndef MWX_QMTP_CLIENT_H
#define MWX_QMTP_CLIENT_H

#include "qmtp_flight_glue.h"

/* The octet that names an encoding's line end, 'unix' or 'dos': a mortal. NULL: it is neither. */
SV *mwx_qmtp_line_end(pTHX_ SV *encoding);

/* Hands a delivery over. Returns its id; 0: no. */
IV mwx_qmtp_client_add(pTHX_ SV *self, SV **arguments, int count);

/* The same, and sends what must not be held back. *unlinked_r: the link was lost as it was sent; Perl makes another one. */
IV mwx_qmtp_client_submit(pTHX_ SV *self, SV **arguments, int count, int *unlinked_r);

/* Takes the oldest delivery, and waits for it if waiting is allowed: a Mail::Wire::Delivery, a new reference. NULL: no. */
SV *mwx_qmtp_client_collect(pTHX_ SV *self);

/* Takes delivery id: a Mail::Wire::Delivery. Its results are kept as the last ones. NULL: it is not over. */
SV *mwx_qmtp_client_take(pTHX_ SV *self, IV id);

/* How many deliveries were handed over and not taken. */
size_t mwx_qmtp_client_count(pTHX_ SV *self);

#endif
