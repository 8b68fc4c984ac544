/* qmtp_delivery.h - a delivery (delivery.h) as a package of QMTP.
 *
 * In the order of calls: mw_qmtp_delivery_new, mw_qmtp_delivery_rcpt for each recipient, the content (mw_content_lend, mw_content_from_file),
 * mw_queue_add. It is freed by mw_delivery_free.
 */
#ifndef MW_QMTP_DELIVERY_H
#define MW_QMTP_DELIVERY_H

#include "delivery.h"

/* The line end that a message's first byte names. */
#define MW_QMTP_LF 0x0a
#define MW_QMTP_CRLF 0x0d

/* Codes of results: QMTP has none of its own. */
#define MW_QMTP_ACCEPTED 250    /* K */
#define MW_QMTP_DEFERRED 450    /* Z, and no answer */
#define MW_QMTP_REFUSED 550     /* D */

/* A delivery for nobody yet, of a message whose line ends are as eol says. sender: any octets, copied. NULL: no memory. */
mw_delivery *mw_qmtp_delivery_new(const mw_alloc *alloc, mw_slice sender, unsigned char eol);

/* One recipient more, any octets, copied. 0, or MW_E_RCPT_LIMIT or MW_E_NOMEM and nothing has changed. */
int mw_qmtp_delivery_rcpt(mw_delivery *d, mw_slice address);

/* Queues the package, of which the session has sent nothing yet. 0, or MW_E_NOMEM with a part of it queued. */
int mw_qmtp_delivery_write(mw_delivery *d, mw_outq *out);

/* How many bytes of the content have been sent. sent: how many bytes the session has sent in all; 0 when no session has the delivery. */
uint64_t mw_qmtp_delivery_sent(const mw_delivery *d, uint64_t sent);

/* The package as people are shown it: its content is counted. 0 or MW_E_NOMEM. */
int mw_qmtp_delivery_show(const mw_delivery *d, mw_buf *line);

#endif
