/* flight_reply.c - what a server's replies mean for the deliveries in flight.
 *
 * Stricter than the sync calls: a line that is no reply, codes that differ inside a reply, a code of the
 * wrong class, a reply that nobody is owed: each breaks the session, as all that follows could be
 * another's.
 */
#include "error.h"
#include "flight.h"
#include "lmtp_session.h"

#include <string.h>

void mw_flight_finish(mw_lmtp *s, mw_delivery *d)
{
    d->state = MW_DELIVERY_DONE;
    s->flight.unanswered--;
    s->flight.bytes -= (size_t)d->content.size;
    while (s->flight.oldest && s->flight.oldest->state == MW_DELIVERY_DONE)
        s->flight.oldest = s->flight.oldest->next;
}

void mw_flight_answered(mw_lmtp *s, mw_delivery *d)
{
    unsigned code;

    if (s->flight.current == d)
        mw_flight_pass(s);
    /* By BDAT it may be open in any case, but what goes behind it begins with RSET. */
    if (!d->followed && (d->eager || (d->state != MW_DELIVERY_ENDED && d->asked)))
        s->flight.open = 1;
    d->state = MW_DELIVERY_ANSWERED;
    d->unsure |= mw_lmtp_is_over(s, 1, &code);
    if (!d->followed && !d->fenced && !d->unsure && !d->refused_early && !mw_flight_doubtful_before(s, d))
        mw_flight_finish(s, d);
}

void mw_flight_confirm(mw_lmtp *s, const mw_delivery *until)
{
    mw_delivery *d;

    for (d = s->flight.oldest; d && d != until; d = d->next)
        if (d->state == MW_DELIVERY_ANSWERED)
            mw_flight_finish(s, d);
}

int mw_flight_doubtful_before(const mw_lmtp *s, const mw_delivery *until)
{
    const mw_delivery *d;

    for (d = s->flight.oldest; d && d != until; d = d->next)
        if (d->state == MW_DELIVERY_ANSWERED)
            return 1;
    return 0;
}

int mw_flight_doubtful(const mw_lmtp *s)
{
    return mw_flight_doubtful_before(s, NULL);
}

/* ---- replies in their place */

static void apply_mail(mw_delivery *d, const mw_reply *r)
{
    mw_text *text;

    if (r->code / 100 == 2)
        return;
    text = mw_reply_joined(r);
    mw_transaction_mail_refused(&d->to, 0, MW_RCPT_ALL, r->code, text);
    mw_text_drop(text);
}

static void apply_rcpt(mw_delivery *d, size_t rcpt, const mw_reply *r)
{
    mw_text *text = r->code / 100 == 2 ? NULL : mw_reply_joined(r);

    mw_transaction_rcpt(&d->to, rcpt, r->code, text);
    mw_text_drop(text);
}

static void apply_data(mw_lmtp *s, mw_delivery *d, const mw_reply *r)
{
    mw_text *text;

    if (r->code / 100 == 3) {
        mw_flight_confirm(s, d);
        d->anchored = 1;
        d->state = MW_DELIVERY_CONTENT;
        /* Allowed by RFC 2920 3.1; but a dot might deliver an empty message, and RFC 2033 owes it no reply.
         * */
        if (!mw_transaction_owed(&d->to))
            mw_lmtp_break(s, MW_E_REPLY_CLASS, NULL);
        return;
    }
    /* In a group that somebody was accepted in, a refusal of DATA may be another's reply, out of step: 354 would have
     * shown. A fence does. Where nobody was accepted, DATA must be refused (RFC 2033 4.2), and is. */
    d->unsure |= d->grouped && mw_transaction_owed(&d->to) && mw_flight_may_follow(s);
    text = mw_reply_joined(r);
    mw_transaction_refused(&d->to, MW_STAGE_DATA, r->code, text);
    mw_text_drop(text);
    mw_flight_answered(s, d);
}

int mw_flight_has_left(const mw_lmtp *s, const mw_delivery *d)
{
    return (d->has_end || d->state == MW_DELIVERY_CHUNK) && s->out.sent >= d->end;
}

/* A delivery may be refused while its content is on its way. It is not answered before that has left, as it
 * may be the caller's memory. */
