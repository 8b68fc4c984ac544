/* qmtp_flight.c - see qmtp_flight.h.
 *
 * One list in order of submission: deliveries that are over, those that the session has, those that
 * wait. A cancelled one may stand over among the waiting ones; otherwise the order never mixes, as
 * the server answers packages in the order in which they were sent.
 */
#include "error.h"
#include "qmtp_flight.h"

struct mw_qmtp_flight {
    const mw_alloc *alloc;
    mw_qmtp_delivery *first, *last;
    mw_qmtp_delivery *open;     /* the oldest that is not over */
    mw_qmtp_delivery *waiting;  /* the oldest that waits */
    int64_t id;
    size_t count, unanswered;
    uint64_t bytes;
};

/* ---- the list */

mw_qmtp_flight *mw_qmtp_flight_new(const mw_alloc *alloc)
{
    mw_qmtp_flight *f = mw_alloc_zeroed(alloc, sizeof *f);

    if (f)
        f->alloc = alloc;
    return f;
}

void mw_qmtp_flight_free(mw_qmtp_flight *f)
{
    mw_qmtp_delivery *d;

    if (!f)
        return;
    while ((d = f->first)) {
        f->first = d->next;
        mw_qmtp_delivery_free(d);
    }
    f->alloc->release(f->alloc->ctx, f);
}

int64_t mw_qmtp_flight_add(mw_qmtp_flight *f, mw_qmtp_delivery *d)
{
    if (f->last)
        f->last->next = d;
    else
        f->first = d;
    f->last = d;
    if (!f->open)
        f->open = d;
    if (!f->waiting)
        f->waiting = d;
    f->count++;
    f->unanswered++;
    f->bytes += d->size;
    return d->id = ++f->id;
}

int mw_qmtp_flight_waits(const mw_qmtp_flight *f)
{
    return f->waiting != NULL;
}

size_t mw_qmtp_flight_count(const mw_qmtp_flight *f)
{
    return f->count;
}

size_t mw_qmtp_flight_unanswered(const mw_qmtp_flight *f)
{
    return f->unanswered;
}

uint64_t mw_qmtp_flight_bytes(const mw_qmtp_flight *f)
{
    return f->bytes;
}

mw_qmtp_delivery *mw_qmtp_flight_first(const mw_qmtp_flight *f)
{
    return f->first;
}

mw_qmtp_delivery *mw_qmtp_flight_open(const mw_qmtp_flight *f)
{
    return f->open;
}

mw_qmtp_delivery *mw_qmtp_flight_find(const mw_qmtp_flight *f, int64_t id)
{
    mw_qmtp_delivery *d = f->first;

    while (d && d->id != id)
        d = d->next;
    return d;
}

void mw_qmtp_flight_take(mw_qmtp_flight *f, mw_qmtp_delivery *d)
{
    mw_qmtp_delivery **link = &f->first, *before = NULL;

    while (*link != d) {
        before = *link;
        link = &before->next;
    }
    *link = d->next;
    if (f->last == d)
        f->last = before;
    d->next = NULL;
    f->count--;
}

/* ---- states */

static mw_qmtp_delivery *next_waiting(mw_qmtp_delivery *d)
{
    while (d && d->state != MW_QMTP_WAITING)
        d = d->next;
    return d;
}

/* The one place that ends a delivery. */
static void delivery_over(mw_qmtp_flight *f, mw_qmtp_delivery *d, uint64_t sent)
{
    d->state = MW_QMTP_OVER;
    d->sent = sent;
    f->unanswered--;
    f->bytes -= d->size;
    while (f->open && f->open->state == MW_QMTP_OVER)
        f->open = f->open->next;
    f->waiting = next_waiting(f->waiting);
}

int mw_qmtp_flight_write(mw_qmtp_flight *f, mw_qmtp *q)
{
    int rc = 0;

    while (!rc && f->waiting && mw_outq_len(mw_qmtp_out(q)) < MW_QMTP_HIGH_WATER && mw_qmtp_may_write(q, f->waiting->rcpts)) {
        rc = mw_qmtp_write(q, f->waiting);
        f->waiting = next_waiting(f->waiting);
    }
    return rc;
}

void mw_qmtp_flight_read(mw_qmtp_flight *f, mw_qmtp *q)
{
    mw_qmtp_delivery *d = mw_qmtp_error(q) ? NULL : f->open;

    for (; d && d->state == MW_QMTP_WRITTEN && mw_qmtp_delivery_is_answered(d); d = f->open)
        delivery_over(f, d, mw_qmtp_delivery_sent(d, mw_qmtp_out(q)->sent));
}

void mw_qmtp_flight_lost(mw_qmtp_flight *f, mw_qmtp *q)
{
    uint64_t sent = mw_qmtp_out(q)->sent;
    mw_qmtp_delivery *d = f->open;

    for (; d && d->state == MW_QMTP_WRITTEN && d->start < sent; d = f->open)
        delivery_over(f, d, mw_qmtp_delivery_sent(d, sent));
    for (; d; d = d->next)
        if (d->state == MW_QMTP_WRITTEN)
            mw_qmtp_delivery_reset(d);
    f->waiting = next_waiting(f->open);
}

static int end_waiting(mw_qmtp_flight *f, mw_qmtp_delivery *d, mw_stage stage, mw_text *words)
{
    if (d->state != MW_QMTP_WAITING)
        return MW_E_STATE;
    mw_qmtp_delivery_unsent(d, stage, words);
    delivery_over(f, d, 0);
    return 0;
}

int mw_qmtp_flight_cancel(mw_qmtp_flight *f, mw_qmtp_delivery *d, mw_text *words)
{
    return end_waiting(f, d, MW_STAGE_CONNECT, words);
}

int mw_qmtp_flight_unread(mw_qmtp_flight *f, mw_qmtp_delivery *d, mw_text *words)
{
    return end_waiting(f, d, MW_STAGE_BODY, words);
}

void mw_qmtp_flight_abandon(mw_qmtp_flight *f, mw_text *words)
{
    while (f->waiting)
        mw_qmtp_flight_cancel(f, f->waiting, words);
}
