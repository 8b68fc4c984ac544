/* parameters.c - see parameters.h. */
#include "parameters.h"
#include "call.h"
#include "convert.h"
#include "link_private.h"
#include "../c/ascii.h"

/* ---- options */

HV *mwx_plain_hash(SV *sv)
{
    return SvROK(sv) && SvTYPE(SvRV(sv)) == SVt_PVHV && !SvOBJECT(SvRV(sv)) ? (HV *)SvRV(sv) : NULL;
}

void mwx_options_set(pTHX_ mwx_options *o, SV *name, SV *value)
{
    mw_slice octets = SvOK(name) ? mwx_octets(aTHX_ name, 1, "") : (mw_slice){ "", 0 };
    size_t row = mw_parameter_find(o->command, octets);

    o->count++;
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
    mwx_carp(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::%s: unknown option(s) %" SVf " - ignored", o->method, SVfARG(mwx_names(aTHX_ o->unknown)))));
}

/* ---- values */

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
    NV number;
    SV *digits;

    if (!mwx_number(aTHX_ value, &number) || number < 0 || number >= 1e15)
        return value;
    if (SvIOK(value)) {
        digits = sv_2mortal(newSVuv(SvUV(value)));
        (void)SvPV_force_nolen(digits);
        return digits;
    }
    return sv_2mortal(newSVpvf("%.0" NVff, Perl_floor(number)));
}

/* Name and value in turn, in the order of the names: copies, as code of the caller's that runs later may change the hash. */
static AV *sorted_pairs(pTHX_ HV *hash)
{
    AV *names = (AV *)sv_2mortal((SV *)newAV()), *pairs = (AV *)sv_2mortal((SV *)newAV());
    SSize_t i;
    HE *he;

    sv_2mortal(SvREFCNT_inc((SV *)hash));
    hv_iterinit(hash);
    while ((he = hv_iternext(hash)))
        av_push(names, newSVsv(hv_iterkeysv(he)));
    sortsv(AvARRAY(names), (size_t)(av_len(names) + 1), Perl_sv_cmp);
    for (i = 0; i <= av_len(names); i++) {
        he = hv_fetch_ent(hash, AvARRAY(names)[i], 0, 0);
        av_push(pairs, SvREFCNT_inc(AvARRAY(names)[i]));
        av_push(pairs, he ? newSVsv(HeVAL(he)) : newSV(0));
    }
    return pairs;
}

/* One of a hash's values; no octets for undef. */
static mw_slice octets_of(pTHX_ SV *value)
{
    return SvOK(value) ? mwx_octets(aTHX_ mwx_string(aTHX_ value), 1, "") : (mw_slice){ "", 0 };
}

static SV *fields_text(pTHX_ HV *hash)
{
    AV *pairs = sorted_pairs(aTHX_ hash);
    SV *text = sv_2mortal(newSVpvs(""));
    SSize_t i;

    for (i = 0; i < av_len(pairs); i += 2) {
        mw_slice name = octets_of(aTHX_ AvARRAY(pairs)[i]), value = octets_of(aTHX_ AvARRAY(pairs)[i + 1]);
        char *out = SvGROW(text, SvCUR(text) + MW_FIELD_MAX(name.len + value.len) + 1) + SvCUR(text);

        SvCUR_set(text, SvCUR(text) + mw_field_put(i == 0, name, value, out));
        *SvEND(text) = '\0';
    }
    return text;
}

static int takes_hash(const mw_parameter *p)
{
    return p->form == MW_FORM_FIELDS || p->form == MW_FORM_ANY;
}

int mwx_options_takes_hash(pTHX_ const mwx_options *o, SV *name)
{
    size_t row = mw_parameter_find(o->command, mwx_octets(aTHX_ name, 1, ""));

    return row < MW_PARAMETER_COUNT && takes_hash(mw_parameter_row(row));
}

/* Whether the value is of a kind that the row can have: text, or what the row's form is made of. */
static int is_of_kind(pTHX_ const mw_parameter *p, SV *value)
{
    if (takes_hash(p))
        return mwx_plain_hash(value) != NULL;
    return !SvROK(value) || mwx_says_text(aTHX_ value) || (p->form == MW_FORM_NOTIFY && mwx_plain_list(value));
}

static SV *text_of(pTHX_ const mw_parameter *p, SV *value)
{
    if (p->form == MW_FORM_FIELDS)
        return fields_text(aTHX_ mwx_plain_hash(value));
    if (p->form == MW_FORM_NOTIFY)
        return comma_text(aTHX_ value);
    if (SvROK(value))
        value = mwx_string(aTHX_ value);
    return p->form == MW_FORM_SIZE ? number_text(aTHX_ value) : value;
}

/* ---- parameters */

/* The line that parameters are added to, and whose they are. */
typedef struct adding {
    mwx_line *line;
    mwx_link *link;
    SV *ref;
    const mwx_options *options;
} adding;

