/* qmtp_flight.h - deliveries on their way over QMTP: each a package with its content, in a queue that
 * outlives the links.
 *
 * A session (qmtp.h) ends with its link, a delivery with its results. So the packages wait here, go
 * to a session when it may have another one, and come back from it: with their results, or, when
 * the link was lost before a byte of them was sent, to be sent over the next one. The server cannot have seen
 * those, so that sending them again gives nobody a second copy.
 *
 *   mw_qmtp_delivery_new, mw_qmtp_delivery_rcpt for each recipient, the content, mw_qmtp_flight_add
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
#include "result.h"

/* Packages go to the session while less than this is queued there: enough for large writes, and with a small package more
 * still one chunk of the queue's. */
#define MW_QMTP_HIGH_WATER 57344

/* Content up to this size is copied into the queue, where packages join to larger writes; what is
 * longer stays where it is. */
#define MW_QMTP_COPY_MAX 16384

typedef enum mw_qmtp_state {
    MW_QMTP_WAITING,        /* no byte was sent, and no session has it */
    MW_QMTP_WRITTEN,        /* the session has it */
    MW_QMTP_OVER            /* the results are final */
} mw_qmtp_state;

typedef struct mw_qmtp_delivery {
    struct mw_qmtp_delivery *next;
    void *owner;                        /* the caller's, as is the next: nobody here looks at them */
    int64_t deadline;
    const mw_alloc *alloc;
    int64_t id;                         /* counts from 1 on each flight */
    mw_qmtp_state state;
    struct mw_qmtp_package *package;    /* recipients and results; NULL while the session has it */
    size_t rcpts;
    mw_text *sender;
    unsigned char eol;
    const char *content;                /* lent; NULL: in the file, */
    int fd;                             /* this one, */
    uint64_t offset;                    /* from here on */
    uint64_t size;
    int64_t stamp;                      /* when the file was last changed (mw_io_file_stamp); 0: not known */
    uint64_t start, body;               /* the session's counts of queued bytes in front of the package, and
                                         * of its content */
    uint64_t sent;                      /* OVER: bytes of the content that were sent */
} mw_qmtp_delivery;

/* A delivery for nobody yet, of a message whose line ends are as eol says. NULL: no memory. */
mw_qmtp_delivery *mw_qmtp_delivery_new(const mw_alloc *alloc, mw_slice sender, unsigned char eol);
void mw_qmtp_delivery_free(mw_qmtp_delivery *d);

/* A recipient, any octets. 0 or MW_E_NOMEM. */
int mw_qmtp_delivery_rcpt(mw_qmtp_delivery *d, mw_slice address);

/* The content: lent memory, or a part of a file. Either stays as it is until the delivery is over;
 * a file that does not makes the pump say MW_E_SIZE, and the link must go. stamp: when it was last changed
 * (mw_io_file_stamp); 0: not known. */
void mw_qmtp_delivery_content(mw_qmtp_delivery *d, const char *bytes, size_t size);
void mw_qmtp_delivery_file(mw_qmtp_delivery *d, int fd, uint64_t offset, uint64_t size, int64_t stamp);

/* Its results, in the order of its recipients; NULL before it is over. */
const mw_result *mw_qmtp_delivery_results(const mw_qmtp_delivery *d);

/* How many bytes of its content have been sent. q is the session, NULL when there is none. */
uint64_t mw_qmtp_delivery_sent(const mw_qmtp_delivery *d, mw_qmtp *q);

typedef struct mw_qmtp_flight mw_qmtp_flight;

/* NULL: no memory. */
mw_qmtp_flight *mw_qmtp_flight_new(const mw_alloc *alloc);

/* Frees all deliveries as well. Session first, if it has any of them. NULL is fine. */
void mw_qmtp_flight_free(mw_qmtp_flight *f);

/* Puts a delivery at the end; it is the flight's from now on. Returns its id. */
int64_t mw_qmtp_flight_add(mw_qmtp_flight *f, mw_qmtp_delivery *d);

/* Hands to the session what it may have now: see mw_qmtp_may_begin and MW_QMTP_HIGH_WATER. Returns 0 or the
 * error that broke the session over it. */
int mw_qmtp_flight_write(mw_qmtp_flight *f, mw_qmtp *q);

/* Takes back what is complete. Nothing of a broken session: its packages all are. */
void mw_qmtp_flight_read(mw_qmtp_flight *f, mw_qmtp *q);

/* The session is broken: takes everything back. What was not begun to be sent waits again. */
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
