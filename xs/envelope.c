/* envelope.c - see envelope.h. */
#include "envelope.h"
#include "call.h"
#include "convert.h"
#include "link_private.h"

/* The longest address of a delivery. Servers refuse far shorter ones (RFC 5321 4.5.3.1.3: 256), but that is theirs to say. */
#define ADDRESS_MAX 1000

/* ---- the path */

void mwx_line_new(pTHX_ mwx_line *line)
{
    line->text = sv_2mortal(newSV(200));
    SvPOK_only(line->text);
    SvCUR_set(line->text, 0);
    line->binary = 0;
    line->code = MW_LMTP_REFUSED;
}

char *mwx_line_room(pTHX_ mwx_line *line, size_t n)
{
    return SvGROW(line->text, SvCUR(line->text) + n + 1) + SvCUR(line->text);
}

void mwx_line_wrote(pTHX_ mwx_line *line, size_t n)
{
    SvCUR_set(line->text, SvCUR(line->text) + n);
    *SvEND(line->text) = '\0';
}

static mw_slice part(const mwx_line *line, size_t from, size_t len)
{
    mw_slice s;

    s.base = SvPVX_const(line->text) + from;
    s.len = len;
    return s;
}

mw_slice mwx_line_path(pTHX_ const mwx_line *line)
{
    return part(line, line->path, line->len);
}

mw_slice mwx_line_octets(pTHX_ const mwx_line *line)
{
    return part(line, 0, SvCUR(line->text));
}

mw_slice mwx_line_address(pTHX_ const mwx_line *line)
{
    mw_slice path = mwx_line_path(aTHX_ line);

    if (path.len > 1 && path.base[0] == '<' && path.base[path.len - 1] == '>')
        path = part(line, line->path + 1, line->len - 2);
    return path;
}

static void set_path(pTHX_ mwx_line *line, const char *head, mw_slice path, int bracketed)
{
    SvCUR_set(line->text, 0);
    mwx_line_wrote(aTHX_ line, mw_command_envelope(head, path, bracketed, mwx_line_room(aTHX_ line, MW_ENVELOPE_MAX(path.len))));
    line->path = strlen(head);
    line->len = SvCUR(line->text) - line->path;
}

/* What a class's own _addr makes of it is not judged here. */
static SV *set_own_path(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const char *head, SV *address)
{
    SV *path = mwx_call_scalar(aTHX_ ref, "_addr", &address, 1, &link->died);

    set_path(aTHX_ line, head, path && SvOK(path) ? mwx_octets(aTHX_ path, 1, "") : (mw_slice){ "", 0 }, 1);
    return path && SvOK(path) ? NULL : &PL_sv_undef;
}

static SV *fault_of(pTHX_ mw_slice path)
{
    const char *fault = mw_address_fault(path);

    return fault ? mwx_address_words(aTHX_ path, fault) : NULL;
}

static int is_simple(SV *address)
{
    return mwx_is_plain(address) && mw_address_is_simple((mw_slice){ SvPVX_const(address), SvCUR(address) });
}

SV *mwx_line_begin(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const char *head, SV *address)
{
    mw_slice path;
    int bracketed;

    line->is_own = mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_ADDR);
    line->is_simple = !line->is_own && is_simple(address);
    if (line->is_own)
        return set_own_path(aTHX_ line, link, ref, head, address);
    if (line->is_simple) {
        set_path(aTHX_ line, head, (mw_slice){ SvPVX_const(address), SvCUR(address) }, 0);
        return NULL;
    }
    path = mwx_address_octets(aTHX_ address, link->exact, &bracketed);
    set_path(aTHX_ line, head, path, bracketed);
    return fault_of(aTHX_ mwx_line_path(aTHX_ line));
}

/* ---- the path, in a delivery */

static int has_line_ends(mw_slice s)
{
    return s.len && (memchr(s.base, '\r', s.len) || memchr(s.base, '\n', s.len) || memchr(s.base, '\0', s.len));
}

static int is_ascii(mw_slice s)
{
    size_t i = 0;

    while (i < s.len && !((unsigned char)s.base[i] & 0x80))
        i++;
    return i == s.len;
}

/* "'address' is ...": a mortal. */
static SV *words_of(pTHX_ mw_slice address, const char *what)
{
    SV *words = sv_2mortal(newSVpvs("'"));

    sv_catpvn(words, address.base, address.len);
    sv_catpv(words, what);
    return words;
}

SV *mwx_line_strict(pTHX_ const mwx_line *line, SV *address, SV *refused, int utf8)
{
    mw_slice path = mwx_line_path(aTHX_ line), shown = mwx_line_address(aTHX_ line), given;

    if (line->is_simple && shown.len <= ADDRESS_MAX)
        return NULL;
    given = SvOK(address) ? mwx_octets(aTHX_ address, 1, "") : (mw_slice){ "", 0 };
    if (has_line_ends(given))
        return mwx_address_words(aTHX_ given, mw_error_text(MW_E_ARG_BYTES));
    if (line->is_own || refused)
        refused = fault_of(aTHX_ path);
    if (refused)
        return refused;
    if (shown.len > ADDRESS_MAX)
        return words_of(aTHX_ (mw_slice){ shown.base, MW_ADDRESS_SHOWN }, "...' is an address that is too long");
    if (is_ascii(path))
        return NULL;
    if (utf8)
        return is_utf8_string((const U8 *)path.base, path.len) ? NULL : words_of(aTHX_ shown, "' is not valid UTF-8");
    refused = words_of(aTHX_ shown, "' is not ASCII, and the server does not offer SMTPUTF8, or it is off");
    return sv_2mortal(newSVpvf("5.6.7 %" SVf, SVfARG(refused)));
}

int mwx_line_is_ascii(pTHX_ const mwx_line *line)
{
    return line->is_simple || is_ascii(mwx_line_path(aTHX_ line));
}

void mwx_line_to_ascii(pTHX_ mwx_line *line)
{
    mw_slice path = mwx_line_path(aTHX_ line), domain = mw_address_domain(path);
    SV *head, *name;

    if (line->is_own || is_ascii(domain) || !is_ascii((mw_slice){ path.base, (size_t)(domain.base - path.base) }))
        return;
    head = sv_2mortal(newSVpvn(SvPVX_const(line->text), (STRLEN)(domain.base - SvPVX_const(line->text))));
    name = sv_2mortal(newSVpvn(domain.base, domain.len));
    name = mwx_ask(aTHX_ "Mail::Wire::Address::ascii_domain", &name, 1);
    if (!SvOK(name))
        return;
    sv_setsv(line->text, head);
    sv_catpvf(line->text, "%" SVf ">", SVfARG(name));
    line->len = SvCUR(line->text) - line->path;
}

/* One with line ends in it as it was given. */
mw_slice mwx_line_refused(pTHX_ const mwx_line *line, SV *address)
{
    mw_slice given = SvOK(address) ? mwx_octets(aTHX_ address, 1, "") : (mw_slice){ "", 0 };

    return has_line_ends(given) ? given : mwx_line_address(aTHX_ line);
}
