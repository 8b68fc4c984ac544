/* link_command.c - commands and content of a link on their way out, and the replies to the end of a
 * message. */
#include "link_private.h"
#include "call.h"
#include "convert.h"
#include "flight_glue.h"
#include "../c/command.h"

/* ---- debugging */

static void debug_line(pTHX_ mwx_link *link, SV *ref, int out, mw_slice text, const char *end)
{
    SV *arguments[2];

    arguments[0] = sv_2mortal(newSViv(out));
    arguments[1] = sv_2mortal(newSVpvn(text.base, text.len));
    sv_catpv(arguments[1], end);
    mwx_call(aTHX_ ref, "debug_print", arguments, 2, &link->died);
}

static void debug_command(pTHX_ mwx_link *link, SV *ref, mw_slice line, size_t public)
{
    int hidden = public < line.len;

    line.len = public;
    debug_line(aTHX_ link, ref, 1, line, hidden ? "(hidden)\r\n" : "\r\n");
}

static void debug_content(pTHX_ mwx_link *link, SV *ref, mw_slice text)
{
    while (text.len && !link->died) {
        const char *lf = (const char *)memchr(text.base, '\n', text.len);
        mw_slice line;

        line.base = text.base;
        line.len = lf ? (size_t)(lf - text.base) : text.len;
        debug_line(aTHX_ link, ref, 1, line, "\n");
        text.base += line.len + (lf != NULL);
        text.len -= line.len + (lf != NULL);
    }
}

/* ---- commands */

/* Seconds: what is there already. */
#define AT_ONCE 1e-9

/* What has come while nothing was owed: read now, so that the session can tell it from the next command's
 * reply. */
static int look(pTHX_ mwx_link *link, SV *ref)
{
    int rc = mw_lmtp_idle(link->session) ? mwx_link_look(aTHX_ link, ref) : 0;

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

/* 0 also for what was refused here, and will be answered in its turn. */
static int queue_command(pTHX_ mwx_link *link, SV *ref, mw_slice line)
{
    int rc;

    mw_lmtp_settle_hand(link->session);
    if (link->debug && !mw_command_check(line)) {
        /* The caller's string may change meanwhile. */
        line.base = SvPVX(sv_2mortal(newSVpvn(line.base, line.len)));
        debug_command(aTHX_ link, ref, line, mw_lmtp_public(link->session, line));
    }
    if (link->died || mwx_link_is_closed(aTHX_ link, ref))
        return MWX_E_DIED;
    rc = look(aTHX_ link, ref);
    if (!rc)
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

/* What a delivery came to is not the result of what is sent by hand. */
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

    if (mw_flight_unanswered(link->flight) || mwx_fd(aTHX_ ref) < 0)
        return;
    if (mw_lmtp_is_garbled(link->session))
        why = MW_E_REPLY_SYNTAX;
    else if (mw_lmtp_has_message(link->session) || catch_up(aTHX_ link, ref, may_wait ? mwx_link_timeout(aTHX_ link, ref) : AT_ONCE))
        return;
    if (!link->died && mwx_fd(aTHX_ ref) >= 0)
        mwx_link_give_up(aTHX_ link, ref, why, mwx_link_words(link, why));
}

/* The next reply of a group. Without one, all that follow could be taken for another's. */
static int group_reply(pTHX_ mwx_link *link, SV *ref)
{
    int digit = mwx_link_response(aTHX_ link, ref);

    if (link->code && !link->died && mwx_fd(aTHX_ ref) >= 0)
        mwx_link_give_up(aTHX_ link, ref, MW_E_REPLY_SYNTAX, mwx_link_words(link, MW_E_REPLY_SYNTAX));
    return digit;
}

/* The lines of a group; NULL where one is not to be sent. */
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

/* Returns how many of them were, or were refused here. */
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

/* As a class with a command or a response of its own expects it: one called on what the other returned. */
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
        croak("Net::LMTP::_%s: too many arguments", verb);
    list[0] = sv_2mortal(newSVpv(verb, 0));
    for (i = 0; i < count; i++)
        list[i + 1] = words[i];
    if (mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_COMMAND) || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE))
        return verb_hooked(aTHX_ link, ref, list, count + 1) == expected;
    mwx_link_command(aTHX_ link, ref, list, count + 1);
    return !link->died && mwx_link_response(aTHX_ link, ref) == expected;
}

/* ---- content */

/* DATA's reply may not have been read: what it says decides whether there is anything to write to. A class
 * with its own way of reading replies is believed. */
