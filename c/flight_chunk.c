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
 *
 * A file, and BINARYMIME, go by BDAT to several recipients, too, when these have been answered. That the replies are in step then
 * shows in the content's: it goes as a chunk that is not the last, whose 250 is waited for. A refusal of RCPT that came a place too late
 * would be there. BDAT 0 LAST is what follows:
 *
 *     MAIL, RCPT a, RCPT b      ->
 *                              <-   250, 250, 550 b
 *     BDAT n, content           ->
 *                              <-   250
 *     BDAT 0 LAST, LHLO         ->
 *                              <-   250 a saved, 250-name ..
 */
#include "error.h"
#include "lmtp_session.h"

#include <stdio.h>
#include <string.h>

void mw_flight_choose(mw_lmtp *s, mw_delivery *d)
{
    int streams = mw_flight_may_follow(s) && s->flight.probe != MW_PROBE_FAILED;

    if (d->content.source == MW_SOURCE_PIECES || !s->chunking)
        return;
    d->by_bdat = d->raw || (d->content.source == MW_SOURCE_FILE && mw_content_is_file_in_lines(&d->content));
    d->eager = streams && d->rcpts == 1 && d->content.size <= s->flight.eager && (d->by_bdat || d->content.source == MW_SOURCE_LENT);
    d->by_bdat |= d->eager;
    d->shape = mw_flight_shape(d);
}

/* ---- the probe */

int mw_flight_must_probe(const mw_lmtp *s, const mw_delivery *d)
{
    return d->eager && s->flight.probe == MW_PROBE_NONE;
}

/* Nothing can come of it: there is no recipient. Its chunk is the LHLO line: a server that refuses a chunk
 * and does not eat it runs it as a command, and shows so by an anchor that is not due. */
int mw_flight_queue_probe(mw_lmtp *s)
{
    char probe[MW_COMMAND_MAX + 128];
    const mw_text *hello = s->flight.hello;
    int len = snprintf(probe, sizeof probe, "MAIL FROM:<>\r\nBDAT %u LAST\r\n%.*s\r\nRSET\r\n", (unsigned)hello->len + 2,
        (int)hello->len, hello->bytes);

    /* A transaction that is still open has recipients: they would get the chunk. So RSET is answered first. */
    if (s->flight.open)
        return mw_flight_queue_reset(s);
    s->flight.probe = MW_PROBE_SENT;
    s->flight.probe_replies = s->flight.probe_odd = s->flight.probe_again = s->flight.probe_refused = 0;
    if (mw_flight_queue(s, probe, (size_t)len, MW_DUE_PROBE, 1, NULL))
        return -1;
    return mw_flight_queue_hello(s, MW_DUE_PROBE);
}

/* MAIL's reply, BDAT's, RSET's, then the anchor. At the most BDAT's chunk is answered, too, and one is over. */
enum { PROBE_BDAT = 2, PROBE_RSET = 3, PROBE_REPLIES_MAX = 6 };

