/* deliveries.c - see deliveries.h. */
#include "deliveries.h"
#include "call.h"
#include "convert.h"
#include "wait.h"
#include "../c/error.h"

/* ---- handing over */

void mwx_delivery_lend(pTHX_ mw_delivery *d, SV *text)
{
    STRLEN len;
    const char *bytes = SvPV(text, len);

    mw_content_lend(&d->content, bytes, len);
    d->owner = SvREFCNT_inc(text);
}

void mwx_delivery_file(pTHX_ mw_delivery *d, SV *handle, const mw_file *file)
{
    mw_content_from_file(&d->content, file);
    d->owner = newSVsv(handle);
}

void mwx_deliveries_before(mwx_deliveries *d)
{
    if (!d->queue->unanswered)
        d->pid = PerlProc_getpid();
}

/* ---- time */

mw_text *mwx_deadline_words(void)
{
    return mw_text_of(mw_alloc_default(), "the delivery's deadline has passed");
}

NV mwx_deliveries_timeout(mwx_deliveries *d)
{
    int64_t now = mw_io_now(), deadline = d->queue->unanswered ? mw_queue_deadline(d->queue, now) : MW_NEVER;

    if (deadline == MW_NEVER)
        return -1;
    return deadline > now ? (NV)(deadline - now) / 1e9 : 0;
}

/* True when a delivery's own deadline has passed. */
static int is_late(mwx_deliveries *d)
{
    return d->queue->timed && mw_queue_delivery_deadline(d->queue) <= mw_io_now();
}

/* A delivery that was begun takes the link with it. Not before: what has come may be its answer. */
static void end_late(pTHX_ mwx_deliveries *d, SV *ref, int begun_too)
{
    mw_text *words;

    if (!is_late(d))
        return;
    words = mwx_deadline_words();
    if (mw_queue_expire(d->queue, mw_io_now(), words, NULL) && begun_too)
        d->mover->lose(aTHX_ d, ref, MW_E_TIMEOUT, words);
    mw_text_drop(words);
}

/* ---- running */

static int reached(const mwx_deliveries *d, int until, IV id)
{
    const mw_delivery *delivery;

    if (!d->queue->unanswered && mw_queue_waits(d->queue) == MW_WAIT_NONE)
        return 1;
    switch (until) {
    case MWX_UNTIL_DONE:
        delivery = mw_queue_find(d->queue, id);
        return !delivery || delivery->state == MW_DELIVERY_DONE;
    case MWX_UNTIL_ROOM: return mw_queue_has_room(d->queue, (uint64_t)id);
    case MWX_UNTIL_QUEUED: return d->mover->holds_back(d);
    case MWX_UNTIL_SENT: return !mw_queue_unsent(d->queue) && !d->mover->stalls(d);
    default: return 0;
    }
}

/* One step of moving bytes: > 0 some were, 0 none without waiting, or an error. */
static int move(pTHX_ mwx_deliveries *d, SV *ref, int may_wait)
{
    int64_t deadline = mw_queue_deadline(d->queue, mw_io_now());
    int rc;

    if (mw_queue_waits(d->queue) == MW_WAIT_NONE)
        return 0;
    if (mw_queue_unsent(d->queue) && (rc = d->mover->look(aTHX_ d, ref)))
        return rc;
    rc = d->mover->pump(aTHX_ d, ref, may_wait ? deadline : 0);
    return rc == MW_E_TIMEOUT && mw_io_now() < deadline ? 0 : rc;
}

int mwx_deliveries_run(pTHX_ mwx_deliveries *d, SV *ref, int until, IV id, int may_wait, int watched)
{
    size_t moved = 0;
    int said, rc = 0;

    end_late(aTHX_ d, ref, 0);
    for (;;) {
        if ((said = d->mover->turn(aTHX_ d, ref)))
            return said;
        if (rc && is_late(d)) {
            end_late(aTHX_ d, ref, 1);
            continue;
        }
        if (reached(d, until, id))
            return MWX_REACHED;
        if ((said = d->mover->stalls(d)))
            return said;
        if (!may_wait && moved >= MWX_FAIR_SHARE && mw_queue_unsent(d->queue))
            return MWX_BLOCKED;
        rc = move(aTHX_ d, ref, may_wait);
        if (rc == 0 || rc == MWX_E_DIED)
            return MWX_BLOCKED;
        if (rc > 0)
            moved += (size_t)rc;
        else if (rc != MW_E_TIMEOUT || !is_late(d))
            d->mover->lose(aTHX_ d, ref, rc, NULL);
        if (rc > 0 && watched)
            return MWX_MOVED;
    }
}

