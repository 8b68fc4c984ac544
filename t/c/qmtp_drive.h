/* qmtp_drive.h - a QMTP session as its tests use it: packages in, wire bytes and results as text out. The deliveries of a
 * session stand in one queue until their results are asked for. */
#ifndef QMTP_DRIVE_H
#define QMTP_DRIVE_H

#include "../../c/error.h"
#include "../../c/qmtp.h"
#include "slices.h"

#define RCPTS_MAX 4

typedef struct package {
    const char *message;        /* without the line end's byte */
    const char *sender;
    const char *rcpts[RCPTS_MAX + 1];
} package;

static mw_queue deliveries;

/* A delivery of it. NULL: no memory. */
static inline mw_delivery *package_delivery(const mw_alloc *alloc, const package *p)
{
    mw_delivery *d = mw_qmtp_delivery_new(alloc, slice(p->sender), MW_QMTP_LF);
    int error = d ? 0 : MW_E_NOMEM, i;

    for (i = 0; p->rcpts[i] && !error; i++)
        error = mw_qmtp_delivery_rcpt(d, slice(p->rcpts[i]));
    if (!error) {
        mw_content_lend(&d->content, p->message, strlen(p->message));
        return d;
    }
    mw_delivery_free(d);
    return NULL;
}

static inline void forget(mw_delivery *d)
{
    mw_queue_take(&deliveries, d);
    mw_delivery_free(d);
}

/* Lends it to the session. What it says; MW_E_STATE when it does not take the delivery now, which is forgotten then. */
static inline int delivery_write(mw_qmtp *q, mw_delivery *d)
{
    int error, was_broken = mw_qmtp_error(q) != 0;

    if (!d)
        return MW_E_NOMEM;
    if (!deliveries.protocol)
        mw_queue_init(&deliveries, &mw_qmtp_protocol, NULL);
    mw_queue_add(&deliveries, d);
    error = mw_qmtp_write(q, &deliveries);
    if (d->state != MW_DELIVERY_WAITING || (error && !was_broken))
        return error;
    mw_queue_cancel(&deliveries, d, MW_STAGE_CONNECT, NULL);
    forget(d);
    return error ? error : MW_E_STATE;
}

static inline int package_write(mw_qmtp *q, const package *p)
{
    return delivery_write(q, package_delivery(mw_alloc_default(), p));
}

/* Sends up to max bytes, adding them to wire (NULL: to nothing). Returns how many. */
static inline size_t session_send(mw_qmtp *q, size_t max, char *wire)
{
    mw_slice v;
    size_t n, sent = 0;

    for (; sent < max && mw_outq_peek(mw_qmtp_out(q), &v, 1); sent += n) {
        n = v.len < max - sent ? v.len : max - sent;
        if (wire)
            strncat(wire, v.base, n);
        mw_outq_sent(mw_qmtp_out(q), n);
    }
    return sent;
}

/* Gives it what the server said, in pieces. Returns what the last read did. */
static inline int session_receive(mw_qmtp *q, const char *bytes, size_t left, int cut)
{
    size_t n;
    int got = 0;

    for (; left && got >= 0; left -= n, bytes += n) {
        n = tap_piece(cut, left);
        got = mw_buf_append(mw_qmtp_in(q), bytes, n);
        if (!got)
            got = mw_qmtp_read(q);
    }
    return got;
}

/* For the end of a test: the next package is the first. */
static inline void session_end(mw_qmtp *q)
{
    mw_qmtp_free(q);
    mw_queue_clear(&deliveries);
    mw_queue_init(&deliveries, &mw_qmtp_protocol, NULL);
}

/* Writes all results, and forgets the packages that have theirs: "1 a=250:text b=-" and so on; "?" stands for
 * maybe_delivered, "-" for no result yet, "*" for a stage that is neither body nor final. */
static inline void session_results(char *to)
{
    mw_delivery *d, *next;
    size_t i;

    *to = '\0';
    for (d = deliveries.first; d; d = next) {
        next = d->next;
        to += sprintf(to, "%d", (int)d->id);
        for (i = 0; i < d->rcpts; i++) {
            const mw_result *r = &d->to.rcpts[i].result;

            to += sprintf(to, " %s=", r->recipient->bytes);
            if (!r->code) {
                to += sprintf(to, "-");
                continue;
            }
            to += sprintf(to, "%u%s%s:%s", r->code, r->maybe_delivered ? "?" : "",
                r->stage == MW_STAGE_FINAL ? "" : r->stage == MW_STAGE_BODY ? "(body)" : "*", r->text ? r->text->bytes : "");
        }
        to += sprintf(to, "; ");
        if (d->state == MW_DELIVERY_DONE)
            forget(d);
    }
}

static inline mw_qmtp *session_new(void)
{
    mw_qmtp *q = mw_qmtp_new(mw_alloc_default(), 0);

    if (!q)
        exit(1);
    return q;
}

/* Puts the text of error in the place of each E. */
static inline void expand_text(char *to, const char *from, int error)
{
    for (; *from; from++) {
        if (*from == 'E')
            to += sprintf(to, "%s", mw_error_text(error));
        else
            *to++ = *from;
    }
    *to = '\0';
}

#endif
