/* qmtp_flight.h - deliveries on their way over QMTP, in a queue that outlives the links.
 *
 * A session (qmtp.h) ends with its link, a delivery (qmtp_delivery.h) with its results. The deliveries wait here, and are lent to
 * a session when it may have another one. They come back with their results; or, when the link was lost before a byte of them was
 * sent, to be sent over the next link. The server cannot have seen such a delivery, so no recipient gets it twice.
 *
 * While there is a link, after each call of the pump: mw_qmtp_read, mw_qmtp_flight_read, and
 * mw_qmtp_flight_write. When its session has broken: mw_qmtp_flight_lost, and another link or
 * mw_qmtp_flight_abandon.
 */
#ifndef MW_QMTP_FLIGHT_H
#define MW_QMTP_FLIGHT_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"
#include "buf.h"
#include "qmtp.h"
#include "qmtp_delivery.h"

/* Packages go to the session while less than this is queued there: enough for large writes, and with a small package more
 * still one chunk of the queue's. */
#define MW_QMTP_HIGH_WATER 57344

typedef struct mw_qmtp_flight mw_qmtp_flight;

/* NULL: no memory. */
mw_qmtp_flight *mw_qmtp_flight_new(const mw_alloc *alloc);

/* Frees all deliveries as well: a session that has any of them must not be used any more. NULL is fine. */
void mw_qmtp_flight_free(mw_qmtp_flight *f);

/* Puts a delivery at the end; it is the flight's from now on. Returns its id. */
int64_t mw_qmtp_flight_add(mw_qmtp_flight *f, mw_qmtp_delivery *d);

/* Lends to the session what it may have now: see mw_qmtp_may_write and MW_QMTP_HIGH_WATER. Returns 0 or the
 * error that broke the session over it. */
int mw_qmtp_flight_write(mw_qmtp_flight *f, mw_qmtp *q);

/* Takes back the deliveries that are answered. Does nothing for a broken session: mw_qmtp_flight_lost takes back those. */
void mw_qmtp_flight_read(mw_qmtp_flight *f, mw_qmtp *q);

/* The session is broken: takes all its deliveries back. Those of which no byte was sent wait again. */
void mw_qmtp_flight_lost(mw_qmtp_flight *f, mw_qmtp *q);

/* Every waiting delivery is over: deferrals of stage 'connect'. words: why, held; NULL for none. */
void mw_qmtp_flight_abandon(mw_qmtp_flight *f, mw_text *words);

/* The same for one. Returns 0, or MW_E_STATE when it is not waiting. */
int mw_qmtp_flight_cancel(mw_qmtp_flight *f, mw_qmtp_delivery *d, mw_text *words);

/* The same, for one whose content could not be read: deferrals of stage 'body'. */
int mw_qmtp_flight_unread(mw_qmtp_flight *f, mw_qmtp_delivery *d, mw_text *words);

/* True when something waits for a session. */
int mw_qmtp_flight_waits(const mw_qmtp_flight *f);

/* Deliveries that have not been taken; those of them that are not over, and bytes of their content. */
size_t mw_qmtp_flight_count(const mw_qmtp_flight *f);
size_t mw_qmtp_flight_unanswered(const mw_qmtp_flight *f);
uint64_t mw_qmtp_flight_bytes(const mw_qmtp_flight *f);

/* The oldest one; the oldest that is not over; that of this id. NULL: none. */
mw_qmtp_delivery *mw_qmtp_flight_first(const mw_qmtp_flight *f);
mw_qmtp_delivery *mw_qmtp_flight_open(const mw_qmtp_flight *f);
mw_qmtp_delivery *mw_qmtp_flight_find(const mw_qmtp_flight *f, int64_t id);

/* Removes a delivery that is over: the caller frees it. */
void mw_qmtp_flight_take(mw_qmtp_flight *f, mw_qmtp_delivery *d);

#endif
