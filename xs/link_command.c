/* link_command.c - commands of a link on their way out. */
#include "link_private.h"
#include "call.h"
#include "convert.h"
#include "../c/command.h"

/* ---- debugging */

void mwx_link_show(pTHX_ mwx_link *link, SV *ref, int out, SV *line)
{
    SV *arguments[2];
    int busy = link->busy;

    arguments[0] = boolSV(out);
    arguments[1] = line;
    if (link->level)
        mwx_call(aTHX_ ref, "debug_print", arguments, 2, &link->died);
    if (!link->traced || link->died)
        return;
    link->busy = 1;
    mwx_call(aTHX_ ref, "_traced", arguments, 2, &link->died);
    link->busy = busy;
}

void mwx_link_debug_line(pTHX_ mwx_link *link, SV *ref, int out, mw_slice text, const char *end)
{
    SV *line = sv_2mortal(newSVpvn(text.base, text.len));

    sv_catpv(line, end);
    mwx_link_show(aTHX_ link, ref, out, line);
}

void mwx_link_debug_command(pTHX_ mwx_link *link, SV *ref, mw_slice line)
{
    size_t public = mw_lmtp_public(link->session, line);
    const char *end = public < line.len ? MW_HIDDEN "\r\n" : "\r\n";

    line.len = public;
    mwx_link_debug_line(aTHX_ link, ref, 1, line, end);
}

/* ---- commands */

/* Seconds: what is there already. */
#define AT_ONCE 1e-9

/* What has come while nothing was owed: read now, so that the session can tell it from the next command's
 * reply. */
static int look(pTHX_ mwx_link *link, SV *ref)
{
    int rc = mw_lmtp_owes(link->session) ? 0 : mwx_link_look(aTHX_ link, ref);

    return rc < 0 ? rc : 0;
}

static int end_content(pTHX_ mwx_link *link, SV *ref)
{
    if (mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_DATAEND))
        mwx_call(aTHX_ ref, "dataend", NULL, 0, &link->died);
    else
        mwx_link_dataend(aTHX_ link, ref);
    return link->died ? -1 : 0;
}

/* 0 also for a command that was refused here, and is answered in its turn. */
static int queue_command(pTHX_ mwx_link *link, SV *ref, mw_slice line)
{
    int rc;

    mw_lmtp_settle_hand(link->session);
    if (link->debug)
        /* The caller's string may change meanwhile. */
        line.base = SvPVX(sv_2mortal(newSVpvn(line.base, line.len)));
    if ((rc = look(aTHX_ link, ref)))
        return rc;
    if (link->debug && mw_lmtp_goes(link->session, line))
        mwx_link_debug_command(aTHX_ link, ref, line);
    if (link->died || mwx_link_is_closed(aTHX_ link, ref))
        return MWX_E_DIED;
    rc = mw_lmtp_command(link->session, line);
    return rc == MW_E_ARG_BYTES || rc == MW_E_COMMAND_LIMIT || rc == MW_E_RCPT_LIMIT ? 0 : rc;
}

/* Sends what was queued, unless that failed. */
static void send_queued(pTHX_ mwx_link *link, SV *ref, int rc)
{
    if (!rc)
        rc = mwx_link_flush_queue(aTHX_ link, ref);
    if (rc && !(rc == MWX_E_DIED && !mw_outq_len(mw_lmtp_out(link->session))))
        mwx_link_failed(aTHX_ link, ref, rc == MW_E_STATE ? MW_E_CLOSED : rc);
}

/* Before a command: an open message is ended, unless the command is to discard it. 1 when the command may
 * go. */
static int make_way(pTHX_ mwx_link *link, SV *ref, int discards)
{
    if (mwx_link_is_closed(aTHX_ link, ref))
        return 0;
    if (mw_lmtp_content(link->session) == MW_CONTENT_OPEN && !discards && end_content(aTHX_ link, ref))
        return 0;
    return mwx_flight_reset(aTHX_ link, ref) && !mwx_link_is_closed(aTHX_ link, ref);
}

