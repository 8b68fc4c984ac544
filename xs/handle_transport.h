/* handle_transport.h - the transport over a Perl handle that is tied: bytes go through the handle's own sysread and syswrite. That is how
 * IO::Socket::SSL puts TLS on a handle, and how scripts put themselves in between.
 *
 * A layered handle is one of IO::Socket::SSL, or one whose class has a method `pending`: it keeps bytes that poll does not see, and says
 * by EAGAIN in $! that it would have to wait, by $IO::Socket::SSL::SSL_ERROR what for. It is asked until it says so, and its descriptor
 * does not block meanwhile. Any other tied handle is treated as Net::Cmd treats it: its descriptor keeps its mode, and each call comes
 * after poll has said that it will not wait.
 *
 * A method that dies, or does not keep to what sysread and syswrite return, is MW_E_SYS, and the transport has words for it. A signal's
 * handler that dies inside of a method is MWX_E_DIED: what it died of is in `died`. After either nobody knows how many bytes went
 * through, so that every later call is MW_E_SYS.
 */
#ifndef MWX_HANDLE_TRANSPORT_H
#define MWX_HANDLE_TRANSPORT_H

#include "perlglue.h"
#include "../c/io.h"

/* Not one of the core's errors: a signal handler died. */
#define MWX_E_DIED (-901)

/* A layer's record: more is not written at once. */
#define MWX_HANDLE_RECORD 16384

/* Nor is more than this by a call that may block once poll has said that a little can be written. */
#define MWX_HANDLE_LITTLE 4096

typedef struct mwx_handle_transport {
    mw_transport base;
    SV *object;         /* what the handle is tied to, for the length of a call */
    void *known;        /* its address, to see when it is another one */
    int fd;             /* to poll; -1: none */
    int is_layered;
    int is_dry;         /* a read has said that it would have to wait */
    int for_read, for_write;
    size_t again;       /* bytes of a write that would have had to wait: the next one is of the same */
    int is_torn;        /* something died inside of a call */
    SV *died;
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
