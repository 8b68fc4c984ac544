/* link_envelope.h - mail, recipient and data of Net::LMTP. */
#ifndef MWX_LINK_ENVELOPE_H
#define MWX_LINK_ENVELOPE_H

#include "link.h"

/* mail, send, send_or_mail and send_and_mail: an address, and, for mail alone, options. Whether it was accepted. */
enum { MWX_MAIL, MWX_SEND, MWX_SEND_OR_MAIL, MWX_SEND_AND_MAIL };
int mwx_link_mail(pTHX_ mwx_link *link, SV *ref, int which, SV **list, int count);

/* recipient: addresses, lists of them, and options. Whether all were accepted; with SkipBad, how many, and which (a mortal). Without,
 * *accepted_r is NULL. */
int mwx_link_recipient(pTHX_ mwx_link *link, SV *ref, SV **list, int count, AV **accepted_r);

/* True when the object's class has a method recipient of its own. */
int mwx_link_has_recipient(pTHX_ mwx_link *link, SV *ref);

/* data without arguments: whether the server wants content; -1: not done here, as the class overrides a
 * method of it, or MAIL said BODY=BINARYMIME. */
int mwx_link_data(pTHX_ mwx_link *link, SV *ref);

/* What our own _addr makes of an address: a new string. */
SV *mwx_link_bracketed(pTHX_ const mwx_link *link, SV *address);

#endif
