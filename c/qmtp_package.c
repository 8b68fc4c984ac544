/* qmtp_package.c - one QMTP package: recipients, wire form, results.
 *
 * Results are made together with their recipients, before a byte is queued. From then on no
 * failure needs memory: an answer's text may be missing, its code never, and a lost link only
 * fills in what is already there.
 */
#include <assert.h>

#include "error.h"
#include "netstring.h"
#include "qmtp.h"
#include "qmtp_package.h"

mw_qmtp_package *mw_qmtp_package_new(const mw_alloc *alloc, int64_t number)
{
    mw_qmtp_package *p = mw_alloc_zeroed(alloc, sizeof *p);

    if (!p)
        return NULL;
    p->alloc = alloc;
    p->number = number;
    return p;
}

void mw_qmtp_package_free(mw_qmtp_package *p)
{
    size_t i;

    if (!p)
        return;
    for (i = 0; i < p->count; i++)
        mw_result_clear(&p->results[i]);
    p->alloc->release(p->alloc->ctx, p->results);
    p->alloc->release(p->alloc->ctx, p);
}

void mw_qmtp_package_move(mw_qmtp_package *p, mw_qmtp_phase to)
{
    assert(to == MW_QMTP_DONE ? p->phase < to : (int)to == (int)p->phase + 1);
    p->phase = to;
}

static uint64_t netstring_size(size_t len)
{
    char head[MW_NETSTRING_HEAD_MAX];

    return (uint64_t)mw_netstring_head(head, len) + len + 1;
}

static int netstring_queue(mw_outq *out, mw_slice s)
{
    char head[MW_NETSTRING_HEAD_MAX];
    int error = mw_outq_copy(out, head, mw_netstring_head(head, s.len));

    if (!error && s.len)
        error = mw_outq_copy(out, s.base, s.len);
    return error ? error : mw_outq_copy(out, ",", 1);
}

int mw_qmtp_package_rcpt(mw_qmtp_package *p, mw_slice address)
{
    static const mw_result unanswered = { NULL, NULL, 0, MW_STAGE_BODY, 0 };
    void *block = p->results;
    int error = mw_alloc_grow(p->alloc, &block, &p->cap, p->count + 1, sizeof *p->results);
    mw_text *recipient;

    p->results = block;
    if (error)
        return error;
    recipient = mw_text_new(p->alloc, address.base, address.len);
    if (!recipient)
        return MW_E_NOMEM;
    p->results[p->count] = unanswered;
    p->results[p->count++].recipient = recipient;
    p->rcpt_bytes += netstring_size(address.len);
    return 0;
}

/* The netstring of all recipients, whose length is known beforehand. */
static int recipients_queue(const mw_qmtp_package *p, mw_outq *out)
{
    char head[MW_NETSTRING_HEAD_MAX];
    int error = mw_outq_copy(out, head, mw_netstring_head(head, p->rcpt_bytes));
    mw_slice address;
    size_t i;

    for (i = 0; i < p->count && !error; i++) {
        address.base = p->results[i].recipient->bytes;
        address.len = p->results[i].recipient->len;
        error = netstring_queue(out, address);
    }
    return error ? error : mw_outq_copy(out, ",", 1);
}

int mw_qmtp_package_tail(const mw_qmtp_package *p, mw_outq *out, mw_slice sender)
{
    int error = mw_outq_copy(out, ",", 1);

    if (!error)
        error = netstring_queue(out, sender);
    return error ? error : recipients_queue(p, out);
}

int mw_qmtp_package_sent(const mw_qmtp_package *p, uint64_t sent)
{
    return p->phase == MW_QMTP_ANSWERS && sent >= p->end;
}

void mw_qmtp_package_answer(mw_qmtp_package *p, unsigned code, mw_text *text)
{
    assert(p->phase == MW_QMTP_ANSWERS && p->answered < p->count);
    mw_result_set(&p->results[p->answered++], code, text, MW_STAGE_FINAL, 0);
    if (p->answered == p->count)
        mw_qmtp_package_move(p, MW_QMTP_DONE);
}

/* "Any response not received by the client indicates a temporary failure" (qmtp.txt, 2). Before
 * the last byte has been sent the server cannot have accepted it; afterwards it may have. */
void mw_qmtp_package_lose(mw_qmtp_package *p, uint64_t sent, mw_text *words)
{
    int maybe = mw_qmtp_package_sent(p, sent);
    mw_stage stage = maybe ? MW_STAGE_FINAL : MW_STAGE_BODY;
    size_t i;

    for (i = p->answered; i < p->count; i++)
        mw_result_set(&p->results[i], MW_QMTP_DEFERRED, words, stage, maybe);
    mw_qmtp_package_move(p, MW_QMTP_DONE);
}

void mw_qmtp_package_reset(mw_qmtp_package *p)
{
    size_t i;

    for (i = 0; i < p->count; i++)
        mw_result_set(&p->results[i], 0, NULL, MW_STAGE_BODY, 0);
    p->next = NULL;
    p->answered = 0;
    p->phase = MW_QMTP_RCPTS;
}

void mw_qmtp_package_unsent(mw_qmtp_package *p, mw_text *words)
{
    size_t i;

    for (i = 0; i < p->count; i++)
        mw_result_set(&p->results[i], MW_QMTP_DEFERRED, words, MW_STAGE_CONNECT, 0);
    p->phase = MW_QMTP_DONE;
}
