/* qmtp_flight.c - see qmtp_flight.h.
 *
 * One list in order of submission: deliveries that are over, those that the session has, those that
 * wait. A cancelled one may stand over among the waiting ones; otherwise the order never mixes, as
 * the server answers packages in the order in which they were sent.
 */
#include "error.h"
#include "qmtp_flight.h"
#include "qmtp_package.h"

struct mw_qmtp_flight {
    const mw_alloc *alloc;
    mw_qmtp_delivery *first, *last;
    mw_qmtp_delivery *open;     /* the oldest that is not over */
    mw_qmtp_delivery *waiting;  /* the oldest that waits */
    int64_t id;
    size_t count, unanswered;
    uint64_t bytes;
};

/* ---- one delivery */

mw_qmtp_delivery *mw_qmtp_delivery_new(const mw_alloc *alloc, mw_slice sender, unsigned char eol)
{
    mw_qmtp_delivery *d = mw_alloc_zeroed(alloc, sizeof *d);

    if (!d)
        return NULL;
    d->alloc = alloc;
    d->eol = eol;
    d->sender = mw_text_new(alloc, sender.base, sender.len);
    d->package = mw_qmtp_package_new(alloc, 0);
    if (d->sender && d->package)
        return d;
    mw_qmtp_delivery_free(d);
    return NULL;
}

void mw_qmtp_delivery_free(mw_qmtp_delivery *d)
{
    if (!d)
        return;
    mw_qmtp_package_free(d->package);
    mw_text_drop(d->sender);
    d->alloc->release(d->alloc->ctx, d);
}

int mw_qmtp_delivery_rcpt(mw_qmtp_delivery *d, mw_slice address)
{
    int error = mw_qmtp_package_rcpt(d->package, address);

    d->rcpts = d->package->count;
    return error;
}

void mw_qmtp_delivery_content(mw_qmtp_delivery *d, const char *bytes, size_t size)
{
    d->content = bytes;
    d->size = size;
}

void mw_qmtp_delivery_file(mw_qmtp_delivery *d, int fd, uint64_t offset, uint64_t size, int64_t stamp)
{
    d->stamp = stamp;
    d->content = NULL;
    d->fd = fd;
    d->offset = offset;
    d->size = size;
}

const mw_result *mw_qmtp_delivery_results(const mw_qmtp_delivery *d)
{
    return d->state == MW_QMTP_OVER ? d->package->results : NULL;
}

/* How much of the content has gone when sent bytes in all have. */
static uint64_t content_sent(const mw_qmtp_delivery *d, uint64_t sent)
{
    if (sent <= d->body)
        return 0;
    return sent - d->body < d->size ? sent - d->body : d->size;
}

uint64_t mw_qmtp_delivery_sent(const mw_qmtp_delivery *d, mw_qmtp *q)
{
    if (d->state == MW_QMTP_OVER)
        return d->sent;
    return d->state == MW_QMTP_WRITTEN && q ? content_sent(d, mw_qmtp_out(q)->sent) : 0;
}

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

/* The package as far as the session will have it. */
static int write_package(mw_qmtp *q, mw_qmtp_delivery *d)
{
    const mw_outq *out = mw_qmtp_out(q);
    mw_slice sender = { d->sender->bytes, d->sender->len };
    int rc;

    d->start = d->body = out->queued;
    rc = mw_qmtp_message(q, d->eol, d->size);
    d->body = out->queued;
    if (!rc && d->content)
        rc = mw_qmtp_body(q, d->content, (size_t)d->size, d->size > MW_QMTP_COPY_MAX);
    else if (!rc)
        rc = mw_qmtp_body_file(q, d->fd, d->offset, d->size, d->stamp);
    return rc ? rc : mw_qmtp_end(q, sender);
}

static int write_next(mw_qmtp_flight *f, mw_qmtp *q)
{
    mw_qmtp_delivery *d = f->waiting;
    int64_t number = mw_qmtp_adopt(q, d->package);
    int rc = number < 0 ? (int)number : 0;

    if (rc)
        return rc;
    d->package = NULL;
    d->state = MW_QMTP_WRITTEN;
    f->waiting = next_waiting(d);
    rc = write_package(q, d);
    if (rc)
        mw_qmtp_lost(q, rc, NULL);
    return rc;
}

int mw_qmtp_flight_write(mw_qmtp_flight *f, mw_qmtp *q)
{
    int rc = 0;

    while (!rc && f->waiting && mw_outq_len(mw_qmtp_out(q)) < MW_QMTP_HIGH_WATER && mw_qmtp_may_begin(q, f->waiting->rcpts))
        rc = write_next(f, q);
    return rc;
}

void mw_qmtp_flight_read(mw_qmtp_flight *f, mw_qmtp *q)
{
    mw_qmtp_delivery *d = mw_qmtp_error(q) ? NULL : f->open;
    mw_qmtp_package *p;

    for (; d && d->state == MW_QMTP_WRITTEN && (p = mw_qmtp_release(q)); d = f->open) {
        d->package = p;
        delivery_over(f, d, content_sent(d, mw_qmtp_out(q)->sent));
    }
}

/* Deliveries of a broken session no byte of which was sent wait again. */
static void take_back(mw_qmtp_flight *f, mw_qmtp *q)
{
    mw_qmtp_delivery *d = f->open;

    for (; d; d = d->next) {
        if (d->state != MW_QMTP_WRITTEN)
            continue;
        d->package = mw_qmtp_release(q);
        mw_qmtp_package_reset(d->package);
        d->state = MW_QMTP_WAITING;
    }
    f->waiting = next_waiting(f->open);
}

void mw_qmtp_flight_lost(mw_qmtp_flight *f, mw_qmtp *q)
{
    uint64_t sent = mw_qmtp_out(q)->sent;
    mw_qmtp_delivery *d = f->open;

    for (; d && d->state == MW_QMTP_WRITTEN && d->start < sent; d = f->open) {
        d->package = mw_qmtp_release(q);
        delivery_over(f, d, content_sent(d, sent));
    }
    take_back(f, q);
}

int mw_qmtp_flight_cancel(mw_qmtp_flight *f, mw_qmtp_delivery *d, mw_text *words)
{
    if (d->state != MW_QMTP_WAITING)
        return MW_E_STATE;
    mw_qmtp_package_unsent(d->package, words);
    delivery_over(f, d, 0);
    return 0;
}

int mw_qmtp_flight_unread(mw_qmtp_flight *f, mw_qmtp_delivery *d, mw_text *words)
{
    int rc = mw_qmtp_flight_cancel(f, d, words);
    size_t i;

    for (i = 0; !rc && i < d->package->count; i++)
        d->package->results[i].stage = MW_STAGE_BODY;
    return rc;
}

void mw_qmtp_flight_abandon(mw_qmtp_flight *f, mw_text *words)
{
    while (f->waiting)
        mw_qmtp_flight_cancel(f, f->waiting, words);
}
