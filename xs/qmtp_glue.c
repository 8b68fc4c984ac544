/* qmtp_glue.c - see qmtp_glue.h. */
#include "qmtp_glue.h"
#include "call.h"
#include "convert.h"
#include "magic.h"
#include "../c/error.h"

/* How much of a streamed message may be queued: enough for the next write, little enough for
 * memory to stay flat. */
#define QUEUED_MAX MW_OUTQ_CHUNK

static int free_link(pTHX_ SV *object, MAGIC *mg)
{
    mwx_qmtp *link = (mwx_qmtp *)mg->mg_ptr;

    PERL_UNUSED_ARG(object);
    if (link) {
        mw_qmtp_free(link->session);
        mwx_carrier_free(aTHX_ &link->carrier);
        SvREFCNT_dec(link->lent);
        SvREFCNT_dec(link->file);
        SvREFCNT_dec(link->why);
        SvREFCNT_dec(link->died);
        Safefree(link);
    }
    return 0;
}

static const MGVTBL table = MWX_MAGIC_TABLE(free_link);

void mwx_qmtp_attach(pTHX_ SV *ref, NV timeout, NV next_timeout)
{
    mwx_qmtp *link;
    mw_qmtp *session = mw_qmtp_new(mw_alloc_default(), 0);

    if (!session)
        croak("Net::QMTP: %s", mw_error_text(MW_E_NOMEM));
    Newxz(link, 1, mwx_qmtp);
    link->session = session;
    link->timeout = timeout;
    link->next_timeout = timeout > 0 && (next_timeout <= 0 || next_timeout > timeout) ? timeout : next_timeout;
    link->made = mw_io_now();
    mwx_carrier_init(&link->carrier);
    mwx_magic_attach(aTHX_ ref, &table, link);
}

mwx_qmtp *mwx_qmtp_of(pTHX_ SV *ref)
{
    mwx_qmtp *link = (mwx_qmtp *)mwx_magic_find(aTHX_ ref, &table);

    if (!link && mwx_magic_is_clone(aTHX_ ref, &table))
        croak("This Net::QMTP object belongs to another thread");
    if (!link)
        croak("Not a Net::QMTP::Link object");
    return link;
}

NV mwx_qmtp_age(const mwx_qmtp *link)
{
    return (NV)(mw_io_now() - link->made) / 1e9;
}

static int sound(const mwx_qmtp *link)
{
    return mw_qmtp_error(link->session) == 0;
}

/* The system's words are put where there is room for them. */
static const char *words_of(const mwx_qmtp *link, int error, char *system)
{
    if (error != MW_E_SYS)
        return mw_error_text(error);
    mw_transport_words(link->carrier.used, system, MW_IO_WORDS);
    return system;
}

int mwx_qmtp_broken(mwx_qmtp *link, int error)
{
    char system[MW_IO_WORDS];
    const char *phrase = words_of(link, error, system);
    mw_text *words = mw_text_new(mw_alloc_default(), phrase, strlen(phrase));

    mw_qmtp_lost(link->session, error, words);
    mw_text_drop(words);
    return 0;
}

static int is_of_file(const mwx_qmtp *link, int error)
{
    return link->file && (error == MW_E_SIZE || (error == MW_E_SYS && link->carrier.used->file_error));
}

static void lose_for_file(pTHX_ mwx_qmtp *link, int error)
{
    SV *what = sv_2mortal(newSVpvs("its size changed while it was sent"));

    if (error == MW_E_SYS) {
        errno = link->carrier.used->file_error;
        sv_setsv(what, get_sv("!", GV_ADD));
    }
    mwx_qmtp_lose(aTHX_ link, sv_2mortal(newSVpvf("%" SVf ": %" SVf, SVfARG(link->file), SVfARG(what))));
}

/* One step of the pump and what came with it: 1 answers came, 0 none, negative when the session
 * is broken or a handler died. */
static int step(pTHX_ mwx_qmtp *link, SV *ref, int events, int64_t deadline)
{
    mw_qmtp *session = link->session;
    int rc = mwx_pump(aTHX_ ref, &link->carrier, mw_qmtp_out(session), mw_qmtp_in(session), events,
        deadline, &link->died);

    if (rc < 0 && is_of_file(link, rc))
        lose_for_file(aTHX_ link, rc);
    else if (rc < 0 && rc != MWX_E_DIED)
        mwx_qmtp_broken(link, rc);
    return rc < 0 ? rc : mw_qmtp_read(session);
}

/* Sends until no more than keep bytes are queued. Each write has the whole time, as each shows
 * that the peer goes on. */
static int send_down_to(pTHX_ mwx_qmtp *link, SV *ref, uint64_t keep)
{
    while (sound(link) && mw_outq_len(mw_qmtp_out(link->session)) > keep) {
        if (step(aTHX_ link, ref, MW_IO_OUT, mw_io_after(link->timeout)) == MWX_E_DIED)
            mwx_rethrow(aTHX_ &link->died);
    }
    return sound(link);
}

int mwx_qmtp_look(pTHX_ mwx_qmtp *link, SV *ref)
{
    int rc = mwx_look(aTHX_ ref, &link->carrier, mw_qmtp_in(link->session), &link->died);

    if (rc == MWX_E_DIED)
        return rc;
    return rc < 0 ? mwx_qmtp_broken(link, rc) : mw_qmtp_read(link->session) >= 0;
}

