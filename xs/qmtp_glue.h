/* qmtp_glue.h - a QMTP session behind a Net::QMTP::Link: a handle on the connection, with the
 * session as its magic.
 *
 * Nothing here croaks for what a peer did: a session that broke stays broken, each later step
 * says no, and mwx_qmtp_error tells why. When a signal handler died inside a wait, the step
 * croaks on with what it died of; the package is then unfinished, and the owner drops the link.
 */
#ifndef MWX_QMTP_GLUE_H
#define MWX_QMTP_GLUE_H

#include "wait.h"
#include "../c/qmtp.h"

typedef struct mwx_qmtp {
    mw_qmtp *session;
    mwx_carrier carrier;
    NV timeout, next_timeout;   /* seconds for an answer, and for each further one of a package */
    int64_t made;
    SV *lent;                   /* the message whose bytes the session was lent, or its file's handle */
    SV *file;                   /* what is said of such a file, before what is wrong with it */
    SV *why;                    /* what mwx_qmtp_lose said */
    SV *died;
} mwx_qmtp;

/* Puts a session on the connection of ref, a reference to an open glob. */
void mwx_qmtp_attach(pTHX_ SV *ref, NV timeout, NV next_timeout);

/* Croaks when ref has no session. */
mwx_qmtp *mwx_qmtp_of(pTHX_ SV *ref);

/* Breaks the session for a reason of the I/O side's or of the core's (error.h). Returns 0. */
int mwx_qmtp_broken(mwx_qmtp *link, int error);

/* Looks at what has come unasked: the pump writes first, so that an answer to something not sent yet
 * would otherwise be taken for one to what it sends next. Returns whether the session is still sound, or MWX_E_DIED. */
int mwx_qmtp_look(pTHX_ mwx_qmtp *link, SV *ref);

/* Seconds since it was attached. */
NV mwx_qmtp_age(const mwx_qmtp *link);

/* The steps of a package, see qmtp.h. Each returns whether the session is still sound. ref is
 * the link's own reference; size and rcpts are those of the package, rcpts plain strings;
 * message must not be changed before its results are taken. */
int mwx_qmtp_begin(pTHX_ mwx_qmtp *link, SV *ref, SV *eol, NV size, AV *rcpts);
int mwx_qmtp_copy(pTHX_ mwx_qmtp *link, SV *ref, SV *bytes);
int mwx_qmtp_lend(pTHX_ mwx_qmtp *link, SV *message);
int mwx_qmtp_end(pTHX_ mwx_qmtp *link, SV *ref, SV *sender);

/* In the place of mwx_qmtp_lend: the whole of a plain file, size bytes. What goes wrong with it is told with name before it. */
int mwx_qmtp_lend_file(pTHX_ mwx_qmtp *link, SV *handle, NV size, SV *name);

/* Whether that is what broke the session. */
int mwx_qmtp_file_failed(const mwx_qmtp *link);

/* Waits until the oldest package has all its results, or the session is broken. */
void mwx_qmtp_wait(pTHX_ mwx_qmtp *link, SV *ref);

/* Breaks the session: whoever has no answer gets a deferral that says why. */
void mwx_qmtp_lose(pTHX_ mwx_qmtp *link, SV *why);

/* Takes the oldest package's results: a new array, empty when there is none or it is not
 * complete. */
AV *mwx_qmtp_results(pTHX_ mwx_qmtp *link);

/* What broke the session: a new string, empty while it is sound. */
SV *mwx_qmtp_error(pTHX_ mwx_qmtp *link);

#endif
