/* flight_glue.c - see flight_glue.h. */
#include "flight_glue.h"
#include "convert.h"
#include "link_private.h"
#include "order.h"

/* Bytes that a call which must not wait moves before others have their turn: the other side may take them
 * as fast as we write. */
#define FAIR_SHARE (1024 * 1024)

/* ---- handing over */

static void give_content(pTHX_ mw_delivery *d, SV *kept)
{
    STRLEN len;
    const char *bytes;

    if (!kept) {
        mw_content_in_pieces(&d->content);
        return;
    }
    bytes = SvPV(kept, len);
    mw_content_lend(&d->content, bytes, len);
    d->owner = SvREFCNT_inc(kept);
}

static IV launch(mwx_link *link, mw_delivery *d, int raw, int64_t deadline)
{
    d->raw = raw;
    d->deadline = deadline;
    mwx_deadlines_launch(&link->deadlines, d->deadline, mw_flight_unanswered(link->flight));
    link->untaken++;
    if (!mw_flight_unanswered(link->flight))
        link->pid = PerlProc_getpid();
    return (IV)mw_flight_submit(link->flight, d);
}

IV mwx_flight_launch(pTHX_ mwx_link *link, mw_delivery *d, SV *content, int raw, int64_t deadline)
{
    give_content(aTHX_ d, content);
    return launch(link, d, raw, deadline);
}

IV mwx_flight_launch_file(pTHX_ mwx_link *link, mw_delivery *d, SV *handle, NV offset, NV size, int raw, int64_t deadline)
{
    int fd = mwx_fd(aTHX_ handle);
    mw_file file;

    mw_io_file(&file, fd, (uint64_t)offset, (uint64_t)size);
    mw_content_from_file(&d->content, &file);
    d->owner = newSVsv(handle);
    return launch(link, d, raw, deadline);
}

/* ---- time */

/* A timeout that somebody has set caps the waits of deliveries, too; the default is that of the sync calls.
 * */
static void ask_timeout(pTHX_ mwx_link *link, SV *ref)
{
    NV seconds = mwx_link_timeout(aTHX_ link, ref);

    link->timeout_cap = seconds == link->timeout_default ? 0 : seconds;
}

static NV stage_seconds(const mwx_link *link, mw_wait wait)
{
    NV seconds = link->seconds[wait];

    if (wait == MW_WAIT_QUIET)
        return seconds;
    if (link->timeout_cap > 0 && (seconds <= 0 || link->timeout_cap < seconds))
        seconds = link->timeout_cap;
    return seconds;
}

/* The earliest deadline of a delivery that is not finished. */
static int64_t delivery_deadline(mwx_link *link)
{
    size_t unfinished = mw_flight_unanswered(link->flight);
    const mw_delivery *d;

    if (mwx_deadlines_is_stale(&link->deadlines, unfinished)) {
        mwx_deadlines_count(&link->deadlines, unfinished);
        for (d = mw_flight_oldest(link->flight); d; d = d->next)
            if (d->state != MW_DELIVERY_DONE)
                mwx_deadlines_add(&link->deadlines, d->deadline);
    }
    return link->deadlines.count ? link->deadlines.earliest : MW_IO_NEVER;
}

/* The clock of a stage starts anew with each reply and each byte that was sent. */
static int64_t stage_deadline(mwx_link *link)
{
    uint64_t mark = mw_flight_replies(link->flight) + mw_lmtp_out(link->session)->sent;
    mw_wait wait = mw_flight_waits(link->flight);
    NV seconds = stage_seconds(link, wait);

    if (mark != link->mark || wait != link->waiting) {
        link->mark = mark;
        link->waiting = wait;
        link->since = mw_io_now();
    }
    return mw_io_from(link->since, seconds);
}

static int64_t next_deadline(mwx_link *link)
{
    int64_t stage = stage_deadline(link), delivery = delivery_deadline(link);

    return stage < delivery ? stage : delivery;
}