/* The last delivery's results are not those of what is sent by hand. */
static void leave_delivered(pTHX_ mwx_link *link, mw_slice line)
{
    if (link->delivered && (mw_kind_facts(mw_command_kind(line)) & MW_OF_MESSAGE))
        mwx_link_delivered(aTHX_ link, NULL);
}

static void send_command(pTHX_ mwx_link *link, SV *ref, mw_slice line)
{
    int rc = MWX_E_DIED;

    leave_delivered(aTHX_ link, line);
    if (make_way(aTHX_ link, ref, mw_lmtp_discards(line))) {
        rc = queue_command(aTHX_ link, ref, line);
        send_queued(aTHX_ link, ref, rc);
    }
    if (rc)
        mw_lmtp_rcpt_lost(link->session, line);
}

void mwx_link_command(pTHX_ mwx_link *link, SV *ref, SV **words, int count)
{
    SV *line;

    if (!count) {
        make_way(aTHX_ link, ref, 0);
        return;
    }
    /* An open message is ended first: what runs meanwhile may change the caller's string. */
    line = sv_2mortal(mwx_shared_copy(aTHX_ mwx_joined(aTHX_ words, count, " ")));
    send_command(aTHX_ link, ref, mwx_without_end(mwx_octets(aTHX_ line, 1, "")));
}

int mwx_link_line(pTHX_ mwx_link *link, SV *ref, mw_slice line)
{
    send_command(aTHX_ link, ref, line);
    return link->died ? MWX_CMD_ERROR : mwx_link_response(aTHX_ link, ref);
}

/* The replies to earlier commands that the caller did not read, each within so many seconds. True when none is owed any more. */
static int catch_up(pTHX_ mwx_link *link, SV *ref, NV seconds)
{
    uint64_t before;

    mw_lmtp_leave_replies(link->session);
    while (mw_lmtp_owes(link->session) && !link->died) {
        before = mw_lmtp_taken(link->session);
        mwx_link_next_reply(aTHX_ link, ref, seconds);
        if (mw_lmtp_taken(link->session) == before)
            break;
    }
    return !mw_lmtp_owes(link->session) && !link->died;
}

void mwx_link_read_unread(pTHX_ mwx_link *link, SV *ref)
{
    if (!mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE))
        catch_up(aTHX_ link, ref, mwx_link_timeout(aTHX_ link, ref));
}

void mwx_link_ready(pTHX_ mwx_link *link, SV *ref, int may_wait)
{
    int why = MW_E_TIMEOUT;

    if (link->deliveries.queue->unanswered || mwx_fd(aTHX_ ref) < 0)
        return;
    if (mw_lmtp_is_garbled(link->session))
        why = MW_E_REPLY_SYNTAX;
    else if (mw_lmtp_has_message(link->session))
        return;
    else if (catch_up(aTHX_ link, ref, may_wait ? mwx_link_timeout(aTHX_ link, ref) : AT_ONCE))
        why = mw_lmtp_in_auth(link->session) ? MW_E_STATE : 0;
    if (!why)
        return;
    if (!link->died && mwx_fd(aTHX_ ref) >= 0)
        mwx_link_give_up(aTHX_ link, ref, why, mwx_link_words(link, why));
}

/* The next reply of a group. When it does not come, those that follow could be taken for another command's. */
static int group_reply(pTHX_ mwx_link *link, SV *ref)
{
    int digit = mwx_link_response(aTHX_ link, ref);

    if (link->code && !link->died && mwx_fd(aTHX_ ref) >= 0)
        mwx_link_give_up(aTHX_ link, ref, MW_E_REPLY_SYNTAX, mwx_link_words(link, MW_E_REPLY_SYNTAX));
    return digit;
}

/* The lines of a group; NULL for a line that is not sent. */
static SV *group_line(pTHX_ AV *lines, SSize_t i)
{
    SV **line = av_fetch(lines, i, 0);

    return line && SvOK(*line) && !SvROK(*line) ? *line : NULL;
}

