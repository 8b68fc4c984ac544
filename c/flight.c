/* flight.c - see flight.h: what is sent when. What comes back is flight_reply.c's. */
#include "flight.h"
#include "error.h"
#include "lmtp_session.h"

#include <string.h>

/* ---- the list */

int64_t mw_flight_submit(mw_lmtp *s, mw_delivery *d)
{
    mw_flight *f = &s->flight;

    d->id = ++f->id;
    if (f->last)
        f->last->next = d;
    else
        f->first = d;
    f->last = d;
    if (!f->current)
        f->current = d;
    if (!f->oldest)
        f->oldest = d;
    f->unanswered++;
    f->bytes += (size_t)d->content.size;
    /* What a LHLO may have left open ends by RSET in front of the delivery. */
    f->open |= s->lapsed;
    s->lapsed = 0;
    if (s->state == MW_STATE_BROKEN)
        mw_flight_abandon(s, s->error, NULL);
    return d->id;
}

size_t mw_flight_unanswered(const mw_lmtp *s)
{
    return s->flight.unanswered;
}

size_t mw_flight_bytes(const mw_lmtp *s)
{
    return s->flight.bytes;
}

mw_delivery *mw_flight_first(const mw_lmtp *s)
{
    return s->flight.first;
}

mw_delivery *mw_flight_find(const mw_lmtp *s, int64_t id)
{
    mw_delivery *d = s->flight.oldest;

    if (!d || d->id > id)
        d = s->flight.first;
    while (d && d->id != id)
        d = d->next;
    return d;
}

void mw_flight_take(mw_lmtp *s, mw_delivery *d)
{
    mw_delivery **link = &s->flight.first, *before = NULL;

    while (*link != d) {
        before = *link;
        link = &before->next;
    }
    *link = d->next;
    if (s->flight.last == d)
        s->flight.last = before;
    if (s->flight.oldest == d)
        s->flight.oldest = d->next;
    d->next = NULL;
}

int mw_flight_cancel(mw_lmtp *s, mw_delivery *d, mw_text *words)
{
    if (d->state != MW_DELIVERY_WAITING)
        return MW_E_STATE;
    mw_transaction_abandon(&d->to, MW_STAGE_CONNECT, MW_LMTP_LOST, words, 0);
    if (s->flight.current == d)
        mw_flight_pass(s);
    mw_flight_finish(s, d);
    return 0;
}

void mw_flight_ended(mw_lmtp *s, mw_delivery *d)
{
    d->has_end = 1;
    d->end = s->out.queued;
    d->state = MW_DELIVERY_ENDED;
}

void mw_flight_pass(mw_lmtp *s)
{
    do
        s->flight.current = s->flight.current->next;
    while (s->flight.current && s->flight.current->state == MW_DELIVERY_DONE);
}

void mw_flight_more(mw_lmtp *s, int more)
{
    s->flight.more = more;
}

int mw_flight_streams(const mw_lmtp *s)
{
    return s->flight.chunk_proven && !s->flight.fence_owed && !s->flight.must_fence;
}

void mw_flight_eager(mw_lmtp *s, size_t bytes)
{
    s->flight.eager = bytes;
}

mw_delivery *mw_flight_oldest(const mw_lmtp *s)
{
    return s->flight.oldest;
}

mw_trace *mw_flight_trace(mw_lmtp *s)
{
    return &s->flight.trace;
}

uint64_t mw_flight_replies(const mw_lmtp *s)
{
    return s->flight.replies;
}

/* ---- sending */

static int failed(mw_lmtp *s, int rc)
{
    if (rc)
        mw_lmtp_break(s, rc, NULL);
    return rc;
}

int mw_flight_queue(mw_lmtp *s, const char *bytes, size_t len, mw_due due, size_t owed, mw_delivery *d)
{
    int rc = mw_expects_reserve(&s->due, 1);

    if (!rc)
        rc = mw_outq_copy(&s->out, bytes, len);
    if (!rc) {
        mw_expects_push(&s->due, due, owed)->delivery = d;
        mw_expects_tail(&s->due)->in_flight = 1;
        mw_expects_tail(&s->due)->end = due == MW_DUE_FINAL || due == MW_DUE_PROBE ? 0 : s->out.queued;
        mw_trace_add(&s->flight.trace, MW_TRACE_OUT, bytes, len);
    }
    return failed(s, rc);
}

int mw_flight_may_follow(const mw_lmtp *s)
{
    return s->pipelining && s->flight.hello && s->flight.fence != MW_FENCE_REFUSED && !mw_lmtp_joins(s);
}

int mw_flight_queue_hello(mw_lmtp *s, mw_due due)
{
    char line[MW_COMMAND_MAX + 2];
    const mw_text *hello = s->flight.hello;

    s->flight.fence_owed = 1;
    memcpy(line, hello->bytes, hello->len);
    memcpy(line + hello->len, "\r\n", 2);
    /* A probe's own entry owns all replies up to this one's. */
    if (due == MW_DUE_PROBE) {
        mw_trace_add(&s->flight.trace, MW_TRACE_OUT, line, hello->len);
        return failed(s, mw_outq_copy(&s->out, line, hello->len + 2));
    }
    return mw_flight_queue(s, line, hello->len + 2, due, 1, NULL);
}

