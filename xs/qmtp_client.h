/* qmtp_client.h - what Perl asks of a Net::QMTP's part in deliver and submit. */
#ifndef MWX_QMTP_CLIENT_H
#define MWX_QMTP_CLIENT_H

#include "qmtp_flight.h"

/* The octet that names an encoding's line end, 'unix' or 'dos': a new scalar. Croaks for others. */
SV *mwx_qmtp_line_end(pTHX_ SV *encoding);

/* How many deliveries were handed over and not taken. */
size_t mwx_qmtp_client_count(pTHX_ SV *self);

/* Hands over what send was asked for: its id. content is count values:
 *   1  a reference to the text, octets that nobody changes meanwhile
 *   2  undef, and why the content cannot be read
 *   3  a handle on a plain file, and the offset and the size of the part that is the content */
IV mwx_qmtp_send(pTHX_ mwx_qmtp_flight *f, SV *sender, AV *rcpts, char eol, SV **content, int count);

#endif