int mwx_link_offers(pTHX_ mwx_link *link, SV *ref, const char *keyword, mw_slice *params_r)
{
    SV *name, *found;

    if (!mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_SUPPORTS))
        return mw_lmtp_keyword(link->session, mw_slice_of(keyword), params_r);
    name = sv_2mortal(newSVpv(keyword, 0));
    found = mwx_call_scalar(aTHX_ ref, "supports", &name, 1, &link->died);
    if (!found || !SvOK(found))
        return 0;
    *params_r = octets_of(aTHX_ found);
    return 1;
}

/* What the server lacks for this value; NULL: nothing. No more is asked than is needed. */
static const char *lacks(pTHX_ const adding *a, const mw_parameter *p, mw_slice value, mw_slice *params_r)
{
    const char *words = p->keywords[0];
    mw_slice params = { NULL, 0 };
    unsigned offered = 0;
    int i;

    *params_r = params;
    for (i = 0; i < MW_PARAMETER_KEYWORDS && words && p->keywords[i] && !a->link->died; i++) {
        offered |= (unsigned)mwx_link_offers(aTHX_ a->link, a->ref, p->keywords[i], i ? &params : params_r) << i;
        words = mw_parameter_lacks(p, value, offered);
    }
    return words;
}

static SV *unfit(pTHX_ const adding *a, const mw_parameter *p, SV *text)
{
    const char *must = mw_form_must(p->form);

    if (SvROK(text) && !takes_hash(p))
        return sv_2mortal(newSVpvf("The option %s of %s is a reference", p->option, a->options->method));
    if (must)
        return sv_2mortal(newSVpvf("%s %s, not '%" SVf "'", p->option, must, SVfARG(text)));
    return sv_2mortal(newSVpvf("Bad character in option %s of %s", p->option, a->options->method));
}

static SV *put(pTHX_ const adding *a, const mw_parameter *p, SV *text)
{
    mw_slice octets = mwx_octets(aTHX_ text, 1, "");
    size_t len;

    if (!mw_parameter_put(p, octets, mwx_line_room(aTHX_ a->line, MW_PARAMETER_MAX(octets.len)), &len))
        return unfit(aTHX_ a, p, text);
    mwx_line_wrote(aTHX_ a->line, len);
    a->line->binary |= mw_parameter_is_binary(p, octets);
    return NULL;
}

static SV *put_path(pTHX_ const adding *a, const mw_parameter *p, SV *text)
{
    mwx_line path;
    SV *words;

    mwx_line_new(aTHX_ &path);
    words = mwx_line_begin(aTHX_ &path, a->link, a->ref, "", text);
    return words || a->link->died ? words : put(aTHX_ a, p, path.text);
}

/* A value that is a reference, and says no text; NULL: there is none. */
static SV *reference_in(pTHX_ const adding *a, const mw_parameter *p, AV *pairs)
{
    SSize_t i;

    for (i = 0; i < av_len(pairs); i += 2)
        if (SvROK(AvARRAY(pairs)[i + 1]) && !mwx_says_text(aTHX_ AvARRAY(pairs)[i + 1]))
            return sv_2mortal(newSVpvf("%s of %s: the value of '%" SVf "' is a reference", p->option, a->options->method,
                SVfARG(AvARRAY(pairs)[i])));
    return NULL;
}

/* The option, or the parameter of the pairs before i, that says the word of pair i as well; NULL: there is none. RFC 5321 4.1.1.11 has each
 * keyword once. */
static SV *said_twice(pTHX_ const adding *a, const mw_parameter *p, AV *pairs, SSize_t i)
{
    mw_slice name = octets_of(aTHX_ AvARRAY(pairs)[i]);
    SV *other = NULL;
    size_t row;
    SSize_t j;

    for (row = 0; row < MW_PARAMETER_COUNT; row++)
        if (mwx_options_has(a->options, row) && mw_is_same(name, mw_slice_of(mw_parameter_row(row)->word)))
            other = sv_2mortal(newSVpv(mw_parameter_row(row)->option, 0));
    for (j = 0; j < i && !other; j += 2)
        if (mw_is_same(name, octets_of(aTHX_ AvARRAY(pairs)[j])))
            other = AvARRAY(pairs)[j];
    return other ? sv_2mortal(newSVpvf("%s of %s: '%" SVf "' is said by '%" SVf "' as well", p->option, a->options->method,
        SVfARG(AvARRAY(pairs)[i]), SVfARG(other))) : NULL;
}

/* RFC 3030 3: such content is not sent as other content is. */
static int is_binary_body(mw_slice name, mw_slice value)
{
    return mw_is_same(name, mw_slice_of("BODY")) && mw_is_same(value, mw_slice_of("BINARYMIME"));
}