static mw_content_state content_of(pTHX_ mwx_link *link, SV *ref)
{
    int own_response = mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE);
    uint64_t before;

    mw_lmtp_settle_hand(link->session);
    if (own_response) {
        mw_lmtp_content_open(link->session);
        return mw_lmtp_content(link->session);
    }
    do {
        before = mw_lmtp_taken(link->session);
        if (mw_lmtp_content(link->session) == MW_CONTENT_ASKED)
            mwx_link_response(aTHX_ link, ref);
    } while (mw_lmtp_taken(link->session) != before && !link->died);
    return mw_lmtp_content(link->session);
}

/* True when these bytes go into the queue at once, and nothing of the caller's can run meanwhile. */
static int is_quick(pTHX_ mwx_link *link, SV *ref, SV **pieces, int count)
{
    size_t most;

    if (count != 1 || !mwx_is_plain(pieces[0]) || SvUTF8(pieces[0]) || link->debug || mw_lmtp_content(link->session) != MW_CONTENT_OPEN)
        return 0;
    most = SvCUR(pieces[0]);
    return most < MW_LMTP_HIGH_WATER / MW_DOTSTUFF_GROWTH && mwx_fd(aTHX_ ref) >= 0
        && mw_outq_len(mw_lmtp_out(link->session)) + MW_DOTSTUFF_GROWTH * most < MW_LMTP_HIGH_WATER
        && !mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE);
}

static int write_all(pTHX_ mwx_link *link, SV *ref, mw_slice octets, int raw)
{
    size_t used;
    int rc = 0;

    while (!rc && octets.len) {
        rc = (raw ? mw_lmtp_raw : mw_lmtp_data)(link->session, octets.base, octets.len, &used);
        octets.base += used;
        octets.len -= used;
        if (!rc && mw_outq_len(mw_lmtp_out(link->session)) >= MW_LMTP_HIGH_WATER)
            rc = mwx_link_flush_queue(aTHX_ link, ref);
    }
    return rc;
}

/* Why no content is taken: what refused it, or that none was asked for. */
static void status_closed_to_content(pTHX_ mwx_link *link)
{
    if (mw_lmtp_content(link->session) == MW_CONTENT_REFUSED) {
        mw_lmtp_refusal(link->session);
        mwx_link_status_last(aTHX_ link);
    } else if (!mw_lmtp_error(link->session)) {
        mwx_status_set(aTHX_ link, sv_2mortal(newSViv(MW_LMTP_OUT_OF_PLACE)), sv_2mortal(newSVpvs("No content is open: data comes first\n")));
    }
}

/* The link stands, whether the content was taken or not. */
static int is_sound(int rc)
{
    return !rc || rc == MW_E_STATE || rc == MW_E_SIZE;
}

static int sent(pTHX_ mwx_link *link, SV *ref, int rc)
{
    if (rc == MW_E_STATE)
        status_closed_to_content(aTHX_ link);
    if (!is_sound(rc))
        mwx_link_failed(aTHX_ link, ref, rc);
    return !rc;
}

int mwx_link_holds_back(pTHX_ SV *ref)
{
    return SvSTASH(SvRV(ref)) == gv_stashpvs("Net::LMTP", 0);
}

static int send_octets(pTHX_ mwx_link *link, SV *ref, mw_slice octets, int raw)
{
    int rc;

    if (mwx_link_is_closed(aTHX_ link, ref))
        return 0;
    if (!raw || mw_lmtp_content(link->session) == MW_CONTENT_ASKED)
        content_of(aTHX_ link, ref);
    if (link->debug && (raw || mw_lmtp_content(link->session) == MW_CONTENT_OPEN))
        debug_content(aTHX_ link, ref, octets);
    rc = write_all(aTHX_ link, ref, octets, raw);
    if ((is_sound(rc) && octets.len >= MW_CONTENT_LEND_MIN) || (!rc && !mwx_link_holds_back(aTHX_ ref))) {
        int flushed = mwx_link_flush_queue(aTHX_ link, ref);

        rc = flushed ? flushed : rc;
    }
    sent(aTHX_ link, ref, rc);
    /* The octets may have been lent. */
    if (!is_sound(rc))
        mw_outq_drop(mw_lmtp_out(link->session));
    return !rc;
}

