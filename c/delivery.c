/* delivery.c - see delivery.h. */
#include "delivery.h"
#include "command.h"
#include "error.h"

#include <string.h>

/* What a line that cannot be sent says (RFC 5321 4.2.3: mailbox name not allowed). */
#define UNSENDABLE 553

mw_delivery *mw_delivery_new(const mw_alloc *alloc)
{
    mw_delivery *d = mw_alloc_zeroed(alloc, sizeof *d);

    if (!d)
        return NULL;
    d->alloc = alloc;
    mw_transaction_init(&d->to, alloc);
    mw_buf_init(&d->lines, alloc);
    return d;
}

void mw_delivery_free(mw_delivery *d)
{
    if (!d)
        return;
    mw_transaction_free(&d->to);
    mw_buf_free(&d->lines);
    d->alloc->release(d->alloc->ctx, d->index);
    d->alloc->release(d->alloc->ctx, d);
}

/* The line and its end, whole or not at all. */
static int add_line(mw_delivery *d, mw_slice line)
{
    char *to = mw_buf_room(&d->lines, line.len + 2);

    if (!to)
        return MW_E_NOMEM;
    memcpy(to, line.base, line.len);
    memcpy(to + line.len, "\r\n", 2);
    mw_buf_wrote(&d->lines, line.len + 2);
    return 0;
}

int mw_delivery_mail(mw_delivery *d, mw_slice line)
{
    int rc = mw_command_check(line);

    if (!rc)
        rc = add_line(d, line);
    if (!rc)
        d->mail_len = line.len + 2;
    return rc;
}

int mw_delivery_unsendable(mw_delivery *d, mw_slice address, mw_stage stage, unsigned code, mw_text *text)
{
    int rc = mw_transaction_add(&d->to, address);

    if (!rc)
        mw_transaction_settle(&d->to, d->to.count - 1, stage, code, text, 0);
    return rc;
}

static int note_index(mw_delivery *d)
{
    void *block = d->index;
    int rc = mw_alloc_grow(d->alloc, &block, &d->index_cap, d->rcpts + 1, sizeof *d->index);

    d->index = block;
    if (!rc)
        d->index[d->rcpts++] = d->to.count - 1;
    return rc;
}

int mw_delivery_rcpt(mw_delivery *d, mw_slice address, mw_slice line)
{
    int rc = mw_command_check(line);
    const char *words = mw_error_text(rc);
    mw_text *text;

    if (rc) {
        text = mw_text_new(d->alloc, words, strlen(words));
        rc = mw_delivery_unsendable(d, address, MW_STAGE_RCPT, UNSENDABLE, text);
        mw_text_drop(text);
        return rc;
    }
    rc = mw_transaction_add(&d->to, address);
    if (!rc)
        rc = note_index(d);
    if (!rc && (rc = add_line(d, line)))
        d->rcpts--;
    return rc;
}

void mw_delivery_refuse(mw_delivery *d, mw_stage stage, unsigned code, mw_text *text)
{
    size_t i;

    for (i = 0; i < d->to.count; i++)
        mw_transaction_settle(&d->to, i, stage, code, text, 0);
    mw_buf_clear(&d->lines);
    d->mail_len = d->rcpts = 0;
}