/* The reply in front of LHLO's is RSET's. */
static void probe_over(mw_lmtp *s, int passed)
{
    mw_expects_pop(&s->due);
    if (s->flight.probe_refused) {
        mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    s->flight.probe = passed ? MW_PROBE_DONE : MW_PROBE_FAILED;
    mw_flight_fence_held(s);
}

/* An anchor. In its place, the probe has passed. Else nothing was said to BDAT, or this one is the chunk's, and RSET's reply
 * and another anchor are to come: one more LHLO tells. If its anchor is next, all was said; if RSET's reply is, there
 * are two more. */
static void probe_anchor(mw_lmtp *s)
{
    if (!s->flight.probe_again && s->flight.probe_replies == PROBE_RSET && !s->flight.probe_odd)
        probe_over(s, 1);
    else if (s->flight.probe_again == 0) {
        s->flight.probe_again = 1;
        mw_flight_queue_hello(s, MW_DUE_PROBE);
    } else if (--s->flight.probe_again == 0)
        probe_over(s, 0);
}

/* Another reply. BDAT's is a refusal and RSET's none. Where it is the other way round, or one is left that must be LHLO's, this may
 * be the last one. */
void mw_flight_apply_probe(mw_lmtp *s, const mw_reply *r)
{
    int refusal = r->code / 100 != 2;

    if (mw_flight_is_anchor(s, r)) {
        probe_anchor(s);
        return;
    }
    s->flight.probe_replies++;
    s->flight.probe_refused = refusal;
    s->flight.probe_odd |= (s->flight.probe_replies == PROBE_BDAT && !refusal) || (s->flight.probe_replies == PROBE_RSET && refusal);
    if (s->flight.probe_replies > PROBE_REPLIES_MAX)
        mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
    else if (s->flight.probe_again)
        s->flight.probe_again = 2;
    else
        s->flight.quiet = s->flight.probe_replies > PROBE_RSET || (s->flight.probe_replies == PROBE_RSET && s->flight.probe_odd);
}

/* ---- content */

/* The file of a message cannot be sent: nobody got any of it, whatever is unanswered. */
static int content_failed(mw_lmtp *s, mw_delivery *d, int rc)
{
    mw_text *words = mw_content_words(&d->content, s->alloc, rc);

    if (words)
        mw_transaction_abandon(&d->to, MW_STAGE_BODY, MW_LMTP_LOST, words, 0);
    mw_lmtp_break(s, rc, words);
    mw_text_drop(words);
    return rc;
}

int mw_flight_write(mw_lmtp *s, mw_delivery *d)
{
    int rc = mw_content_write(&d->content, &s->out, MW_LMTP_HIGH_WATER);

    return rc ? content_failed(s, d, rc) : 0;
}

/* A chunk that is not the last: its reply comes next, if it has not come already. */
static int chunk_ended(mw_lmtp *s, mw_delivery *d)
{
    mw_expect *due = mw_expects_tail(&s->due);

    d->end = s->out.queued;
    d->state = MW_DELIVERY_CHUNK;
    if (due && due->delivery == d)
        due->end = d->end;
    else
        d->answered_early = 1;
    return 1;
}

static int ended(mw_lmtp *s, mw_delivery *d)
{
    if (d->split)
        return chunk_ended(s, d);
    mw_flight_ended(s, d);
    if (s->flight.current == d)
        mw_flight_pass(s);
    return 1;
}

static void queue_last(mw_lmtp *s, mw_delivery *d)
{
    if (mw_flight_queue(s, "BDAT 0 LAST\r\n", 13, MW_DUE_FINAL, mw_transaction_owed(&d->to), d))
        return;
    mw_flight_ended(s, d);
    d->shape = mw_flight_shape(d);
    mw_flight_pass(s);
}

/* The content was taken: what is left is the message's end. Or it was refused, which is everybody's result; it is sent to its end in any
 * case. */
void mw_flight_apply_chunk(mw_lmtp *s, mw_delivery *d, const mw_reply *r)
{
    mw_text *text;

    if (r->code / 100 == 2) {
        queue_last(s, d);
        return;
    }
    d->refused_early = 1;
    text = mw_reply_joined(r);
    mw_transaction_refused(&d->to, MW_STAGE_BODY, r->code, text);
    mw_text_drop(text);
    if (d->state != MW_DELIVERY_CHUNK)
        return;
    if (s->out.sent >= d->end)
        mw_flight_answered(s, d);
    else
        d->answered_early = 1;
}

/* The owed replies are counted when those to the RCPTs have come. */
int mw_flight_queue_bdat(mw_lmtp *s, mw_delivery *d)
{
    char head[64];
    uint64_t size;
    int len;

    mw_content_begin(&d->content, d->raw || d->content.source == MW_SOURCE_FILE ? MW_ENCODE_NOTHING : MW_ENCODE_LINES);
    size = mw_content_wire_size(&d->content);
    d->split = d->grouped && d->asked > 1 && mw_flight_may_follow(s);
    len = snprintf(head, sizeof head, "BDAT %llu%s\r\n", (unsigned long long)size, d->split ? "" : " LAST");
    if (mw_flight_queue(s, head, (size_t)len, d->split ? MW_DUE_CHUNK : MW_DUE_FINAL, 1, d))
        return 0;
    mw_expects_tail(&s->due)->counts_later = !d->split;
    d->data_sent = 1;
    d->state = MW_DELIVERY_CONTENT;
    return mw_flight_write_chunk(s, d);
}

int mw_flight_write_chunk(mw_lmtp *s, mw_delivery *d)
{
    return !mw_flight_write(s, d) && mw_content_is_queued(&d->content) && ended(s, d);
}
