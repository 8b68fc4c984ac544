/* flight_glue.h - deliveries on a link: handing them over, waiting for them, taking their results. */
#ifndef MWX_FLIGHT_GLUE_H
#define MWX_FLIGHT_GLUE_H

#include "link.h"
#include "running.h"
#include "../c/flight.h"

/* Hands over a delivery that has its commands; it is the link's from now on. content: octets, a mortal or the caller's, which is kept;
 * NULL when pieces will come. raw: line ends stay as they are (BINARYMIME). deadline: MW_IO_NEVER for none. Returns the id. */
IV mwx_flight_launch(pTHX_ mwx_link *link, mw_delivery *d, SV *content, int raw, int64_t deadline);

/* The same for content in a plain file, which has size bytes from offset on. */
IV mwx_flight_launch_file(pTHX_ mwx_link *link, mw_delivery *d, SV *handle, NV offset, NV size, int raw, int64_t deadline);

/* Pumps until one of MWX_UNTIL_.. is true (running.h). id is a delivery for MWX_UNTIL_DONE, a number of bytes for MWX_UNTIL_ROOM. Returns:
 *   MWX_REACHED   it is true
 *   MWX_WANTS     a delivery's next piece can be sent
 *   MWX_MOVED     one step was made, and link->watched is set
 *   MWX_BLOCKED   going on means waiting, and may_wait is not set; or much was moved, there is more, and may_wait is not set;
 *                 or link->died is set */
int mwx_flight_run(pTHX_ mwx_link *link, SV *ref, int until, IV id, int may_wait);

/* Gives up delivery id, with the link if anything of it was sent: a die has left the wait for it (words NULL: "interrupted"), or its
 * content cannot be read, as words say. */
void mwx_flight_interrupted(pTHX_ mwx_link *link, SV *ref, IV id, const char *words);

/* How many deliveries that this process handed over are unanswered. */
size_t mwx_flight_orphans(const mwx_link *link);

/* A delivery's results: a new array. */
AV *mwx_flight_results(pTHX_ const mw_delivery *d);

/* Takes the results of delivery id, a new array, and frees the delivery. The link keeps them as its last ones. NULL: it is not finished. */
AV *mwx_flight_take(pTHX_ mwx_link *link, IV id);

/* For the sync calls: ends a transaction that a delivery left open. 0 when the link was lost over it. */
int mwx_flight_reset(pTHX_ mwx_link *link, SV *ref);

/* Seconds until a wait or a deadline runs out; negative: none does. */
NV mwx_flight_timeout(pTHX_ mwx_link *link, SV *ref);

/* Frees what the deliveries of a link that goes away hold. */
void mwx_flight_free(pTHX_ mwx_link *link);

#endif