NV mwx_flight_timeout(pTHX_ mwx_link *link, SV *ref)
{
    int64_t deadline = MW_IO_NEVER, now;

    if (mw_flight_unanswered(link->flight)) {
        ask_timeout(aTHX_ link, ref);
        deadline = next_deadline(link);
    }
    now = mw_io_now();
    if (deadline == MW_IO_NEVER)
        return -1;
    return deadline > now ? (NV)(deadline - now) / 1e9 : 0;
}

/* A delivery's own deadline has passed. A delivery that was not begun is given up. For one that was begun the link is given up: a late
 * reply would be taken for another command's. 1 when the link stands. */
static int deadline_passed(mwx_link *link)
{
    static const char words[] = "the delivery's deadline has passed";
    mw_text *text = mw_text_new(mw_alloc_default(), words, sizeof words - 1);
    mw_delivery *d = mw_flight_oldest(link->flight);
    int64_t now = mw_io_now();
    int sound = 1;

    for (; d && sound; d = d->next)
        if (d->state != MW_DELIVERY_DONE && d->deadline <= now && mw_flight_cancel(link->flight, d, text))
            sound = 0;
    if (!sound)
        mw_lmtp_lost(link->session, MW_E_TIMEOUT, text);
    mw_text_drop(text);
    return sound;
}

/* ---- running */

static void lose(pTHX_ mwx_link *link, SV *ref, int why)
{
    mw_flight_advance(link->flight);
    /* Nothing more can come: what is waited for to see that is the same. */
    if (why == MW_E_CLOSED && mw_flight_waits(link->flight) == MW_WAIT_QUIET)
        mw_flight_expired(link->flight);
    mwx_link_give_up(aTHX_ link, ref, why, mwx_link_words(link, why));
}

void mwx_flight_interrupted(pTHX_ mwx_link *link, SV *ref, IV id, const char *words)
{
    static const char interrupted[] = "interrupted";
    mw_delivery *d = mw_flight_find(link->flight, id);
    mw_text *text;

    if (!d || d->state == MW_DELIVERY_DONE)
        return;
    text = mw_text_new(mw_alloc_default(), words ? words : interrupted, strlen(words ? words : interrupted));
    if (mw_flight_cancel(link->flight, d, text))
        mwx_link_give_up(aTHX_ link, ref, MW_E_CLOSED, words ? words : "Interrupted");
    mw_text_drop(text);
}

static void timed_out(pTHX_ mwx_link *link, SV *ref)
{
    if (delivery_deadline(link) <= mw_io_now()) {
        if (!deadline_passed(link))
            mwx_link_give_up(aTHX_ link, ref, MW_E_TIMEOUT, "Timeout");
        return;
    }
    if (mw_flight_waits(link->flight) == MW_WAIT_QUIET)
        mw_flight_expired(link->flight);
    else
        lose(aTHX_ link, ref, MW_E_TIMEOUT);
}

static int reached(const mwx_link *link, int until, IV id)
{
    const mw_delivery *d;

    if (until == MWX_UNTIL_ROOM)
        return mw_flight_unanswered(link->flight) < link->window
            && (!mw_flight_unanswered(link->flight) || mw_flight_bytes(link->flight) + (size_t)id <= link->window_bytes);
    if (until == MWX_UNTIL_QUEUED)
        return mw_flight_streams(link->flight) && mw_outq_len(mw_lmtp_out(link->session)) < MW_LMTP_HIGH_WATER;
    if (until == MWX_UNTIL_BLOCKED)
        return 0;
    if (until == MWX_UNTIL_IDLE)
        return !mw_flight_unanswered(link->flight) && mw_flight_waits(link->flight) == MW_WAIT_NONE;
    if (until == MWX_UNTIL_SENT)
        return !mw_outq_len(mw_lmtp_out(link->session)) && !mw_flight_wants(link->flight);
    d = mw_flight_find(link->flight, id);
    return !d || d->state == MW_DELIVERY_DONE;
}

/* One step of moving bytes: > 0 some were, 0 none without waiting, or an error. */
static int move(pTHX_ mwx_link *link, SV *ref, int may_wait)
{
    int64_t deadline = next_deadline(link);
    int rc;

    if (mw_flight_waits(link->flight) == MW_WAIT_NONE)
        return 0;
    if (mw_outq_len(mw_lmtp_out(link->session)) && (rc = mwx_link_look(aTHX_ link, ref)))
        return rc;
    rc = mwx_link_pump(aTHX_ link, ref, MW_IO_IN, may_wait ? deadline : 0);
    if (rc == MW_E_TIMEOUT && !may_wait && mw_io_now() < deadline)
        return 0;
    return rc;
}

