/* flight_chunk.c - deliveries by BDAT (RFC 3030): a whole message in one group, no reply awaited.
 *
 * No reply inside such a stream is an anchor, so no result in it is final before the fence that ends it. The fence shows that as many
 * replies came as were owed. But the number that is owed depends on the replies. With several recipients it can go wrong: one reply is too
 * many, and the last RCPT is refused. Then that refusal is taken for a final reply, one recipient more counts as accepted, and the fence
 * comes in its place. So a message goes ahead of its replies only where the number owed is always the same: to one recipient, on a server
 * that answers BDAT LAST also when no recipient is accepted (503: Dovecot; RFC 2033 asks for no reply then). The probe finds out whether
 * the server does, once on each link (probe.h). Other messages go by DATA, whose 354 is an anchor.
 *
 * A file, and BINARYMIME, go by BDAT to several recipients, too, when all RCPTs have been answered. The content goes as a chunk that is not
 * the last, and its 250 is waited for: a refusal of RCPT that came one place too late would be in the place of that 250. Then BDAT 0 LAST
 * goes:
 *
 *     MAIL, RCPT a, RCPT b      ->
 *                              <-   250, 250, 550 b
 *     BDAT n, content           ->
 *                              <-   250
 *     BDAT 0 LAST, LHLO         ->
 *                              <-   250 a saved, 250-name ..
 */
#include "ascii.h"
#include "error.h"
#include "flight_private.h"

#include <string.h>

/* Or has probed. A probe is a transaction: where these are counted there is none. */
static int may_probe(const mw_flight *f)
{
    return f->trust.probe.state != MW_PROBE_FAILED && !f->dialogue->keywords.mail_max;
}

/* As long as no fence has held, a message may be the last that the server takes: by DATA its results stand all the same (trust.h, 12). Where
 * there are no fences, a reply too many behind RCPT's would pass for a final reply of BDAT's; DATA's 354 shows it. */
void mw_flight_choose(mw_flight *f, mw_delivery *d)
{
    int fences = mw_trust_may_follow(f), holds = f->trust.fence == MW_FENCE_HOLDS;

    if (d->content.source == MW_SOURCE_PIECES || !f->dialogue->keywords.chunking)
        return;
    d->by_bdat = d->raw || (fences && holds && mw_content_is_file_in_lines(&d->content));
    d->eager = fences && holds && may_probe(f) && d->rcpts == 1 && d->content.size <= f->eager
        && (d->by_bdat || d->content.source == MW_SOURCE_LENT);
    d->by_bdat |= d->eager;
    d->shape = mw_trust_shape(d);
}

/* ---- content */

/* The file of a message cannot be sent: its recipients get deferrals, also those with replies owed, and the dialogue breaks. */
static int content_failed(mw_flight *f, mw_delivery *d, int rc)
{
    mw_text *words = mw_content_words(&d->content, d->alloc, rc);

    if (words)
        mw_transaction_abandon(&d->to, MW_RCPT_ALL, MW_STAGE_BODY, MW_LMTP_LOST, words, 0);
    mw_dialogue_break(f->dialogue, rc, words);
    mw_text_drop(words);
    return rc;
}

int mw_flight_write(mw_flight *f, mw_delivery *d)
{
    int rc = mw_content_write(&d->content, &f->dialogue->out, MW_LMTP_HIGH_WATER);

    return rc ? content_failed(f, d, rc) : 0;
}

/* All of a chunk that is not the last is queued. Its reply comes next, or has come already. */
static int chunk_ended(mw_flight *f, mw_delivery *d)
{
    mw_command *command = mw_commands_tail(&f->dialogue->commands);

    d->end = f->dialogue->out.queued;
    d->state = MW_DELIVERY_CHUNK;
    if (command && command->delivery == d)
        command->end = d->end;
    else
        d->answered_early = 1;
    return 1;
}

static int ended(mw_flight *f, mw_delivery *d)
{
    if (d->split)
        return chunk_ended(f, d);
    mw_flight_ended(f, d);
    if (f->queue.current == d)
        mw_queue_pass(&f->queue);
    return 1;
}

static void queue_last(mw_flight *f, mw_delivery *d)
{
    if (mw_flight_queue(f, "BDAT 0 LAST\r\n", 13, MW_KIND_END, mw_transaction_owed(&d->to), d))
        return;
    mw_flight_ended(f, d);
    d->shape = mw_trust_shape(d);
    mw_queue_pass(&f->queue);
}

/* The server has read all of the content: what is written to its file from now on does no harm. */
static int was_changed(mw_flight *f, mw_delivery *d)
{
    int changed = f->dialogue->out.shares && mw_content_has_changed(&d->content);

    d->content.unread = 0;
    return changed;
}

/* The reply to a chunk that is not the last. 2xx: the message's end goes. A refusal is every accepted recipient's result; the chunk is sent
 * to its end in any case. */
void mw_flight_apply_chunk(mw_flight *f, mw_delivery *d, mw_reply *r)
{
    if (r->code / 100 == 2 && was_changed(f, d)) {
        content_failed(f, d, MW_E_CHANGED);
        return;
    }
    if (r->code / 100 == 2) {
        queue_last(f, d);
        return;
    }
    d->refused_early = 1;
    mw_transaction_refused(&d->to, MW_STAGE_BODY, r->code, mw_reply_words(r));
    if (d->state != MW_DELIVERY_CHUNK)
        return;
    if (f->dialogue->out.sent >= d->end)
        mw_trust_answered(f, d);
    else
        d->answered_early = 1;
}

/* Writes the line: returns its length. */
static size_t put_bdat(uint64_t size, int is_last, char *out)
{
    static const char bdat[] = "BDAT ", last[] = " LAST";
    size_t len = sizeof bdat - 1;

    memcpy(out, bdat, len);
    len += mw_put_digits(size, out + len);
    if (is_last) {
        memcpy(out + len, last, sizeof last - 1);
        len += sizeof last - 1;
    }
    memcpy(out + len, "\r\n", 2);
    return len + 2;
}

/* BDAT LAST's replies are counted when those to the RCPTs have come. */
int mw_flight_queue_bdat(mw_flight *f, mw_delivery *d)
{
    char head[MW_DIGITS_MAX + 16];
    uint64_t size;

    mw_content_begin(&d->content, d->raw || d->content.source == MW_SOURCE_FILE ? MW_ENCODE_NOTHING : MW_ENCODE_LINES);
    size = mw_content_wire_size(&d->content);
    d->split = d->grouped && d->asked > 1 && mw_trust_may_follow(f);
    if (mw_flight_queue(f, head, put_bdat(size, !d->split, head), d->split ? MW_KIND_BDAT : MW_KIND_END, 1, d))
        return 0;
    mw_commands_tail(&f->dialogue->commands)->counts_later = !d->split;
    d->state = MW_DELIVERY_CONTENT;
    return mw_flight_write_chunk(f, d);
}

int mw_flight_write_chunk(mw_flight *f, mw_delivery *d)
{
    return !mw_flight_write(f, d) && mw_content_is_queued(&d->content) && ended(f, d);
}
