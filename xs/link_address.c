/* link_address.c - addresses of a link's commands, and those that are refused before they are sent. */
#include "link_private.h"
#include "call.h"
#include "convert.h"
#include "../c/command.h"

SV *mwx_link_bracketed(pTHX_ const mwx_link *link, SV *address)
{
    int bracketed;
    mw_slice text = mwx_address_octets(aTHX_ address, link->exact, &bracketed);
    SV *path;

    if (bracketed)
        return newSVpvn(text.base, text.len);
    path = newSV(text.len + 3);
    sv_setpvs(path, "<");
    sv_catpvn(path, text.base, text.len);
    sv_catpvs(path, ">");
    return path;
}

static SV *path_hooked(pTHX_ mwx_link *link, SV *ref, SV *address)
{
    SV *path = mwx_call_scalar(aTHX_ ref, "_addr", &address, 1, &link->died);

    return newSVsv(path ? path : &PL_sv_undef);
}

SV *mwx_link_path(pTHX_ mwx_link *link, SV *ref, SV *address, SV **error_r)
{
    SV *path;
    mw_slice octets;
    const char *fault;

    if (mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_ADDR))
        return path_hooked(aTHX_ link, ref, address);
    path = mwx_link_bracketed(aTHX_ link, address);
    octets = mwx_octets(aTHX_ path, 1, "");
    fault = mw_address_fault(octets);
    if (!fault)
        return path;
    *error_r = mwx_address_words(aTHX_ octets, fault);
    SvREFCNT_dec(path);
    return NULL;
}

static mw_text *text_of(pTHX_ SV *words)
{
    mw_slice octets = mwx_octets(aTHX_ words, 1, "");

    while (octets.len && octets.base[octets.len - 1] == '\n')
        octets.len--;
    return mw_text_new(mw_alloc_default(), octets.base, octets.len);
}

void mwx_link_mail_refused(pTHX_ mwx_link *link, unsigned code, SV *words)
{
    mw_text *why = text_of(aTHX_ words);

    mwx_link_delivered(aTHX_ link, NULL);
    mw_lmtp_refuse_mail(link->session, code, why);
    mw_text_drop(why);
}

void mwx_link_rcpt_refused(pTHX_ mwx_link *link, SV *address, unsigned code, SV *words)
{
    mw_text *why = text_of(aTHX_ words);
    int bracketed;
    mw_slice shown = mwx_address_octets(aTHX_ address, link->exact, &bracketed);

    if (bracketed) {
        shown.base++;
        shown.len -= 2;
    }
    mwx_link_delivered(aTHX_ link, NULL);
    mw_lmtp_refuse_rcpt(link->session, shown, code, why);
    mw_text_drop(why);
}
