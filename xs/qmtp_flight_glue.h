/* qmtp_flight_glue.h - the deliveries of a Net::QMTP: handing them over, moving them, taking their results.
 *
 * Deliveries outlive the link, so they have a handle of their own, a Net::QMTP::Flight. The link is given to each call that needs
 * one: a Net::QMTP::Link, or undef when there is none. Connecting again is the owner's part.
 */
#ifndef MWX_QMTP_FLIGHT_GLUE_H
#define MWX_QMTP_FLIGHT_GLUE_H

#include "deadlines.h"
#include "qmtp_link.h"
#include "running.h"
#include "../c/qmtp_flight.h"

/* What is waited for: that the server takes what is sent, that it answers a package, that it answers the next recipient. */
enum { MWX_QMTP_BODY, MWX_QMTP_FINAL, MWX_QMTP_NEXT, MWX_QMTP_WAITS };

typedef struct mwx_qmtp_flight {
    mw_qmtp_flight *flight;
    size_t window;                  /* the most deliveries that may be unanswered */
    uint64_t window_bytes;          /* the most content that they may have together */
    NV seconds[MWX_QMTP_WAITS];     /* the limit of each wait; 0: none */
    NV life;                        /* a link of this age gets nothing more; 0: no limit */
    Pid_t pid;                      /* the process that handed over the first of what is unanswered */
    mwx_deadlines deadlines;        /* of the deliveries */
    SV *file;                       /* words in front of what is wrong with a file; NULL: none */
    int is_told;                    /* Debug: Perl tells what happens */
    int nonblocking;
    int failed;                     /* a link was lost, and at no time since was everything answered */
    int busy;                       /* a call is pumping: a signal's handler must not start another */
    uint64_t mark;                  /* how much the server had taken and answered when the wait began */
    int waiting;                    /* which wait it is */
    int64_t since;                  /* when it began */
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

/* All of a delivery but its content. */
typedef struct mwx_qmtp_envelope {
    SV *sender;     /* an address */
    AV *rcpts;      /* one address or more */
    SV *eol;        /* the octet that names the line end */
    NV deadline;    /* seconds from now; 0: none */
} mwx_qmtp_envelope;

/* Hands a delivery over and returns its id. text: octets. The scalar is kept, and nobody changes it until the delivery is over. */
IV mwx_qmtp_flight_add_text(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *text);

/* Hands a delivery over and returns its id. content is what Perl found, count values:
 *   1  a reference to the text (see mwx_qmtp_flight_add_text)
 *   2  undef, and why the content cannot be read: the delivery is over at once
 *   3  a handle on a plain file, and the offset and the size of the part that is the content */
IV mwx_qmtp_flight_add(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *const *content, int count);

/* How many deliveries are lost if the object goes now: those unanswered, in the process that handed them over. */
size_t mwx_qmtp_flight_orphans(const mwx_qmtp_flight *f);

/* True when the window has room for one more delivery of so many bytes. */
int mwx_qmtp_flight_has_room(const mwx_qmtp_flight *f, uint64_t size);

/* Moves bytes until one of MWX_UNTIL_.. is true (running.h). id is a delivery for MWX_UNTIL_DONE, a number of bytes for
 * MWX_UNTIL_ROOM. Returns:
 *   MWX_REACHED   it is true
 *   MWX_MOVED     one step was made, with watched set
 *   MWX_BLOCKED   going on means waiting, with may_wait unset; or others must have their turn
 *   MWX_UNLINKED  there is no link that deliveries can go on over. The owner drops the link, if there is one. If deliveries
 *                 wait, the owner makes another link, or gives them up. */
int mwx_qmtp_flight_run(pTHX_ mwx_qmtp_flight *f, SV *ref, int until, IV id, int may_wait, int watched);

/* True when every waiting delivery is queued, and sending may be put off: then mwx_qmtp_flight_run is not needed. Makes no system call. */
int mwx_qmtp_flight_holds_back(pTHX_ mwx_qmtp_flight *f, mwx_qmtp *link);

/* Gives up delivery id: alone if it waits, with the link if its package was written to the link. With id 0: gives up the link, and
 * every delivery that is not over. Recipients without an answer get a deferral with these words. */
void mwx_qmtp_flight_give_up(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id, SV *why);

/* Ends the waiting deliveries whose deadline has passed. Returns how many. */
size_t mwx_qmtp_flight_expire(mwx_qmtp_flight *f);

/* Forgets delivery id, or with id 0 the oldest one, if it is over. Returns its results, a new array, and sets *id_r (NULL: not
 * wanted) to its id; NULL when it is not over. */
AV *mwx_qmtp_flight_take(pTHX_ mwx_qmtp_flight *f, IV id, IV *id_r);

/* Seconds until a wait or a deadline runs out; negative: none does. */
NV mwx_qmtp_flight_timeout(pTHX_ mwx_qmtp_flight *f, SV *ref);

/* How many bytes of a delivery's content have been sent. */
NV mwx_qmtp_flight_sent(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id);

#endif
