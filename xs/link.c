/* link.c - see link.h: the handle, the status that Net::Cmd's methods show, losing the link, and moving
 * bytes. */
#include "link_private.h"
#include "call.h"
#include "convert.h"
#include "magic.h"

#define DEFAULT_EAGER (256 * 1024)

int mwx_link_hooked(pTHX_ mwx_link *link, SV *ref, mwx_hook hook)
{
    return mwx_hooks_own(aTHX_ &link->hooks, ref, hook);
}

/* ---- life */

static int free_link(pTHX_ SV *object, MAGIC *mg)
{
    mwx_link *link = (mwx_link *)mg->mg_ptr;

    PERL_UNUSED_ARG(object);
    if (link) {
        mwx_deliveries_free(aTHX_ &link->deliveries);
        mw_flight_free(link->flight);
        mwx_carrier_free(aTHX_ &link->carrier);
        mw_lmtp_free(link->session);
        SvREFCNT_dec(link->code);
        SvREFCNT_dec((SV *)link->lines);
        SvREFCNT_dec(link->unfinished);
        SvREFCNT_dec(link->died);
        SvREFCNT_dec((SV *)link->delivered);
        Safefree(link);
    }
    return 0;
}

static const MGVTBL table = MWX_MAGIC_TABLE(free_link);

static mwx_link *make_link(pTHX_ SV *ref)
{
    mwx_link *link;
    mw_lmtp *session = mw_lmtp_new(mw_alloc_default());
    mw_flight *flight = session ? mw_flight_new(mw_lmtp_dialogue(session)) : NULL;

    if (!flight) {
        mw_lmtp_free(session);
        croak("Net::LMTP: %s", mw_error_text(MW_E_NOMEM));
    }
    Newxz(link, 1, mwx_link);
    link->session = session;
    link->flight = flight;
    mw_flight_eager(flight, DEFAULT_EAGER);
    link->eager = DEFAULT_EAGER;
    mwx_flight_attach(link);
    mwx_carrier_init(&link->carrier);
    mwx_magic_attach(aTHX_ ref, &table, link);
    return link;
}

mwx_link *mwx_link_of(pTHX_ SV *ref)
{
    mwx_link *link;

    if (!sv_isobject(ref) || !isGV(SvRV(ref)))
        croak("Not a Net::LMTP object");
    link = (mwx_link *)mwx_magic_find(aTHX_ ref, &table);
    if (!link && mwx_magic_is_clone(aTHX_ ref, &table))
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("This Net::LMTP object belongs to another thread")));
    return link ? link : make_link(aTHX_ ref);
}

mwx_link *mwx_link_enter(pTHX_ SV *ref, const char *method)
{
    mwx_link *link = mwx_link_of(aTHX_ ref);

    if (link->deliveries.queue->unanswered)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::%s: deliveries are unanswered, collect them first", method)));
    if (link->busy)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::%s called while another call on the same object is waiting", method)));
    return link;
}

void mwx_link_check_free(pTHX_ const mwx_link *link)
{
    if (link->busy)
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("Net::LMTP: called while another call on the same object is waiting")));
}

void mwx_link_leave(pTHX_ mwx_link *link)
{
    mwx_rethrow(aTHX_ &link->died);
}

/* ---- status */

void mwx_link_status_last(pTHX_ mwx_link *link)
{
    SvREFCNT_dec(link->code);
    SvREFCNT_dec((SV *)link->lines);
    link->code = NULL;
    link->lines = NULL;
}

/* message: undef, a string, or a reference to a list, which is kept as it is. */
void mwx_status_set(pTHX_ mwx_link *link, SV *code, SV *message)
{
    AV *lines;

    if (SvROK(message) && SvTYPE(SvRV(message)) == SVt_PVAV) {
        lines = (AV *)SvREFCNT_inc(SvRV(message));
    } else {
        lines = newAV();
        if (SvOK(message))
            av_push(lines, newSVsv(message));
    }
    code = newSVsv(code);
    mwx_link_status_last(aTHX_ link);
    link->code = code;
    link->lines = lines;
}

