/* handle_transport.h - the transport over a Perl handle that is tied: bytes go through the handle's own sysread and syswrite. IO::Socket::SSL
 * puts TLS on a handle in this way, and scripts see the bytes in this way.
 *
 * A layered handle is one of IO::Socket::SSL, or one whose class has a method `pending`. It keeps bytes that poll does not see. When it would
 * have to wait, $! is EAGAIN, and $IO::Socket::SSL::SSL_ERROR says what for. It is called until then, and its descriptor does not block
 * meanwhile. Any other tied handle is treated as Net::Cmd treats it: its descriptor keeps its mode, and each call comes after poll has
 * said that it will not wait.
 *
 * TLS that the distribution itself has put on the handle (tls.h) goes without these methods.
 *
 * When a method dies, or returns what sysread and syswrite cannot return, the call is MW_E_SYS, and the transport has words for it. When a
 * signal's handler dies inside a method, the call is MWX_E_DIED, and `died` is what it died of. After either it is not known how many bytes
 * went through, so every later call is MW_E_SYS.
 */
#ifndef MWX_HANDLE_TRANSPORT_H
#define MWX_HANDLE_TRANSPORT_H

#include "tls.h"

/* Not one of the core's errors: a signal handler died. */
#define MWX_E_DIED (-901)

/* The most bytes that one write gives to a layered handle: one record of TLS. */
#define MWX_HANDLE_RECORD 16384

/* The most bytes that one write gives to another handle: its write may block if it is given more than poll found room for. */
#define MWX_HANDLE_LITTLE 4096

typedef struct mwx_handle_transport {
    mw_transport base;
    SV *object;         /* what the handle is tied to, during a call */
    void *known;        /* the address of that object in the last call, to see when it is another one */
    mwx_tls *tls;       /* that object's, which has its own way; NULL: it has none */
    int fd;             /* to poll; -1: none */
    int is_layered;
    int is_tls;         /* the object is IO::Socket::SSL's, or one before it was */
    int is_dry;         /* the last read would have had to wait */
    int for_read, for_write;    /* see mw_needs */
    size_t again;       /* how many bytes a write had that would have had to wait: the next write has the same */
    int is_torn;        /* something died inside a call */
    SV *died;           /* what a signal's handler died of */
    char words[MW_IO_WORDS];    /* "": none */
} mwx_handle_transport;

/* What a reference to a glob is tied to; NULL: it isn't. */
SV *mwx_handle_tied(pTHX_ SV *ref);

/* The descriptor of a handle that is tied to the object: what its method FILENO says, if it has one; -1: none. fd is the handle's own.
 * May run Perl code. */
int mwx_handle_fileno(pTHX_ SV *object, int fd);

void mwx_handle_transport_init(mwx_handle_transport *t);

/* Begins a call over this object, whose handle has this descriptor. mw_transport_close ends it. */
void mwx_handle_transport_set(pTHX_ mwx_handle_transport *t, SV *object, int fd);

#endif
