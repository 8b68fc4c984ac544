/* qmtp_link.c - see qmtp_link.h. */
#include "qmtp_link.h"
#include "call.h"
#include "magic.h"
#include "../c/error.h"

static int free_link(pTHX_ SV *object, MAGIC *mg)
{
    mwx_qmtp *link = (mwx_qmtp *)mg->mg_ptr;

    PERL_UNUSED_ARG(object);
    if (link) {
        mw_qmtp_free(link->session);
        mwx_carrier_free(aTHX_ &link->carrier);
        SvREFCNT_dec(link->died);
        Safefree(link);
    }
    return 0;
}

static const MGVTBL table = MWX_MAGIC_TABLE(free_link);

void mwx_qmtp_attach(pTHX_ SV *ref)
{
    mwx_qmtp *link;
    mw_qmtp *session = mw_qmtp_new(mw_alloc_default(), 0);

    if (!session)
        croak("Net::QMTP: %s", mw_error_text(MW_E_NOMEM));
    Newxz(link, 1, mwx_qmtp);
    link->session = session;
    link->made = mw_io_now();
    mwx_carrier_init(&link->carrier);
    mwx_magic_attach(aTHX_ ref, &table, link);
}

mwx_qmtp *mwx_qmtp_of(pTHX_ SV *ref)
{
    mwx_qmtp *link = (mwx_qmtp *)mwx_magic_find(aTHX_ ref, &table);

    if (!link && mwx_magic_is_clone(aTHX_ ref, &table))
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("This Net::QMTP object belongs to another thread")));
    if (!link)
        croak("Not a Net::QMTP::Link object");
    return link;
}

NV mwx_qmtp_age(const mwx_qmtp *link)
{
    return (NV)(mw_io_now() - link->made) / 1e9;
}

/* What the wait that ran out was for. */
static const char *timeout_words(const mwx_qmtp *link)
{
    mw_wait wait = mw_qmtp_protocol.waits(link->session);

    if (wait == MW_WAIT_BLOCK)
        return "timeout: the package could not be sent";
    return wait == MW_WAIT_NEXT ? "timeout: no answer for a further recipient" : "timeout: no answer";
}

static mw_text *words_of(const mwx_qmtp *link, int error)
{
    char system[MW_IO_WORDS];

    if (error == MW_E_TIMEOUT)
        return mw_text_of(mw_alloc_default(), timeout_words(link));
    if (error != MW_E_SYS)
        return mw_text_of(mw_alloc_default(), mw_error_text(error));
    mw_transport_words(link->carrier.used, system, sizeof system);
    return mw_text_of(mw_alloc_default(), system);
}

static mw_text *file_words(pTHX_ const mwx_qmtp *link, int error, SV *file)
{
    char system[MW_IO_WORDS] = "it changed while it was sent";
    STRLEN len;
    const char *text;

    if (error == MW_E_SYS)
        mw_io_words(link->carrier.used->file_error, system, sizeof system);
    text = SvPV(sv_2mortal(newSVpvf("%" SVf ": %s", SVfARG(file), system)), len);
    return mw_text_new(mw_alloc_default(), text, len);
}

static int is_of_file(const mwx_qmtp *link, int error)
{
    return error == MW_E_CHANGED || (error == MW_E_SYS && link->carrier.used->file_error);
}

void mwx_qmtp_broken(pTHX_ mwx_qmtp *link, int error, SV *file)
{
    mw_text *words = file && is_of_file(link, error) ? file_words(aTHX_ link, error, file) : words_of(link, error);

    mw_qmtp_lost(link->session, error, words);
    mw_text_drop(words);
}

int mwx_qmtp_look(pTHX_ mwx_qmtp *link, SV *ref)
{
    int rc = mwx_look(aTHX_ ref, &link->carrier, mw_qmtp_in(link->session), &link->died);

    if (rc == MWX_E_DIED)
        return rc;
    if (rc < 0)
        mwx_qmtp_broken(aTHX_ link, rc, NULL);
    return mw_qmtp_read(link->session) >= 0;
}

SV *mwx_qmtp_error(pTHX_ mwx_qmtp *link)
{
    int error = mw_qmtp_error(link->session);
    const mw_text *words = mw_qmtp_words(link->session);

    if (!error)
        return newSVpvs("");
    return words ? newSVpvn(words->bytes, words->len) : newSVpv(mw_error_text(error), 0);
}
