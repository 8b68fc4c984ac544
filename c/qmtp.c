/* qmtp.c - a QMTP session: which package is being written, which one is being answered.
 *
 * Packages stand in one list, oldest first. The server answers in that order, so a single
 * pointer says whose answer comes next, and the rule "the server sends nothing for a package
 * before it has read its last byte" is a comparison of two counts. Whatever breaks the session
 * goes through session_break, which leaves no recipient without a result.
 */
#include <string.h>

#include "error.h"
#include "qmtp.h"
#include "qmtp_package.h"

struct mw_qmtp {
    const mw_alloc *alloc;
    mw_outq out;
    mw_buf in;
    mw_buf answer;                  /* the answer being read */
    mw_netstring reader;
    mw_qmtp_package *first;         /* the oldest that has not been taken */
    mw_qmtp_package *last;
    mw_qmtp_package *answering;     /* the oldest that is not complete */
    mw_qmtp_package *writing;       /* the last one, while it is not whole */
    int64_t number;
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

static mw_qmtp_package *session_shift(mw_qmtp *q)
{
    mw_qmtp_package *p = q->first;

    q->first = p->next;
    if (!q->first)
        q->last = NULL;
    return p;
}

void mw_qmtp_free(mw_qmtp *q)
{
    if (!q)
        return;
    while (q->first)
        mw_qmtp_package_free(session_shift(q));
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
    for (; q->answering; q->answering = q->answering->next)
        mw_qmtp_package_lose(q->answering, q->out.sent, text);
    q->writing = NULL;
    q->in_flight = 0;
    mw_text_drop(text);
    return why;
}

/* The package being written, if it is in that phase. */
static int session_writing(const mw_qmtp *q, mw_qmtp_phase phase)
{
    if (q->error)
        return q->error;
    return q->writing && q->writing->phase == phase ? 0 : MW_E_STATE;
}

/* Whether a package of rcpts recipients can share the link with others that are in flight. */
static int session_in_step(const mw_qmtp *q, size_t rcpts, size_t others)
{
    return q->counts_answers || others == 0 || (rcpts == 1 && !q->several);
}

int mw_qmtp_may_begin(const mw_qmtp *q, size_t rcpts)
{
    return !q->error && !q->writing && session_in_step(q, rcpts, q->in_flight);
}

int64_t mw_qmtp_begin(mw_qmtp *q)
{
    mw_qmtp_package *p;

    if (q->error || q->writing)
        return q->error ? q->error : MW_E_STATE;
    p = mw_qmtp_package_new(q->alloc, 0);
    return p ? mw_qmtp_adopt(q, p) : MW_E_NOMEM;
}

int64_t mw_qmtp_adopt(mw_qmtp *q, mw_qmtp_package *p)
{
    if (q->error || q->writing)
        return q->error ? q->error : MW_E_STATE;
    if (q->last)
        q->last->next = p;
    else
        q->first = p;
    if (!q->answering)
        q->answering = p;
    q->last = q->writing = p;
    q->in_flight++;
    return p->number = ++q->number;
}

int mw_qmtp_rcpt(mw_qmtp *q, mw_slice address)
{
    int error = session_writing(q, MW_QMTP_RCPTS);

    return error ? error : mw_qmtp_package_rcpt(q->writing, address);
}

int mw_qmtp_cancel(mw_qmtp *q)
{
    mw_qmtp_package **link = &q->first, *before = NULL;

    if (session_writing(q, MW_QMTP_RCPTS))
        return MW_E_STATE;
    for (; *link != q->writing; link = &before->next)
        before = *link;
    *link = NULL;
    q->last = before;
    if (q->answering == q->writing)
        q->answering = NULL;
    mw_qmtp_package_free(q->writing);
    q->writing = NULL;
    q->in_flight--;
    return 0;
}

int mw_qmtp_message(mw_qmtp *q, unsigned char eol, uint64_t size)
{
    char head[MW_NETSTRING_HEAD_MAX + 1];
    mw_qmtp_package *p = q->writing;
    int error = session_writing(q, MW_QMTP_RCPTS);
    size_t len;

    if (error)
        return error;
    if ((eol != MW_QMTP_LF && eol != MW_QMTP_CRLF) || p->count == 0
        || !session_in_step(q, p->count, q->in_flight - 1))
        return MW_E_STATE;
    if (size == UINT64_MAX)
        return MW_E_SIZE;
    len = mw_netstring_head(head, size + 1);
    head[len++] = (char)eol;
    error = mw_outq_copy(&q->out, head, len);
    if (error)
        return error;
    p->left = size;
    q->several |= p->count > 1;
    mw_qmtp_package_move(p, MW_QMTP_BODY);
    return 0;
}

/* May n more bytes of a message come? */
static int session_takes(const mw_qmtp *q, uint64_t n)
{
    int error = session_writing(q, MW_QMTP_BODY);

    return error ? error : n > q->writing->left ? MW_E_SIZE : 0;
}

int mw_qmtp_body(mw_qmtp *q, const void *bytes, size_t n, int lend)
{
    int error = session_takes(q, n);

    if (error || n == 0)
        return error;
    error = lend ? mw_outq_lend(&q->out, bytes, n) : mw_outq_copy(&q->out, bytes, n);
    if (!error)
        q->writing->left -= n;
    return error;
}

int mw_qmtp_body_file(mw_qmtp *q, int fd, uint64_t offset, uint64_t n, int64_t stamp)
{
    mw_outq_stretch stretch = { fd, offset, n, 0, stamp };
    int error = session_takes(q, n);

    if (!error)
        error = mw_outq_stretch_of(&q->out, &stretch);
    if (!error)
        q->writing->left -= n;
    return error;
}

int mw_qmtp_end(mw_qmtp *q, mw_slice sender)
{
    mw_qmtp_package *p = q->writing;
    int error = session_writing(q, MW_QMTP_BODY);

    if (error)
        return error;
    if (p->left)
        return MW_E_SIZE;
    error = mw_qmtp_package_tail(p, &q->out, sender);
    if (error)
        return session_break(q, error, NULL);
    p->end = q->out.queued;
    mw_qmtp_package_move(p, MW_QMTP_ANSWERS);
    q->writing = NULL;
    return 0;
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

/* May the bytes that have come be an answer? A false one, were it taken, would be mail lost. */
static int session_expects(const mw_qmtp *q)
{
    if (!q->answering || q->answering->phase == MW_QMTP_RCPTS)
        return MW_E_REPLY_EXTRA;
    return mw_qmtp_package_sent(q->answering, q->out.sent) ? 0 : MW_E_ANSWER_EARLY;
}

static void session_completed(mw_qmtp *q, const mw_qmtp_package *p)
{
    if (p->count > 1)
        q->counts_answers = 1;  /* the first such package was alone: session_in_step */
    q->in_flight--;
    q->answering = p->next;
}

static int session_answer(mw_qmtp *q)
{
    mw_slice answer = mw_buf_view(&q->answer);
    unsigned code = answer.len ? answer_code(answer.base[0]) : 0;
    mw_qmtp_package *p = q->answering;
    mw_text *text;

    if (!code)
        return MW_E_ANSWER;
    text = mw_text_new(q->alloc, answer.base + 1, answer.len - 1);
    mw_qmtp_package_answer(p, code, text);
    mw_text_drop(text);
    mw_buf_clear(&q->answer);
    q->answers++;
    if (p->phase == MW_QMTP_DONE)
        session_completed(q, p);
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

const mw_result *mw_qmtp_results(const mw_qmtp *q, int64_t *number_r, size_t *count_r)
{
    *number_r = q->first ? q->first->number : 0;
    *count_r = q->first ? q->first->count : 0;
    return q->first ? q->first->results : NULL;
}

int mw_qmtp_complete(const mw_qmtp *q)
{
    return q->first && q->first->phase == MW_QMTP_DONE;
}

void mw_qmtp_take(mw_qmtp *q)
{
    mw_qmtp_package_free(mw_qmtp_release(q));
}

mw_qmtp_package *mw_qmtp_release(mw_qmtp *q)
{
    return mw_qmtp_complete(q) ? session_shift(q) : NULL;
}
