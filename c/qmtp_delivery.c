/* qmtp_delivery.c - see qmtp_delivery.h.
 *
 * Results are made together with their recipients, before a byte is queued. From then on no failure needs memory: an answer's
 * text may be missing, its code never, and a lost link only fills in what is already there.
 */
#include <assert.h>
#include <string.h>

#include "error.h"
#include "netstring.h"
#include "qmtp_delivery.h"

mw_qmtp_delivery *mw_qmtp_delivery_new(const mw_alloc *alloc, mw_slice sender, unsigned char eol)
{
    mw_qmtp_delivery *d = mw_alloc_zeroed(alloc, sizeof *d);

    if (!d)
        return NULL;
    d->alloc = alloc;
    d->eol = eol;
    d->content = "";
    d->sender = mw_text_new(alloc, sender.base, sender.len);
    if (d->sender)
        return d;
    mw_qmtp_delivery_free(d);
    return NULL;
}

void mw_qmtp_delivery_free(mw_qmtp_delivery *d)
{
    size_t i;

    if (!d)
        return;
    for (i = 0; i < d->rcpts; i++)
        mw_result_clear(&d->results[i]);
    d->alloc->release(d->alloc->ctx, d->results);
    mw_text_drop(d->sender);
    d->alloc->release(d->alloc->ctx, d);
}

static uint64_t netstring_size(size_t len)
{
    char head[MW_NETSTRING_HEAD_MAX];

    return (uint64_t)mw_netstring_head(head, len) + len + 1;
}

int mw_qmtp_delivery_rcpt(mw_qmtp_delivery *d, mw_slice address)
{
    static const mw_result unanswered = { NULL, NULL, 0, MW_STAGE_BODY, 0 };
    void *block = d->results;
    int error = mw_alloc_grow(d->alloc, &block, &d->cap, d->rcpts + 1, sizeof *d->results);
    mw_text *recipient;

    d->results = block;
    if (error)
        return error;
    recipient = mw_text_new(d->alloc, address.base, address.len);
    if (!recipient)
        return MW_E_NOMEM;
    d->results[d->rcpts] = unanswered;
    d->results[d->rcpts++].recipient = recipient;
    d->rcpt_bytes += netstring_size(address.len);
    return 0;
}

void mw_qmtp_delivery_content(mw_qmtp_delivery *d, const char *bytes, size_t size)
{
    d->content = bytes;
    d->size = size;
}

void mw_qmtp_delivery_file(mw_qmtp_delivery *d, int fd, uint64_t offset, uint64_t size, int64_t stamp)
{
    d->content = NULL;
    d->fd = fd;
    d->offset = offset;
    d->size = size;
    d->stamp = stamp;
}

const mw_result *mw_qmtp_delivery_results(const mw_qmtp_delivery *d)
{
    return d->state == MW_QMTP_OVER ? d->results : NULL;
}

/* ---- the package: netstring(eol content) netstring(sender) netstring( netstring(recipient) ... ) */

/* An address up to this length is put together first: one copy instead of three. */
#define SHORT_ADDRESS 256

static int netstring_queue(mw_outq *out, const mw_text *s)
{
    char text[MW_NETSTRING_HEAD_MAX + SHORT_ADDRESS + 1];
    size_t len = mw_netstring_head(text, s->len);
    int error = 0;

    if (s->len <= SHORT_ADDRESS) {
        memcpy(text + len, s->bytes, s->len);
        len += s->len;
    } else {
        error = mw_outq_copy(out, text, len);
        if (!error)
            error = mw_outq_copy(out, s->bytes, s->len);
        len = 0;
    }
    text[len++] = ',';
    return error ? error : mw_outq_copy(out, text, len);
}

static int content_queue(const mw_qmtp_delivery *d, mw_outq *out)
{
    mw_outq_stretch stretch = { d->fd, d->offset, d->size, 0, d->stamp };

    if (!d->content)
        return mw_outq_stretch_of(out, &stretch);
    if (d->size == 0)
        return 0;
    return d->size > MW_QMTP_COPY_MAX ? mw_outq_lend(out, d->content, (size_t)d->size) : mw_outq_copy(out, d->content, (size_t)d->size);
}

static int message_queue(mw_qmtp_delivery *d, mw_outq *out)
{
    char head[MW_NETSTRING_HEAD_MAX + 1];
    size_t len = mw_netstring_head(head, d->size + 1);
    int error;

    head[len++] = (char)d->eol;
    error = mw_outq_copy(out, head, len);
    d->body = out->queued;
    if (!error)
        error = content_queue(d, out);
    return error ? error : mw_outq_copy(out, ",", 1);
}

/* Their length is known beforehand. */
static int recipients_queue(const mw_qmtp_delivery *d, mw_outq *out)
{
    char head[MW_NETSTRING_HEAD_MAX];
    int error = mw_outq_copy(out, head, mw_netstring_head(head, d->rcpt_bytes));
    size_t i;

    for (i = 0; i < d->rcpts && !error; i++)
        error = netstring_queue(out, d->results[i].recipient);
    return error ? error : mw_outq_copy(out, ",", 1);
}

int mw_qmtp_delivery_write(mw_qmtp_delivery *d, mw_outq *out)
{
    int error;

    d->start = d->body = d->end = out->queued;
    error = message_queue(d, out);
    if (!error)
        error = netstring_queue(out, d->sender);
    if (!error)
        error = recipients_queue(d, out);
    /* A package that is not whole has no end that could be sent. */
    d->end = error ? UINT64_MAX : out->queued;
    return error;
}

uint64_t mw_qmtp_delivery_sent(const mw_qmtp_delivery *d, uint64_t sent)
{
    if (d->state == MW_QMTP_OVER)
        return d->sent;
    if (d->state == MW_QMTP_WAITING || sent <= d->body)
        return 0;
    return sent - d->body < d->size ? sent - d->body : d->size;
}

/* ---- results */

int mw_qmtp_delivery_is_answered(const mw_qmtp_delivery *d)
{
    return d->answered == d->rcpts;
}

void mw_qmtp_delivery_answer(mw_qmtp_delivery *d, unsigned code, mw_text *text)
{
    assert(d->state == MW_QMTP_WRITTEN && d->answered < d->rcpts);
    mw_result_set(&d->results[d->answered++], code, text, MW_STAGE_FINAL, 0);
}

/* "Any response not received by the client indicates a temporary failure" (qmtp.txt, 2). Before the last byte has been sent the
 * server cannot have accepted it; afterwards it may have. */
void mw_qmtp_delivery_lose(mw_qmtp_delivery *d, uint64_t sent, mw_text *words)
{
    int maybe = sent >= d->end;

    for (; d->answered < d->rcpts; d->answered++)
        mw_result_set(&d->results[d->answered], MW_QMTP_DEFERRED, words, maybe ? MW_STAGE_FINAL : MW_STAGE_BODY, maybe);
}

void mw_qmtp_delivery_reset(mw_qmtp_delivery *d)
{
    size_t i;

    for (i = 0; i < d->rcpts; i++)
        mw_result_set(&d->results[i], 0, NULL, MW_STAGE_BODY, 0);
    d->answered = 0;
    d->state = MW_QMTP_WAITING;
}

void mw_qmtp_delivery_unsent(mw_qmtp_delivery *d, mw_stage stage, mw_text *words)
{
    for (; d->answered < d->rcpts; d->answered++)
        mw_result_set(&d->results[d->answered], MW_QMTP_DEFERRED, words, stage, 0);
}
