/* lmtp_transaction.c - which transaction the recipients of an LMTP session belong to.
 *
 * MAIL and RSET begin one when they are accepted (RFC 5321 3.3). Commands may have been sent behind them by then, so the
 * session's recipients can be of two: those in front of the boundary are the old one's, those behind it wait for its reply.
 */
#include "lmtp_session.h"
#include "error.h"

#include <string.h>

static int is_boundary(const mw_command *e)
{
    return !e->in_flight && (e->kind == MW_KIND_MAIL || e->kind == MW_KIND_RSET);
}

/* The MAIL or RSET that was sent last and is not answered; NULL when there is none. */
static const mw_command *latest_boundary(const mw_lmtp *s)
{
    size_t i;

    for (i = s->dialogue.commands.count; i-- > 0;)
        if (is_boundary(mw_commands_at(&s->dialogue.commands, i)))
            return mw_commands_at(&s->dialogue.commands, i);
    return NULL;
}

const mw_command *mw_lmtp_boundary(const mw_lmtp *s)
{
    size_t i;

    for (i = 0; i < s->dialogue.commands.count; i++)
        if (is_boundary(mw_commands_at(&s->dialogue.commands, i)))
            return mw_commands_at(&s->dialogue.commands, i);
    return NULL;
}

int mw_lmtp_has_message(const mw_lmtp *s)
{
    const mw_command *latest = latest_boundary(s);

    return latest && s->state != MW_STATE_BROKEN ? latest->kind == MW_KIND_MAIL : mw_lmtp_is_open(s);
}

int mw_lmtp_in_transaction(const mw_lmtp *s)
{
    return mw_lmtp_is_open(s) || mw_lmtp_has_message(s);
}

void mw_lmtp_begin(mw_lmtp *s, size_t first)
{
    mw_command *e;
    size_t i;

    mw_transaction_begin(&s->now, first);
    for (i = 0; i < s->dialogue.commands.count; i++) {
        e = mw_commands_at(&s->dialogue.commands, i);
        e->transaction = s->now.id;
        if (is_boundary(e) || (e->kind == MW_KIND_RCPT && !e->in_flight))
            e->rcpt -= e->rcpt < first ? e->rcpt : first;
    }
    mw_text_drop(s->refused_text);
    s->refused_text = NULL;
    s->refused_code = 0;
    s->over = s->dialogue.lapsed = 0;
}

/* A refusal of the MAIL that was sent last holds for the next message's recipients. */
void mw_lmtp_leave_message(mw_lmtp *s)
{
    unsigned code = s->now.mail_code;
    mw_text *text = mw_text_hold(s->now.mail_text);
    int lapsed = s->dialogue.lapsed;

    if (s->over && !mw_lmtp_boundary(s)) {
        mw_lmtp_begin(s, s->over_rcpts);
        if (code)
            mw_transaction_mail_refused(&s->now, s->now.count, MW_RCPT_ALL, code, text);
        s->dialogue.lapsed = code && lapsed;
    }
    mw_text_drop(text);
}

void mw_lmtp_message_over(mw_lmtp *s)
{
    size_t i;
    const mw_command *e;

    s->over = 1;
    s->over_rcpts = s->now.count;
    for (i = s->dialogue.commands.count; i-- > 0;) {
        e = mw_commands_at(&s->dialogue.commands, i);
        if (is_boundary(e) || (e->kind == MW_KIND_RCPT && !e->in_flight))
            s->over_rcpts = e->rcpt;
    }
    mw_lmtp_move(s, MW_STATE_IDLE);
}

size_t mw_lmtp_own_rcpts(const mw_lmtp *s)
{
    size_t i, own = s->now.count;
    int ended = 0;
    const mw_command *e;

    for (i = 0; i < s->dialogue.commands.count; i++) {
        e = mw_commands_at(&s->dialogue.commands, i);
        if (e->kind == MW_KIND_END) {
            own = s->now.count;
            ended = 1;
        } else if (own == s->now.count && (is_boundary(e) || (ended && e->kind == MW_KIND_RCPT))) {
            own = e->rcpt;
        }
    }
    return own;
}

