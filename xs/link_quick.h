/* link_quick.h - mail, recipient and data of Net::LMTP as most callers call them, without a step in Perl.
 *
 * Each of these says "no" (-1) when something is not as simple as that, and nothing has happened then: the Perl
 * methods do the same for every case.
 */
#ifndef MWX_LINK_QUICK_H
#define MWX_LINK_QUICK_H

#include "link.h"
#include "../c/command.h"

/* MAIL or RCPT with one address and nothing else: whether it was accepted. */
int mwx_link_quick_mail(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count);
int mwx_link_quick_rcpt(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count);

/* True when the object's class has a method recipient of its own. */
int mwx_link_has_recipient(pTHX_ mwx_link *link, SV *ref);

/* DATA alone: whether the content is wanted. */
int mwx_link_quick_data(pTHX_ mwx_link *link, SV *ref, int count);

/* mw_command_envelope for a plain string: the length; 0 also when it is none. */
size_t mwx_quick_line(const mwx_link *link, SV *address, mw_kind verb, char *buffer, size_t size, mw_slice *path_r);

#endif
