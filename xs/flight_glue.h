/* flight_glue.h - deliveries on a link: handing them over, waiting for them, taking their results. */
#ifndef MWX_FLIGHT_GLUE_H
#define MWX_FLIGHT_GLUE_H

#include "link.h"
#include "running.h"
#include "../c/flight.h"

/* Hands a delivery over. mail: its first command line; undef when nothing can be sent. rcpts: for each
 * recipient a reference to a list, its address and its command line; or, if it is not to be sent, undef,
 * the stage, the code and the words. content: octets, kept by a copy-on-write copy; undef when pieces will
 * come. raw: line ends stay as they are (BINARYMIME). deadline in seconds from now, 0 none. Returns the id. */
IV mwx_flight_submit(pTHX_ mwx_link *link, SV *mail, AV *rcpts, SV *content, int raw, NV deadline);

/* The same for content in a plain file, which has size bytes from offset on. */
IV mwx_flight_submit_file(pTHX_ mwx_link *link, SV *mail, AV *rcpts, SV *handle, NV offset, NV size, int raw, NV deadline);

/* The same with a delivery that has its commands; it is the link's from now on. content: a mortal of octets, which is kept; NULL when
 * pieces will come. */
IV mwx_flight_launch(pTHX_ mwx_link *link, mw_delivery *d, SV *content, int raw, NV deadline);

/* Moves bytes and draws conclusions until delivery id is finished, or there is room for one more of id bytes, or
 * nothing goes on without waiting, or nothing is owed, or nothing goes on and more is to come, or all that
 * may be sent was: MWX_REACHED. Earlier with MWX_WANTS when a delivery's next piece can be
 * sent, and with MWX_MOVED after each step while somebody watches. MWX_BLOCKED: it would have
 * to wait, and must not; or it must not, has moved much, and there is more to write. */
int mwx_flight_run(pTHX_ mwx_link *link, SV *ref, int until, IV id, int may_wait);

/* The wait for delivery id was left by a die: it is given up, with the link if anything of it was sent. Or its content
 * cannot be read, as words say; NULL: "interrupted". */
void mwx_flight_interrupted(pTHX_ mwx_link *link, SV *ref, IV id, const char *words);

/* Delivery id as an object, its results noted as the last ones; NULL: it is not finished. */
SV *mwx_flight_collect(pTHX_ mwx_link *link, IV id);

/* How many deliveries of this process go unanswered if the object goes now. */
size_t mwx_flight_orphans(const mwx_link *link);

/* The results of a finished delivery, which is forgotten: a new array. */
AV *mwx_flight_take(pTHX_ mwx_link *link, mw_delivery *d);

/* For the sync calls: ends a transaction that a delivery left open. 0 when the link was lost over it. */
int mwx_flight_reset(pTHX_ mwx_link *link, SV *ref);

/* Seconds to the next thing that time alone brings; negative: none. */
NV mwx_flight_timeout(pTHX_ mwx_link *link, SV *ref);

/* Frees what the deliveries of a link that goes away hold. */
void mwx_flight_free(pTHX_ mwx_link *link);

#endif
