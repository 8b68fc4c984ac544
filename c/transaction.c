/* transaction.c - see transaction.h. */
#include "transaction.h"
#include "error.h"

#include <assert.h>
#include <string.h>

void mw_transaction_init(mw_transaction *t, const mw_alloc *alloc)
{
    memset(t, 0, sizeof *t);
    t->alloc = alloc;
}

void mw_transaction_free(mw_transaction *t)
{
    mw_transaction_begin(t, t->count);
    t->alloc->release(t->alloc->ctx, t->rcpts);
    t->rcpts = NULL;
    t->cap = 0;
}

static void count_accepted(mw_transaction *t)
{
    size_t i;

    for (t->accepted = 0, i = 0; i < t->count; i++)
        t->accepted += t->rcpts[i].accepted;
}

void mw_transaction_begin(mw_transaction *t, size_t first)
{
    size_t i, kept = t->count - first;

    assert(first <= t->count);
    for (i = 0; i < first; i++)
        mw_result_clear(&t->rcpts[i].result);
    if (first && kept)
        memmove(t->rcpts, t->rcpts + first, kept * sizeof *t->rcpts);
    mw_text_drop(t->mail_text);
    t->mail_text = NULL;
    t->mail_code = 0;
    t->count = kept;
    t->next = 0;
    count_accepted(t);
    t->id++;
}

static void settle(mw_recipient *r, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered)
{
    mw_result_set(&r->result, code, text, stage, maybe_delivered);
    r->settled = 1;
}

int mw_transaction_add(mw_transaction *t, mw_slice address)
{
    mw_recipient *r;
    void *block = t->rcpts;
    mw_text *recipient;

    if (t->count >= MW_RCPT_MAX)
        return MW_E_RCPT_LIMIT;
    if (mw_alloc_grow(t->alloc, &block, &t->cap, t->count + 1, sizeof *t->rcpts))
        return MW_E_NOMEM;
    t->rcpts = block;
    if (!(recipient = mw_text_new(t->alloc, address.base, address.len)))
        return MW_E_NOMEM;
    r = &t->rcpts[t->count++];
    memset(r, 0, sizeof *r);
    r->result.recipient = recipient;
    r->result.stage = MW_STAGE_RCPT;
    if (t->mail_code && !t->mail_inside)
        settle(r, MW_STAGE_MAIL, t->mail_code, t->mail_text, 0);
    return 0;
}

void mw_transaction_drop_last(mw_transaction *t)
{
    mw_result_clear(&t->rcpts[--t->count].result);
}

static void keep_mail(mw_transaction *t, size_t first, int inside, unsigned code, mw_text *text)
{
    mw_text_drop(t->mail_text);
    t->mail_text = mw_text_hold(text);
    t->mail_code = code;
    t->mail_inside = inside;
    t->mail_first = first;
}

void mw_transaction_mail_refused(mw_transaction *t, size_t first, size_t until, unsigned code, mw_text *text)
{
    size_t i;

    if (until == MW_RCPT_ALL)
        keep_mail(t, first, 0, code, text);
    for (i = first; i < t->count && i < until; i++)
        if (!t->rcpts[i].settled)
            settle(&t->rcpts[i], MW_STAGE_MAIL, code, text, 0);
}

void mw_transaction_mail_refused_inside(mw_transaction *t, size_t first, unsigned code, mw_text *text)
{
    keep_mail(t, first, 1, code, text);
}

void mw_transaction_unsettle(mw_transaction *t, size_t i)
{
    mw_result_set(&t->rcpts[i].result, 0, NULL, MW_STAGE_RCPT, 0);
    t->rcpts[i].settled = 0;
}

void mw_transaction_mail_stands(mw_transaction *t, size_t i)
{
    const mw_recipient *r = &t->rcpts[i];

    if (i < t->count && r->settled && !r->accepted && !r->local && r->result.stage == MW_STAGE_MAIL)
        mw_transaction_unsettle(t, i);
}