/* The deliveries that have their replies, one of them perhaps by a reply too many. */
static void fence_early(mw_lmtp *s)
{
    mw_delivery *d;

    for (d = s->flight.oldest; d && d->state >= MW_DELIVERY_ENDED; d = d->next)
        d->fenced |= d->refused_early;
}

static int queue_fence(mw_lmtp *s)
{
    mw_expect *ahead = mw_expects_tail(&s->due);

    fence_early(s);
    /* By BDAT no 354 was in front of it either: all must be in step. */
    if (ahead && ahead->delivery)
        *(ahead->delivery->by_bdat ? &ahead->delivery->followed : &ahead->delivery->fenced) = 1;
    s->flight.must_fence = 0;
    /* LHLO should end a transaction (RFC 5321 4.1.4); Cyrus 3.6 leaves it open. */
    if (((ahead && ahead->delivery && ahead->delivery->by_bdat) || s->flight.open) && mw_flight_queue_reset(s))
        return -1;
    return mw_flight_queue_hello(s, MW_DUE_LHLO);
}

int mw_flight_queue_reset(mw_lmtp *s)
{
    s->flight.open = 0;
    return mw_flight_queue(s, "RSET\r\n", 6, MW_DUE_RSET, 1, NULL);
}

int mw_flight_owes(const mw_lmtp *s)
{
    return mw_expects_head(&s->due) && mw_expects_head(&s->due)->in_flight;
}

int mw_flight_reset(mw_lmtp *s)
{
    return s->flight.open && s->state != MW_STATE_BROKEN && !mw_flight_queue_reset(s);
}

static int queue_mail(mw_lmtp *s, mw_delivery *d)
{
    mw_slice lines = mw_buf_view(&d->lines);
    int rc;

    d->begin = s->out.queued;
    rc = mw_flight_queue(s, lines.base, d->mail_len, MW_DUE_MAIL, 1, d);
    if (rc)
        return rc;
    mw_buf_consume(&d->lines, d->mail_len);
    d->state = MW_DELIVERY_ENVELOPE;
    return 0;
}

static int queue_rcpt(mw_lmtp *s, mw_delivery *d)
{
    mw_slice lines = mw_buf_view(&d->lines);
    size_t len = (size_t)((const char *)memchr(lines.base, '\n', lines.len) - lines.base) + 1;
    int rc = mw_flight_queue(s, lines.base, len, MW_DUE_RCPT, 1, d);

    if (rc)
        return rc;
    mw_expects_tail(&s->due)->rcpt = d->index[d->asked++];
    mw_buf_consume(&d->lines, len);
    return 0;
}

static int queue_data(mw_lmtp *s, mw_delivery *d)
{
    d->data_sent = 1;
    return mw_flight_queue(s, "DATA\r\n", 6, MW_DUE_DATA, 1, d);
}

/* The whole envelope in one group (RFC 2920 3.1: DATA may only end one). */
static int queue_group(mw_lmtp *s, mw_delivery *d)
{
    int rc = s->flight.open ? mw_flight_queue_reset(s) : 0;

    d->grouped = 1;
    if (!rc)
        rc = queue_mail(s, d);
    while (!rc && d->asked < d->rcpts)
        rc = queue_rcpt(s, d);
    if (rc || (d->by_bdat && !d->eager))
        return rc;
    if (!d->by_bdat)
        return queue_data(s, d);
    mw_flight_queue_bdat(s, d);
    return 0;
}

/* One command at a time: the next one, or nothing more when nobody was accepted. */
static int queue_next(mw_lmtp *s, mw_delivery *d)
{
    if (s->flight.open)
        return mw_flight_queue_reset(s);
    if (d->state == MW_DELIVERY_WAITING)
        return queue_mail(s, d);
    if (d->asked < d->rcpts && !d->to.mail_code)
        return queue_rcpt(s, d);
    if (!mw_transaction_owed(&d->to))
        mw_flight_answered(s, d);
    else if (d->by_bdat)
        mw_flight_queue_bdat(s, d);
    else
        return queue_data(s, d);
    return 0;
}

/* ---- content */

mw_delivery *mw_flight_wants(const mw_lmtp *s)
{
    mw_delivery *d = s->flight.current;

    if (!d || d->state != MW_DELIVERY_CONTENT || !mw_content_wants_piece(&d->content) || s->flight.parted)
        return NULL;
    return mw_outq_len(&s->out) < MW_LMTP_HIGH_WATER ? d : NULL;
}

int mw_flight_piece(mw_lmtp *s, const char *bytes, size_t len)
{
    return failed(s, mw_content_piece(&s->flight.current->content, &s->out, bytes, len));
}

void mw_flight_whole(mw_lmtp *s)
{
    s->flight.current->content.whole = 1;
}

