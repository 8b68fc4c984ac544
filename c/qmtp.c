/* qmtp.c - a QMTP session: which package is being answered.
 *
 * Deliveries stand in one list, oldest first. The server answers in that order, so a single
 * pointer says whose answer comes next, and the rule "the server sends nothing for a package
 * before it has read its last byte" is a comparison of two counts. Whatever breaks the session
 * goes through session_break, which leaves no recipient without a result.
 */
#include <string.h>

#include "error.h"
#include "qmtp.h"

struct mw_qmtp {
    const mw_alloc *alloc;
    mw_outq out;
    mw_buf in;
    mw_buf answer;                  /* the answer being read */
    mw_netstring reader;
    mw_qmtp_delivery *answering;    /* the oldest that has not all its answers */
    mw_qmtp_delivery *last;         /* the last one written, while there is one */
    uint64_t answers;
    size_t in_flight;
    int several;                    /* a package of several recipients has been written */
    int counts_answers;
    int error;
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
    return q;
}

void mw_qmtp_free(mw_qmtp *q)
{
    if (!q)
        return;
    mw_outq_free(&q->out);
    mw_buf_free(&q->in);
    mw_buf_free(&q->answer);
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

/* Dropping what was not sent makes "its last byte has not been sent" final. */
static int session_break(mw_qmtp *q, int why, mw_text *words)
{
    const char *phrase = mw_error_text(why);
    mw_text *text = words ? mw_text_hold(words) : mw_text_new(q->alloc, phrase, strlen(phrase));

    q->error = why;
    mw_outq_drop(&q->out);
    mw_buf_clear(&q->in);
    for (; q->answering; q->answering = q->answering->behind)
        mw_qmtp_delivery_lose(q->answering, q->out.sent, text);
    q->in_flight = 0;
    mw_text_drop(text);
    return why;
}

int mw_qmtp_may_write(const mw_qmtp *q, size_t rcpts)
{
    return !q->error && (q->counts_answers || q->in_flight == 0 || (rcpts == 1 && !q->several));
}

int mw_qmtp_write(mw_qmtp *q, mw_qmtp_delivery *d)
{
    int error = q->error;

    if (!error && (d->state != MW_QMTP_WAITING || !d->rcpts || !mw_qmtp_may_write(q, d->rcpts)))
        error = MW_E_STATE;
    if (error)
        return error;
    d->state = MW_QMTP_WRITTEN;
    d->behind = NULL;
    if (q->answering)
        q->last->behind = d;
    else
        q->answering = d;
    q->last = d;
    q->in_flight++;
    q->several |= d->rcpts > 1;
    error = mw_qmtp_delivery_write(d, &q->out);
    return error ? session_break(q, error, NULL) : 0;
}

static unsigned answer_code(char first)
{
    switch (first) {
    case 'K': return MW_QMTP_ACCEPTED;
    case 'Z': return MW_QMTP_DEFERRED;
    case 'D': return MW_QMTP_REFUSED;
    default: return 0;
    }
}

/* 0 when the bytes that have come may be an answer, else why not. A false answer that is taken is mail lost. */
static int session_expects(const mw_qmtp *q)
{
    if (!q->answering)
        return MW_E_REPLY_EXTRA;
    return q->out.sent >= q->answering->end ? 0 : MW_E_ANSWER_EARLY;
}

static void session_completed(mw_qmtp *q, const mw_qmtp_delivery *d)
{
    if (d->rcpts > 1)
        q->counts_answers = 1;  /* the first such package was alone: mw_qmtp_may_write */
    q->in_flight--;
    q->answering = d->behind;
}

static int session_answer(mw_qmtp *q)
{
    mw_slice answer = mw_buf_view(&q->answer);
    unsigned code = answer.len ? answer_code(answer.base[0]) : 0;
    mw_qmtp_delivery *d = q->answering;
    mw_text *text;

    if (!code)
        return MW_E_ANSWER;
    text = mw_text_new(q->alloc, answer.base + 1, answer.len - 1);
    mw_qmtp_delivery_answer(d, code, text);
    mw_text_drop(text);
    mw_buf_clear(&q->answer);
    q->answers++;
    if (mw_qmtp_delivery_is_answered(d))
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

size_t mw_qmtp_in_flight(const mw_qmtp *q)
{
    return q->in_flight;
}

uint64_t mw_qmtp_answers(const mw_qmtp *q)
{
    return q->answers;
}

int mw_qmtp_between_answers(const mw_qmtp *q)
{
    return q->answering && q->answering->answered > 0;
}

int mw_qmtp_counts_answers(const mw_qmtp *q)
{
    return q->counts_answers;
}