static SV *put_pairs(pTHX_ const adding *a, const mw_parameter *p, AV *pairs)
{
    SV *words = reference_in(aTHX_ a, p, pairs);
    SSize_t i;
    size_t len;

    for (i = 0; i < av_len(pairs) && !words; i += 2) {
        mw_slice name = octets_of(aTHX_ AvARRAY(pairs)[i]), value = octets_of(aTHX_ AvARRAY(pairs)[i + 1]);

        if (is_binary_body(name, value))
            return sv_2mortal(newSVpvf("%s of %s: BODY=BINARYMIME is the option Bits => 'binary'", p->option, a->options->method));
        if ((words = said_twice(aTHX_ a, p, pairs, i)))
            break;
        if (!mw_parameter_put_any(name, value, mwx_line_room(aTHX_ a->line, MW_PARAMETER_MAX(name.len + value.len)), &len))
            return sv_2mortal(newSVpvf("%s of %s: '%" SVf "' is no keyword, or its value has bad characters", p->option, a->options->method,
                SVfARG(AvARRAY(pairs)[i])));
        mwx_line_wrote(aTHX_ a->line, len);
    }
    return words;
}

/* Why the message is refused here, as the server would refuse it; NULL: it is not. */
static SV *refusal_of(pTHX_ const adding *a, const mw_parameter *p, SV *text, mw_slice params)
{
    SV *ref = a->ref;
    int secure = p == mw_parameter_row(MW_PARAMETER_REQUIRETLS) && SvTRUE(mwx_ask(aTHX_ "Mail::Wire::TLS::is_verified", &ref, 1));
    const mw_refusal *refusal = mw_parameter_refusal(p, mwx_octets(aTHX_ text, 1, ""), params, secure);

    if (!refusal)
        return NULL;
    a->line->code = refusal->code;
    return sv_2mortal(newSVpv(refusal->words, 0));
}

static SV *add(pTHX_ const adding *a, const mw_parameter *p, SV *value)
{
    const char *missing;
    mw_slice params;
    SV *text, *refusal;

    if (p->form == MW_FORM_FLAG && !SvTRUE(value))
        return NULL;
    if (!is_of_kind(aTHX_ p, value))
        return unfit(aTHX_ a, p, value);
    if (p->form == MW_FORM_ANY)
        return put_pairs(aTHX_ a, p, sorted_pairs(aTHX_ mwx_plain_hash(value)));
    if (p->form == MW_FORM_FIELDS && (refusal = reference_in(aTHX_ a, p, sorted_pairs(aTHX_ mwx_plain_hash(value)))))
        return refusal;
    text = text_of(aTHX_ p, value);
    missing = lacks(aTHX_ a, p, mwx_octets(aTHX_ text, 1, ""), &params);
    if (a->link->died)
        return NULL;
    if ((refusal = refusal_of(aTHX_ a, p, text, params)))
        return refusal;
    if (missing) {
        mwx_carp(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::%s: %s%s not supported by host", a->options->method, missing,
            strchr(missing, ' ') ? "" : " option")));
        return NULL;
    }
    return p->form == MW_FORM_PATH ? put_path(aTHX_ a, p, text) : put(aTHX_ a, p, text);
}

int mwx_options_has(const mwx_options *o, size_t i)
{
    return o->value[i] && SvOK(o->value[i]);
}

int mwx_options_says(pTHX_ const mwx_options *o, size_t i)
{
    HV *hash = mwx_options_has(o, MW_PARAMETER_MAIL_PARAMS) ? mwx_plain_hash(o->value[MW_PARAMETER_MAIL_PARAMS]) : NULL;
    mw_slice word = mw_slice_of(mw_parameter_row(i)->word);
    int says = mwx_options_has(o, i);
    HE *he;

    if (!hash)
        return says;
    hv_iterinit(hash);
    while ((he = hv_iternext(hash)))
        says |= mw_is_same(word, octets_of(aTHX_ hv_iterkeysv(he)));
    return says;
}

/* Two options of which a message can have one. */
static SV *contradiction(pTHX_ const mwx_options *o)
{
    size_t i, j;

    for (i = 0; i < MW_PARAMETER_COUNT; i++)
        for (j = i + 1; mwx_options_has(o, i) && j < MW_PARAMETER_COUNT; j++)
            if (mwx_options_has(o, j) && mw_parameter_excludes(mw_parameter_row(i), mw_parameter_row(j)))
                return sv_2mortal(newSVpvf("%s: the options %s and %s exclude each other", o->method, mw_parameter_row(i)->option,
                    mw_parameter_row(j)->option));
    return NULL;
}

SV *mwx_line_parameters(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const mwx_options *o)
{
    const adding a = { line, link, ref, o };
    SV *words;
    size_t i;

    line->code = MW_LMTP_REFUSED;
    if (!o->count)
        return NULL;
    words = contradiction(aTHX_ o);
    if (o->unknown) {
        sortsv(AvARRAY(o->unknown), (size_t)av_len(o->unknown) + 1, Perl_sv_cmp);
        for (i = 0; i <= (size_t)av_len(o->unknown); i++)
            mwx_options_meant(aTHX_ o, AvARRAY(o->unknown)[i], "unknown");
    }
    for (i = 0; i < MW_PARAMETER_COUNT && !words && !link->died; i++)
        if (mwx_options_has(o, i))
            words = add(aTHX_ &a, mw_parameter_row(i), o->value[i]);
    if (o->unknown && !words && !link->died)
        warn_of_unknown(aTHX_ o);
    return words;
}