static SV *default_code(pTHX_ mwx_link *link, SV *ref)
{
    SV *code = mwx_call_scalar(aTHX_ ref, "DEF_REPLY_CODE", NULL, 0, &link->died);

    return code ? code : sv_2mortal(newSViv(MW_LMTP_LOST));
}

void mwx_link_status_words(pTHX_ mwx_link *link, SV *ref, const char *words)
{
    SV *message = &PL_sv_undef;

    if (words)
        message = sv_2mortal(newSVpvf("[%s] %s", sv_reftype(SvRV(ref), TRUE), words));
    mwx_status_set(aTHX_ link, default_code(aTHX_ link, ref), message);
}

SV *mwx_status_code(pTHX_ mwx_link *link, SV *ref)
{
    const mw_reply *last = mw_lmtp_last(link->session);

    if (!link->code && !last->code)
        mwx_link_status_words(aTHX_ link, ref, NULL);
    return link->code ? newSVsv(link->code) : mwx_code_of_wire(aTHX_ last->code);
}

AV *mwx_status_lines(pTHX_ mwx_link *link)
{
    const mw_reply *last = mw_lmtp_last(link->session);
    AV *lines;
    size_t i;
    int tells;

    if (link->lines)
        return (AV *)SvREFCNT_inc((SV *)link->lines);
    lines = newAV();
    /* A challenge is for a mechanism, which may be the caller's. */
    tells = !mw_lmtp_has_challenge(link->session) && mw_reply_tells(last);
    for (i = 0; i < last->count; i++) {
        mw_slice text = mw_reply_text(last, i);
        SV *line = mwx_of_wire(aTHX_ text.base, tells ? mw_enhanced_length(text) : text.len);

        if (tells)
            sv_catpvs(line, MW_HIDDEN);

        sv_catpvs(line, "\n");
        av_push(lines, line);
    }
    return lines;
}

void mwx_link_set_binary(mwx_link *link, int on)
{
    link->binary = on;
    link->binary_from = mw_lmtp_transaction(link->session)->id;
}

int mwx_link_is_binary(const mwx_link *link)
{
    return link->binary && mw_lmtp_transaction(link->session)->id - link->binary_from <= 1;
}

void mwx_link_delivered(pTHX_ mwx_link *link, AV *results)
{
    SvREFCNT_dec((SV *)link->delivered);
    link->delivered = results;
    link->delivered_in = mw_lmtp_transaction(link->session)->id;
}

AV *mwx_link_last_delivered(const mwx_link *link)
{
    return link->delivered_in == mw_lmtp_transaction(link->session)->id ? link->delivered : NULL;
}

/* ---- losing the link */

static void close_object(pTHX_ mwx_link *link, SV *ref)
{
    SV *died = NULL;

    if (mwx_fd(aTHX_ ref) >= 0)
        mwx_call(aTHX_ ref, "close", NULL, 0, &died);
    /* A signal's handler, or a class's own close, died before it was done. */
    if (died && mwx_fd(aTHX_ ref) >= 0)
        do_close((GV *)SvRV(ref), FALSE);
    if (died && !link->died)
        link->died = died;
    else
        SvREFCNT_dec(died);
}

static mw_text *text_of(pTHX_ SV *ref, const char *words)
{
    SV *message = sv_2mortal(newSVpvf("[%s] %s", sv_reftype(SvRV(ref), TRUE), words));

    return mw_text_new(mw_alloc_default(), SvPVX(message), SvCUR(message));
}

static void lose(pTHX_ mwx_link *link, SV *ref, int why, const char *words)
{
    mw_text *text = text_of(aTHX_ ref, words);
    mw_slice rest = mw_buf_view(mw_lmtp_in(link->session));

    if (rest.len && !link->unfinished)
        link->unfinished = mwx_of_wire(aTHX_ rest.base, rest.len);
    mw_lmtp_lost(link->session, why, text);
    mw_text_drop(text);
}

void mwx_link_give_up(pTHX_ mwx_link *link, SV *ref, int why, const char *words)
{
    lose(aTHX_ link, ref, why, words);
    close_object(aTHX_ link, ref);
}

