/* qmtp_link.h - one connection of a Net::QMTP: a Perl handle, with a QMTP session as its magic.
 *
 * No function croaks for what the server did: the session breaks, and mwx_qmtp_error tells why.
 */
#ifndef MWX_QMTP_LINK_H
#define MWX_QMTP_LINK_H

#include "wait.h"
#include "../c/qmtp.h"

typedef struct mwx_qmtp {
    mw_qmtp *session;
    mwx_carrier carrier;
    int64_t made;           /* when the connection was there */
    SV *died;               /* what a signal's handler died of, until it is thrown again */
} mwx_qmtp;

/* Puts a session on the connection of ref, a reference to an open glob. */
void mwx_qmtp_attach(pTHX_ SV *ref);

/* Croaks when ref has no session. */
mwx_qmtp *mwx_qmtp_of(pTHX_ SV *ref);

/* Seconds since it was attached. */
NV mwx_qmtp_age(const mwx_qmtp *link);

/* Breaks the session for an error of the pump's. file: words that name the file being sent; they are put in front of what is
 * wrong with a file. NULL: none. */
void mwx_qmtp_broken(pTHX_ mwx_qmtp *link, int error, SV *file);

/* Reads what has come unasked, before more is sent. The pump writes before it reads, so what came before would be taken for an answer to
 * what is sent next. Returns whether the session is still sound, or MWX_E_DIED. */
int mwx_qmtp_look(pTHX_ mwx_qmtp *link, SV *ref);

/* What broke the session: a new string, empty while it is sound. */
SV *mwx_qmtp_error(pTHX_ mwx_qmtp *link);

#endif