static void settled(mw_lmtp *s, mw_delivery *d)
{
    if (mw_flight_has_left(s, d))
        mw_flight_answered(s, d);
    else
        d->answered_early = d->early = 1;
}

static void settle_early(mw_lmtp *s)
{
    mw_delivery *d = s->flight.oldest;

    for (; d && (d->answered_early || d->state >= MW_DELIVERY_ANSWERED); d = d->next)
        if (d->answered_early && mw_flight_has_left(s, d)) {
            d->answered_early = 0;
            mw_flight_answered(s, d);
        }
}

static void credit(mw_lmtp *s, mw_delivery *d, unsigned code, mw_text *text)
{
    int last = mw_expects_head(&s->due)->owed == 1;

    mw_transaction_final(&d->to, code, text);
    s->flight.open |= code / 100 != 2 && !d->followed;
    mw_expects_shift(&s->due);
    if (last)
        settled(s, d);
}

/* BDAT was sent ahead of the replies to RCPT: now they tell how many it is owed; one if nobody was
 * accepted, as the probe showed. A shape that was not seen in step asks for a fence before anything else. */
static void count_finals(mw_lmtp *s)
{
    mw_expect *due = mw_expects_head(&s->due);
    mw_delivery *d = due->delivery;
    size_t owed = mw_transaction_owed(&d->to);

    due->counts_later = 0;
    if (owed) {
        d->shape = mw_flight_shape(d);
        s->flight.must_fence |= d->eager && !(s->flight.chunk_proven & d->shape);
    } else {
        owed = 1;
        s->flight.open |= !d->followed;
    }
    due->owed = due->replies = owed;
}

/* A joined reply: a line for each recipient (see mw_lmtp_settle). */
static void credit_lines(mw_lmtp *s, mw_delivery *d, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        mw_slice line = mw_reply_text(&s->last, i);
        mw_text *text = mw_text_new(s->alloc, line.base, line.len);

        credit(s, d, s->last.lines[i].code, text);
        mw_text_drop(text);
    }
}

/* It is not that, or not sure to be: its first line is the first recipient's in any case. But where lines
 * differ it may be one recipient's reply, which is never a success. */
static void credit_first(mw_lmtp *s, int why)
{
    if (!s->last.mixed || s->last.lines[0].code / 100 != 2)
        credit_lines(s, mw_expects_head(&s->due)->delivery, 1);
    mw_lmtp_break(s, why, NULL);
}

/* True when a line has such a class. */
static int has_class(const mw_reply *r, unsigned lowest, unsigned highest)
{
    size_t i;

    for (i = 0; i < r->count; i++)
        if (r->lines[i].code / 100 >= lowest && r->lines[i].code / 100 <= highest)
            return 1;
    return 0;
}

static void apply_joined(mw_lmtp *s, const mw_reply *r, size_t owed)
{
    if (has_class(r, 1, 1) || has_class(r, 3, 3))
        mw_lmtp_break(s, MW_E_REPLY_CLASS, NULL);
    else if (r->count == owed)
        s->flight.quiet = 1;
    else
        credit_first(s, MW_E_REPLY_CODES);
}

static void apply_final(mw_lmtp *s, mw_delivery *d, const mw_reply *r)
{
    size_t owed = mw_expects_head(&s->due)->owed;
    mw_text *text;

    if ((!mw_flight_has_left(s, d) || s->flight.early) && has_class(r, 2, 2)) {
        mw_lmtp_break(s, MW_E_REPLY_EARLY, NULL);
        return;
    }
    if (mw_lmtp_joins(s) && owed > 1) {
        apply_joined(s, r, owed);
        return;
    }
    if (r->mixed || (s->flight.fence_owed && mw_flight_is_hello(s, r))) {
        mw_lmtp_break(s, r->mixed ? MW_E_REPLY_CODES : MW_E_REPLY_SHORT, NULL);
        return;
    }
    /* Where nothing can follow, nothing can tell: it is taken as it is. */
    d->refused_early |= (!mw_flight_has_left(s, d) || s->flight.early) && mw_flight_may_follow(s);
    text = mw_reply_joined(r);
    credit(s, d, r->code, text);
    mw_text_drop(text);
}

/* ---- taking them */

