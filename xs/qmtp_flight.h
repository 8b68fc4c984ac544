/* qmtp_flight.h - the deliveries of a Net::QMTP: handing them over, moving them, taking their results.
 *
 * Deliveries outlive the link, so they have a handle of their own, a Net::QMTP::Flight. The link is given to each call that needs
 * one: a Net::QMTP::Link, or undef when there is none. Connecting again is the owner's part.
 */
#ifndef MWX_QMTP_FLIGHT_H
#define MWX_QMTP_FLIGHT_H

#include "deliveries.h"
#include "qmtp_link.h"

typedef struct mwx_qmtp_flight {
    mwx_deliveries deliveries;      /* first, so that a pointer to them is one to the flight */
    mw_queue queue;                 /* they are in */
    mwx_qmtp *link;                 /* what they go over; NULL: there is none. As of the latest call, */
    int is_running;                 /* or of the run that is under way */
    NV life;                        /* a link of this age gets nothing more; 0: no limit */
    SV *file;                       /* words in front of what is wrong with a file; NULL: none */
    int is_told;                    /* Debug: Perl tells what happens */
    int nonblocking;
    int busy;                       /* a call is under way: code of the caller's must not start another */
    IV awaited;                     /* the delivery that deliver waits for, and that collect may not take; 0: none */
    SV *died;                       /* what code of the caller's died of, until it is thrown again */
} mwx_qmtp_flight;

/* Hangs a flight on the object of ref. */
void mwx_qmtp_flight_attach(pTHX_ SV *ref);

/* The flight of ref. Croaks when there is none. */
mwx_qmtp_flight *mwx_qmtp_flight_of(pTHX_ SV *ref);

/* True when ref is another thread's copy of a flight. */
int mwx_qmtp_flight_is_clone(pTHX_ SV *ref);

/* The octets of an address as they go into a package: without outer white space and brackets (see mw_address_path). A string
 * with a wide character is encoded as UTF-8. where: words for a croak. */
mw_slice mwx_qmtp_address(pTHX_ SV *sv, const char *where);

/* A delivery for nobody yet; eol is the octet that names the line end. Croaks when there is no memory. */
mw_delivery *mwx_qmtp_delivery_new(pTHX_ SV *sender, unsigned char eol);

/* One recipient more: 0, or an error of mw_qmtp_delivery_rcpt. */
int mwx_qmtp_delivery_rcpt(pTHX_ mw_delivery *d, SV *address);

/* mwx_deliveries_run over the link of ref. At MWX_UNLINKED the owner drops the link, if there is one; if deliveries wait, the owner makes another
 * link, or gives them up. */
int mwx_qmtp_flight_run(pTHX_ mwx_qmtp_flight *f, SV *ref, int until, IV id, int may_wait, int watched);

/* True when every waiting delivery is queued, and sending may be put off: then mwx_qmtp_flight_run is not needed. Makes no system call. */
int mwx_qmtp_flight_holds_back(pTHX_ mwx_qmtp_flight *f, SV *ref);

/* Gives up delivery id: alone if it waits, with the link if its package was written to the link. With id 0: gives up the link, and
 * every delivery that is not over. Recipients without an answer get a deferral with these words. */
void mwx_qmtp_flight_give_up(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id, SV *why);

/* Ends the waiting deliveries whose deadline has passed. Returns how many. */
size_t mwx_qmtp_flight_expire(mwx_qmtp_flight *f);

/* Forgets delivery id, or with id 0 the oldest one, if it is over. Returns its results, a new array; NULL: it is not over. */
AV *mwx_qmtp_flight_take(pTHX_ mwx_qmtp_flight *f, IV id);

/* Seconds until a wait or a deadline runs out; negative: none does. */
NV mwx_qmtp_flight_timeout(pTHX_ mwx_qmtp_flight *f, SV *ref);

/* How many bytes of a delivery's content have been sent. */
NV mwx_qmtp_flight_sent(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id);

#endif