int mw_flight_shape(const mw_delivery *d)
{
    int expected = !d->asked || !d->to.accepted;

    if (!expected && d->to.accepted < d->rcpts)
        return MW_SHAPE_MIXED;
    return d->rcpts == 1 ? MW_SHAPE_ONE : MW_SHAPE_SEVERAL;
}

/* The end of the content: owed one reply per accepted recipient (RFC 2033 4.2). */
static int queue_end(mw_lmtp *s, mw_delivery *d)
{
    char end[MW_DOTSTUFF_END_MAX];

    mw_trace_content(&s->flight.trace, d->content.taken);
    if (mw_flight_queue(s, end, mw_content_end(&d->content, end), MW_DUE_FINAL, mw_transaction_owed(&d->to), d))
        return -1;
    mw_flight_ended(s, d);
    d->shape = mw_flight_shape(d);
    mw_flight_pass(s);
    return 0;
}

static int write_content(mw_lmtp *s, mw_delivery *d)
{
    if (mw_flight_write(s, d) || !mw_content_is_queued(&d->content))
        return -1;
    return queue_end(s, d);
}

/* ---- what may go now */

static int begin(mw_lmtp *s, mw_delivery *d)
{
    if (!d->rcpts)
        mw_flight_answered(s, d);
    else if (s->pipelining)
        return !queue_group(s, d);
    else
        return !queue_next(s, d);
    return 1;
}

/* Starts the next delivery on a quiet link: 1 something was queued. */
static int start(mw_lmtp *s, mw_delivery *d)
{
    mw_flight_choose(s, d);
    return mw_flight_must_probe(s, d) ? !mw_flight_queue_probe(s) : begin(s, d);
}

static int proven(const mw_lmtp *s, const mw_delivery *d)
{
    return d->shape & (d->by_bdat ? s->flight.chunk_proven : s->flight.proven);
}

/* Behind an end whose shape was answered in step before, the next envelope may go: by DATA, as its 354 will
 * be an anchor; or a whole message by BDAT, in a stream that a fence ends. */
static int follow(mw_lmtp *s, mw_delivery *before, mw_delivery *d)
{
    mw_flight_choose(s, d);
    if (d->by_bdat != before->by_bdat || (d->by_bdat && !(d->eager && proven(s, d) && !mw_flight_must_probe(s, d))))
        return before->by_bdat ? !queue_fence(s) : 0;
    before->followed = 1;
    /* The end may be refused, and then Cyrus 3.6 leaves the transaction open. */
    s->flight.open = 1;
    return begin(s, d);
}

/* before's end is the last thing that was queued. */
static int go_behind(mw_lmtp *s, mw_delivery *before, mw_delivery *d)
{
    if (!mw_flight_may_follow(s))
        return 0;
    if (!proven(s, before) || s->flight.must_fence || before->refused_early)
        return !queue_fence(s);
    if (d)
        return d->state == MW_DELIVERY_WAITING && follow(s, before, d);
    return before->by_bdat && !s->flight.more && !queue_fence(s);
}

/* Nothing is owed, and a delivery has replies that only a fence can confirm. */
static int needs_fence(const mw_lmtp *s)
{
    const mw_delivery *d = s->flight.oldest;

    while (d && !(d->answered_early && d->refused_early))
        d = d->next;
    return d || mw_flight_doubtful(s);
}

/* One thing that may be sent now: 1 it was queued, 0 there is none. */
static int advance_one(mw_lmtp *s)
{
    mw_delivery *d = s->flight.current;
    const mw_expect *ahead = mw_expects_tail(&s->due);

    if (ahead && ahead->due == MW_DUE_FINAL && ahead->delivery->has_end)
        return go_behind(s, ahead->delivery, d);
    if (d && d->state == MW_DELIVERY_CHUNK)
        return 0;
    if (!ahead && needs_fence(s) && !(d && d->state == MW_DELIVERY_CONTENT))
        return !queue_fence(s);
    if (!d)
        return 0;
    if (d->state == MW_DELIVERY_CONTENT)
        return d->by_bdat ? mw_flight_write_chunk(s, d) : !write_content(s, d);
    if (ahead)
        return 0;
    /* What has begun to come cannot be the answer to what is sent now. */
    if (mw_buf_len(&s->lines.in) || s->gathering.count)
        return !failed(s, MW_E_REPLY_EXTRA);
    return d->state == MW_DELIVERY_WAITING ? start(s, d) : !d->data_sent && !queue_next(s, d);
}

void mw_flight_advance(mw_lmtp *s)
{
    mw_flight_read(s);
    while (s->state != MW_STATE_BROKEN && !s->flight.fence_owed && !s->flight.parted && !s->flight.quiet && advance_one(s))
        mw_flight_read(s);
}

void mw_flight_free(mw_lmtp *s)
{
    mw_delivery *d;

    while (s->flight.first) {
        d = s->flight.first;
        mw_flight_take(s, d);
        mw_delivery_free(d);
    }
    mw_text_drop(s->flight.hello);
    mw_trace_free(&s->flight.trace);
}