static int looked(pTHX_ mwx_qmtp *link, SV *ref)
{
    int rc = mwx_qmtp_look(aTHX_ link, ref);

    mwx_rethrow(aTHX_ &link->died);
    return rc;
}

static int checked(mwx_qmtp *link, int rc)
{
    return rc < 0 ? mwx_qmtp_broken(link, rc) : 1;
}

static int begin_recipients(pTHX_ mwx_qmtp *link, AV *rcpts)
{
    int64_t number = mw_qmtp_begin(link->session);
    int rc = number < 0 ? (int)number : 0;
    SSize_t i;

    for (i = 0; i <= av_len(rcpts) && !rc; i++) {
        SV **rcpt = av_fetch(rcpts, i, 0);

        rc = mw_qmtp_rcpt(link->session, mwx_octets(aTHX_ rcpt ? *rcpt : &PL_sv_no, 1, "recipient"));
    }
    return rc;
}

int mwx_qmtp_begin(pTHX_ mwx_qmtp *link, SV *ref, SV *eol, NV size, AV *rcpts)
{
    mw_slice line_end = mwx_octets(aTHX_ eol, 0, "encoding");
    unsigned char first = line_end.len ? (unsigned char)line_end.base[0] : 0;
    int rc;

    if (!looked(aTHX_ link, ref))
        return 0;
    rc = begin_recipients(aTHX_ link, rcpts);
    if (!rc)
        rc = mw_qmtp_message(link->session, first, (uint64_t)size);
    return checked(link, rc);
}

int mwx_qmtp_copy(pTHX_ mwx_qmtp *link, SV *ref, SV *bytes)
{
    mw_slice octets = mwx_octets(aTHX_ bytes, 0, "message");

    return checked(link, mw_qmtp_body(link->session, octets.base, octets.len, 0))
        && send_down_to(aTHX_ link, ref, QUEUED_MAX);
}

/* What the session was lent, in the place of what it had before. */
static void keep(pTHX_ mwx_qmtp *link, SV *lent, SV *file)
{
    SvREFCNT_dec(link->lent);
    SvREFCNT_dec(link->file);
    link->lent = lent;
    link->file = file;
}

/* Nothing is sent yet: a short message goes out in one write with what is around it. */
int mwx_qmtp_lend(pTHX_ mwx_qmtp *link, SV *message)
{
    STRLEN len;
    const char *bytes = SvPVbyte(message, len);

    keep(aTHX_ link, SvREFCNT_inc(message), NULL);
    return checked(link, mw_qmtp_body(link->session, bytes, len, 1));
}

int mwx_qmtp_lend_file(pTHX_ mwx_qmtp *link, SV *handle, NV size, SV *name)
{
    int fd = mwx_fd(aTHX_ handle);

    if (fd < 0)
        return mwx_qmtp_broken(link, MW_E_CLOSED);
    keep(aTHX_ link, newSVsv(handle), newSVsv(name));
    return checked(link, mw_qmtp_body_file(link->session, fd, 0, (uint64_t)size, mw_io_file_stamp(fd)));
}

int mwx_qmtp_file_failed(const mwx_qmtp *link)
{
    return link->file && link->why;
}

int mwx_qmtp_end(pTHX_ mwx_qmtp *link, SV *ref, SV *sender)
{
    if (!looked(aTHX_ link, ref))
        return 0;
    if (!checked(link, mw_qmtp_end(link->session, mwx_octets(aTHX_ sender, 1, "sender"))) || !send_down_to(aTHX_ link, ref, 0))
        return 0;
    keep(aTHX_ link, NULL, NULL);
    return 1;
}

/* Each answer has its own deadline, which a part of one does not move. */
void mwx_qmtp_wait(pTHX_ mwx_qmtp *link, SV *ref)
{
    while (sound(link) && !mw_qmtp_complete(link->session)) {
        NV seconds = mw_qmtp_between_answers(link->session) ? link->next_timeout : link->timeout;
        int64_t deadline = mw_io_after(seconds);
        int rc;

        do
            rc = step(aTHX_ link, ref, MW_IO_IN, deadline);
        while (rc == 0);
        if (rc == MWX_E_DIED)
            mwx_rethrow(aTHX_ &link->died);
    }
}

void mwx_qmtp_lose(pTHX_ mwx_qmtp *link, SV *why)
{
    mw_slice octets = mwx_octets(aTHX_ why, 1, "reason");
    mw_text *words = mw_text_new(mw_alloc_default(), octets.base, octets.len);
    int was_sound = sound(link);

    mw_qmtp_lost(link->session, MW_E_SIZE, words);
    mw_text_drop(words);
    /* What had come already may have been the end of it. */
    if (was_sound && mw_qmtp_error(link->session) == MW_E_SIZE)
        link->why = newSVsv(why);
}

AV *mwx_qmtp_results(pTHX_ mwx_qmtp *link)
{
    AV *list = newAV();
    int64_t number;
    size_t count, i;
    const mw_result *results = mw_qmtp_results(link->session, &number, &count);

    if (mw_qmtp_complete(link->session)) {
        for (i = 0; i < count; i++)
            av_push(list, mwx_result(aTHX_ &results[i], i));
        mw_qmtp_take(link->session);
    }
    return list;
}

SV *mwx_qmtp_error(pTHX_ mwx_qmtp *link)
{
    int error = mw_qmtp_error(link->session);
    char system[MW_IO_WORDS];

    if (!error)
        return newSVpvs("");
    if (link->why)
        return newSVsv(link->why);
    return newSVpv(words_of(link, error, system), 0);
}
