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
}

/* Room for n bytes behind what is there. */
static char *room(pTHX_ mwx_line *line, size_t n)
{
    return SvGROW(line->text, SvCUR(line->text) + n + 1) + SvCUR(line->text);
}

static void wrote(pTHX_ mwx_line *line, size_t n)
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
    wrote(aTHX_ line, mw_command_envelope(head, path, bracketed, room(aTHX_ line, MW_ENVELOPE_MAX(path.len))));
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

SV *mwx_line_begin(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const char *head, SV *address)
{
    mw_slice path;
    int bracketed;

    line->is_own = mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_ADDR);
    if (line->is_own)
        return set_own_path(aTHX_ line, link, ref, head, address);
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
    mw_slice given = SvOK(address) ? mwx_octets(aTHX_ address, 1, "") : (mw_slice){ "", 0 };
    mw_slice path = mwx_line_path(aTHX_ line), shown = mwx_line_address(aTHX_ line);

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
    if (!utf8)
        return words_of(aTHX_ shown, "' is not ASCII, and SMTPUTF8 is not asked for or not offered");
    return is_utf8_string((const U8 *)path.base, path.len) ? NULL : words_of(aTHX_ shown, "' is not valid UTF-8");
}

/* One with line ends in it as it was given. */
mw_slice mwx_line_refused(pTHX_ const mwx_line *line, SV *address)
{
    mw_slice given = SvOK(address) ? mwx_octets(aTHX_ address, 1, "") : (mw_slice){ "", 0 };

    return has_line_ends(given) ? given : mwx_line_address(aTHX_ line);
}

/* ---- options */

HV *mwx_plain_hash(SV *sv)
{
    return SvROK(sv) && SvTYPE(SvRV(sv)) == SVt_PVHV && !SvOBJECT(SvRV(sv)) ? (HV *)SvRV(sv) : NULL;
}

void mwx_options_set(pTHX_ mwx_options *o, SV *name, SV *value)
{
    mw_slice octets = SvOK(name) ? mwx_octets(aTHX_ name, 1, "") : (mw_slice){ "", 0 };
    size_t row = mw_parameter_find(o->command, octets);

    if (row < MW_PARAMETER_COUNT) {
        o->value[row] = value;
    } else if (o->skip_bad && octets.len == 7 && memcmp(octets.base, "SkipBad", 7) == 0) {
        o->skip_bad = value;
    } else {
        if (!o->unknown)
            o->unknown = (AV *)sv_2mortal((SV *)newAV());
        av_push(o->unknown, SvOK(name) ? newSVsv(name) : newSVpvs(""));
    }
}

void mwx_options_hash(pTHX_ mwx_options *o, HV *hash)
{
    HE *he;

    sv_2mortal(SvREFCNT_inc((SV *)hash));
    hv_iterinit(hash);
    while ((he = hv_iternext(hash)))
        mwx_options_set(aTHX_ o, hv_iterkeysv(he), sv_mortalcopy(hv_iterval(hash, he)));
}

/* The option's name, in another case. */
static int is_meant(const char *option, mw_slice name)
{
    size_t i;

    if (strlen(option) != name.len || memcmp(option, name.base, name.len) == 0)
        return 0;
    for (i = 0; i < name.len; i++)
        if (toLOWER((U8)option[i]) != toLOWER((U8)name.base[i]))
            return 0;
    return 1;
}

void mwx_options_meant(pTHX_ const mwx_options *o, SV *name, const char *what)
{
    mw_slice octets = mwx_octets(aTHX_ name, 1, "");
    const char *meant = is_meant("SkipBad", octets) ? "SkipBad" : NULL;
    size_t i;

    for (i = 0; i < MW_PARAMETER_COUNT && !meant; i++)
        if (mw_parameter_row(i)->command == o->command && is_meant(mw_parameter_row(i)->option, octets))
            meant = mw_parameter_row(i)->option;
    if (meant)
        mwx_carp(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::%s: '%" SVf "' is %s; is the option %s meant?", o->method, SVfARG(name), what, meant)));
}

static void warn_of_unknown(pTHX_ const mwx_options *o)
{
    SV *words = sv_2mortal(newSVpvf("Net::LMTP::%s: unknown option(s)", o->method));
    SSize_t i;

    for (i = 0; i <= av_len(o->unknown); i++)
        sv_catpvf(words, " %" SVf, SVfARG(AvARRAY(o->unknown)[i]));
    sv_catpvs(words, " - ignored");
    mwx_carp(aTHX_ words);
}

/* ---- parameters */

int mwx_link_offers(pTHX_ mwx_link *link, SV *ref, const char *keyword)
{
    mw_slice word, params;
    SV *name, *found;

    if (!mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_SUPPORTS)) {
        word.base = keyword;
        word.len = strlen(keyword);
        return mw_lmtp_keyword(link->session, word, &params);
    }
    name = sv_2mortal(newSVpv(keyword, 0));
    found = mwx_call_scalar(aTHX_ ref, "supports", &name, 1, &link->died);
    return found && SvOK(found);
}

/* What the server lacks for this value; NULL: nothing. No more is asked than is needed. */
static const char *lacks(pTHX_ mwx_link *link, SV *ref, const mw_parameter *p, mw_slice value)
{
    const char *words = p->keywords[0];
    unsigned offered = 0;
    int i;

    for (i = 0; i < MW_PARAMETER_KEYWORDS && words && p->keywords[i] && !link->died; i++) {
        offered |= (unsigned)mwx_link_offers(aTHX_ link, ref, p->keywords[i]) << i;
        words = mw_parameter_lacks(p, value, offered);
    }
    return words;
}

