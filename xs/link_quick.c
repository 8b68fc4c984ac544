/* link_quick.c - see link_quick.h. */
#include "link_quick.h"
#include "convert.h"
#include "link_private.h"
#include "../c/command.h"

/* Longer lines take the long way. */
#define LINE_MAX_QUICK 512

mw_slice mwx_quick_path(const char *line, size_t len)
{
    const char *colon = (const char *)memchr(line, ':', len);
    mw_slice path;

    path.base = colon + 1;
    path.len = (size_t)(line + len - path.base);
    return path;
}

static int is_ascii(mw_slice text)
{
    size_t i;

    for (i = 0; i < text.len; i++)
        if ((unsigned char)text.base[i] > 0x7f)
            return 0;
    return 1;
}

static size_t put(char *to, const char *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return len;
}

size_t mwx_quick_line(const mwx_link *link, SV *address, const char *verb, char *buffer, size_t size)
{
    size_t verb_len = strlen(verb), len;
    int bracketed;
    mw_slice text;

    if (!mwx_is_plain(address))
        return 0;
    text.base = SvPVX_const(address);
    text.len = SvCUR(address);
    text = mw_address_path(text, link->exact, &bracketed);
    if (verb_len + text.len + 2 > size || !is_ascii(text))
        return 0;
    len = put(buffer, verb, verb_len);
    if (!bracketed)
        buffer[len++] = '<';
    len += put(buffer + len, text.base, text.len);
    if (!bracketed)
        buffer[len++] = '>';
    return mw_address_check(mwx_quick_path(buffer, len)) ? 0 : len;
}

/* Nobody wants to see how it is done. */
static int is_simple(pTHX_ mwx_link *link, SV *ref, mwx_hook verb)
{
    return !mwx_link_hooked(aTHX_ link, ref, verb) && !mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_COMMAND)
        && !mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE);
}

static int with_address(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count, mwx_hook hook)
{
    char line[LINE_MAX_QUICK];
    int is_mail = hook == MWX_HOOK_MAIL;
    size_t len;

    if (count != 1 || !is_simple(aTHX_ link, ref, hook) || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_ADDR))
        return -1;
    if (!(len = mwx_quick_line(link, arguments[0], is_mail ? "MAIL FROM:" : "RCPT TO:", line, sizeof line)))
        return -1;
    if (is_mail) {
        mwx_link_set_binary(link, 0);
        mw_lmtp_forget(link->session);
    }
    return mwx_link_line(aTHX_ link, ref, line, len) == 2;
}

int mwx_link_quick_mail(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count)
{
    return with_address(aTHX_ link, ref, arguments, count, MWX_HOOK_MAIL);
}

int mwx_link_quick_rcpt(pTHX_ mwx_link *link, SV *ref, SV **arguments, int count)
{
    return with_address(aTHX_ link, ref, arguments, count, MWX_HOOK_RCPT);
}

int mwx_link_quick_data(pTHX_ mwx_link *link, SV *ref, int count)
{
    if (count || mwx_link_is_binary(link) || !is_simple(aTHX_ link, ref, MWX_HOOK_DATA) || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_DATASEND))
        return -1;
    return mwx_link_line(aTHX_ link, ref, "DATA", 4) == 3 && mw_lmtp_content(link->session) == MW_CONTENT_OPEN;
}
