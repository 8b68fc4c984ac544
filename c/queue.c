/* queue.c - see queue.h. */
#include "queue.h"
#include "error.h"

#include <string.h>

void mw_queue_init(mw_queue *q, const mw_protocol *protocol, void *link)
{
    memset(q, 0, sizeof *q);
    q->protocol = protocol;
    q->link = link;
    q->window = MW_WINDOW;
    q->window_bytes = MW_WINDOW_BYTES;
    mw_clock_init(&q->clock);
}

void mw_queue_clear(mw_queue *q)
{
    mw_delivery *d;

    while ((d = q->first)) {
        mw_queue_take(q, d);
        mw_delivery_free(d);
    }
}

/* ---- the list */

static mw_delivery *unfinished(mw_delivery *d)
{
    while (d && d->state == MW_DELIVERY_DONE)
        d = d->next;
    return d;
}

/* An idle link's clock starts with what it is given. */
int64_t mw_queue_add(mw_queue *q, mw_delivery *d)
{
    if (q->last)
        q->last->next = d;
    else
        q->first = d;
    q->last = d;
    if (!q->current)
        q->current = d;
    if (!q->oldest)
        q->oldest = d;
    if (!q->unanswered)
        mw_clock_stop(&q->clock);
    q->count++;
    q->unanswered++;
    q->bytes += d->content.size;
    if (!q->timed || d->deadline < q->earliest)
        q->earliest = d->deadline;
    q->timed += d->deadline != MW_NEVER;
    return d->id = ++q->id;
}

mw_delivery *mw_queue_find(const mw_queue *q, int64_t id)
{
    mw_delivery *d = q->oldest;

    if (!d || d->id > id)
        d = q->first;
    while (d && d->id != id)
        d = d->next;
    return d;
}

void mw_queue_take(mw_queue *q, mw_delivery *d)
{
    mw_delivery **link = &q->first, *before = NULL;

    while (*link != d) {
        before = *link;
        link = &before->next;
    }
    *link = d->next;
    if (q->last == d)
        q->last = before;
    if (q->oldest == d)
        q->oldest = d->next;
    d->next = NULL;
    q->count--;
}

int mw_queue_has_room(const mw_queue *q, uint64_t size)
{
    return !q->unanswered || (q->unanswered < q->window && q->bytes + size <= q->window_bytes);
}

void mw_queue_finish(mw_queue *q, mw_delivery *d)
{
    d->state = MW_DELIVERY_DONE;
    q->again -= d->again != 0;
    d->again = 0;
    q->unanswered--;
    q->bytes -= d->content.size;
    q->timed -= d->deadline != MW_NEVER;
    q->is_stale |= d->deadline == q->earliest;
    q->oldest = unfinished(q->oldest);
    q->current = unfinished(q->current);
}

void mw_queue_pass(mw_queue *q)
{
    q->current = unfinished(q->current->next);
}

int mw_queue_cancel(mw_queue *q, mw_delivery *d, mw_stage stage, mw_text *words)
{
    if (d->state != MW_DELIVERY_WAITING)
        return MW_E_STATE;
    mw_transaction_abandon(&d->to, MW_RCPT_ALL, stage, q->protocol->lost, words, 0);
    mw_queue_finish(q, d);
    return 0;
}

void mw_queue_abandon(mw_queue *q, mw_text *words)
{
    mw_delivery *d;

    for (d = q->oldest; d; d = d->next)
        mw_queue_cancel(q, d, MW_STAGE_CONNECT, words);
}

/* ---- time */

mw_wait mw_queue_waits(const mw_queue *q)
{
    return q->link ? q->protocol->waits(q->link) : MW_WAIT_NONE;
}

uint64_t mw_queue_unsent(const mw_queue *q)
{
    return q->link ? mw_outq_len(q->protocol->out(q->link)) : 0;
}

int64_t mw_queue_delivery_deadline(mw_queue *q)
{
    const mw_delivery *d = q->timed && q->is_stale ? q->oldest : NULL;

    if (d) {
        q->earliest = MW_NEVER;
        q->is_stale = 0;
    }
    for (; d; d = d->next)
        if (d->state != MW_DELIVERY_DONE && d->deadline < q->earliest)
            q->earliest = d->deadline;
    return q->timed ? q->earliest : MW_NEVER;
}

int64_t mw_queue_deadline(mw_queue *q, int64_t now)
{
    const mw_protocol *p = q->protocol;
    int64_t delivery = mw_queue_delivery_deadline(q), wait;

    if (!q->link)
        return delivery;
    wait = mw_clock_deadline(&q->clock, p->waits(q->link), p->replies(q->link) + p->out(q->link)->sent, now);
    return wait < delivery ? wait : delivery;
}

int mw_queue_expire(mw_queue *q, int64_t now, mw_text *words, size_t *count_r)
{
    mw_delivery *d = mw_queue_delivery_deadline(q) <= now ? q->oldest : NULL;
    size_t before = q->unanswered;
    int begun = 0;

    for (; d; d = d->next)
        if (d->state != MW_DELIVERY_DONE && d->deadline <= now)
            begun |= mw_queue_cancel(q, d, MW_STAGE_CONNECT, words) != 0;
    if (count_r)
        *count_r = before - q->unanswered;
    return begun;
}
