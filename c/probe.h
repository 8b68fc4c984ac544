/* probe.h - finds out, once on a link and without delivering anything, what a server does with a chunk that it refuses (RFC 3030 2).
 *
 * A whole message may go by BDAT ahead of the reply to its RCPT only where, when RCPT is refused, the server reads the chunk and answers BDAT
 * LAST once. Dovecot does so. Other servers do not answer a refused BDAT LAST, as RFC 2033 asks for no reply when there is no recipient; and
 * some do not read the chunk as content, but run it as commands. The probe has no recipient, so nothing is delivered. Its chunk is the LHLO
 * line: if the server runs that as a command, an anchor comes that is not due.
 *
 *     client                                  server
 *     MAIL FROM:<>, BDAT n LAST, the n bytes
 *     of LHLO, RSET, LHLO                ->
 *                                        <-   250 MAIL
 *                                        <-   503 BDAT: a refusal, and one reply
 *                                        <-   250 RSET
 *                                        <-   250-name, 250-keywords ..: the anchor, in its place. The probe has passed.
 *
 * If the anchor comes sooner, either BDAT was not answered, or the anchor is the chunk's, and RSET's reply and another anchor are still to
 * come. One more LHLO is sent to tell: if its anchor comes next, all has been said; if RSET's reply comes next, two anchors are still to
 * come. If the replies are odd in another way (BDAT accepted, one too many), the last one may be LHLO's, though it is no anchor: then
 * nothing may come behind it for half a second.
 */
#ifndef MW_PROBE_H
#define MW_PROBE_H

#include "delivery.h"
#include "reply.h"

struct mw_flight;

typedef struct mw_probe {
    enum { MW_PROBE_NONE, MW_PROBE_SENT, MW_PROBE_PASSED, MW_PROBE_FAILED } state;
    size_t replies;         /* how many came since the probe's MAIL, anchors left out */
    int is_odd;             /* one of these cannot be the reply to its command */
    int last_refused;       /* the latest of these is a refusal */
    int anchors_due;        /* an anchor came too early: how many anchors are still to come; 0: none came too early */
} mw_probe;

/* True when a probe is to go before d may. */
int mw_probe_is_due(const struct mw_flight *f, const mw_delivery *d);

/* Queues the probe, or the RSET that has to be answered first. 0, or the dialogue is broken. */
int mw_probe_queue(struct mw_flight *f);

/* A reply while the probe is under way. */
void mw_probe_reply(struct mw_flight *f, const mw_reply *r);

#endif
