/* link_reply.c - lines and replies of a link. What a reply means is the core's; here it is read, waited for
 * and shown. */
#include "link_private.h"
#include "call.h"
#include "convert.h"

/* ---- lines */

/* One line end at the end is dropped. */
mw_slice mwx_without_end(mw_slice line)
{
    if (line.len && line.base[line.len - 1] == '\n')
        line.len--;
    if (line.len && line.base[line.len - 1] == '\r')
        line.len--;
    return line;
}

#define HELD "content is open, and a part of it was not sent: call flush before writing past the object, dataend at its end"

/* Sends what is queued, before a reply is waited for. But content that is held back is not sent: a caller that asks for a reply in the
 * middle of content may have sent the end without the session, and the server would take what came behind the end for commands. The link is
 * closed, so that the server discards the message. */
static int send_before(pTHX_ mwx_link *link, SV *ref)
{
    if (mw_lmtp_content(link->session) != MW_CONTENT_OPEN || !mw_outq_len(mw_lmtp_out(link->session)))
        return mwx_link_flush_queue(aTHX_ link, ref);
    mwx_link_give_up(aTHX_ link, ref, MW_E_STATE, HELD);
    mwx_status_set(aTHX_ link, sv_2mortal(newSViv(MW_LMTP_OUT_OF_PLACE)), sv_2mortal(newSVpvs(HELD "\n")));
    return MW_E_STATE;
}

/* The next line, with "\n"; NULL after a failure, which the status tells. */
static SV *read_line(pTHX_ mwx_link *link, SV *ref, int64_t deadline)
{
    mw_slice line;
    SV *sv;
    int rc;

    while ((rc = mw_lmtp_line(link->session, !link->gathering, &line)) == 0) {
        rc = send_before(aTHX_ link, ref);
        if (rc == MW_E_STATE)
            return NULL;
        if (!rc)
            rc = mwx_link_pump(aTHX_ link, ref, MW_IO_IN, deadline);
        if (rc < 0)
            break;
    }
    if (rc < 0) {
        mwx_link_failed(aTHX_ link, ref, rc);
        return NULL;
    }
    sv = mwx_of_wire(aTHX_ line.base, line.len);
    sv_catpvs(sv, "\n");
    return sv;
}

/* A caller that asks for a reply in the middle of content, with nothing held back, has sent the end itself. */
static void note_end(mwx_link *link)
{
    if (!mw_outq_len(mw_lmtp_out(link->session)))
        mw_lmtp_content_ended(link->session);
}

SV *mwx_link_getline(pTHX_ mwx_link *link, SV *ref)
{
    NV seconds = link->gathering ? link->gathering_seconds : mwx_link_timeout(aTHX_ link, ref);
    SV *line;

    if (!link->gathering)
        note_end(link);
    /* A reply that response would return without reading becomes lines as well. */
    if (!link->gathering && mw_lmtp_line_local(link->session))
        croak("Net::LMTP: %s", mw_error_text(MW_E_NOMEM));
    line = read_line(aTHX_ link, ref, mw_io_after(seconds));

    return line ? line : newSV(0);
}

void mwx_link_ungetline(pTHX_ mwx_link *link, SV *line)
{
    if (mw_lmtp_line_unget(link->session, mwx_without_end(mwx_octets(aTHX_ line, 1, ""))))
        croak("Net::LMTP: %s", mw_error_text(MW_E_NOMEM));
}

int mwx_parse_response(pTHX_ SV *line, unsigned *code_r, int *more_r)
{
    mw_slice whole, text;
    STRLEN len;

    if (!SvOK(line))
        sv_setsv(line, mwx_defined(aTHX_ line));
    whole.base = SvPV_force(line, len);
    whole.len = len;
    if (!mw_reply_scan(whole, 0, code_r, more_r, &text))
        return 0;
    /* The line's own end is no separator. */
    sv_chop(line, len > 3 && whole.base[3] == '\n' ? whole.base + 3 : text.base);
    SvSETMAGIC(line);
    return 1;
}

/* ---- replies */

static int digit_of_last(pTHX_ mwx_link *link)
{
    mwx_link_status_last(aTHX_ link);
    return (int)(mw_lmtp_last(link->session)->code / 100);
}

/* A line that is no reply: $@ has it, the next getline returns it. */
static int garbled(pTHX_ mwx_link *link, SV *ref, SV *line)
{
    mw_slice octets;

    mwx_link_status_words(aTHX_ link, ref, NULL);
    octets.base = SvPV(line, octets.len);
    if (mw_secrets_tell(&mw_lmtp_dialogue(link->session)->secrets, octets))
        sv_setpvs(ERRSV, MW_HIDDEN "\n");
    else
        sv_setsv(ERRSV, line);
    return MWX_CMD_ERROR;
}

static int garbled_line(pTHX_ mwx_link *link, SV *ref)
{
    mw_slice line;
    SV *sv;

    if (mw_lmtp_line(link->session, 0, &line) != 1)
        return MWX_CMD_ERROR;
    sv = sv_2mortal(mwx_of_wire(aTHX_ line.base, line.len));
    mw_lmtp_line_unget(link->session, line);
    sv_catpvs(sv, "\n");
    return garbled(aTHX_ link, ref, sv);
}

