/* link_content.c - a message's content over a link: datasend, rawdatasend, dataend, and the replies to its end. */
#include "link_private.h"
#include "call.h"
#include "convert.h"
#include "../c/command.h"

/* What a call has to send: what of it is shown as it goes. */
typedef struct outgoing {
    mw_slice octets;        /* what is not queued yet */
    const char *shown;      /* what is in front of this was shown */
    int raw;
    int inside;             /* what was queued last is content */
} outgoing;

/* Raw bytes outside of content are commands, or answers to a challenge: what of a login is in them is to be known, also if they are not sent. */
static void show_line(pTHX_ mwx_link *link, SV *ref, const outgoing *o, mw_slice line, int ends)
{
    size_t public = o->raw && !o->inside ? mw_lmtp_speak(link->session, line, ends) : line.len;
    const char *end = public < line.len ? MW_HIDDEN "\n" : "\n";

    line.len = public;
    if (link->debug && line.base < o->octets.base && !link->died)
        mwx_link_debug_line(aTHX_ link, ref, 1, line, end);
}

/* Shows the lines up to there; one that has no end there only if it is the last. */
static void show_lines(pTHX_ mwx_link *link, SV *ref, outgoing *o, const char *to, int last)
{
    while (o->shown < to) {
        mw_slice line = { o->shown, (size_t)(to - o->shown) };
        const char *lf = (const char *)memchr(line.base, '\n', line.len);

        if (!lf && !last)
            return;
        line.len = lf ? (size_t)(lf - line.base) : line.len;
        o->shown += line.len + (lf != NULL);
        show_line(aTHX_ link, ref, o, line, lf != NULL);
    }
}

/* DATA's reply may not have been read: it decides whether content is wanted. A class that overrides how replies are read is believed. */
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

static int is_content(mw_content_state content)
{
    return content == MW_CONTENT_OPEN || content == MW_CONTENT_CHUNK;
}

/* What the session takes is shown before more is sent. */
static int write_all(pTHX_ mwx_link *link, SV *ref, mw_slice octets, int raw)
{
    outgoing o = { octets, octets.base, raw, 0 };
    int rc = 0, shows = raw || link->debug;
    size_t used;

    while (!rc && o.octets.len) {
        o.inside = is_content(mw_lmtp_content(link->session));
        rc = (raw ? mw_lmtp_raw : mw_lmtp_data)(link->session, o.octets.base, o.octets.len, &used);
        o.octets.base += used;
        o.octets.len -= used;
        if (shows)
            show_lines(aTHX_ link, ref, &o, o.octets.base, rc || !o.octets.len);
        if (!rc && mw_outq_len(mw_lmtp_out(link->session)) >= MW_LMTP_HIGH_WATER)
            rc = mwx_link_flush_queue(aTHX_ link, ref);
    }
    if (raw)
        show_lines(aTHX_ link, ref, &o, o.octets.base + o.octets.len, 1);
    return rc;
}

/* The status says why no content is taken: the refusal, or that no content was asked for. */
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
    /* Code that runs from here on may drop the object, and change the caller's string. So the object is held, and the string is a
     * copy-on-write copy. */
    ref = sv_mortalcopy(ref);
    joined = sv_2mortal(mwx_shared_copy(aTHX_ mwx_joined(aTHX_ pieces, count, "")));
    return send_octets(aTHX_ link, ref, mwx_octets(aTHX_ joined, 0, raw ? "Net::LMTP::rawdatasend" : "Net::LMTP::datasend"), raw);
}

/* Queues the message's end. False when that failed, and the status says why. */
static int send_end(pTHX_ mwx_link *link, SV *ref)
{
    int rc = mwx_link_look(aTHX_ link, ref);

    if (rc >= 0)
        rc = mw_lmtp_data_ends(link->session);
    if (!rc && link->debug)
        mwx_link_debug_line(aTHX_ link, ref, 1, (mw_slice){ ".", 1 }, "\n");
    if (!rc)
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

/* Commands whose replies the caller did not read: these come first. 1: they were read. 0: a line that is no reply is in front of the rest,
 * or a hook died. -1: a class that reads replies without the session has read one, *digit_r. */
static int read_older(pTHX_ mwx_link *link, SV *ref, int *digit_r)
{
    size_t first = mw_lmtp_finals_behind(link->session), before = 0, behind = first;

    while (behind && behind != before && !link->died) {
        *digit_r = first_final(aTHX_ link, ref);
        before = behind;
        behind = mw_lmtp_finals_behind(link->session);
    }
    if (behind && behind == first && mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE) && !link->died)
        return -1;
    return !behind && !link->died;
}

int mwx_link_finals(pTHX_ mwx_link *link, SV *ref)
{
    size_t owed;
    int digit = MWX_CMD_ERROR, ok = read_older(aTHX_ link, ref, &digit);

    if (ok <= 0)
        return ok && digit == 2;
    owed = mw_lmtp_finals_owed(link->session);
    digit = first_final(aTHX_ link, ref);
    if (link->died)
        return 0;
    if (!owed)
        return digit == 2;
    if (mw_lmtp_finals_owed(link->session) == owed) {
        /* No reply was taken: a class that reads replies without the session decides. */
        mw_lmtp_waive_finals(link->session);
        return digit == 2;
    }
    further_finals(aTHX_ link, ref);
    if (!mw_lmtp_transaction(link->session)->accepted && mw_lmtp_error(link->session))
        return 0;
    ok = mw_lmtp_verdict(link->session);
    /* A link that was lost has its status already. */
    if (ok >= 0 || !link->code)
        mwx_link_status_last(aTHX_ link);
    return ok > 0 && !link->died;
}
