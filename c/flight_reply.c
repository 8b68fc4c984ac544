/* flight_reply.c - what a server's replies mean for the deliveries in flight, see flight.h and trust.h. */
#include "error.h"
#include "flight_private.h"

#include <string.h>

void mw_flight_finish(mw_flight *f, mw_delivery *d)
{
    d->guarded = d->number < f->trust.queued;
    mw_queue_finish(&f->queue, d);
}

/* The link takes no other transaction. */
static void give_up_rest(mw_flight *f, mw_delivery *d)
{
    mw_text *words = mw_dialogue_words(f->dialogue, MW_E_CLOSED, NULL);

    mw_transaction_abandon(&d->to, MW_RCPT_ALL, MW_STAGE_CONNECT, MW_LMTP_LOST, words, 0);
    mw_text_drop(words);
}

void mw_flight_conclude(mw_flight *f, mw_delivery *d)
{
    size_t most = mw_flight_rcpt_max(f);

    if (!f->dialogue->error && !f->dialogue->parted && mw_delivery_next_round(d, &most)) {
        f->rcpt_max = most;
        f->queue.again++;
        return;
    }
    if (d->rest)
        give_up_rest(f, d);
    mw_flight_finish(f, d);
}

/* ---- replies in their place */

static void apply_mail(mw_delivery *d, mw_reply *r)
{
    if (r->code / 100 != 2)
        mw_transaction_mail_refused(&d->to, 0, MW_RCPT_ALL, r->code, mw_reply_words(r));
}

static void apply_data(mw_flight *f, mw_delivery *d, mw_reply *r)
{
    unsigned code;

    if (r->code / 100 == 3) {
        mw_trust_confirm(f, d->number);
        d->state = MW_DELIVERY_CONTENT;
        /* Allowed by RFC 2920 3.1; but a dot might deliver an empty message, and RFC 2033 owes it no reply.
         * */
        if (!mw_transaction_owed(&d->to))
            mw_dialogue_break(f->dialogue, MW_E_REPLY_CLASS, NULL);
        /* Two replies: no content is sent, as which one the server goes by cannot be told. */
        else if (mw_dialogue_has_more(f->dialogue, 1, &code))
            mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    /* When a recipient was accepted, a refusal of DATA in a group may be another command's reply, out of step: only 354 is an anchor. So a
     * fence goes. When no recipient was accepted, DATA must be refused (RFC 2033 4.2). */
    d->unsure |= d->grouped && mw_transaction_owed(&d->to) && mw_trust_may_follow(f);
    mw_transaction_refused(&d->to, MW_STAGE_DATA, r->code, mw_reply_words(r));
    mw_trust_answered(f, d);
}

int mw_flight_has_left(const mw_flight *f, const mw_delivery *d)
{
    return (d->has_end || d->state == MW_DELIVERY_CHUNK) && f->dialogue->out.sent >= d->end;
}

/* Every final reply of d has come. That may be before its content has left; d is answered when it has, as the content may be the caller's
 * memory. */
static void settled(mw_flight *f, mw_delivery *d)
{
    if (mw_flight_has_left(f, d))
        mw_trust_answered(f, d);
    else
        d->answered_early = d->early = 1;
}

static void settle_early(mw_flight *f)
{
    mw_delivery *d = f->queue.oldest;

    for (; d && (d->answered_early || d->state >= MW_DELIVERY_ANSWERED); d = d->next)
        if (d->answered_early && mw_flight_has_left(f, d)) {
            d->answered_early = 0;
            mw_trust_answered(f, d);
        }
}

static void credit(mw_flight *f, mw_delivery *d, unsigned code, mw_text *text)
{
    int last = mw_commands_head(&f->dialogue->commands)->owed == 1;

    mw_delivery_final(d, &f->dialogue->out, code, text, MW_LMTP_LOST);
    if (code / 100 != 2)
        mw_trust_opened(f, d->number);
    mw_commands_shift(&f->dialogue->commands);
    if (last)
        settled(f, d);
}

/* The replies to RCPT have come, and BDAT LAST was sent ahead of them: now it is known how many replies it is owed, one if no recipient was
 * accepted (the probe showed that). A shape that is not proven asks for a fence before anything else is sent. */
static void count_finals(mw_flight *f)
{
    mw_command *command = mw_commands_head(&f->dialogue->commands);
    mw_delivery *d = command->delivery;
    size_t owed = mw_transaction_owed(&d->to);

    command->counts_later = 0;
    if (owed) {
        d->shape = mw_trust_shape(d);
        f->trust.must_fence |= d->eager && !mw_trust_is_proven(f, d);
    } else {
        owed = 1;
        mw_trust_opened(f, d->number);
    }
    command->owed = command->replies = owed;
}

/* A joined reply: a line for each recipient (see mw_lmtp_settle). */
static void credit_lines(mw_flight *f, mw_delivery *d, size_t count)
{
    int tells = mw_reply_tells(&f->dialogue->last);
    size_t i;

    for (i = 0; i < count; i++) {
        mw_text *text = mw_reply_line_words(&f->dialogue->last, i, tells);

        credit(f, d, f->dialogue->last.lines[i].code, text);
        mw_text_drop(text);
    }
}

/* A reply that should be joined is not, or may not be. Its first line is the first recipient's in any case. But where lines differ it may
 * be one recipient's reply, which is never a success. */
static void credit_first(mw_flight *f, int why)
{
    if (!f->dialogue->last.mixed || f->dialogue->last.lines[0].code / 100 != 2)
        credit_lines(f, mw_commands_head(&f->dialogue->commands)->delivery, 1);
    mw_dialogue_break(f->dialogue, why, NULL);
}

/* True when a line has a code of these classes. */
static int has_class(const mw_reply *r, unsigned lowest, unsigned highest)
{
    size_t i;

    for (i = 0; i < r->count; i++)
        if (r->lines[i].code / 100 >= lowest && r->lines[i].code / 100 <= highest)
            return 1;
    return 0;
}

static void apply_joined(mw_flight *f, const mw_reply *r, size_t owed)
{
    if (has_class(r, 1, 1) || has_class(r, 3, 3))
        mw_dialogue_break(f->dialogue, MW_E_REPLY_CLASS, NULL);
    else if (r->count == owed)
        f->trust.quiet = 1;
    else
        credit_first(f, MW_E_REPLY_CODES);
}

/* True when a reply looks like LHLO's, though it may differ from the first one of the link. */
static int is_hello(const mw_flight *f, const mw_reply *r)
{
    return r->code / 100 == 2 && r->count > 1 && mw_keywords_same_server(&f->dialogue->keywords, r);
}

static void apply_final(mw_flight *f, mw_delivery *d, mw_reply *r)
{
    size_t owed = mw_commands_head(&f->dialogue->commands)->owed;

    if ((!mw_flight_has_left(f, d) || f->trust.early) && has_class(r, 2, 2)) {
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EARLY, NULL);
        return;
    }
    if (mw_dialogue_joins(f->dialogue) && owed > 1) {
        apply_joined(f, r, owed);
        return;
    }
    if (r->mixed || (f->trust.fence_owed && is_hello(f, r))) {
        mw_dialogue_break(f->dialogue, r->mixed ? MW_E_REPLY_CODES : MW_E_REPLY_SHORT, NULL);
        return;
    }
    /* Where no fence can follow, an early refusal is taken for the final reply. */
    d->refused_early |= (!mw_flight_has_left(f, d) || f->trust.early) && mw_trust_may_follow(f);
    credit(f, d, r->code, mw_reply_words(r));
}

