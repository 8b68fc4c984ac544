/* trust.c - the rules of trust.h, by their numbers. */
#include "error.h"
#include "flight_private.h"

/* ---- what may be sent */

int mw_trust_may_follow(const mw_flight *f)
{
    const mw_dialogue *dialogue = f->dialogue;

    return dialogue->keywords.pipelining && dialogue->hello && f->trust.fence != MW_FENCE_REFUSED && !mw_dialogue_joins(dialogue);
}

int mw_trust_shape(const mw_delivery *d)
{
    int is_expected = !d->asked || !d->to.accepted;

    if (!is_expected && d->to.accepted < d->rcpts)
        return MW_SHAPE_MIXED;
    return d->rcpts == 1 ? MW_SHAPE_ONE : MW_SHAPE_SEVERAL;
}

int mw_trust_is_proven(const mw_flight *f, const mw_delivery *d)
{
    return (d->shape & f->trust.proven[d->by_bdat]) != 0;
}

int mw_trust_must_fence(const mw_flight *f, const mw_delivery *d)
{
    return !mw_trust_is_proven(f, d) || f->trust.must_fence || d->refused_early;
}

int mw_trust_is_open(const mw_flight *f)
{
    return f->trust.opened > f->trust.reset;
}

void mw_trust_opened(mw_flight *f, uint64_t number)
{
    if (number > f->trust.opened)
        f->trust.opened = number;
}

/* True when a delivery (in front of that one; NULL: any) has its replies, and no anchor has come behind them. */
static int is_waiting_before(const mw_flight *f, const mw_delivery *until)
{
    const mw_delivery *d;

    for (d = f->queue.oldest; d && d != until; d = d->next)
        if (d->state == MW_DELIVERY_ANSWERED)
            return 1;
    return 0;
}

int mw_trust_needs_fence(const mw_flight *f)
{
    const mw_delivery *d = f->queue.oldest;

    while (d && !(d->answered_early && d->refused_early))
        d = d->next;
    return d || is_waiting_before(f, NULL);
}

/* ---- what has come: rule 3 */

static int is_last(const mw_flight *f, const mw_delivery *d)
{
    return !d->number || d->number == f->trust.queued;
}

void mw_trust_answered(mw_flight *f, mw_delivery *d)
{
    unsigned code;

    if (f->queue.current == d)
        mw_queue_pass(&f->queue);
    /* It was refused, or went by BDAT: the server may keep a transaction, so RSET goes next. */
    if (d->eager || (d->state != MW_DELIVERY_ENDED && d->asked))
        mw_trust_opened(f, d->number);
    d->state = MW_DELIVERY_ANSWERED;
    d->unsure |= mw_dialogue_has_more(f->dialogue, 1, &code);
    if (is_last(f, d) && !d->unsure && !d->refused_early && !is_waiting_before(f, d))
        mw_flight_conclude(f, d);
}

void mw_trust_confirm(mw_flight *f, uint64_t number)
{
    mw_delivery *d;

    f->trust.confirmed = number;
    for (d = f->queue.oldest; d && d->number <= number; d = d->next)
        if (d->state == MW_DELIVERY_ANSWERED)
            mw_flight_conclude(f, d);
}

/* ---- fences */

void mw_trust_fence_held(mw_flight *f)
{
    mw_delivery *d;

    f->trust.fence = MW_FENCE_HOLDS;
    f->trust.fence_owed = f->trust.must_fence = 0;
    for (d = f->queue.oldest; d; d = d->next)
        if (d->state == MW_DELIVERY_ANSWERED && d->has_end)
            f->trust.proven[d->by_bdat] |= d->shape;
    mw_trust_confirm(f, f->trust.queued);
}

void mw_trust_fence_refused(mw_flight *f)
{
    f->trust.fence = MW_FENCE_REFUSED;
    f->trust.fence_owed = f->trust.quiet = 0;
    mw_trust_confirm(f, f->trust.queued);
}

void mw_trust_on_fence(mw_flight *f, const mw_reply *r)
{
    const mw_keywords *keywords = &f->dialogue->keywords;

    if (mw_keywords_same(keywords, r)) {
        mw_trust_fence_held(f);
    } else if (r->code == MW_LMTP_LOST) {
        return;
    } else if (f->trust.fence == MW_FENCE_UNKNOWN && !f->dialogue->parted) {
        f->trust.fence = mw_keywords_same_server(keywords, r) ? MW_FENCE_DOUBTED : MW_FENCE_ANYBODYS;
        mw_flight_queue_reset(f);
    } else {
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
    }
}

static int is_doubted(const mw_flight *f)
{
    return f->trust.fence == MW_FENCE_DOUBTED || f->trust.fence == MW_FENCE_ANYBODYS;
}

/* No server refuses RSET: such a reply is another's, and so may be those in front of it. Behind a doubted fence a reply of LHLO's kind
 * is not RSET's either. */