/* The reply may be several recipients' replies in one: it is if nothing else follows. */
static void settle_joined(pTHX_ mwx_link *link, SV *ref)
{
    int64_t deadline = mw_io_after(mw_wait_seconds(MW_WAIT_QUIET));
    int rc = mw_buf_len(mw_lmtp_in(link->session)) ? 1 : mwx_link_pump(aTHX_ link, ref, MW_IO_IN, deadline);

    /* A farewell takes nothing back. */
    mw_lmtp_settle(link->session, rc == MW_E_TIMEOUT || rc == MW_E_CLOSED || mw_dialogue_says_farewell(mw_lmtp_dialogue(link->session)));
}

/* The server is gone, or out of step: no later reply can be told from another. */
static int is_useless(const mw_lmtp *session)
{
    int error = mw_lmtp_error(session);

    return mw_lmtp_closing(session) || error == MW_E_REPLY_CODES || error == MW_E_REPLY_CLASS || error == MW_E_REPLY_EXTRA;
}

/* The reply is complete. */
static int replied(pTHX_ mwx_link *link, SV *ref, int rc)
{
    int digit;

    if (rc == 2)
        settle_joined(aTHX_ link, ref);
    digit = digit_of_last(aTHX_ link);
    if (is_useless(link->session))
        mwx_link_give_up(aTHX_ link, ref, MW_E_CLOSED, "Connection closed");
    return digit;
}

/* The plain way: nobody has a hook in it. */
static int read_reply(pTHX_ mwx_link *link, SV *ref, int64_t deadline)
{
    int rc;

    while ((rc = mw_lmtp_reply(link->session)) == 0) {
        rc = send_before(aTHX_ link, ref);
        if (rc == MW_E_STATE)
            return MWX_CMD_ERROR;
        if (!rc)
            rc = mwx_link_pump(aTHX_ link, ref, MW_IO_IN, deadline);
        if (rc < 0)
            break;
    }
    if (rc > 0)
        return replied(aTHX_ link, ref, rc);
    if (rc == MW_E_REPLY_SYNTAX)
        return garbled_line(aTHX_ link, ref);
    mwx_link_failed(aTHX_ link, ref, rc);
    return MWX_CMD_ERROR;
}

static void debug_reply(pTHX_ mwx_link *link, SV *ref, SV *line)
{
    mw_slice text = mwx_without_end(mwx_octets(aTHX_ line, 1, ""));
    size_t public = mw_lmtp_public_reply(link->session, text);

    if (public == text.len) {
        mwx_link_show(aTHX_ link, ref, 0, line);
        return;
    }
    text.len = public;
    mwx_link_debug_line(aTHX_ link, ref, 0, text, MW_HIDDEN "\n");
}

/* One line through the hooks: 1 the reply is complete, 2 the same but see settle_joined, 0 more lines
 * follow, -1 failed. */
static int hooked_line(pTHX_ mwx_link *link, SV *ref)
{
    SV *line = mwx_call_scalar(aTHX_ ref, "getline", NULL, 0, &link->died), *whole;
    AV *parsed = NULL;
    SV **code, **more;
    int rc;

    if (!line || !SvOK(line))
        return -1;
    if (link->debug)
        debug_reply(aTHX_ link, ref, line);
    whole = sv_2mortal(newSVsv(line));
    if (!link->died)
        parsed = mwx_call(aTHX_ ref, "parse_response", &line, 1, &link->died);
    if (!parsed)
        return -1;
    code = av_fetch(parsed, 0, 0);
    if (!code || !SvOK(*code)) {
        mwx_link_ungetline(aTHX_ link, whole);
        mw_lmtp_reply_garbled(link->session);
        garbled(aTHX_ link, ref, whole);
        return -1;
    }
    more = av_fetch(parsed, 1, 0);
    rc = mw_lmtp_reply_put(link->session, (unsigned)SvUV(*code), mwx_without_end(mwx_octets(aTHX_ line, 1, "")), more && SvTRUE(*more));
    if (rc < 0)
        mwx_link_failed(aTHX_ link, ref, rc);
    return rc;
}

static int read_reply_hooked(pTHX_ mwx_link *link, SV *ref, NV seconds)
{
    int rc;

    mwx_link_status_words(aTHX_ link, ref, NULL);
    link->gathering = 1;
    link->gathering_seconds = seconds;
    do
        rc = hooked_line(aTHX_ link, ref);
    while (rc == 0);
    link->gathering = 0;
    if (link->died)
        mwx_link_failed(aTHX_ link, ref, MWX_E_DIED);
    return rc < 0 ? MWX_CMD_ERROR : replied(aTHX_ link, ref, rc);
}

static int has_hooks(pTHX_ mwx_link *link, SV *ref)
{
    return link->debug || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_GETLINE)
        || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_PARSE_RESPONSE);
}

/* The next reply within this many seconds. */
int mwx_link_next_reply(pTHX_ mwx_link *link, SV *ref, NV seconds)
{
    if (mw_lmtp_reply_local(link->session))
        return digit_of_last(aTHX_ link);
    if (has_hooks(aTHX_ link, ref))
        return read_reply_hooked(aTHX_ link, ref, seconds);
    return read_reply(aTHX_ link, ref, mw_io_after(seconds));
}

int mwx_link_response(pTHX_ mwx_link *link, SV *ref)
{
    NV seconds = mwx_link_timeout(aTHX_ link, ref);

    note_end(link);
    if (!link->died)
        return mwx_link_next_reply(aTHX_ link, ref, seconds);
    mwx_link_failed(aTHX_ link, ref, MWX_E_DIED);
    return MWX_CMD_ERROR;
}