/* ---- taking them */

/* Classes that a reply may have in its place. */
static int in_class(mw_kind kind, unsigned code)
{
    if (code / 100 >= 4)
        return 1;
    return mw_kind_facts(kind) & MW_GOES_ON ? code == 354 : code / 100 == 2;
}

/* A chunk may be refused before all of it was sent. */
static int refuses_chunk(mw_kind kind, const mw_reply *r)
{
    return kind == MW_KIND_BDAT && r->code / 100 >= 4;
}

/* A reply for the oldest command. After 421 nothing more is sent; final replies may still come behind it, until the link ends. */
static void apply(mw_flight *f, mw_reply *r)
{
    const mw_command command = *mw_commands_head(&f->dialogue->commands);

    if (!in_class(command.kind, r->code) || (r->mixed && command.kind != MW_KIND_END)) {
        mw_dialogue_break(f->dialogue, r->mixed ? MW_E_REPLY_CODES : MW_E_REPLY_CLASS, NULL);
        return;
    }
    if ((f->dialogue->out.sent < command.end || (f->trust.early && command.end)) && r->code != MW_LMTP_LOST && !refuses_chunk(command.kind, r)) {
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    /* A reply of LHLO's in the place of another command's. */
    if (mw_kind_wait(command.kind) != MW_WAIT_LHLO && command.kind != MW_KIND_END && mw_keywords_same(&f->dialogue->keywords, r)) {
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    if (r->code == MW_LMTP_LOST)
        mw_dialogue_part(f->dialogue, mw_reply_words(r));
    if (command.kind == MW_KIND_END) {
        apply_final(f, command.delivery, r);
        return;
    }
    if (command.kind == MW_KIND_PROBE) {
        mw_probe_reply(f, r);
        return;
    }
    mw_commands_shift(&f->dialogue->commands);
    switch (command.kind) {
    case MW_KIND_MAIL:
        apply_mail(command.delivery, r);
        break;
    case MW_KIND_RCPT:
        mw_transaction_rcpt(&command.delivery->to, command.rcpt, r->code, mw_reply_refusal(r));
        break;
    case MW_KIND_DATA:
        apply_data(f, command.delivery, r);
        break;
    case MW_KIND_BDAT:
        mw_flight_apply_chunk(f, command.delivery, r);
        break;
    case MW_KIND_LHLO:
        mw_trust_on_fence(f, r);
        break;
    case MW_KIND_RSET:
        mw_trust_on_reset(f, r);
        break;
    default:
        break;
    }
}

/* A reply that no command is owed. A refusal that comes while content is written is left where it is: it will be the first final reply.
 * Returns as mw_lines_peek. */
static int unasked(mw_flight *f)
{
    const mw_delivery *d = f->queue.current;
    int in_content = d && d->state == MW_DELIVERY_CONTENT;
    unsigned code;
    mw_slice line, text;
    int more, rc = mw_lines_peek(&f->dialogue->lines, &line);

    if (rc != 1)
        return rc;
    if (!mw_reply_scan(line, 1, &code, &more, &text))
        code = 0;
    if (in_content && code / 100 >= 4 && code != MW_LMTP_LOST)
        return 0;
    mw_dialogue_trace(f->dialogue, line);
    if (code == MW_LMTP_LOST)
        mw_dialogue_part_line(f->dialogue, text);
    if (code == MW_LMTP_LOST)
        mw_dialogue_break(f->dialogue, MW_E_CLOSED, NULL);
    else
        mw_dialogue_break(f->dialogue, !in_content ? MW_E_REPLY_EXTRA : code ? MW_E_REPLY_EARLY : MW_E_REPLY_SYNTAX, NULL);
    return 0;
}

/* Takes the next reply: 1 it was taken, 0 there is none, negative: the dialogue breaks. */
static int read_one(mw_flight *f)
{
    const mw_command *command = mw_commands_head(&f->dialogue->commands);
    int rc;

    /* The reply to a command of the caller's is his to read. */
    if (command && !command->in_flight)
        return 0;
    if (command && command->counts_later)
        count_finals(f);
    if (!command)
        return unasked(f);
    rc = mw_dialogue_gather(f->dialogue, 1);
    if (rc == 1) {
        f->replies++;
        apply(f, &f->dialogue->last);
        f->trust.early = 0;
    }
    return rc;
}

/* Bytes came in the half second in which none should. While a probe is answered that does no harm. */
static void disturbed(mw_flight *f)
{
    const mw_command *command = mw_commands_head(&f->dialogue->commands);

    f->trust.quiet = 0;
    if (command && command->kind == MW_KIND_END && mw_dialogue_says_farewell(f->dialogue))
        credit_lines(f, command->delivery, command->owed);
    else if (!command)
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
    else if (command->kind != MW_KIND_PROBE)
        credit_first(f, MW_E_REPLY_EXTRA);
}

/* A line that begins to come before the command it would answer has left is no answer to it, whenever the line ends. */
static void note_early(mw_flight *f)
{
    const mw_command *command = mw_commands_head(&f->dialogue->commands);
    const mw_delivery *d = command ? command->delivery : f->queue.current;

    if (!mw_buf_len(&f->dialogue->lines.in) && !f->dialogue->gathering.count)
        return;
    if (command ? command->kind != MW_KIND_END : !d || d->state != MW_DELIVERY_CONTENT)
        f->trust.early |= command && f->dialogue->out.sent < command->end;
    else
        f->trust.early |= !mw_flight_has_left(f, d);
}

void mw_flight_read(mw_flight *f)
{
    int rc = 1;

    settle_early(f);
    while (rc == 1 && !f->dialogue->error) {
        if (f->trust.quiet && !mw_buf_len(&f->dialogue->lines.in))
            break;
        if (f->trust.quiet)
            disturbed(f);
        else
            rc = read_one(f);
    }
    if (rc < 0)
        mw_dialogue_break(f->dialogue, rc, NULL);
    note_early(f);
    /* 421 was said, and no reply is owed any more. */
    if (f->dialogue->parted && !mw_commands_head(&f->dialogue->commands) && !f->dialogue->error)
        mw_dialogue_break(f->dialogue, MW_E_CLOSED, NULL);
}

/* ---- waiting */

mw_wait mw_flight_waits(const mw_flight *f)
{
    const mw_command *command = mw_commands_head(&f->dialogue->commands);

    if (f->dialogue->error)
        return MW_WAIT_NONE;
    if (f->trust.quiet)
        return MW_WAIT_QUIET;
    if (mw_outq_len(&f->dialogue->out))
        return MW_WAIT_BLOCK;
    if (f->dialogue->parted)
        return command && command->kind == MW_KIND_END ? MW_WAIT_NEXT : MW_WAIT_RSET;
    if (command && !command->in_flight)
        return MW_WAIT_NONE;
    if (!command)
        return mw_flight_wants(f) ? MW_WAIT_BODY : MW_WAIT_NONE;
    if (command->kind == MW_KIND_END && command->owed < command->replies)
        return MW_WAIT_NEXT;
    return mw_kind_wait(command->kind);
}

void mw_flight_expired(mw_flight *f)
{
    mw_command *command = mw_commands_head(&f->dialogue->commands);

    if (!f->trust.quiet) {
        mw_dialogue_break(f->dialogue, MW_E_TIMEOUT, NULL);
        return;
    }
    if (!command || command->kind == MW_KIND_PROBE) {
        if (command)
            mw_commands_pop(&f->dialogue->commands);
        mw_trust_fence_refused(f);
        return;
    }
    f->trust.quiet = 0;
    credit_lines(f, command->delivery, command->owed);
}
