/* tls.h - the bytes of a TLS session that the distribution has put on a link.
 *
 * OpenSSL, by the functions of Net::SSLeay, works between two memory BIOs. What is in them is received and sent here, by the transport of the
 * link's descriptor (io_fd.c). So nothing waits, nothing raises SIGPIPE, whatever mode the descriptor has, and many records are sent at once.
 *
 * Bytes count as written when the record that they are in was sent to its end: then the peer may have them, before that it cannot.
 */
#ifndef MWX_TLS_H
#define MWX_TLS_H

#include "perlglue.h"
#include "../c/io.h"

typedef struct mwx_tls mwx_tls;

/* Why a call moved nothing. */
typedef struct mwx_tls_stop {
    int waits_for;              /* MW_E_AGAIN: the descriptor's events after which it is worth another try */
    char words[MW_IO_WORDS];    /* MW_E_SYS: what is wrong */
} mwx_tls_stop;

/* The session that ref, what a handle is tied to, has; NULL: it has none. It is valid while the object is. */
mwx_tls *mwx_tls_of(pTHX_ SV *ref);

/* Gives ref the session of inner, an IO::Socket::SSL that ref keeps: ssl, its BIO for what comes from the wire and its BIO for what goes there
 * are numbers, as Net::SSLeay has them. The handshake is over. When inner has ended the session, every call is MW_E_CLOSED. */
void mwx_tls_attach(pTHX_ SV *ref, SV *inner, SV *ssl, SV *from_wire, SV *to_wire);

/* The descriptor from now on; -1: none. It stays its owner's. */
void mwx_tls_on(mwx_tls *t, int fd);

/* True when no read will find anything before more has come over the descriptor. */
int mwx_tls_is_drained(const mwx_tls *t);

/* As a transport reads and writes (io_transport.h); *stop_r is set unless 0 is returned. */
int mwx_tls_read(pTHX_ mwx_tls *t, char *to, size_t len, size_t *got_r, mwx_tls_stop *stop_r);
int mwx_tls_write(pTHX_ mwx_tls *t, const mw_slice *v, int count, size_t *put_r, mwx_tls_stop *stop_r);

/* Sends what OpenSSL has made, and receives what has come, for one who has OpenSSL read or write himself. True when everything was sent:
 * nothing is while records wait that a write has to count, or it would not be known that the peer may have them. */
int mwx_tls_turn(pTHX_ mwx_tls *t);

#endif
