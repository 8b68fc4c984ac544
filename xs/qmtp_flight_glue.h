/* qmtp_flight_glue.h - deliveries of a Net::QMTP: handing them over, moving them, taking their results.
 *
 * They outlive the link, so that they have a handle of their own; the link is given to each call that
 * needs one, as a Net::QMTP::Link or undef. Connecting again is the owner's part.
 */
#ifndef MWX_QMTP_FLIGHT_GLUE_H
#define MWX_QMTP_FLIGHT_GLUE_H

#include "deadlines.h"
#include "qmtp_link.h"
#include "running.h"
#include "../c/qmtp_flight.h"

/* What time is counted for: the server takes what is sent, answers a package, answers its next recipient. */
enum { MWX_QMTP_BODY, MWX_QMTP_FINAL, MWX_QMTP_NEXT, MWX_QMTP_WAITS };

typedef struct mwx_qmtp_flight {
    mw_qmtp_flight *flight;
    size_t window;                  /* how many, */
    uint64_t window_bytes;          /* and how much content, may be unanswered */
    NV seconds[MWX_QMTP_WAITS];     /* for each wait; 0 none */
    NV life;                        /* seconds after which a link gets nothing more */
    Pid_t pid;                      /* of whoever handed the first of what is unanswered over */
    mwx_deadlines deadlines;        /* of deliveries */
    SV *file;                       /* words in front of what is wrong with a file; NULL: none */
    int is_told;                    /* with Debug: Perl tells of what happens */
    int nonblocking;
    int failed;                     /* a link was lost since something was handed over to an idle one */
    int busy;                       /* a handler that runs during a wait must not start another */
    uint64_t mark;                  /* what the server had done, */
    int waiting;                    /* the wait, */
    int64_t since;                  /* and when it began */
} mwx_qmtp_flight;

/* Hangs a flight on the object of ref. */
void mwx_qmtp_flight_attach(pTHX_ SV *ref);

/* Croaks when ref has none. */
mwx_qmtp_flight *mwx_qmtp_flight_of(pTHX_ SV *ref);

/* Whether it is a copy in another thread, which has none. */
int mwx_qmtp_flight_is_clone(pTHX_ SV *ref);

/* The octets of an address as people write it, as they go into a package: without outer white space and brackets (see
 * mw_address_path). A wider character: the whole string's UTF-8. */
mw_slice mwx_qmtp_address(pTHX_ SV *sv, const char *where);

/* What is handed over, but for the content. */
typedef struct mwx_qmtp_envelope {
    SV *sender;     /* octets, as are the */
    AV *rcpts;
    SV *eol;        /* one octet */
    NV deadline;    /* seconds from now, 0 none */
} mwx_qmtp_envelope;

/* Hands a delivery over and returns its id. text: octets, which are kept, and which nobody changes until the delivery is over. */
IV mwx_qmtp_flight_add_text(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *text);

/* The same with content as Perl hands it on: a reference to such a text; or a handle on a plain file, an offset and a size; or undef
 * and why the content could not be read: the delivery is over at once then. count: how many values. */
IV mwx_qmtp_flight_add(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *const *content, int count);

/* How many deliveries of this process go unanswered if the object goes now. */
size_t mwx_qmtp_flight_orphans(const mwx_qmtp_flight *f);

/* Whether the window has room for another one of so many bytes. */
int mwx_qmtp_flight_has_room(const mwx_qmtp_flight *f, uint64_t size);

/* Moves bytes until delivery id is over, there is room for another one of id bytes, nothing goes on without waiting,
 * nothing is unanswered, little enough is queued to be held back, or nothing is: MWX_REACHED. With
 * MWX_MOVED after each step when watched. MWX_BLOCKED: it would have to wait, and must not.
 * MWX_UNLINKED: the link is to be dropped, if there is one, and if something waits then, there must be
 * another or mwx_qmtp_flight_abandon. */
int mwx_qmtp_flight_run(pTHX_ mwx_qmtp_flight *f, SV *ref, int until, IV id, int may_wait, int watched);

/* The same for MWX_UNTIL_QUEUED, as far as that needs no system call. Whether it was reached. */
int mwx_qmtp_flight_holds_back(pTHX_ mwx_qmtp_flight *f, mwx_qmtp *link);

/* The link is given up on behalf of a delivery, if bytes of that are on their way; if not, only the
 * delivery is; if it is over, nothing. id 0: the link and all that has no results. Whoever has no answer
 * gets a deferral that says why. */
void mwx_qmtp_flight_give_up(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id, SV *why);

/* Nobody who waits will have a link. */
void mwx_qmtp_flight_abandon(pTHX_ mwx_qmtp_flight *f, SV *why);

/* The deliveries that wait and whose deadline has passed are over. Returns how many. */
size_t mwx_qmtp_flight_expire(mwx_qmtp_flight *f);

/* The results of a delivery that is over, which is forgotten: a new array; else NULL. id 0: the oldest
 * delivery, whose id is set in *id_r (NULL: not wanted). */
AV *mwx_qmtp_flight_take(pTHX_ mwx_qmtp_flight *f, IV id, IV *id_r);

/* Seconds to the next thing that time alone brings, with or without a link; negative: none. */
NV mwx_qmtp_flight_timeout(pTHX_ mwx_qmtp_flight *f, SV *ref);

/* How much of a delivery's content has been sent. */
NV mwx_qmtp_flight_sent(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id);

#endif