/* ---- results */

size_t mwx_deliveries_orphans(const mwx_deliveries *d)
{
    size_t count = d->queue->unanswered;

    return count && d->pid == PerlProc_getpid() ? count : 0;
}

/* A file that was written to is no answer of the server's. */
static int notes_of(const mw_delivery *d, const mw_recipient *r)
{
    int is_own = r->local || (r->result.maybe_delivered && r->result.stage == MW_STAGE_BODY);

    return (d->eol ? MWX_RESULT_QMTP : 0) | (d->by_bdat ? MWX_RESULT_CHUNKED : 0) | (is_own ? 0 : MWX_RESULT_ANSWERED);
}

static int has_line(const mw_recipient *r, mw_stage stage)
{
    return r->result.stage == stage && !r->local;
}

/* The lines that were refused: MAIL's is everybody's. Those of a transaction before the last one are gone. */
static void add_lines(pTHX_ const mw_delivery *d, AV *results)
{
    mw_slice line = mw_buf_view(&d->lines);
    const char *end = line.base + line.len;
    size_t i;

    line.len = d->mail_len - 2;
    for (i = 0; i < d->to.count; i++)
        if (has_line(&d->to.rcpts[i], MW_STAGE_MAIL))
            mwx_result_command(aTHX_ AvARRAY(results)[i], line);
    line.base += d->mail_len;
    for (i = 0; i < d->rcpts + d->rest; i++, line.base += line.len + 2) {
        line.len = (size_t)((const char *)memchr(line.base, '\n', (size_t)(end - line.base)) - line.base) - 1;
        if (has_line(&d->to.rcpts[d->index[i]], MW_STAGE_RCPT))
            mwx_result_command(aTHX_ AvARRAY(results)[d->index[i]], line);
    }
}

AV *mwx_delivery_results(pTHX_ const mw_delivery *d)
{
    AV *results = newAV();
    size_t i, refused = 0;

    av_extend(results, (SSize_t)d->to.count - 1);
    for (i = 0; i < d->to.count; i++) {
        const mw_recipient *r = &d->to.rcpts[i];

        av_push(results, mwx_result(aTHX_ &r->result, i, notes_of(d, r)));
        refused += has_line(r, MW_STAGE_MAIL) || has_line(r, MW_STAGE_RCPT);
    }
    if (refused && !d->eol && mw_buf_len(&d->lines))
        add_lines(aTHX_ d, results);
    return results;
}

AV *mwx_delivery_refuse(pTHX_ mw_delivery *d, unsigned code, SV *why)
{
    mw_text *words = mwx_text_of(aTHX_ why);

    mw_delivery_refuse(d, MW_STAGE_BODY, code, words);
    mw_text_drop(words);
    return mwx_delivery_results(aTHX_ d);
}

static void release(pTHX_ mwx_deliveries *d, mw_delivery *delivery)
{
    SV *owner = (SV *)delivery->owner;

    mw_queue_take(d->queue, delivery);
    mw_delivery_free(delivery);
    SvREFCNT_dec(owner);
}

AV *mwx_deliveries_take(pTHX_ mwx_deliveries *d, mw_delivery *delivery)
{
    AV *results;

    if (!delivery || delivery->state != MW_DELIVERY_DONE)
        return NULL;
    results = mwx_delivery_results(aTHX_ delivery);
    release(aTHX_ d, delivery);
    return results;
}

void mwx_deliveries_free(pTHX_ mwx_deliveries *d)
{
    while (d->queue->first)
        release(aTHX_ d, d->queue->first);
}
