/* flight_end.c - what becomes of the deliveries in flight when the session breaks: which of the replies that have come are
 * believed, and what the other recipients get.
 */
#include "error.h"
#include "flight_private.h"

#include <string.h>

/* What d is owed next; NULL when it is owed nothing. */
static const mw_command *next_due(const mw_flight *f, const mw_delivery *d)
{
    size_t i;

    for (i = 0; i < f->dialogue->commands.count; i++)
        if (mw_commands_at(&f->dialogue->commands, i)->delivery == d)
            return mw_commands_at(&f->dialogue->commands, i);
    return NULL;
}

static mw_stage stage_of(const mw_flight *f, const mw_delivery *d)
{
    const mw_command *command;

    if (d->state == MW_DELIVERY_WAITING || f->dialogue->out.sent <= d->begin)
        return MW_STAGE_CONNECT;
    if (d->has_end)
        return mw_flight_has_left(f, d) ? MW_STAGE_FINAL : MW_STAGE_BODY;
    if (d->state == MW_DELIVERY_CONTENT || d->state == MW_DELIVERY_CHUNK)
        return MW_STAGE_BODY;
    command = next_due(f, d);
    if (!d->asked || (command && command->kind == MW_KIND_MAIL))
        return MW_STAGE_MAIL;
    return d->data_sent && d->to.accepted && !(command && command->kind == MW_KIND_RCPT) ? MW_STAGE_DATA : MW_STAGE_RCPT;
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
static int stands(const mw_flight *f, const mw_delivery *d, int why)
{
    const mw_command *command = mw_commands_head(&f->dialogue->commands);

    if (why / MW_ERROR_BAND != MW_E_CLOSED / MW_ERROR_BAND || f->fence == MW_FENCE_DOUBTED || d->shape == MW_SHAPE_MIXED)
        return 0;
    if (command && command->kind == MW_KIND_END && mw_keywords_same_server(&f->dialogue->keywords, &f->dialogue->gathering))
        return 0;
    return f->fence == MW_FENCE_HOLDS || f->dialogue->parted || why != MW_E_TIMEOUT || d->state != MW_DELIVERY_ANSWERED;
}

/* True when what was said to d may have been said to what is behind it, or to another. What has not left was not answered. */
static int is_doubted(const mw_flight *f, const mw_delivery *d, int why)
{
    if (d->unsure || ((d->followed || d->fenced) && !stands(f, d, why)))
        return 1;
    return d->followed && f->dialogue->out.sent > d->end && (!d->early || is_out_of_step(why));
}

/* What came since the last anchor in step is not believed, unless nothing was behind it: refusals neither, when the order
 * is lost. */
static void abandon(mw_flight *f, mw_delivery *d, int why, mw_text *words)
{
    mw_stage stage = stage_of(f, d);
    int doubtful = !d->anchored && (mw_flight_doubtful_before(f, d) || (d->grouped && may_be_shifted(why)));

    if (doubtful || is_doubted(f, d, why))
        mw_transaction_doubt(&d->to, !doubtful);
    mw_transaction_abandon(&d->to, stage, MW_LMTP_LOST, words, stage == MW_STAGE_FINAL);
}

/* A refusal that came before the message's end did: the link went before it could be taken for the first
 * final reply. */
static void salvage(mw_flight *f)
{
    mw_delivery *d = f->current;
    unsigned code;
    mw_slice words;
    mw_text *text;

    if (!d || d->state != MW_DELIVERY_CONTENT || d->split || !mw_dialogue_peek(f->dialogue, 1, &code, &words))
        return;
    if (code / 100 < 4 || code == MW_LMTP_LOST)
        return;
    text = mw_text_new(f->dialogue->alloc, words.base, words.len);
    mw_transaction_final(&d->to, code, text);
    mw_text_drop(text);
}

void mw_flight_broken(mw_party *self, int why, mw_text *words)
{
    mw_flight *f = (mw_flight *)self;
    mw_delivery *d;

    salvage(f);
    for (d = f->oldest; d; d = d->next)
        if (d->state != MW_DELIVERY_DONE)
            abandon(f, d, why, words);
    while ((d = f->oldest))
        mw_flight_finish(f, d);
    f->current = NULL;
}
