/* lmtp_check.h - what must hold of an LMTP session after every call that fuzz_lmtp.c makes. */
#ifndef LMTP_CHECK_H
#define LMTP_CHECK_H

#include "../c/error.h"
#include "../c/lmtp.h"
#include "lmtp_model.h"

typedef struct run {
    fuzz_memory memory;
    mw_lmtp *s;
    model *m;
    int cut;
    mw_content_state content;     /* before the call */
    int small;              /* limits were set */
} run;

static inline void check_recipient(const run *h, size_t i)
{
    const mw_result *r = &mw_lmtp_transaction(h->s)->rcpts[i].result;
    const model_rcpt *m = &h->m->rcpts[i];  /* counts for nothing when unsure */

    FUZZ_CHECK(r->recipient);
    FUZZ_CHECK(!r->maybe_delivered || r->code == MW_LMTP_LOST || (r->code < 400 && r->code / 100 != 2));
    if (mw_lmtp_error(h->s))
        FUZZ_CHECK(r->code);
    if (h->m->unsure)
        return;
    if (r->code / 100 == 2 && r->code)
        FUZZ_CHECK(m->accepted && m->final == r->code && r->stage == MW_STAGE_FINAL);
    /* A reply too many, and not the same to all: nobody is believed. */
    if (m->final / 100 == 2 && !m->doubtful && mw_lmtp_error(h->s) == MW_E_REPLY_EXTRA && r->code == MW_LMTP_LOST)
        FUZZ_CHECK(r->maybe_delivered);
    else if (m->final / 100 == 2 && !m->doubtful)
        FUZZ_CHECK(r->code == m->final && !r->maybe_delivered);
}

/* Successes are no more than the digits 2 that came, whatever the caller did. */
static inline void check_results(const run *h)
{
    const mw_transaction *t = mw_lmtp_transaction(h->s);
    size_t i, successes = 0;

    if (t->id != h->m->transaction && !h->m->unsure)
        model_begin(h->m, t->id, t->count, mw_lmtp_error(h->s) != 0);
    FUZZ_CHECK(h->m->unsure || t->count == h->m->count);
    for (i = 0; i < t->count; i++) {
        check_recipient(h, i);
        successes += t->rcpts[i].result.code / 100 == 2;
    }
    FUZZ_CHECK(successes <= h->m->positive);
}

/* The session has just broken: everybody has a result, and it is in doubt exactly when the message's end had left. */
static inline void check_broken(const run *h, int waiting)
{
    const mw_transaction *t = mw_lmtp_transaction(h->s);
    int left = h->m->ends && mw_lmtp_out(h->s)->sent >= h->m->end;
    size_t i;

    for (i = 0; i < t->count; i++) {
        const mw_result *r = &t->rcpts[i].result;

        FUZZ_CHECK(r->code);
        if (h->m->unsure || h->m->ends > 1 || h->m->late_rcpt || h->m->rcpts[i].settled || h->m->rcpts[i].final)
            continue;
        FUZZ_CHECK(!r->maybe_delivered || left);
        FUZZ_CHECK(r->maybe_delivered || !left || waiting || r->code != MW_LMTP_LOST || mw_lmtp_parting(h->s));
    }
}

static inline void check(run *h, int waiting)
{
    mw_content_state content = mw_lmtp_content(h->s);

    if (fuzz_memory_has_failed(&h->memory)) {
        h->m->unsure = 1;
        h->memory.counter.fail_at = 0;
    }
    if (content == MW_CONTENT_REFUSED && h->content != content)
        model_refused(h->m);
    h->content = content;
    if (mw_lmtp_error(h->s) && !h->m->frozen) {
        h->m->frozen = 1;
        check_broken(h, waiting);
        model_settle_all(h->m);
    }
    check_results(h);
}

static inline void check_reply(const run *h, int rc, int wanted)
{
    const mw_reply *r = mw_lmtp_last(h->s);

    if (h->m->unsure || h->small || fuzz_memory_has_failed(&h->memory))
        return;
    FUZZ_CHECK(rc > 0 ? wanted == 1 : rc == 0 ? wanted == 0 : wanted < 0);
    if (rc > 0 && !model_joins(h->m))
        FUZZ_CHECK(r->count == h->m->reply.count && !r->mixed == !h->m->reply.mixed);
}

/* A call has taken used bytes of len. */
static inline void check_used(const run *h, int rc, size_t used, size_t len)
{
    FUZZ_CHECK(used <= len && (rc == 0 || rc == MW_E_NOMEM || used == 0));
    FUZZ_CHECK(rc || used == len || mw_outq_len(mw_lmtp_out(h->s)) >= MW_LMTP_HIGH_WATER || len > MW_LMTP_HIGH_WATER);
}

#endif
