/* flight_chunk.c - deliveries by BDAT (RFC 3030): a whole message in one group, no reply awaited.
 *
 * No reply inside such a stream is an anchor, so nothing in it is believed before the fence that ends it.
 * The fence counts, and so a reply too many or too few must not be made up for by what other replies say.
 * With several recipients it can be: if one reply was too many and the last RCPT is refused, that refusal
 * is taken for a final reply, of which there is one less, and all is in step again. So a message goes ahead
 * of its replies only where it is owed the same number of them in any case: to one recipient, on a server
 * that answers BDAT LAST also when no recipient is accepted (503: Dovecot; RFC 2033 owes no reply to
 * nobody). Others go by DATA, whose 354 shows that what is in front of it is in step. The probe finds out
 * what the server does, once on each link, without delivering anything. It ends in a LHLO, and so it goes only where a fence has held.
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
#include "crlf.h"
#include "error.h"
#include "flight_private.h"

#include <stdio.h>
#include <string.h>

int mw_flight_chunks(const mw_flight *f)
{
    return f->dialogue->keywords.chunking;
}

void mw_flight_choose(mw_flight *f, mw_delivery *d)
{
    int streams = mw_flight_may_follow(f) && f->fence == MW_FENCE_HOLDS && f->probe != MW_PROBE_FAILED;

    if (d->pulled || (!mw_flight_chunks(f) && !d->in_file))
        return;
    d->eager = streams && d->rcpts == 1 && d->size <= f->eager;
    d->by_bdat = d->raw || d->in_file || d->eager;
    d->shape = mw_flight_shape(d);
}

/* ---- the probe */

int mw_flight_must_probe(const mw_flight *f, const mw_delivery *d)
{
    return d->eager && f->probe == MW_PROBE_NONE;
}

/* Nothing can come of it: there is no recipient. Its chunk is the LHLO line: a server that refuses a chunk
 * and does not eat it runs it as a command, and shows so by an anchor that is not due. */
int mw_flight_queue_probe(mw_flight *f)
{
    char probe[MW_COMMAND_MAX + 128];
    const mw_text *hello = f->dialogue->hello;
    int len = snprintf(probe, sizeof probe, "MAIL FROM:<>\r\nBDAT %u LAST\r\n%.*s\r\nRSET\r\n", (unsigned)hello->len + 2,
        (int)hello->len, hello->bytes);

    /* A transaction that is still open has recipients: they would get the chunk. So RSET is answered first. */
    if (f->open)
        return mw_flight_queue_reset(f);
    f->probe = MW_PROBE_SENT;
    f->probe_replies = f->probe_odd = f->probe_again = f->probe_refused = 0;
    if (mw_flight_queue(f, probe, (size_t)len, MW_KIND_PROBE, 1, NULL))
        return -1;
    return mw_flight_queue_hello(f, MW_KIND_PROBE);
}

/* MAIL's reply, BDAT's, RSET's, then the anchor. At the most BDAT's chunk is answered, too, and one is over. */
enum { PROBE_BDAT = 2, PROBE_RSET = 3, PROBE_REPLIES_MAX = 6 };

/* The reply in front of LHLO's is RSET's. */
static void probe_over(mw_flight *f, int passed)
{
    mw_commands_pop(&f->dialogue->commands);
    if (f->probe_refused) {
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    f->probe = passed ? MW_PROBE_DONE : MW_PROBE_FAILED;
    mw_flight_fence_held(f);
}

/* An anchor. In its place, the probe has passed. Else nothing was said to BDAT, or this one is the chunk's, and RSET's reply
 * and another anchor are to come: one more LHLO tells. If its anchor is next, all was said; if RSET's reply is, there
 * are two more. */
static void probe_anchor(mw_flight *f)
{
    if (!f->probe_again && f->probe_replies == PROBE_RSET && !f->probe_odd)
        probe_over(f, 1);
    else if (f->probe_again == 0) {
        f->probe_again = 1;
        mw_flight_queue_hello(f, MW_KIND_PROBE);
    } else if (--f->probe_again == 0)
        probe_over(f, 0);
}

/* Another reply. BDAT's is a refusal and RSET's none. Where it is the other way round, or one is left that must be LHLO's, this may
 * be the last one. */
void mw_flight_apply_probe(mw_flight *f, const mw_reply *r)
{
    int refusal = r->code / 100 != 2;

    if (mw_keywords_same(&f->dialogue->keywords, r)) {
        probe_anchor(f);
        return;
    }
    f->probe_replies++;
    f->probe_refused = refusal;
    f->probe_odd |= (f->probe_replies == PROBE_BDAT && !refusal) || (f->probe_replies == PROBE_RSET && refusal);
    if (f->probe_replies > PROBE_REPLIES_MAX)
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
    else if (f->probe_again)
        f->probe_again = 2;
    else
        f->quiet = f->probe_replies > PROBE_RSET || (f->probe_replies == PROBE_RSET && f->probe_odd);
}

/* ---- content */

static uint64_t wire_size(const mw_delivery *d)
{
    return d->raw || d->in_file ? d->left : mw_crlf_size(d->content, d->left);
}

/* A chunk that is not the last: its reply comes next, if it has not come already. */
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
    if (f->current == d)
        mw_flight_pass(f);
    return 1;
}