void mwx_link_lose(pTHX_ mwx_link *link, SV *ref, SV *words)
{
    SV *copy = sv_2mortal(newSVpvs(""));
    mw_slice octets = mwx_octets(aTHX_ words, 1, "");
    mw_text *text;

    sv_catpvn(copy, octets.base, octets.len);
    text = text_of(aTHX_ ref, SvPVX(copy));
    mw_dialogue_blame(mw_lmtp_dialogue(link->session), text);
    mw_text_drop(text);
    mw_lmtp_content_failed(link->session);
    mwx_link_give_up(aTHX_ link, ref, MW_E_CLOSED, SvPVX(copy));
    mwx_link_status_words(aTHX_ link, ref, SvPVX(copy));
}

void mwx_link_closed(pTHX_ mwx_link *link, SV *ref)
{
    lose(aTHX_ link, ref, MW_E_CLOSED, "Connection closed");
}

const char *mwx_link_words(const mwx_link *link, int why)
{
    const char *words;

    if (why == MW_E_SYS && mwx_carrier_says(&link->carrier, &words))
        return words;
    if (why == MW_E_TIMEOUT)
        return "Timeout";
    return why == MW_E_CLOSED || why == MW_E_SYS ? "Connection closed" : mw_error_text(why);
}

void mwx_link_status_plain(pTHX_ mwx_link *link, SV *ref, int why)
{
    mwx_link_status_words(aTHX_ link, ref, mwx_link_words(link, why));
}

/* Net::Cmd lets classes override how the status is set. */
static void status_why(pTHX_ mwx_link *link, SV *ref, int why)
{
    const char *method = why == MW_E_TIMEOUT ? "_set_status_timeout" : "_set_status_closed";
    char words[MW_IO_WORDS];
    SV *system;

    mw_transport_words(link->carrier.used, words, sizeof words);
    system = sv_2mortal(newSVpv(words, 0));

    if (mwx_link_hooked(aTHX_ link, ref, why == MW_E_TIMEOUT ? MWX_HOOK_TIMED_OUT : MWX_HOOK_CLOSED))
        mwx_call(aTHX_ ref, method, &system, 1, &link->died);
    else
        mwx_link_status_plain(aTHX_ link, ref, why);
}

void mwx_link_status_closed(pTHX_ mwx_link *link, SV *ref)
{
    const mw_text *parting = mw_lmtp_parting(link->session);
    int why = mw_lmtp_error(link->session);
    SV *words;

    if (!parting) {
        status_why(aTHX_ link, ref, why == MW_E_TIMEOUT ? MW_E_CLOSED : why);
        return;
    }
    words = sv_2mortal(mwx_of_wire(aTHX_ parting->bytes, strlen(parting->bytes)));
    sv_catpvs(words, "\n");
    mwx_status_set(aTHX_ link, sv_2mortal(newSViv(MW_LMTP_LOST)), words);
}

/* A wait or a call failed: the link is lost, unless it was a reply outside a transaction that came too
 * late: it will be the next one read. The status says why. */
void mwx_link_failed(pTHX_ mwx_link *link, SV *ref, int why)
{
    int reading = !mw_outq_len(mw_lmtp_out(link->session));
    int interrupted = why == MWX_E_DIED;
    int keeps = reading && (why == MW_E_TIMEOUT || interrupted) && !mw_lmtp_in_transaction(link->session)
        && !mw_lmtp_in_auth(link->session);

    if (!keeps)
        mwx_link_give_up(aTHX_ link, ref, interrupted ? MW_E_CLOSED : why, interrupted ? "Interrupted" : mwx_link_words(link, why));
    if (why == MW_E_TIMEOUT)
        status_why(aTHX_ link, ref, why);
    else if (interrupted)
        mwx_link_status_words(aTHX_ link, ref, NULL);
    else
        mwx_link_status_closed(aTHX_ link, ref);
}