/* Closes the object when the session has broken. */
static void close_broken(pTHX_ mwx_link *link, SV *ref)
{
    int why = mw_lmtp_error(link->session);

    if (why && mwx_fd(aTHX_ ref) >= 0)
        mwx_link_give_up(aTHX_ link, ref, why, mwx_link_words(link, why));
}

int mwx_flight_run(pTHX_ mwx_link *link, SV *ref, int until, IV id, int may_wait)
{
    size_t moved = 0;
    int rc;

    if (until == MWX_UNTIL_ROOM && reached(link, until, id))
        return MWX_REACHED;
    ask_timeout(aTHX_ link, ref);
    if (link->died)
        return MWX_BLOCKED;
    /* A deadline may have passed while the caller's code ran. */
    if (link->deadlines.count && delivery_deadline(link) <= mw_io_now())
        timed_out(aTHX_ link, ref);
    mw_flight_more(link->flight, until == MWX_UNTIL_QUEUED);
    for (;;) {
        mw_flight_advance(link->flight);
        close_broken(aTHX_ link, ref);
        if (reached(link, until, id))
            return MWX_REACHED;
        if (mw_flight_wants(link->flight))
            return MWX_WANTS;
        if (!may_wait && moved >= FAIR_SHARE && mw_outq_len(mw_lmtp_out(link->session)))
            return MWX_BLOCKED;
        rc = move(aTHX_ link, ref, may_wait);
        if (rc == 0 || rc == MWX_E_DIED)
            return MWX_BLOCKED;
        moved += rc > 0 ? (size_t)rc : 0;
        if (rc == MW_E_TIMEOUT)
            timed_out(aTHX_ link, ref);
        else if (rc < 0)
            lose(aTHX_ link, ref, rc);
        else if (link->watched)
            return MWX_MOVED;
        if (link->died)
            return MWX_BLOCKED;
    }
}

int mwx_flight_reset(pTHX_ mwx_link *link, SV *ref)
{
    if (!mw_flight_reset(link->flight) && !mw_flight_owes(link->flight))
        return 1;
    link->watched = 0;
    mwx_flight_run(aTHX_ link, ref, MWX_UNTIL_IDLE, 0, 1);
    return !link->died && !mw_lmtp_error(link->session);
}

/* ---- results */

static void release(pTHX_ mwx_link *link, mw_delivery *d)
{
    mwx_deadlines_take(&link->deadlines, d->deadline);
    link->untaken--;
    SvREFCNT_dec((SV *)d->owner);
    mw_flight_take(link->flight, d);
    mw_delivery_free(d);
}

AV *mwx_flight_results(pTHX_ const mw_delivery *d)
{
    AV *results = newAV();
    size_t i;

    av_extend(results, (SSize_t)d->to.count - 1);
    for (i = 0; i < d->to.count; i++)
        av_push(results, mwx_result(aTHX_ &d->to.rcpts[i].result, i));
    return results;
}

AV *mwx_flight_take(pTHX_ mwx_link *link, IV id)
{
    mw_delivery *d = mw_flight_find(link->flight, id);
    AV *results;

    if (!d || d->state != MW_DELIVERY_DONE)
        return NULL;
    results = mwx_flight_results(aTHX_ d);
    release(aTHX_ link, d);
    mwx_link_delivered(aTHX_ link, (AV *)SvREFCNT_inc((SV *)results));
    return results;
}

size_t mwx_flight_orphans(const mwx_link *link)
{
    size_t count = mw_flight_unanswered(link->flight);

    return count && link->pid == PerlProc_getpid() ? count : 0;
}

void mwx_flight_free(pTHX_ mwx_link *link)
{
    mw_delivery *d;

    while ((d = mw_flight_first(link->flight)))
        release(aTHX_ link, d);
}