/* Classes that a reply may have in its place. */
static int in_class(mw_due due, unsigned code)
{
    if (due == MW_DUE_DATA)
        return code == 354 || code / 100 >= 4;
    return code / 100 == 2 || code / 100 >= 4;
}

/* The server closes: nothing more is sent. What it owes may still be on its way (and is final then), the
 * end of the link tells. */
static void part(mw_lmtp *s, const mw_reply *r)
{
    if (r->code != MW_LMTP_LOST)
        return;
    s->flight.parted = 1;
    if (!s->parting)
        s->parting = mw_reply_joined(r);
}

/* A refusal of content may come while it is sent. */
static int refuses_chunk(mw_due due, const mw_reply *r)
{
    return due == MW_DUE_CHUNK && r->code / 100 >= 4;
}

static void apply(mw_lmtp *s, const mw_reply *r)
{
    const mw_expect due = *mw_expects_head(&s->due);

    if (!in_class(due.due, r->code) || (r->mixed && due.due != MW_DUE_FINAL)) {
        mw_lmtp_break(s, r->mixed ? MW_E_REPLY_CODES : MW_E_REPLY_CLASS, NULL);
        return;
    }
    if ((s->out.sent < due.end || (s->flight.early && due.end)) && r->code != MW_LMTP_LOST && !refuses_chunk(due.due, r)) {
        mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    /* LHLO's own, where it is not due. */
    if (due.due != MW_DUE_LHLO && due.due != MW_DUE_PROBE && due.due != MW_DUE_FINAL && mw_flight_is_anchor(s, r)) {
        mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    part(s, r);
    if (due.due == MW_DUE_FINAL) {
        apply_final(s, due.delivery, r);
        return;
    }
    if (due.due == MW_DUE_PROBE) {
        mw_flight_apply_probe(s, r);
        return;
    }
    mw_expects_shift(&s->due);
    switch (due.due) {
    case MW_DUE_MAIL:
        apply_mail(due.delivery, r);
        break;
    case MW_DUE_RCPT:
        apply_rcpt(due.delivery, due.rcpt, r);
        break;
    case MW_DUE_DATA:
        apply_data(s, due.delivery, r);
        break;
    case MW_DUE_CHUNK:
        mw_flight_apply_chunk(s, due.delivery, r);
        break;
    case MW_DUE_LHLO:
        mw_flight_apply_fence(s, r);
        break;
    case MW_DUE_RSET:
        mw_flight_apply_reset(s, r);
        break;
    default:
        break;
    }
}

/* A reply that nobody is owed. While content is being written a refusal may come early: it is kept, as the
 * first final reply. 1 when the reading goes on. */
static int unasked(mw_lmtp *s)
{
    const mw_delivery *d = s->flight.current;
    int in_content = d && d->state == MW_DELIVERY_CONTENT;
    unsigned code;
    mw_slice line, text;
    int more, rc = mw_lines_peek(&s->lines, &line);

    if (rc != 1)
        return rc;
    if (!mw_reply_scan(line, 1, &code, &more, &text))
        code = 0;
    if (in_content && code / 100 >= 4 && code != MW_LMTP_LOST)
        return 0;
    mw_trace_add(&s->flight.trace, MW_TRACE_IN, line.base, line.len);
    if (code == MW_LMTP_LOST) {
        s->flight.parted = 1;
        if (!s->parting)
            s->parting = mw_text_new(s->alloc, text.base, text.len);
        mw_lmtp_break(s, MW_E_CLOSED, NULL);
    } else {
        mw_lmtp_break(s, !in_content ? MW_E_REPLY_EXTRA : code ? MW_E_REPLY_EARLY : MW_E_REPLY_SYNTAX, NULL);
    }
    return 0;
}

/* One more reply: 1 it was taken, 0 there is none, negative: broken. */
static int read_one(mw_lmtp *s)
{
    mw_slice line;
    int rc;
    const mw_expect *due = mw_expects_head(&s->due);

    /* The reply to a command of the caller's is his to read. */
    if (due && !due->in_flight)
        return 0;
    if (due && due->counts_later)
        count_finals(s);
    if (!due)
        return unasked(s);
    do {
        if ((rc = mw_lines_next(&s->lines, &line)) != 1)
            return rc;
        mw_trace_add(&s->flight.trace, MW_TRACE_IN, line.base, line.len);
    } while ((rc = mw_reply_add(&s->gathering, line, 1)) == 0);
    if (rc == 1) {
        mw_reply done = s->gathering;

        s->gathering = s->last;
        s->last = done;
        mw_reply_clear(&s->gathering);
        s->flight.replies++;
        s->garbled = 0;
        apply(s, &s->last);
        s->flight.early = 0;
    }
    return rc;
}

/* Something came where nothing should. While a probe is answered nothing is at stake. */
static void disturbed(mw_lmtp *s)
{
    const mw_expect *due = mw_expects_head(&s->due);

    s->flight.quiet = 0;
    if (due && due->due == MW_DUE_FINAL && mw_lmtp_says_farewell(s))
        credit_lines(s, due->delivery, due->owed);
    else if (!due)
        mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
    else if (due->due != MW_DUE_PROBE)
        credit_first(s, MW_E_REPLY_EXTRA);
}

/* A line that has begun to come before what it would be the answer to has left is no answer, whenever it ends. */
static void note_early(mw_lmtp *s)
{
    const mw_expect *due = mw_expects_head(&s->due);
    const mw_delivery *d = due ? due->delivery : s->flight.current;

    if (!mw_buf_len(&s->lines.in) && !s->gathering.count)
        return;
    if (due ? due->due != MW_DUE_FINAL : !d || d->state != MW_DELIVERY_CONTENT)
        s->flight.early |= due && s->out.sent < due->end;
    else
        s->flight.early |= !mw_flight_has_left(s, d);
}

void mw_flight_read(mw_lmtp *s)
{
    int rc = 1;

    settle_early(s);
    while (rc == 1 && s->state != MW_STATE_BROKEN) {
        if (s->flight.quiet && !mw_buf_len(&s->lines.in))
            break;
        if (s->flight.quiet)
            disturbed(s);
        else
            rc = read_one(s);
    }
    if (rc < 0)
        mw_lmtp_break(s, rc, NULL);
    note_early(s);
    /* 421, and nothing is owed any more that could still come. */
    if (s->flight.parted && !mw_expects_head(&s->due) && s->state != MW_STATE_BROKEN)
        mw_lmtp_break(s, MW_E_CLOSED, NULL);
}

/* ---- waiting */

mw_wait mw_flight_waits(const mw_lmtp *s)
{
    static const unsigned char waits[] = {
        [MW_DUE_LHLO] = MW_WAIT_LHLO, [MW_DUE_MAIL] = MW_WAIT_MAIL, [MW_DUE_RCPT] = MW_WAIT_RCPT,
        [MW_DUE_DATA] = MW_WAIT_DATA, [MW_DUE_PROBE] = MW_WAIT_LHLO, [MW_DUE_FINAL] = MW_WAIT_FINAL, [MW_DUE_RSET] = MW_WAIT_RSET,
        [MW_DUE_CHUNK] = MW_WAIT_FINAL,
        [MW_DUE_LOCAL] = MW_WAIT_NONE
    };
    const mw_expect *due = mw_expects_head(&s->due);

    if (s->state == MW_STATE_BROKEN)
        return MW_WAIT_NONE;
    if (s->flight.quiet)
        return MW_WAIT_QUIET;
    if (mw_outq_len(&s->out))
        return MW_WAIT_BLOCK;
    if (s->flight.parted)
        return due && due->due == MW_DUE_FINAL ? MW_WAIT_NEXT : MW_WAIT_RSET;
    if (due && !due->in_flight)
        return MW_WAIT_NONE;
    if (!due)
        return mw_flight_wants(s) ? MW_WAIT_BODY : MW_WAIT_NONE;
    if (due->due == MW_DUE_FINAL && due->owed < due->replies)
        return MW_WAIT_NEXT;
    return (mw_wait)waits[due->due];
}

void mw_flight_expired(mw_lmtp *s)
{
    mw_expect *due = mw_expects_head(&s->due);

    if (!s->flight.quiet) {
        mw_lmtp_break(s, MW_E_TIMEOUT, NULL);
        return;
    }
    if (!due || due->due == MW_DUE_PROBE) {
        if (due)
            mw_expects_pop(&s->due);
        mw_flight_fence_refused(s);
        return;
    }
    s->flight.quiet = 0;
    credit_lines(s, due->delivery, due->owed);
}
