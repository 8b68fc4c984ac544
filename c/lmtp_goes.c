/* lmtp_goes.c - which commands an LMTP session sends, and which it answers itself. */
#include "lmtp_session.h"
#include "error.h"

mw_kind mw_lmtp_kind(const mw_lmtp *s, mw_slice line)
{
    return s->auth ? MW_KIND_AUTH : mw_command_kind(line);
}

/* A LHLO may have ended the transaction: servers differ (RFC 5321 4.1.4; Cyrus 3.6 leaves it open). So content is not sent before another
 * MAIL. */
static int is_lapsed(const mw_lmtp *s)
{
    return s->dialogue.lapsed && !mw_lmtp_boundary(s);
}

/* See MW_ALONE and mw_dialogue_restart. */
static int is_out_of_place(const mw_lmtp *s, mw_kind kind)
{
    const mw_command *owed = mw_commands_head(&s->dialogue.commands);
    int facts = mw_kind_facts(kind);

    return (owed && (mw_kind_facts(owed->kind) & MW_ALONE)) || ((facts & MW_ALONE) && !mw_lmtp_idle(s))
        || ((facts & MW_OF_MESSAGE) && s->dialogue.forgotten);
}

int mw_lmtp_has_unasked(const mw_lmtp *s)
{
    return !mw_commands_head(&s->dialogue.commands) && mw_buf_len(&s->dialogue.lines.in);
}

static const mw_refused no_refusal = { 0, 0 };
static const mw_refused out_of_place = { MW_E_STATE, MW_LMTP_OUT_OF_PLACE };

/* A recipient too many. Those of a message that is over are forgotten first. */
static mw_refused check_rcpt(const mw_lmtp *s)
{
    size_t over = s->over && !mw_lmtp_boundary(s) ? s->over_rcpts : 0;

    return s->now.count - over < MW_RCPT_MAX ? no_refusal : (mw_refused){ MW_E_RCPT_LIMIT, MW_LMTP_REFUSED };
}

/* A second DATA is refused here while final replies are owed (RFC 5321 4.1.4: 503, bad sequence of commands): which message a reply is for
 * could not be told. */
static mw_refused check_data(const mw_lmtp *s)
{
    return s->state == MW_STATE_WAIT || is_lapsed(s) ? out_of_place : no_refusal;
}

/* BDAT (RFC 3030 2) is not sent where its answer could not be relied on. After a refused chunk the server refuses all that follow. Without
 * an accepted recipient it may answer LAST, or not, or take the chunk for commands. Behind DATA the chunk would be content if DATA got 354.
 * Behind a MAIL or RSET without a reply it is not known whether there is a recipient. A line that is no reply waits in front of the replies to
 * what is sent now. */
static mw_refused check_bdat(const mw_lmtp *s, mw_slice line)
{
    unsigned long long size;

    if (!mw_command_bdat_size(line, &size))
        return (mw_refused){ MW_E_SIZE, MW_LMTP_REFUSED };
    if (s->dialogue.garbled && s->state == MW_STATE_ENVELOPE)
        return (mw_refused){ MW_E_REPLY_SYNTAX, 0 };
    if (s->state == MW_STATE_REFUSED)
        return (mw_refused){ MW_E_STATE, s->refused_code };
    if (s->state == MW_STATE_ASKED || s->state == MW_STATE_WAIT || s->dialogue.lapsed || mw_lmtp_boundary(s))
        return out_of_place;
    return mw_transaction_owed(&s->now) ? no_refusal : (mw_refused){ MW_E_NO_RCPT, MW_LMTP_OUT_OF_PLACE };
}

static mw_refused check_verb(const mw_lmtp *s, mw_kind kind, mw_slice line)
{
    switch (kind) {
    case MW_KIND_RCPT:
        return check_rcpt(s);
    case MW_KIND_DATA:
        return check_data(s);
    case MW_KIND_BDAT:
    case MW_KIND_END:
        return check_bdat(s, line);
    default:
        return no_refusal;
    }
}

mw_refused mw_lmtp_check(const mw_lmtp *s, mw_kind kind, mw_slice line)
{
    int why = mw_command_check(line);

    if (why)
        return (mw_refused){ why, MW_LMTP_REFUSED };
    if (s->state == MW_STATE_BROKEN && kind != MW_KIND_QUIT)
        return (mw_refused){ s->dialogue.error, MW_LMTP_LOST };
    if (s->state == MW_STATE_OPEN || s->chunk_left || s->cut)
        return (mw_refused){ MW_E_STATE, 0 };
    if (is_out_of_place(s, kind))
        return out_of_place;
    if ((mw_kind_facts(kind) & MW_IN_STEP) && (mw_lmtp_has_unasked(s) || s->stray))
        return (mw_refused){ MW_E_REPLY_EXTRA, 0 };
    if (s->dialogue.commands.count >= MW_COMMANDS_MAX)
        return (mw_refused){ MW_E_STATE, 0 };
    return check_verb(s, kind, line);
}

int mw_lmtp_goes(mw_lmtp *s, mw_slice line)
{
    mw_lmtp_leave_replies(s);
    return !mw_lmtp_check(s, mw_lmtp_kind(s, line), line).why;
}
