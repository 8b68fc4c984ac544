/* qmtp.c - a QMTP session: which package is being answered.
 *
 * The server answers in the order in which packages were sent, so the oldest delivery of the queue is the one whose answer comes next, and
 * the rule "the server sends nothing for a package before it has read its last byte" is a comparison of two counts. Whatever breaks
 * the session goes through session_break, which leaves no recipient without a result.
 */
#include "qmtp.h"
#include "error.h"

#include <string.h>

struct mw_qmtp {
    const mw_alloc *alloc;
    mw_outq out;
    mw_buf in;
    mw_buf answer;                  /* the answer being read */
    mw_netstring reader;
    mw_queue *deliveries;           /* those that are lent, and others */
    size_t in_flight;               /* how many are lent. 0: the queue may be gone */
    uint64_t answers;
    int several;                    /* a package of several recipients has been written */
    int counts_answers;             /* one has been answered in full with nothing else in flight */
    int error;
    mw_text *words;                 /* why; NULL: memory failed */
    mw_trace trace;                 /* a line for each package and each answer, while it is on */
};

mw_qmtp *mw_qmtp_new(const mw_alloc *alloc, size_t answer_max)
{
    mw_qmtp *q = mw_alloc_zeroed(alloc, sizeof *q);

    if (!q)
        return NULL;
    q->alloc = alloc;
    q->reader.max = answer_max ? answer_max : MW_NETSTRING_MAX;
    mw_outq_init(&q->out, alloc);
    mw_buf_init(&q->in, alloc);
    mw_buf_init(&q->answer, alloc);
    mw_trace_init(&q->trace, alloc);
    return q;
}

void mw_qmtp_free(mw_qmtp *q)
{
    if (!q)
        return;
    mw_outq_free(&q->out);
    mw_buf_free(&q->in);
    mw_buf_free(&q->answer);
    mw_trace_free(&q->trace);
    mw_text_drop(q->words);
    q->alloc->release(q->alloc->ctx, q);
}

mw_outq *mw_qmtp_out(mw_qmtp *q)
{
    return &q->out;
}

mw_buf *mw_qmtp_in(mw_qmtp *q)
{
    return &q->in;
}

mw_trace *mw_qmtp_trace(mw_qmtp *q)
{
    return &q->trace;
}

/* Without memory a line is left out. */
static void trace_answer(mw_qmtp *q, mw_slice answer)
{
    char head[MW_NETSTRING_HEAD_MAX];
    mw_buf line;

    if (!q->trace.on)
        return;
    mw_buf_init(&line, q->alloc);
    if (!mw_buf_append(&line, head, mw_netstring_head(head, answer.len)) && !mw_buf_append(&line, answer.base, answer.len)
        && !mw_buf_append(&line, ",", 1))
        mw_trace_add(&q->trace, MW_TRACE_IN, mw_buf_view(&line).base, mw_buf_len(&line));
    mw_buf_free(&line);
}

static void trace_package(mw_qmtp *q, const mw_delivery *d)
{
    mw_buf line;

    if (!q->trace.on)
        return;
    mw_buf_init(&line, q->alloc);
    if (!mw_qmtp_delivery_show(d, &line))
        mw_trace_add(&q->trace, MW_TRACE_OUT, mw_buf_view(&line).base, mw_buf_len(&line));
    mw_buf_free(&line);
}

/* ---- the end */

/* "Any response not received by the client indicates a temporary failure" (qmtp.txt, 2). Before the last byte has been sent the
 * server cannot have accepted it; afterwards it may have. If no byte was sent it cannot have seen it. */
static void lose(mw_qmtp *q, mw_delivery *d)
{
    int maybe = q->out.sent >= d->end;

    if (d->begin >= q->out.sent) {
        d->state = MW_DELIVERY_WAITING;
        return;
    }
    mw_transaction_abandon(&d->to, MW_RCPT_ALL, maybe ? MW_STAGE_FINAL : MW_STAGE_BODY, MW_QMTP_DEFERRED, q->words, maybe);
    d->content.taken = mw_qmtp_delivery_sent(d, q->out.sent);
    mw_queue_finish(q->deliveries, d);
}

static void lose_all(mw_qmtp *q)
{
    mw_delivery *d;

    for (d = q->deliveries->oldest; d; d = d->next)
        if (d->state == MW_DELIVERY_ENDED)
            lose(q, d);
    /* All that is unfinished waits. */
    q->deliveries->current = q->deliveries->oldest;
    q->in_flight = 0;
}

/* Dropping what was not sent makes "its last byte has not been sent" final. */
static int session_break(mw_qmtp *q, int why, mw_text *words)
{
    q->error = why;
    q->words = words ? mw_text_hold(words) : mw_text_of(q->alloc, mw_error_text(why));
    mw_outq_drop(&q->out);
    mw_buf_clear(&q->in);
    if (q->in_flight)
        lose_all(q);
    return why;
}

