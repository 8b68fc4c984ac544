/* flight_glue.h - deliveries on a link: handing them over, waiting for them, taking their results. */
#ifndef MWX_FLIGHT_GLUE_H
#define MWX_FLIGHT_GLUE_H

#include "link.h"

/* For a link that was just made: its deliveries are its flight's. */
void mwx_flight_attach(mwx_link *link);

/* mwx_deliveries_run for a link. With link->watched set it returns MWX_MOVED after each step. */
int mwx_flight_run(pTHX_ mwx_link *link, SV *ref, int until, IV id, int may_wait);

/* Gives up delivery id, with the link if anything of it was sent: a die has left the wait for it (words NULL: "interrupted"), or its
 * content cannot be read, as words say. */
void mwx_flight_interrupted(pTHX_ mwx_link *link, SV *ref, IV id, const char *words);

/* Takes the results of delivery id, a new array, and frees the delivery. The link keeps them as its last ones. NULL: it is not finished. */
AV *mwx_flight_take(pTHX_ mwx_link *link, IV id);

/* For the sync calls: ends a transaction that a delivery left open. 0 when the link was lost over it. */
int mwx_flight_reset(pTHX_ mwx_link *link, SV *ref);

/* Seconds until a wait or a deadline runs out; negative: none does. */
NV mwx_flight_timeout(pTHX_ mwx_link *link, SV *ref);

#endif
