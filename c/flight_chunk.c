/* flight_chunk.c - deliveries by BDAT (RFC 3030): a whole message in one group, no reply awaited.
 *
 * No reply inside such a stream is an anchor, so nothing in it is believed before the fence that ends it.
 * The fence counts, and so a reply too many or too few must not be made up for by what other replies say.
 * With several recipients it can be: if one reply was too many and the last RCPT is refused, that refusal
 * is taken for a final reply, of which there is one less, and all is in step again. So a message goes ahead
 * of its replies only where it is owed the same number of them in any case: to one recipient, on a server
 * that answers BDAT LAST also when no recipient is accepted (503: Dovecot; RFC 2033 owes no reply to
 * nobody). Others go by DATA, whose 354 shows that what is in front of it is in step. The probe finds out
 * what the server does, once on each link, without delivering anything.
 */
#include "crlf.h"
#include "error.h"
#include "lmtp_session.h"

#include <stdio.h>
#include <string.h>

int mw_flight_chunks(const mw_lmtp *s)
{
    return s->chunking;
}

void mw_flight_choose(mw_lmtp *s, mw_delivery *d)
{
    int streams = mw_flight_may_follow(s) && s->flight.probe != MW_PROBE_FAILED;

    if (d->pulled || (!mw_flight_chunks(s) && !d->in_file))
        return;
    d->eager = streams && d->rcpts == 1 && d->size <= s->flight.eager;
    d->by_bdat = d->raw || d->in_file || d->eager;
    d->shape = mw_flight_shape(d);
}

/* ---- the probe */

int mw_flight_must_probe(const mw_lmtp *s, const mw_delivery *d)
{
    return d->eager && s->flight.probe == MW_PROBE_NONE;
}

/* Nothing can come of it: there is no recipient and no byte of content. */
int mw_flight_queue_probe(mw_lmtp *s)
{
    static const char probe[] = "MAIL FROM:<>\r\nBDAT 0 LAST\r\nRSET\r\n";

    /* A transaction that is still open has recipients: they would get an empty message. */
    if (s->flight.open && mw_flight_queue_reset(s))
        return -1;
    s->flight.probe = MW_PROBE_SENT;
    s->flight.probe_replies = 0;
    if (mw_flight_queue(s, probe, sizeof probe - 1, MW_DUE_PROBE, 1, NULL))
        return -1;
    return mw_flight_queue_hello(s, MW_DUE_PROBE);
}

/* MAIL's reply, BDAT's if there is one, RSET's, then the anchor. */
enum { PROBE_REPLIES_MIN = 2, PROBE_REPLIES = 3 };

void mw_flight_apply_probe(mw_lmtp *s, const mw_reply *r)
{
    if (!mw_flight_is_anchor(s, r)) {
        if (++s->flight.probe_replies > PROBE_REPLIES + 1)
            mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
        else if (s->flight.probe_replies > PROBE_REPLIES_MIN && mw_flight_is_refusal(s, r))
            s->flight.quiet = 1;
        return;
    }
    mw_expects_pop(&s->due);
    s->flight.probe = s->flight.probe_replies == PROBE_REPLIES ? MW_PROBE_DONE : MW_PROBE_FAILED;
    mw_flight_fence_held(s);
}

/* ---- content */

static uint64_t wire_size(const mw_delivery *d)
{
    return d->raw || d->in_file ? d->left : mw_crlf_size(d->content, d->left);
}

static int ended(mw_lmtp *s, mw_delivery *d)
{
    mw_flight_ended(s, d);
    if (s->flight.current == d)
        mw_flight_pass(s);
    return 1;
}

static int queue_file(mw_lmtp *s, mw_delivery *d)
{
    mw_outq_stretch stretch = { d->fd, d->offset, d->left - sizeof d->last, sizeof d->last, d->stamp };
    int rc = mw_outq_stretch_of(&s->out, &stretch);

    return rc ? rc : mw_outq_copy(&s->out, d->last, sizeof d->last);
}

/* What needs no change goes from where it is. */
static int lend_rest(mw_lmtp *s, mw_delivery *d)
{
    if (d->in_file ? queue_file(s, d) : mw_outq_lend(&s->out, d->content, d->left)) {
        mw_lmtp_break(s, MW_E_NOMEM, NULL);
        return 0;
    }
    d->taken += d->left;
    d->left = 0;
    return ended(s, d);
}

/* The owed replies are counted when those to the RCPTs have come. */
int mw_flight_queue_bdat(mw_lmtp *s, mw_delivery *d)
{
    char head[64];
    uint64_t size = wire_size(d);
    int len = snprintf(head, sizeof head, "BDAT %llu LAST\r\n", (unsigned long long)size);

    if (mw_flight_queue(s, head, (size_t)len, MW_DUE_FINAL, 1, d))
        return 0;
    mw_expects_tail(&s->due)->counts_later = 1;
    d->data_sent = 1;
    d->state = MW_DELIVERY_CONTENT;
    d->changed = size != d->left;
    return mw_flight_write_chunk(s, d);
}

/* The end that a last line without one gets. */
static int end_changed(mw_lmtp *s, mw_delivery *d)
{
    if (d->open_line && mw_outq_copy(&s->out, "\r\n", 2)) {
        mw_lmtp_break(s, MW_E_NOMEM, NULL);
        return 0;
    }
    return ended(s, d);
}

int mw_flight_write_chunk(mw_lmtp *s, mw_delivery *d)
{
    size_t room, used;
    char *to;

    if (!d->changed)
        return lend_rest(s, d);
    while (d->left && mw_outq_len(&s->out) < MW_LMTP_HIGH_WATER) {
        d->open_line = mw_crlf_open(d->content, d->left);
        if (!(to = mw_outq_room(&s->out, 2 * d->left, &room))) {
            mw_lmtp_break(s, MW_E_NOMEM, NULL);
            return 0;
        }
        mw_outq_wrote(&s->out, mw_crlf_expand(&d->after_cr, d->content, d->left, to, room, &used));
        d->content += used;
        d->left -= used;
        d->taken += used;
    }
    return d->left ? 0 : end_changed(s, d);
}
