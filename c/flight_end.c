/* flight_end.c - what becomes of the deliveries in flight when the session breaks: which of the replies that have come are
 * believed, and what the other recipients get.
 */
#include "error.h"
#include "flight.h"
#include "lmtp_session.h"

#include <string.h>

/* What d is owed next; NULL when it is owed nothing. */
static const mw_expect *next_due(const mw_lmtp *s, const mw_delivery *d)
{
    size_t i;

    for (i = 0; i < s->due.count; i++)
        if (mw_expects_at(&s->due, i)->delivery == d)
            return mw_expects_at(&s->due, i);
    return NULL;
}

static mw_stage stage_of(const mw_lmtp *s, const mw_delivery *d)
{
    const mw_expect *due;

    if (d->state == MW_DELIVERY_WAITING || s->out.sent <= d->begin)
        return MW_STAGE_CONNECT;
    if (d->has_end)
        return mw_flight_has_left(s, d) ? MW_STAGE_FINAL : MW_STAGE_BODY;
    if (d->state == MW_DELIVERY_CONTENT || d->state == MW_DELIVERY_CHUNK)
        return MW_STAGE_BODY;
    due = next_due(s, d);
    if (!d->asked || (due && due->due == MW_DUE_MAIL))
        return MW_STAGE_MAIL;
    return d->data_sent && d->to.accepted && !(due && due->due == MW_DUE_RCPT) ? MW_STAGE_DATA : MW_STAGE_RCPT;
}

/* True when a reply came that has no place: those in front of it may be in the wrong ones. */
static int is_out_of_step(int why)
{
    return why == MW_E_REPLY_EXTRA || why == MW_E_REPLY_SHORT || why == MW_E_REPLY_CLASS || why == MW_E_REPLY_EARLY;
}

/* What came for an envelope that went as one group may be one place off: also when a reply did not come, as which one that is
 * cannot be told. */
static int may_be_shifted(int why)
{
    return is_out_of_step(why) || why == MW_E_TIMEOUT;
}

/* A fence's reply shows itself. So when the link ends, and nothing was out of step, what came between 354 and the fence's
 * place stands. Not where somebody was refused at RCPT: a server that answers the refused, too, is out of step, and only the
 * fence shows it. And as long as no fence has held on this link, its reply may look like a final one: all final replies, and
 * silence in the fence's place, can be one final reply too few. */
static int stands(const mw_lmtp *s, const mw_delivery *d, int why)
{
    const mw_expect *due = mw_expects_head(&s->due);

    if (why / MW_ERROR_BAND != MW_E_CLOSED / MW_ERROR_BAND || s->flight.fence == MW_FENCE_DOUBTED || d->shape == MW_SHAPE_MIXED)
        return 0;
    if (due && due->due == MW_DUE_FINAL && mw_flight_shows_name(s, &s->gathering))
        return 0;
    return s->flight.fence == MW_FENCE_HOLDS || s->flight.parted || why != MW_E_TIMEOUT || d->state != MW_DELIVERY_ANSWERED;
}

/* True when what was said to d may have been said to what is behind it, or to another. What has not left was not answered. */
static int is_doubted(const mw_lmtp *s, const mw_delivery *d, int why)
{
    if (d->unsure || ((d->followed || d->fenced) && !stands(s, d, why)))
        return 1;
    return d->followed && s->out.sent > d->end && (!d->early || is_out_of_step(why));
}

/* What came since the last anchor in step is not believed, unless nothing was behind it: refusals neither, when the order
 * is lost. */
static void abandon(mw_lmtp *s, mw_delivery *d, int why, mw_text *words)
{
    mw_stage stage = stage_of(s, d);
    int doubtful = !d->anchored && (mw_flight_doubtful_before(s, d) || (d->grouped && may_be_shifted(why)));

    if (doubtful || is_doubted(s, d, why))
        mw_transaction_doubt(&d->to, !doubtful);
    mw_transaction_abandon(&d->to, stage, MW_LMTP_LOST, words, stage == MW_STAGE_FINAL);
}

/* A refusal that came before the message's end did: the link went before it could be taken for the first
 * final reply. */
static void salvage(mw_lmtp *s)
{
    mw_delivery *d = s->flight.current;
    unsigned code;
    mw_slice line, words;
    mw_text *text;
    int more;

    if (!d || d->state != MW_DELIVERY_CONTENT || d->split || mw_lines_peek(&s->lines, &line) != 1)
        return;
    if (!mw_reply_scan(line, 1, &code, &more, &words) || code / 100 < 4 || code == MW_LMTP_LOST)
        return;
    text = mw_text_new(s->alloc, words.base, words.len);
    mw_transaction_final(&d->to, code, text);
    mw_text_drop(text);
}

void mw_flight_abandon(mw_lmtp *s, int why, mw_text *words)
{
    const char *ours = mw_error_text(why);
    mw_text *made = NULL;
    mw_delivery *d;

    salvage(s);
    if (s->parting)
        words = s->parting;
    if (!words)
        words = made = mw_text_new(s->alloc, ours, strlen(ours));
    for (d = s->flight.oldest; d; d = d->next)
        if (d->state != MW_DELIVERY_DONE)
            abandon(s, d, why, words);
    while ((d = s->flight.oldest))
        mw_flight_finish(s, d);
    s->flight.current = NULL;
    mw_outq_drop(&s->out);
    mw_text_drop(made);
}