/* A list's words, or a string's, upper-case and with commas between. */
static SV *comma_text(pTHX_ SV *value)
{
    AV *list = SvROK(value) && !mwx_says_text(aTHX_ value) ? mwx_list_copy(aTHX_ (AV *)SvRV(value)) : NULL;
    SV *text = sv_2mortal(newSVpvs(""));
    SSize_t i;
    char *c;

    if (!list)
        sv_catsv(text, mwx_string(aTHX_ value));
    for (i = 0; list && i <= av_len(list); i++) {
        if (i)
            sv_catpvs(text, ",");
        if (SvOK(AvARRAY(list)[i]))
            sv_catsv(text, mwx_string(aTHX_ AvARRAY(list)[i]));
        else if (!i && !av_len(list))
            sv_catpvs(text, ",");
    }
    for (c = SvPVX(text); *c; c++)
        *c = toUPPER(*c);
    while (!list && SvCUR(text) && SvEND(text)[-1] == ',')
        SvCUR_set(text, SvCUR(text) - 1);
    return text;
}

/* What the row's form makes of a number: digits, or what it was. */
static SV *number_text(pTHX_ SV *value)
{
    NV number = looks_like_number(value) ? SvNV(value) : -1;
    SV *digits;

    if (SvIOK(value) && number >= 0 && number < 1e15) {
        digits = sv_2mortal(newSVuv(SvUV(value)));
        (void)SvPV_force_nolen(digits);
        return digits;
    }
    if (number >= 0 && number < 1e15)
        return sv_2mortal(newSVpvf("%.0" NVff, Perl_floor(number)));
    return value;
}

static SV *text_of(pTHX_ const mw_parameter *p, SV *value)
{
    if (p->form == MW_FORM_NOTIFY)
        return comma_text(aTHX_ value);
    if (SvROK(value))
        value = mwx_string(aTHX_ value);
    return p->form == MW_FORM_NUMBER ? number_text(aTHX_ value) : value;
}

static SV *refusal(pTHX_ const mwx_options *o, const mw_parameter *p, SV *text)
{
    const char *must = mw_parameter_must(p);

    if (must)
        return sv_2mortal(newSVpvf("%s %s, not '%" SVf "'", p->option, must, SVfARG(text)));
    return sv_2mortal(newSVpvf("Bad character in option %s of %s", p->option, o->method));
}

/* A number that is none has digits alone as little as it has a sign. */
static int is_number(mw_slice s)
{
    size_t i = 0;

    while (i < s.len && isDIGIT(s.base[i]))
        i++;
    return s.len && i == s.len && s.len < 17;
}

static SV *put(pTHX_ mwx_line *line, const mwx_options *o, const mw_parameter *p, SV *text)
{
    mw_slice octets = mwx_octets(aTHX_ text, 1, "");
    size_t len;

    if ((p->form == MW_FORM_NUMBER && !is_number(octets))
        || !mw_parameter_put(p, octets, room(aTHX_ line, MW_PARAMETER_MAX(octets.len)), &len))
        return refusal(aTHX_ o, p, text);
    wrote(aTHX_ line, len);
    line->binary |= mw_parameter_is_binary(p, octets);
    return NULL;
}

static SV *put_path(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const mwx_options *o, const mw_parameter *p, SV *text)
{
    mwx_line path;
    SV *words;

    mwx_line_new(aTHX_ &path);
    words = mwx_line_begin(aTHX_ &path, link, ref, "", text);
    return words || link->died ? words : put(aTHX_ line, o, p, path.text);
}

static SV *add_parameter(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const mwx_options *o, const mw_parameter *p, SV *value)
{
    int is_list = p->form == MW_FORM_NOTIFY && SvROK(value) && SvTYPE(SvRV(value)) == SVt_PVAV && !SvOBJECT(SvRV(value));
    const char *missing;
    SV *text;

    if (p->form == MW_FORM_FLAG && !SvTRUE(value))
        return NULL;
    if (SvROK(value) && !mwx_says_text(aTHX_ value) && !is_list)
        return sv_2mortal(newSVpvf("The option %s of %s is a reference", p->option, o->method));
    text = text_of(aTHX_ p, value);
    missing = lacks(aTHX_ link, ref, p, mwx_octets(aTHX_ text, 1, ""));
    if (link->died)
        return NULL;
    if (missing) {
        mwx_carp(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::%s: %s%s not supported by host", o->method, missing, strchr(missing, ' ') ? "" : " option")));
        return NULL;
    }
    return p->form == MW_FORM_PATH ? put_path(aTHX_ line, link, ref, o, p, text) : put(aTHX_ line, o, p, text);
}

SV *mwx_line_parameters(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const mwx_options *o)
{
    SV *words = NULL;
    size_t i;

    if (o->unknown) {
        sortsv(AvARRAY(o->unknown), (size_t)av_len(o->unknown) + 1, Perl_sv_cmp);
        for (i = 0; i <= (size_t)av_len(o->unknown); i++)
            mwx_options_meant(aTHX_ o, AvARRAY(o->unknown)[i], "unknown");
    }
    for (i = 0; i < MW_PARAMETER_COUNT && !words && !link->died; i++)
        if (o->value[i] && SvOK(o->value[i]))
            words = add_parameter(aTHX_ line, link, ref, o, mw_parameter_row(i), o->value[i]);
    if (o->unknown && !words && !link->died)
        warn_of_unknown(aTHX_ o);
    return words;
}