int mwx_link_send(pTHX_ mwx_link *link, SV *ref, SV **pieces, int count, int raw)
{
    SV *joined;

    if (mwx_link_holds_back(aTHX_ ref) && is_quick(aTHX_ link, ref, pieces, count))
        return sent(aTHX_ link, ref, write_all(aTHX_ link, ref, mwx_octets(aTHX_ pieces[0], 0, ""), raw));
    /* What may run from here on may drop the object, and change the caller's string: a reference of our own to the one, a
     * copy-on-write copy of the other. */
    ref = sv_mortalcopy(ref);
    joined = sv_2mortal(mwx_shared_copy(aTHX_ mwx_joined(aTHX_ pieces, count, "")));
    return send_octets(aTHX_ link, ref, mwx_octets(aTHX_ joined, 0, raw ? "Net::LMTP::rawdatasend" : "Net::LMTP::datasend"), raw);
}

/* The message's end: false, and why, or it is on its way. */
static int send_end(pTHX_ mwx_link *link, SV *ref)
{
    int rc;

    if (link->debug)
        debug_line(aTHX_ link, ref, 1, (mw_slice){ ".", 1 }, "\n");
    rc = mwx_link_look(aTHX_ link, ref);
    if (rc >= 0)
        rc = mw_lmtp_data_end(link->session);
    if (!rc)
        rc = mwx_link_flush_queue(aTHX_ link, ref);
    if (rc)
        mwx_link_failed(aTHX_ link, ref, rc);
    return !rc;
}

int mwx_link_dataend(pTHX_ mwx_link *link, SV *ref)
{
    mw_content_state content;

    if (mwx_link_is_closed(aTHX_ link, ref))
        return 0;
    content = mw_lmtp_content(link->session);
    if (content == MW_CONTENT_ASKED)
        content = content_of(aTHX_ link, ref);
    if (content == MW_CONTENT_NONE && mw_lmtp_finals_owed(link->session))
        return mwx_link_finals(aTHX_ link, ref);
    if (content == MW_CONTENT_NONE && mw_lmtp_withheld(link->session)) {
        status_closed_to_content(aTHX_ link);
        return 0;
    }
    if (content == MW_CONTENT_NONE)
        return !mw_lmtp_error(link->session);
    if (content == MW_CONTENT_REFUSED)
        status_closed_to_content(aTHX_ link);
    if (content != MW_CONTENT_OPEN || !send_end(aTHX_ link, ref))
        return 0;
    return mwx_link_finals(aTHX_ link, ref);
}

/* The first reply comes by the method response, as it always did. */
static int first_final(pTHX_ mwx_link *link, SV *ref)
{
    SV *digit;

    if (!mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE))
        return mwx_link_response(aTHX_ link, ref);
    digit = mwx_call_scalar(aTHX_ ref, "response", NULL, 0, &link->died);
    mw_lmtp_settle_hand(link->session);
    return digit && SvOK(digit) ? (int)SvIV(digit) : MWX_CMD_ERROR;
}

/* After the first final reply each next one has a shorter time. */
static void further_finals(pTHX_ mwx_link *link, SV *ref)
{
    NV seconds = mwx_link_timeout(aTHX_ link, ref);

    if (link->next_reply_timeout && (!seconds || link->next_reply_timeout < seconds))
        seconds = link->next_reply_timeout;
    while (mw_lmtp_finals_owed(link->session) && !link->died)
        mwx_link_next_reply(aTHX_ link, ref, seconds);
}

/* Commands whose replies the caller did not read: theirs come first. A class with its own way of reading
 * replies has its own way of counting them. False when a line that is no reply is in front of the rest. */
static int read_older(pTHX_ mwx_link *link, SV *ref)
{
    size_t before = 0, behind = mw_lmtp_finals_behind(link->session);

    if (mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE))
        return 1;
    while (behind && behind != before && !link->died) {
        mwx_link_response(aTHX_ link, ref);
        before = behind;
        behind = mw_lmtp_finals_behind(link->session);
    }
    return !behind && !link->died;
}

int mwx_link_finals(pTHX_ mwx_link *link, SV *ref)
{
    size_t owed;
    int digit, ok;

    if (!read_older(aTHX_ link, ref))
        return 0;
    owed = mw_lmtp_finals_owed(link->session);
    digit = first_final(aTHX_ link, ref);
    if (link->died)
        return 0;
    if (!owed)
        return digit == 2;
    if (mw_lmtp_finals_owed(link->session) == owed) {
        /* Nothing was taken: a class that reads its replies past us has the word. */
        mw_lmtp_waive_finals(link->session);
        return digit == 2;
    }
    further_finals(aTHX_ link, ref);
    if (!mw_lmtp_transaction(link->session)->accepted && mw_lmtp_error(link->session))
        return 0;
    ok = mw_lmtp_verdict(link->session);
    /* What was lost has its status already. */
    if (ok >= 0 || !link->code)
        mwx_link_status_last(aTHX_ link);
    return ok > 0 && !link->died;
}