static void queue_last(mw_flight *f, mw_delivery *d)
{
    if (mw_flight_queue(f, "BDAT 0 LAST\r\n", 13, MW_KIND_END, mw_transaction_owed(&d->to), d))
        return;
    mw_flight_ended(f, d);
    d->shape = mw_flight_shape(d);
    mw_flight_pass(f);
}

/* The content was taken: what is left is the message's end. Or it was refused, which is everybody's result; it is sent to its end in any
 * case. */
void mw_flight_apply_chunk(mw_flight *f, mw_delivery *d, const mw_reply *r)
{
    mw_text *text;

    if (r->code / 100 == 2) {
        queue_last(f, d);
        return;
    }
    d->refused_early = 1;
    text = mw_reply_joined(r);
    mw_transaction_refused(&d->to, MW_STAGE_BODY, r->code, text);
    mw_text_drop(text);
    if (d->state != MW_DELIVERY_CHUNK)
        return;
    if (f->dialogue->out.sent >= d->end)
        mw_flight_answered(f, d);
    else
        d->answered_early = 1;
}

static int queue_file(mw_flight *f, mw_delivery *d)
{
    mw_outq_stretch stretch = { d->fd, d->offset, d->left - sizeof d->last, sizeof d->last, d->stamp };
    int rc = mw_outq_stretch_of(&f->dialogue->out, &stretch);

    return rc ? rc : mw_outq_copy(&f->dialogue->out, d->last, sizeof d->last);
}

/* What needs no change goes from where it is. */
static int lend_rest(mw_flight *f, mw_delivery *d)
{
    if (d->in_file ? queue_file(f, d) : mw_outq_lend(&f->dialogue->out, d->content, d->left)) {
        mw_dialogue_break(f->dialogue, MW_E_NOMEM, NULL);
        return 0;
    }
    d->taken += d->left;
    d->left = 0;
    return ended(f, d);
}

/* The owed replies are counted when those to the RCPTs have come. */
int mw_flight_queue_bdat(mw_flight *f, mw_delivery *d)
{
    char head[64];
    uint64_t size = wire_size(d);
    int len;

    d->split = d->grouped && d->asked > 1 && mw_flight_may_follow(f);
    len = snprintf(head, sizeof head, "BDAT %llu%s\r\n", (unsigned long long)size, d->split ? "" : " LAST");
    if (mw_flight_queue(f, head, (size_t)len, d->split ? MW_KIND_BDAT : MW_KIND_END, 1, d))
        return 0;
    mw_commands_tail(&f->dialogue->commands)->counts_later = !d->split;
    d->data_sent = 1;
    d->state = MW_DELIVERY_CONTENT;
    d->changed = size != d->left;
    return mw_flight_write_chunk(f, d);
}

/* The end that a last line without one gets. */
static int end_changed(mw_flight *f, mw_delivery *d)
{
    if (d->open_line && mw_outq_copy(&f->dialogue->out, "\r\n", 2)) {
        mw_dialogue_break(f->dialogue, MW_E_NOMEM, NULL);
        return 0;
    }
    return ended(f, d);
}

int mw_flight_write_chunk(mw_flight *f, mw_delivery *d)
{
    size_t room, used;
    char *to;

    if (!d->changed)
        return lend_rest(f, d);
    while (d->left && mw_outq_len(&f->dialogue->out) < MW_LMTP_HIGH_WATER) {
        d->open_line = mw_crlf_open(d->content, d->left);
        if (!(to = mw_outq_room(&f->dialogue->out, 2 * d->left, &room))) {
            mw_dialogue_break(f->dialogue, MW_E_NOMEM, NULL);
            return 0;
        }
        mw_outq_wrote(&f->dialogue->out, mw_crlf_expand(&d->after_cr, d->content, d->left, to, room, &used));
        d->content += used;
        d->left -= used;
        d->taken += used;
    }
    return d->left ? 0 : end_changed(f, d);
}
