/* flight_end.c - the dialogue breaks: which of the replies that have come are believed, and what the other recipients get. */
#include "error.h"
#include "flight_private.h"

#include <string.h>

/* The oldest command of d without a reply; NULL when d is owed none. */
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
    return d->state != MW_DELIVERY_ENVELOPE && d->to.accepted && !(command && command->kind == MW_KIND_RCPT) ? MW_STAGE_DATA : MW_STAGE_RCPT;
}

/* Those that were left for a later transaction: the server has not heard of them. */
static void abandon_rest(mw_delivery *d, mw_text *words)
{
    size_t i;

    for (i = d->rcpts; i < d->rcpts + d->rest; i++)
        mw_transaction_settle(&d->to, d->index[i], MW_STAGE_CONNECT, MW_LMTP_LOST, words, 0);
}

static void abandon(mw_flight *f, mw_delivery *d, int why, mw_text *words)
{
    mw_stage stage = stage_of(f, d);
    mw_belief believed = mw_trust_believes(f, d, why);

    if (believed != MW_BELIEVE_ALL)
        mw_transaction_doubt(&d->to, believed == MW_BELIEVE_ENVELOPE);
    mw_transaction_doubt_last(&d->to, mw_trust_disbelieves(f, d, why));
    abandon_rest(d, words);
    mw_transaction_abandon(&d->to, MW_RCPT_ALL, stage, MW_LMTP_LOST, words, stage == MW_STAGE_FINAL);
}

/* The link ended while content was written, and a refusal waits. It was kept as the first final reply, and counts as such. */
static void salvage(mw_flight *f)
{
    mw_delivery *d = f->queue.current;
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

    if (!mw_trust_is_out_of_step(why))
        salvage(f);
    for (d = f->queue.oldest; d; d = d->next)
        if (d->state != MW_DELIVERY_DONE)
            abandon(f, d, why, words);
    while ((d = f->queue.oldest))
        mw_flight_finish(f, d);
}
