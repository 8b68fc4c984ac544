/* probe.h - finds out, once on a link and without delivering anything, what a server does with a chunk that it refuses (RFC 3030 2).
 *
 * A whole message may go by BDAT ahead of the reply to its RCPT only where the chunk is eaten and answered once when RCPT is refused. Dovecot
 * does so. Other servers say nothing to a refused BDAT LAST, as RFC 2033 owes no reply to nobody; and some do not eat the chunk, and run
 * it as commands. The probe has no recipient, so nothing can come of it, and its chunk is the LHLO line: run as a command, it shows itself
 * by an anchor that is not due.
 *
 *     client                                  server
 *     MAIL FROM:<>, BDAT n LAST, the n bytes
 *     of LHLO, RSET, LHLO                ->
 *                                        <-   250 MAIL
 *                                        <-   503 BDAT: a refusal, and one reply
 *                                        <-   250 RSET
 *                                        <-   250-name, 250-keywords ..: the anchor, in its place. The probe has passed.
 *
 * An anchor that comes sooner: nothing was said to BDAT, or it is the chunk's, and RSET's reply and another anchor are to come. One more LHLO
 * tells: when its anchor is next, all has been said; when RSET's reply is, two more are to come. Replies that are odd in another way (BDAT
 * accepted, one too many) may end in LHLO's own kind of answer: then nothing may come behind it for half a second.
 */
#ifndef MW_PROBE_H
#define MW_PROBE_H

#include "delivery.h"
#include "reply.h"

struct mw_flight;

typedef struct mw_probe {
    enum { MW_PROBE_NONE, MW_PROBE_SENT, MW_PROBE_PASSED, MW_PROBE_FAILED } state;
    size_t replies;         /* taken since its MAIL, anchors left out */
    int is_odd;             /* one of them is none that its command gets */
    int last_refused;       /* the latest of them is a refusal */
    int anchors_due;        /* how many anchors are to come behind one that came too early; 0: none has */
} mw_probe;

/* True when a probe is to go before d may. */
int mw_probe_is_due(const struct mw_flight *f, const mw_delivery *d);

/* Queues the probe, or the RSET that has to be answered first. 0, or the dialogue is broken. */
int mw_probe_queue(struct mw_flight *f);

/* A reply while the probe is under way. */
void mw_probe_reply(struct mw_flight *f, const mw_reply *r);

#endif
