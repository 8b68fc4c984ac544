/* qmtp_delivery.c - see qmtp_delivery.h.
 *
 * Results are made together with their recipients, before a byte is queued. From then on no failure needs memory: an answer's
 * text may be missing, its code never, and a lost link only fills in what is already there.
 */
#include "qmtp_delivery.h"
#include "error.h"
#include "netstring.h"

#include <string.h>
#include <stdio.h>

static int add_netstring(mw_buf *lines, mw_slice s)
{
    char *to = mw_buf_room(lines, MW_NETSTRING_HEAD_MAX + s.len + 1);
    size_t head;

    if (!to)
        return MW_E_NOMEM;
    head = mw_netstring_head(to, s.len);
    if (s.len)
        memcpy(to + head, s.base, s.len);
    to[head + s.len] = ',';
    mw_buf_wrote(lines, head + s.len + 1);
    return 0;
}

mw_delivery *mw_qmtp_delivery_new(const mw_alloc *alloc, mw_slice sender, unsigned char eol)
{
    mw_delivery *d = mw_delivery_new(alloc);

    if (d && add_netstring(&d->lines, sender)) {
        mw_delivery_free(d);
        return NULL;
    }
    if (d) {
        d->eol = eol;
        d->mail_len = mw_buf_len(&d->lines);
    }
    return d;
}

int mw_qmtp_delivery_rcpt(mw_delivery *d, mw_slice address)
{
    int rc = mw_transaction_add(&d->to, address);

    if (!rc && (rc = add_netstring(&d->lines, address)))
        mw_transaction_drop_last(&d->to);
    if (!rc)
        mw_transaction_rcpt(&d->to, d->rcpts++, MW_QMTP_ACCEPTED, NULL);
    return rc;
}

/* ---- the package: netstring(eol content) netstring(sender) netstring( netstring(recipient) ... ) */

static int queue_content(mw_content *c, mw_outq *out)
{
    return c->source == MW_SOURCE_FILE ? mw_content_stretch(c, out, 0) : mw_content_put(out, c->bytes, (size_t)c->size);
}

static int queue_message(mw_delivery *d, mw_outq *out)
{
    char head[MW_NETSTRING_HEAD_MAX + 1];
    size_t len = mw_netstring_head(head, d->content.size + 1);
    int rc;

    head[len++] = (char)d->eol;
    rc = mw_outq_copy(out, head, len);
    d->body = out->queued;
    return rc ? rc : queue_content(&d->content, out);
}

static int queue_envelope(const mw_delivery *d, mw_outq *out)
{
    char head[MW_NETSTRING_HEAD_MAX];
    mw_slice lines = mw_buf_view(&d->lines);
    size_t rest = lines.len - d->mail_len;
    int rc = mw_outq_copy(out, ",", 1);

    if (!rc)
        rc = mw_outq_copy(out, lines.base, d->mail_len);
    if (!rc)
        rc = mw_outq_copy(out, head, mw_netstring_head(head, rest));
    if (!rc)
        rc = mw_outq_copy(out, lines.base + d->mail_len, rest);
    return rc ? rc : mw_outq_copy(out, ",", 1);
}

int mw_qmtp_delivery_show(const mw_delivery *d, mw_buf *line)
{
    char head[MW_NETSTRING_HEAD_MAX + 48];
    mw_slice lines = mw_buf_view(&d->lines);
    size_t rest = lines.len - d->mail_len, len = mw_netstring_head(head, d->content.size + 1);
    int rc;

    len += (size_t)snprintf(head + len, 48, "(%llu bytes of content),", (unsigned long long)d->content.size);
    rc = mw_buf_append(line, head, len);
    if (!rc)
        rc = mw_buf_append(line, lines.base, d->mail_len);
    if (!rc)
        rc = mw_buf_append(line, head, mw_netstring_head(head, rest));
    if (!rc)
        rc = mw_buf_append(line, lines.base + d->mail_len, rest);
    return rc ? rc : mw_buf_append(line, ",", 1);
}

int mw_qmtp_delivery_write(mw_delivery *d, mw_outq *out)
{
    int rc;

    d->begin = d->body = out->queued;
    rc = queue_message(d, out);
    if (!rc)
        rc = queue_envelope(d, out);
    /* A package that is not whole has no end that could be sent. */
    d->end = rc ? UINT64_MAX : out->queued;
    return rc;
}

uint64_t mw_qmtp_delivery_sent(const mw_delivery *d, uint64_t sent)
{
    uint64_t size = d->content.size;

    if (d->state == MW_DELIVERY_DONE)
        return d->content.taken;
    if (d->state == MW_DELIVERY_WAITING || sent <= d->body)
        return 0;
    return sent - d->body < size ? sent - d->body : size;
}