int mw_lmtp_is_chunked(const mw_lmtp *s)
{
    return s->chunked;
}

mw_result mw_lmtp_result(const mw_lmtp *s, size_t i)
{
    const mw_recipient *r = &s->now.rcpts[i];
    mw_result now = r->result;

    if (!r->settled && i < mw_lmtp_own_rcpts(s) && mw_lmtp_end_left(s)) {
        now.stage = MW_STAGE_FINAL;
        now.maybe_delivered = 1;
    }
    return now;
}

void mw_lmtp_mail_refused(mw_lmtp *s, size_t first, unsigned code, mw_text *text)
{
    const mw_command *next = mw_lmtp_boundary(s);

    if (mw_lmtp_in_transaction(s) || s->dialogue.lapsed)
        mw_transaction_mail_refused_inside(&s->now, first, code, text);
    else
        mw_transaction_mail_refused(&s->now, first, next ? next->rcpt : MW_RCPT_ALL, code, text);
}

void mw_lmtp_forget(mw_lmtp *s)
{
    if (s->over && !mw_lmtp_boundary(s))
        mw_lmtp_begin(s, s->over_rcpts);
}

void mw_lmtp_refuse_mail(mw_lmtp *s, unsigned code, mw_text *why)
{
    mw_lmtp_forget(s);
    if (s->state != MW_STATE_BROKEN)
        mw_lmtp_mail_refused(s, s->now.count, code, why);
}

int mw_lmtp_refuse_rcpt(mw_lmtp *s, mw_slice address, unsigned code, mw_text *why)
{
    int rc;

    if (s->over != 2)
        mw_lmtp_leave_message(s);
    if (!(rc = mw_transaction_add(&s->now, address)))
        mw_transaction_settle(&s->now, s->now.count - 1, code == MW_LMTP_LOST ? MW_STAGE_CONNECT : MW_STAGE_RCPT, code, why, 0);
    if (s->state == MW_STATE_BROKEN) {
        s->over = 2;
        s->over_rcpts = s->now.count;
    }
    return rc;
}

int mw_lmtp_rcpt_lost(mw_lmtp *s, mw_slice line)
{
    mw_text *words;
    int rc;

    if (s->state != MW_STATE_BROKEN || mw_command_kind(line) != MW_KIND_RCPT)
        return 0;
    words = mw_dialogue_words(&s->dialogue, s->dialogue.error, NULL);
    rc = mw_lmtp_refuse_rcpt(s, mw_command_address(line), MW_LMTP_LOST, words);
    mw_text_drop(words);
    return rc;
}

void mw_lmtp_doubt_group(mw_lmtp *s, size_t first)
{
    mw_text *why = mw_text_hold(s->now.count ? s->now.rcpts[s->now.count - 1].result.text : NULL);
    size_t i;

    for (i = first; i < s->now.count; i++)
        if (!s->now.rcpts[i].local)
            s->now.rcpts[i].settled = 0;
    mw_transaction_abandon(&s->now, MW_RCPT_ALL, MW_STAGE_RCPT, MW_LMTP_LOST, why, 0);
    mw_text_drop(why);
}

int mw_lmtp_refuse_line(mw_lmtp *s, mw_kind verb, mw_slice line, unsigned code, int why)
{
    mw_text *text = mw_text_of(s->dialogue.alloc, mw_error_text(why));
    int rc = text ? 0 : MW_E_NOMEM;

    if (text && verb == MW_KIND_MAIL)
        mw_lmtp_refuse_mail(s, code, text);
    else if (text && verb == MW_KIND_RCPT)
        rc = mw_lmtp_refuse_rcpt(s, mw_command_address(line), code, text);
    mw_text_drop(text);
    return rc;
}
