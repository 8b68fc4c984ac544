/* link_quick.h - mail, recipient and data of Net::LMTP as most callers call them, without a step in Perl.
 *
 * Each of these says "no" (-1) when something is not as simple as that, and nothing has happened then: the Perl
 * methods do the same for every case.
 */
#ifndef MWX_LINK_QUICK_H
#define MWX_LINK_QUICK_H

#include "link.h"

/* MAIL or RCPT with one address and nothing else: whether it was accepted. */
int mwx_link_quick_mail(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count);
int mwx_link_quick_rcpt(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count);

/* DATA alone: whether the content is wanted. */
int mwx_link_quick_data(pTHX_ mwx_link *link, SV *ref, int count);

/* A command line with an address: verb, such as "MAIL FROM:", and the path, into a buffer of size bytes. Its length; 0 when the
 * address is not a plain string of ASCII, or the line is too long or cannot be sent. */
size_t mwx_quick_line(const mwx_link *link, SV *address, const char *verb, char *buffer, size_t size);

/* The path in such a line: behind its colon. */
mw_slice mwx_quick_path(const char *line, size_t len);

#endif
