/* link_quick.c - see link_quick.h. */
#include "link_quick.h"
#include "convert.h"
#include "link_private.h"

/* Longer lines take the long way. */
#define LINE_MAX_QUICK 512

size_t mwx_quick_line(const mwx_link *link, SV *address, mw_kind verb, char *buffer, size_t size, mw_slice *path_r)
{
    mw_slice text;

    if (!mwx_is_plain(address))
        return 0;
    text.base = SvPVX_const(address);
    text.len = SvCUR(address);
    return mw_command_envelope(verb, text, link->exact, buffer, size, path_r);
}

/* Nobody wants to see how it is done. */
static int is_simple(pTHX_ mwx_link *link, SV *ref, mwx_hook verb)
{
    return !mwx_link_hooked(aTHX_ link, ref, verb) && !mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_COMMAND)
        && !mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE);
}

static int with_address(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count, mwx_hook hook)
{
    char buffer[LINE_MAX_QUICK];
    int is_mail = hook == MWX_HOOK_MAIL;
    mw_slice line, path;

    if (count != 1 || !is_simple(aTHX_ link, ref, hook) || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_ADDR))
        return -1;
    line.base = buffer;
    line.len = mwx_quick_line(link, arguments[0], is_mail ? MW_KIND_MAIL : MW_KIND_RCPT, buffer, sizeof buffer, &path);
    if (!line.len)
        return -1;
    if (is_mail) {
        mwx_link_set_binary(link, 0);
        mw_lmtp_forget(link->session);
    }
    return mwx_link_line(aTHX_ link, ref, line) == 2;
}

int mwx_link_quick_mail(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count)
{
    return with_address(aTHX_ link, ref, arguments, count, MWX_HOOK_MAIL);
}

int mwx_link_quick_rcpt(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count)
{
    return with_address(aTHX_ link, ref, arguments, count, MWX_HOOK_RCPT);
}

int mwx_link_has_recipient(pTHX_ mwx_link *link, SV *ref)
{
    return mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RECIPIENT);
}

int mwx_link_quick_data(pTHX_ mwx_link *link, SV *ref, int count)
{
    if (count || mwx_link_is_binary(link) || !is_simple(aTHX_ link, ref, MWX_HOOK_DATA) || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_DATASEND))
        return -1;
    return mwx_link_line(aTHX_ link, ref, mw_command_data()) == 3 && mw_lmtp_content(link->session) == MW_CONTENT_OPEN;
}
