/* delivery.c - see delivery.h. */
#include "delivery.h"
#include "ascii.h"
#include "clock.h"
#include "command.h"
#include "error.h"
#include "reply.h"

#include <string.h>

/* What a line that cannot be sent says (RFC 5321 4.2.3: mailbox name not allowed). */
#define UNSENDABLE 553

mw_delivery *mw_delivery_new(const mw_alloc *alloc)
{
    mw_delivery *d = mw_alloc_zeroed(alloc, sizeof *d);

    if (!d)
        return NULL;
    d->alloc = alloc;
    d->deadline = MW_NEVER;
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

/* RCPT lines are behind it. */
int mw_delivery_mail_says(mw_delivery *d, size_t row, mw_slice value)
{
    char text[MW_PARAMETER_MAX(MW_DIGITS_MAX)], *to;
    size_t len, behind = mw_buf_len(&d->lines) - d->mail_len + 2;

    if (!d->mail_len || !mw_parameter_put(mw_parameter_row(row), value, text, &len))
        return 0;
    if (!(to = mw_buf_room(&d->lines, len)))
        return MW_E_NOMEM;
    memmove(to - behind + len, to - behind, behind);
    memcpy(to - behind, text, len);
    mw_buf_wrote(&d->lines, len);
    d->mail_len += len;
    return 0;
}

/* ---- what is said of the content */

static const mw_refusal *refusal_of(const mw_keyword *size, uint64_t octets, char digits[MW_DIGITS_MAX], mw_slice *value_r)
{
    value_r->base = digits;
    value_r->len = mw_put_digits(octets, digits);
    return mw_parameter_refusal(mw_parameter_row(MW_PARAMETER_SIZE), *value_r, size->params, 0);
}

/* Line ends double the size at the most: where the server's limit is in between, octets are counted that were not yet. */
static void declare_size(mw_delivery *d, const mw_keyword *size, int say)
{
    char digits[MW_DIGITS_MAX];
    mw_slice value;
    uint64_t octets = mw_content_declared_size(&d->content, 0);
    const mw_refusal *refusal;
    mw_text *words;

    if (d->content.source == MW_SOURCE_LENT && !d->content.in_lines && refusal_of(size, 2 * octets, digits, &value))
        octets = mw_content_declared_size(&d->content, 1);
    refusal = refusal_of(size, octets, digits, &value);
    if (!refusal) {
        if (say && (d->content.source != MW_SOURCE_PIECES || d->content.in_lines))
            (void)mw_delivery_mail_says(d, MW_PARAMETER_SIZE, value);
        return;
    }
    words = mw_text_of(d->alloc, refusal->words);
    mw_delivery_refuse(d, MW_STAGE_MAIL, refusal->code, words);
    mw_text_drop(words);
}

void mw_delivery_declare(mw_delivery *d, const mw_keywords *offered)
{
    const mw_slice eight = { "8", 1 };

    if (offered->eight_bit && (d->declares & MW_DECLARE_BODY) && mw_content_is_eight_bit(&d->content))
        (void)mw_delivery_mail_says(d, MW_PARAMETER_BITS, eight);
    if (offered->size)
        declare_size(d, offered->size, d->declares & MW_DECLARE_SIZE);
}

/* ---- recipients */

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
    mw_text *text;

    if (rc) {
        text = mw_text_of(d->alloc, mw_error_text(rc));
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
    mw_transaction_abandon(&d->to, MW_RCPT_ALL, stage, code, text, 0);
    mw_buf_clear(&d->lines);
    d->mail_len = d->rcpts = d->rest = 0;
}

void mw_delivery_final(mw_delivery *d, const mw_outq *out, unsigned code, mw_text *text, unsigned lost)
{
    mw_text *words;

    if (code / 100 != 2 || !out->shares || !mw_content_has_changed(&d->content)) {
        mw_transaction_final(&d->to, code, text);
        return;
    }
    words = mw_content_words(&d->content, d->alloc, MW_E_CHANGED);
    mw_transaction_final_in_doubt(&d->to, MW_STAGE_BODY, lost, words);
    mw_text_drop(words);
}

/* ---- one transaction after the other */

void mw_delivery_limit(mw_delivery *d, size_t most)
{
    size_t all = d->rcpts + d->rest;

    d->rcpts = most && most < all && d->content.source != MW_SOURCE_PIECES ? most : all;
    d->rest = all - d->rcpts;
}

static int is_one_too_many(const mw_recipient *r)
{
    mw_slice words = { r->result.text ? r->result.text->bytes : "", r->result.text ? r->result.text->len : 0 };
    mw_enhanced e;

    if (!r->settled || r->local || r->closed || r->result.stage != MW_STAGE_RCPT || (r->result.code != 452 && r->result.code != 552))
        return 0;
    return !mw_enhanced_parse(words, &e) || (e.subject == 5 && e.detail == 3);
}

/* Keeps the lines of the recipients that go again, or all if there are none: results show them. Returns how many there are; *refused_r: some
 * of them the server had too many of. */
static size_t keep_lines(mw_delivery *d, int *refused_r)
{
    mw_slice lines = mw_buf_view(&d->lines);
    char *to = d->lines.block + d->lines.head + d->mail_len;
    const char *from = to, *end = lines.base + lines.len;
    size_t i, kept = 0, len;
    int is_behind = 0, goes;

    for (i = 0; i < d->rcpts + d->rest; i++, from += len) {
        const mw_recipient *r = &d->to.rcpts[d->index[i]];

        len = (size_t)((const char *)memchr(from, '\n', (size_t)(end - from)) - from) + 1;
        goes = is_behind && is_one_too_many(r);
        *refused_r |= goes;
        is_behind |= r->accepted;
        if (!goes && r->settled)
            continue;
        mw_transaction_unsettle(&d->to, d->index[i]);
        d->index[kept++] = d->index[i];
        memmove(to, from, len);
        to += len;
    }
    if (kept)
        mw_buf_cut(&d->lines, (size_t)(end - to));
    return kept;
}

int mw_delivery_next_round(mw_delivery *d, size_t *most)
{
    size_t accepted = d->to.accepted, kept;
    int refused = 0;

    if (!d->mail_len || d->content.source == MW_SOURCE_PIECES || !(kept = keep_lines(d, &refused)))
        return 0;
    if (refused)
        *most = accepted;
    mw_transaction_close(&d->to);
    mw_content_rewind(&d->content);
    d->state = MW_DELIVERY_WAITING;
    d->begin = d->end = d->number = 0;
    d->asked = d->line = d->rest = 0;
    d->grouped = d->by_bdat = d->eager = d->split = d->shape = 0;
    d->answered_early = d->early = d->refused_early = d->has_end = d->guarded = d->unsure = 0;
    d->rcpts = kept;
    mw_delivery_limit(d, *most);
    return d->again = 1;
}