/* One that is not to be sent is [ address, code, why ]. */
static void refuse_of_group(pTHX_ mwx_link *link, AV *lines, SSize_t i)
{
    SV **entry = av_fetch(lines, i, 0);
    AV *fields = entry && SvROK(*entry) && SvTYPE(SvRV(*entry)) == SVt_PVAV ? (AV *)SvRV(*entry) : NULL;

    if (fields && av_len(fields) == 2)
        mwx_link_rcpt_refused(aTHX_ link, *av_fetch(fields, 0, 0), (unsigned)SvUV(*av_fetch(fields, 1, 0)), *av_fetch(fields, 2, 0));
}

static void doubt_group(pTHX_ mwx_link *link, AV *digits, size_t first)
{
    SSize_t i;

    mw_lmtp_doubt_group(link->session, first);
    for (i = 0; i <= av_len(digits); i++)
        sv_setiv(*av_fetch(digits, i, 0), MWX_CMD_ERROR);
}

/* Returns how many lines were queued, or were refused here. */
static SSize_t queue_group(pTHX_ mwx_link *link, SV *ref, AV *lines, int *rc_r)
{
    SSize_t i, count = av_len(lines) + 1;
    SV *line;

    for (i = 0; i < count; i++) {
        if (!(line = group_line(aTHX_ lines, i)))
            refuse_of_group(aTHX_ link, lines, i);
        else if ((*rc_r = queue_command(aTHX_ link, ref, mwx_without_end(mwx_octets(aTHX_ line, 1, "")))) != 0)
            break;
    }
    return i;
}

AV *mwx_link_group(pTHX_ mwx_link *link, SV *ref, AV *lines)
{
    AV *digits = (AV *)sv_2mortal((SV *)newAV());
    SSize_t i = 0, count = av_len(lines) + 1;
    size_t first = 0;
    SV *line;
    int rc = 0;

    if (make_way(aTHX_ link, ref, 0)) {
        i = queue_group(aTHX_ link, ref, lines, &rc);
        first = mw_lmtp_transaction(link->session)->count;
        first -= (size_t)i < first ? (size_t)i : first;
        send_queued(aTHX_ link, ref, rc);
    }
    for (; i < count; i++)
        if ((line = group_line(aTHX_ lines, i)))
            mw_lmtp_rcpt_lost(link->session, mwx_without_end(mwx_octets(aTHX_ line, 1, "")));
        else
            refuse_of_group(aTHX_ link, lines, i);
    for (i = 0; i < count && !link->died; i++)
        if (group_line(aTHX_ lines, i))
            av_push(digits, newSViv(group_reply(aTHX_ link, ref)));
    if (mw_lmtp_error(link->session) == MW_E_TIMEOUT)
        doubt_group(aTHX_ link, digits, first);
    return digits;
}

/* For a class that overrides command or response: response is called on what command returned. */
static int verb_hooked(pTHX_ mwx_link *link, SV *ref, SV **words, int count)
{
    SV *sent = mwx_call_scalar(aTHX_ ref, "command", words, count, &link->died), *digit = NULL;

    if (sent && SvROK(sent))
        digit = mwx_call_scalar(aTHX_ sent, "response", NULL, 0, &link->died);
    return digit && SvOK(digit) ? (int)SvIV(digit) : MWX_CMD_ERROR;
}

int mwx_link_verb(pTHX_ mwx_link *link, SV *ref, const char *verb, SV **words, int count, int expected)
{
    SV *list[MWX_CALL_MAX];
    int i;

    if (count >= MWX_CALL_MAX)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::_%s: too many arguments", verb)));
    list[0] = sv_2mortal(newSVpv(verb, 0));
    for (i = 0; i < count; i++)
        list[i + 1] = words[i];
    if (mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_COMMAND) || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE))
        return verb_hooked(aTHX_ link, ref, list, count + 1) == expected;
    mwx_link_command(aTHX_ link, ref, list, count + 1);
    return !link->died && mwx_link_response(aTHX_ link, ref) == expected;
}