int mwx_link_is_closed(pTHX_ mwx_link *link, SV *ref)
{
    if (mwx_fd(aTHX_ ref) >= 0)
        return 0;
    if (!mw_lmtp_error(link->session))
        lose(aTHX_ link, ref, MW_E_CLOSED, "Connection closed");
    mwx_link_status_closed(aTHX_ link, ref);
    return 1;
}

/* ---- moving bytes */

/* Where the method timeout keeps its value, unless a class has its own: calling it costs more than all else
 * here. */
static SV *plain_timeout(pTHX_ SV *ref)
{
    HV *fields = GvHV((GV *)SvRV(ref));
    SV **value = fields ? hv_fetchs(fields, "io_socket_timeout", 0) : NULL;

    return value ? *value : &PL_sv_undef;
}

/* The method timeout's seconds, asked anew: it can be set at any time and overridden. */
NV mwx_link_timeout(pTHX_ mwx_link *link, SV *ref)
{
    SV *seconds;

    if (!mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_TIMEOUT))
        seconds = plain_timeout(aTHX_ ref);
    else
        seconds = mwx_call_scalar(aTHX_ ref, "timeout", NULL, 0, &link->died);
    if (seconds && (SvROK(seconds) || SvGMAGICAL(seconds)))
        seconds = sv_mortalcopy(seconds);
    if (!seconds || !SvTRUE(seconds))
        return 0;
    /* A string that is no number counts for the number it begins with, as before. But a warning that the caller has made fatal would leave
     * this call in the middle. */
    return looks_like_number(seconds) || SvROK(seconds) ? SvNV(seconds) : Atof(SvPV_nolen(seconds));
}

int mwx_link_pump(pTHX_ mwx_link *link, SV *ref, int events, int64_t deadline)
{
    int rc;

    link->busy = 1;
    rc = mwx_pump(aTHX_ ref, &link->carrier, mw_lmtp_out(link->session), mw_lmtp_in(link->session), events, deadline, &link->died);
    link->busy = 0;
    return rc;
}

int mwx_link_look(pTHX_ mwx_link *link, SV *ref)
{
    int rc;

    link->busy = 1;
    rc = mwx_look(aTHX_ ref, &link->carrier, mw_lmtp_in(link->session), &link->died);
    link->busy = 0;
    return rc;
}

static int is_sent(mwx_link *link)
{
    return !mw_outq_len(mw_lmtp_out(link->session));
}

/* Sends all that is queued; each piece that goes out has the whole timeout. Mostly all goes out at once, and the timeout need not be asked
 * for. 0 or an error. */
int mwx_link_flush_queue(pTHX_ mwx_link *link, SV *ref)
{
    NV seconds;
    int rc;

    if (is_sent(link))
        return 0;
    rc = mwx_link_pump(aTHX_ link, ref, MW_IO_OUT, 0);
    if (is_sent(link) || (rc < 0 && rc != MW_E_TIMEOUT))
        return rc < 0 ? rc : 0;
    seconds = mwx_link_timeout(aTHX_ link, ref);
    do
        rc = mwx_link_pump(aTHX_ link, ref, MW_IO_OUT, mw_io_after(seconds));
    while (rc > 0 && !is_sent(link));
    return rc < 0 ? rc : 0;
}

int mwx_link_is_silent(pTHX_ mwx_link *link, SV *ref)
{
    return is_sent(link) && !mwx_link_look(aTHX_ link, ref) && !mw_buf_len(mw_lmtp_in(link->session));
}

int mwx_link_is_replied(pTHX_ mwx_link *link, SV *ref)
{
    int rc;

    do
        rc = mwx_link_look(aTHX_ link, ref);
    while (rc > 0);
    return rc < 0 || mw_dialogue_has_reply(mw_lmtp_dialogue(link->session));
}

int mwx_link_flush(pTHX_ mwx_link *link, SV *ref)
{
    int rc;

    if (mwx_link_is_closed(aTHX_ link, ref))
        return 0;
    if ((rc = mwx_link_flush_queue(aTHX_ link, ref)))
        mwx_link_failed(aTHX_ link, ref, rc);
    return !rc;
}