void mw_transaction_close(mw_transaction *t)
{
    size_t i;

    for (i = 0; i < t->count; i++) {
        t->rcpts[i].closed = t->rcpts[i].settled;
        t->rcpts[i].accepted = 0;
    }
    t->accepted = t->next = 0;
}

void mw_transaction_rcpt(mw_transaction *t, size_t i, unsigned code, mw_text *text)
{
    mw_recipient *r;

    if (i >= t->count || t->rcpts[i].accepted)
        return;
    r = &t->rcpts[i];
    if (code / 100 == 2) {
        /* After a refused MAIL the server has no transaction, whatever it says to RCPT. */
        if (r->settled)
            return;
        r->accepted = 1;
        t->accepted++;
        if (i < t->next)
            t->next = i;
    } else if (!r->settled && t->mail_code && t->mail_inside && i >= t->mail_first) {
        settle(r, MW_STAGE_MAIL, t->mail_code, t->mail_text, 0);
    } else if (!r->settled) {
        settle(r, MW_STAGE_RCPT, code, text, 0);
    }
}

void mw_transaction_refused(mw_transaction *t, mw_stage stage, unsigned code, mw_text *text)
{
    size_t i;

    for (i = 0; i < t->count; i++)
        if (t->rcpts[i].accepted && !t->rcpts[i].settled)
            settle(&t->rcpts[i], stage, code, text, 0);
}

void mw_transaction_reopen(mw_transaction *t)
{
    size_t i;

    for (i = 0; i < t->count; i++) {
        const mw_recipient *r = &t->rcpts[i];

        if (r->accepted && (r->result.stage == MW_STAGE_DATA || r->result.stage == MW_STAGE_BODY))
            mw_transaction_unsettle(t, i);
    }
    t->next = 0;
}

static int settle_next(mw_transaction *t, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered)
{
    for (; t->next < t->count; t->next++) {
        mw_recipient *r = &t->rcpts[t->next];

        if (r->accepted && !r->settled) {
            settle(r, stage, code, text, maybe_delivered);
            t->next++;
            return 1;
        }
    }
    return 0;
}

int mw_transaction_final(mw_transaction *t, unsigned code, mw_text *text)
{
    return settle_next(t, MW_STAGE_FINAL, code, text, code < 400 && code / 100 != 2);
}

int mw_transaction_final_in_doubt(mw_transaction *t, mw_stage stage, unsigned code, mw_text *text)
{
    return settle_next(t, stage, code, text, 1);
}

void mw_transaction_abandon(mw_transaction *t, size_t until, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered)
{
    size_t i;

    for (i = 0; i < t->count && i < until; i++)
        mw_transaction_settle(t, i, stage, code, text, maybe_delivered);
}

size_t mw_transaction_owed(const mw_transaction *t)
{
    size_t i, owed = 0;

    for (i = t->next; i < t->count; i++)
        owed += t->rcpts[i].accepted && !t->rcpts[i].settled;
    return owed;
}

void mw_transaction_settle(mw_transaction *t, size_t i, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered)
{
    if (t->rcpts[i].settled)
        return;
    settle(&t->rcpts[i], stage, code, text, maybe_delivered);
    t->rcpts[i].local = 1;
}

void mw_transaction_doubt(mw_transaction *t, int finals_only)
{
    size_t i;

    for (i = 0; i < t->count; i++)
        if (!t->rcpts[i].local && !t->rcpts[i].closed && (!finals_only || t->rcpts[i].result.stage == MW_STAGE_FINAL))
            t->rcpts[i].settled = 0;
}

void mw_transaction_doubt_last(mw_transaction *t, size_t finals)
{
    size_t i;

    for (i = t->count; i && finals; i--) {
        mw_recipient *r = &t->rcpts[i - 1];

        if (!r->settled || r->local || r->closed || r->result.stage != MW_STAGE_FINAL)
            continue;
        r->settled = 0;
        finals--;
    }
}