/* ---- packages */

/* No answer could be credited to the wrong package. */
static int may_write(const mw_qmtp *q, const mw_delivery *d)
{
    return q->counts_answers || q->in_flight == 0 || (d->rcpts == 1 && !q->several);
}

int mw_qmtp_write(mw_qmtp *q, mw_queue *deliveries)
{
    mw_delivery *d;
    int rc;

    while (!q->error && (d = deliveries->current) && mw_outq_len(&q->out) < MW_QMTP_HIGH_WATER && may_write(q, d)) {
        if (!d->rcpts) {
            mw_queue_finish(deliveries, d);
            continue;
        }
        q->deliveries = deliveries;
        q->in_flight++;
        q->several |= d->rcpts > 1;
        d->state = MW_DELIVERY_ENDED;
        mw_queue_pass(deliveries);
        if ((rc = mw_qmtp_delivery_write(d, &q->out)))
            session_break(q, rc, NULL);
        else
            trace_package(q, d);
    }
    return q->error;
}

/* ---- answers */

static unsigned answer_code(char first)
{
    switch (first) {
    case 'K': return MW_QMTP_ACCEPTED;
    case 'Z': return MW_QMTP_DEFERRED;
    case 'D': return MW_QMTP_REFUSED;
    default: return 0;
    }
}

/* The delivery whose answer comes next; NULL when none does. */
static mw_delivery *answering(const mw_qmtp *q)
{
    return q->in_flight ? q->deliveries->oldest : NULL;
}

/* 0 when the bytes that have come may be an answer, else why not. A false answer that is taken is mail lost. */
static int session_expects(const mw_qmtp *q)
{
    const mw_delivery *d = answering(q);

    if (!d)
        return MW_E_ANSWER_EXTRA;
    return q->out.sent >= d->end ? 0 : MW_E_ANSWER_EARLY;
}

static void session_completed(mw_qmtp *q, mw_delivery *d)
{
    if (d->rcpts > 1)
        q->counts_answers = 1;  /* the first such package was alone: may_write */
    q->in_flight--;
    d->content.taken = d->content.size;
    mw_queue_finish(q->deliveries, d);
}

static int session_answer(mw_qmtp *q)
{
    mw_slice answer = mw_buf_view(&q->answer);
    unsigned code = answer.len ? answer_code(answer.base[0]) : 0;
    mw_delivery *d = answering(q);
    mw_text *text;

    trace_answer(q, answer);
    if (!code || !d)
        return MW_E_ANSWER;
    text = mw_text_new(q->alloc, answer.base + 1, answer.len - 1);
    mw_delivery_final(d, &q->out, code, text, MW_QMTP_DEFERRED);
    mw_text_drop(text);
    mw_buf_clear(&q->answer);
    q->answers++;
    if (d->to.next == d->to.count)
        session_completed(q, d);
    return 1;
}

/* Eats up to the end of one answer: 1 an answer, 0 more needed, or an error. */
static int session_feed(mw_qmtp *q)
{
    mw_slice bytes = mw_buf_view(&q->in);
    size_t used = 0;
    int done = session_expects(q);

    if (done < 0)
        return done;
    done = mw_netstring_feed(&q->reader, bytes.base, bytes.len, &used, &q->answer);
    mw_buf_consume(&q->in, used);
    return done == 1 ? session_answer(q) : done;
}

int mw_qmtp_read(mw_qmtp *q)
{
    int taken = 0, got;

    while (!q->error && mw_buf_len(&q->in)) {
        got = session_feed(q);
        if (got < 0)
            return session_break(q, got, NULL);
        taken |= got;
    }
    return q->error ? q->error : taken;
}

void mw_qmtp_lost(mw_qmtp *q, int why, mw_text *words)
{
    if (mw_qmtp_read(q) >= 0)
        session_break(q, why, words);
}

int mw_qmtp_error(const mw_qmtp *q)
{
    return q->error;
}

const mw_text *mw_qmtp_words(const mw_qmtp *q)
{
    return q->words;
}

size_t mw_qmtp_in_flight(const mw_qmtp *q)
{
    return q->in_flight;
}

/* ---- time */

static mw_wait waits(const void *link)
{
    const mw_qmtp *q = link;

    if (mw_outq_len(&q->out))
        return MW_WAIT_BLOCK;
    if (!answering(q))
        return MW_WAIT_NONE;
    return answering(q)->to.next ? MW_WAIT_NEXT : MW_WAIT_FINAL;
}

static uint64_t answers(const void *link)
{
    return ((const mw_qmtp *)link)->answers;
}

static const mw_outq *out(const void *link)
{
    return &((const mw_qmtp *)link)->out;
}

const mw_protocol mw_qmtp_protocol = { MW_QMTP_DEFERRED, waits, answers, out };