static int is_anothers(const mw_flight *f, const mw_reply *r)
{
    if (r->code / 100 != 2)
        return 1;
    return is_doubted(f) && (r->count > 1 || mw_keywords_same_server(&f->dialogue->keywords, r));
}

/* A reply that may be LHLO's does not tell; nor does one when another RSET is owed its own. */
static void note_reset(mw_flight *f, const mw_reply *r)
{
    const mw_commands *commands = &f->dialogue->commands;

    if (r->count == 1 && !mw_keywords_same_server(&f->dialogue->keywords, r) && mw_commands_find(commands, 0, MW_KIND_BIT(RSET)) == commands->count)
        f->trust.was_reset = f->trust.reset;
}

void mw_trust_on_reset(mw_flight *f, const mw_reply *r)
{
    if (r->code == MW_LMTP_LOST)
        return;
    note_reset(f, r);
    if (is_anothers(f, r))
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
    else if (f->trust.fence == MW_FENCE_ANYBODYS)
        f->trust.quiet = 1;
    else if (f->trust.fence == MW_FENCE_DOUBTED)
        mw_trust_fence_refused(f);
}

/* ---- when the link ends */

int mw_trust_is_out_of_step(int why)
{
    return why == MW_E_REPLY_EXTRA || why == MW_E_REPLY_SHORT || why == MW_E_REPLY_CLASS || why == MW_E_REPLY_EARLY;
}

/* Replies to an envelope that went as one group may be one place off. So they may when one did not come in time: which one cannot be told. */
static int may_be_shifted(int why)
{
    return mw_trust_is_out_of_step(why) || why == MW_E_TIMEOUT;
}

/* Its own 354 came in its place: what was said before stands. */
static int is_anchored(const mw_delivery *d)
{
    return !d->by_bdat && (d->state == MW_DELIVERY_CONTENT || d->has_end);
}

/* Rule 12. Before a fence has held on this link, its reply may look like a final reply: all final replies and no reply to the fence look
 * the same as one final reply too few. */
static int stands(const mw_flight *f, const mw_delivery *d, int why)
{
    const mw_command *command = mw_commands_head(&f->dialogue->commands);

    if (why / MW_ERROR_BAND != MW_E_CLOSED / MW_ERROR_BAND || is_doubted(f) || d->shape == MW_SHAPE_MIXED)
        return 0;
    if (command && command->kind == MW_KIND_END && mw_keywords_same_server(&f->dialogue->keywords, &f->dialogue->gathering))
        return 0;
    return f->trust.fence == MW_FENCE_HOLDS || f->dialogue->parted || why != MW_E_TIMEOUT || d->state != MW_DELIVERY_ANSWERED;
}

/* No 354 was in front of d. But its envelope was answered before its content went, it has its replies, and RSET has had its own behind them. */
static int was_reset(const mw_flight *f, const mw_delivery *d)
{
    return d->by_bdat && !d->eager && d->state == MW_DELIVERY_ANSWERED && f->trust.was_reset > d->number;
}

/* True when more than a fence was queued behind d. By BDAT a fence counts as well, unless RSET was answered in front of it: all replies must
 * be in step. */
static int is_followed(const mw_flight *f, const mw_delivery *d)
{
    return d->has_end && (d->by_bdat && !was_reset(f, d) ? f->trust.queued : f->trust.envelope) > d->number;
}

/* True when the final replies that d got may be those of a message behind it. What has not left cannot have been answered. */
static int finals_are_doubted(const mw_flight *f, const mw_delivery *d, int why)
{
    if (d->unsure || (!is_last(f, d) && d->has_end && !stands(f, d, why)))
        return 1;
    return is_followed(f, d) && f->dialogue->out.sent > d->end && (!d->early || mw_trust_is_out_of_step(why));
}

mw_belief mw_trust_believes(const mw_flight *f, const mw_delivery *d, int why)
{
    if (!is_anchored(d) && (is_waiting_before(f, d) || (d->grouped && may_be_shifted(why))))
        return MW_BELIEVE_NOTHING;
    return finals_are_doubted(f, d, why) ? MW_BELIEVE_ENVELOPE : MW_BELIEVE_ALL;
}

size_t mw_trust_disbelieves(const mw_flight *f, const mw_delivery *d, int why)
{
    const mw_command *end = mw_commands_head(&f->dialogue->commands);
    size_t came, behind;

    if (why != MW_E_TIMEOUT || f->trust.fence != MW_FENCE_UNKNOWN || f->dialogue->parted)
        return 0;
    if (!end || end->kind != MW_KIND_END || end->delivery != d || end->counts_later)
        return 0;
    came = end->replies - end->owed;
    behind = f->dialogue->commands.count - 1;
    if (came < 2)
        return 0;
    return behind < came ? behind : came - 1;
}
