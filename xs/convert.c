/* convert.c - see convert.h. */
#include "convert.h"
#include "call.h"
#include "known.h"
#include "../c/command.h"
#include "../c/error.h"
#include "../c/reply.h"

int mwx_is_plain(SV *sv)
{
    /* A code reference with a prototype has a string as well. */
    return SvPOK(sv) && !SvROK(sv) && !SvGMAGICAL(sv) && SvTYPE(sv) <= SVt_PVMG;
}

SV *mwx_defined(pTHX_ SV *sv)
{
    SV *string = SvAMAGIC(sv) ? amagic_call(sv, &PL_sv_undef, string_amg, AMGf_noright | AMGf_unary) : NULL;

    if (string)
        sv = string;
    if (SvOK(sv))
        return sv;
    if (ckWARN(WARN_UNINITIALIZED))
        warn("Use of uninitialized value in subroutine entry");
    return sv_2mortal(newSVpvs(""));
}

/* The object's code may drop the scalar that it is in, so a copy is asked. */
static SV *string_of(pTHX_ SV *sv)
{
    SV *string = sv_2mortal(newSVpvs(""));

    sv_catsv(string, mwx_defined(aTHX_ sv_mortalcopy(sv)));
    return string;
}

mw_slice mwx_octets(pTHX_ SV *sv, int wide_as_utf8, const char *where)
{
    mw_slice octets;
    STRLEN len;

    if (!SvPOK(sv) || SvGMAGICAL(sv) || SvROK(sv))
        sv = string_of(aTHX_ sv);
    octets.base = SvPV(sv, len);
    if (SvUTF8(sv)) {
        SV *copy = sv_2mortal(newSVpvn(octets.base, len));

        SvUTF8_on(copy);
        if (!sv_utf8_downgrade(copy, TRUE)) {
            if (!wide_as_utf8)
                mwx_croak(aTHX_ sv_2mortal(newSVpvf("Wide character in %s: encode the text first, for example with Encode::encode", where)));
            SvUTF8_off(copy);
        }
        octets.base = SvPV(copy, len);
    }
    octets.len = len;
    return octets;
}

mw_text *mwx_text_of(pTHX_ SV *sv)
{
    mw_slice octets = mwx_octets(aTHX_ sv, 1, "");

    return mw_text_new(mw_alloc_default(), octets.base, octets.len);
}

const char *mwx_text(pTHX_ SV *sv)
{
    mw_slice octets;

    if (!SvOK(sv))
        return NULL;
    octets = mwx_octets(aTHX_ sv, 1, "");
    return SvPVX(sv_2mortal(newSVpvn(octets.base, octets.len)));
}

/* A part of a string, of characters or of octets. */
static mw_slice part_octets(pTHX_ mw_slice part, int is_characters)
{
    SV *copy = sv_2mortal(newSVpvn(part.base, part.len));

    if (is_characters) {
        SvUTF8_on(copy);
        if (!sv_utf8_downgrade(copy, TRUE))
            SvUTF8_off(copy);
    }
    part.base = SvPVX(copy);
    part.len = SvCUR(copy);
    if (!is_utf8_string((const U8 *)part.base, part.len)) {
        sv_utf8_encode(copy);
        part.base = SvPVX(copy);
        part.len = SvCUR(copy);
    }
    return part;
}

mw_slice mwx_address_octets(pTHX_ SV *address, int exact, int *bracketed_r)
{
    mw_slice part;
    STRLEN len;
    size_t i;

    if (!SvPOK(address) || SvGMAGICAL(address) || SvROK(address)) {
        address = sv_mortalcopy(address);
        address = SvOK(address) ? string_of(aTHX_ address) : sv_2mortal(newSVpvs(""));
    }
    part.base = SvPV(address, len);
    part.len = len;
    part = mw_address_path(part, exact, bracketed_r);
    for (i = 0; i < part.len; i++)
        if ((unsigned char)part.base[i] > 0x7f)
            return part_octets(aTHX_ part, SvUTF8(address) != 0);
    return part;
}

SV *mwx_address_words(pTHX_ mw_slice bracketed, const char *fault)
{
    char shown[MW_ADDRESS_SHOWN_MAX];
    SV *words = sv_2mortal(newSVpvs("'"));

    if (bracketed.len > 1 && bracketed.base[0] == '<' && bracketed.base[bracketed.len - 1] == '>') {
        bracketed.base++;
        bracketed.len -= 2;
    }
    sv_catpvn(words, shown, mw_address_shown(bracketed, shown));
    sv_catpvf(words, "' is %s: %s", mw_error_text(MW_E_ADDRESS), fault);
    return words;
}

static int are_plain(SV **values, SSize_t count)
{
    SSize_t i = 0;

    while (i < count && values[i] && mwx_is_plain(values[i]))
        i++;
    return i == count;
}

/* References to the caller's scalars, held here: neither the caller's list nor perl's stack holds on to them while code of the caller's
 * runs. */
static AV *held(pTHX_ AV *list, SV **values, SSize_t count)
{
    AV *copy = (AV *)sv_2mortal((SV *)newAV());
    SSize_t i;

    for (i = 0; i < count; i++) {
        SV **item = list ? av_fetch(list, i, 0) : &values[i];

        av_push(copy, item && *item ? SvREFCNT_inc(*item) : newSVpvs(""));
    }
    return copy;
}

AV *mwx_list_copy(pTHX_ AV *list)
{
    AV *copy = (AV *)sv_2mortal((SV *)newAV());
    SSize_t i;

    sv_2mortal(SvREFCNT_inc((SV *)list));
    for (i = 0; i <= av_len(list); i++) {
        SV **item = av_fetch(list, i, 0);

        av_push(copy, item ? newSVsv(*item) : newSV(0));
    }
    return copy;
}

AV *mwx_values(pTHX_ SV **values, int count)
{
    return mwx_list_copy(aTHX_ held(aTHX_ NULL, values, count));
}

static SV *join(pTHX_ SV **values, SSize_t count, const char *separator)
{
    SV *joined = sv_2mortal(newSVpvs(""));
    SSize_t i;

    for (i = 0; i < count; i++) {
        if (i && *separator)
            sv_catpv(joined, separator);
        sv_catsv(joined, mwx_defined(aTHX_ SvROK(values[i]) || SvGMAGICAL(values[i]) ? sv_mortalcopy(values[i]) : values[i]));
    }
    return joined;
}

SV *mwx_joined(pTHX_ SV **values, int count, const char *separator)
{
    AV *list = count == 1 && SvROK(values[0]) && SvTYPE(SvRV(values[0])) == SVt_PVAV && !SvAMAGIC(values[0])
        ? (AV *)SvRV(values[0]) : NULL;
    SSize_t n = count;

    if (n == 1 && !list && SvPOK(values[0]) && !SvGMAGICAL(values[0]))
        return values[0];
    if (list) {
        sv_2mortal(SvREFCNT_inc((SV *)list));
        n = av_len(list) + 1;
        values = SvRMAGICAL(list) ? NULL : AvARRAY(list);
    }
    if (!values || !are_plain(values, n)) {
        list = held(aTHX_ list, values, n);
        values = AvARRAY(list);
    }
    return join(aTHX_ values, n, separator);
}

SV *mwx_names(pTHX_ AV *names)
{
    SV *list = sv_2mortal(newRV_inc((SV *)names));

    sortsv(AvARRAY(names), (size_t)av_len(names) + 1, Perl_sv_cmp);
    return mwx_joined(aTHX_ &list, 1, " ");
}

int mwx_says_text(pTHX_ SV *sv)
{
    return SvAMAGIC(sv) && gv_fetchmeth(SvSTASH(SvRV(sv)), "(\"\"", 3, 0);
}

SV *mwx_string(pTHX_ SV *sv)
{
    return mwx_is_plain(sv) || !SvOK(sv) ? sv : string_of(aTHX_ sv);
}

static int has_space_around(pTHX_ SV *string)
{
    STRLEN len;
    const char *s = SvPV(string, len);

    return len && (isSPACE(s[0]) || isSPACE(s[len - 1]));
}

int mwx_number(pTHX_ SV *sv, NV *number_r)
{
    if (mwx_says_text(aTHX_ sv))
        sv = mwx_string(aTHX_ sv);
    if (SvROK(sv) || !looks_like_number(sv) || (SvPOK(sv) && has_space_around(aTHX_ sv)))
        return 0;
    *number_r = SvNV(sv);
    return *number_r - *number_r == 0;  /* neither infinite nor NaN */
}

AV *mwx_plain_list(SV *sv)
{
    return SvROK(sv) && SvTYPE(SvRV(sv)) == SVt_PVAV && !SvOBJECT(SvRV(sv)) ? (AV *)SvRV(sv) : NULL;
}

void mwx_check_address(pTHX_ const char *where, SV *address)
{
    SV *arguments[2];

    if (!SvROK(address) || mwx_says_text(aTHX_ address))
        return;
    arguments[0] = sv_2mortal(newSVpv(where, 0));
    arguments[1] = address;
    mwx_ask(aTHX_ "Mail::Wire::Address::check", arguments, 2);
}

static int is_reference(pTHX_ SV *sv)
{
    if (!SvROK(sv))
        return isGV_with_GP(sv);
    /* An object of File::Temp is a handle, with its name for a string. */
    return isGV_with_GP(SvRV(sv)) || !mwx_says_text(aTHX_ sv);
}

/* Code runs when sv is read. Taint alone is no code. */
static int acts(const SV *sv)
{
    const MAGIC *mg = SvGMAGICAL(sv) ? SvMAGIC(sv) : NULL;

    while (mg && mg->mg_type == PERL_MAGIC_taint)
        mg = mg->mg_moremagic;
    return mg != NULL;
}

int mwx_has_references(pTHX_ SV **values, int count)
{
    AV *list = count == 1 && SvROK(values[0]) && SvTYPE(SvRV(values[0])) == SVt_PVAV && !SvOBJECT(SvRV(values[0])) ? (AV *)SvRV(values[0]) : NULL;
    SSize_t i, n = list ? av_len(list) + 1 : count;

    for (i = 0; i < n; i++) {
        SV **item = list ? SvRMAGICAL(list) ? NULL : av_fetch(list, i, 0) : &values[i];

        /* What a tied one is it tells when it is asked, and once. */
        if (list && SvRMAGICAL(list))
            return 1;
        if (item && *item && (acts(*item) || is_reference(aTHX_ *item)))
            return 1;
    }
    return 0;
}

SV *mwx_of_wire(pTHX_ const char *bytes, size_t len)
{
    SV *sv = newSVpvn(bytes, len);

    SvTAINTED_on(sv);
    return sv;
}

SV *mwx_code_of_wire(pTHX_ unsigned code)
{
    SV *sv = newSVpvf("%03u", code);

    SvTAINTED_on(sv);
    return sv;
}

/* Perl's -t only warns, which it does itself where the link is opened. */
#ifdef TAINT_WARN_get
#define IS_FATAL (!TAINT_WARN_get)
#else
#define IS_FATAL (!PL_taint_warn)
#endif

void mwx_refuse_tainted(pTHX_ SV **values, int count)
{
    int i;

    for (i = 0; i < count; i++)
        if (SvTAINTED(values[i]) && IS_FATAL)
            mwx_croak(aTHX_ sv_2mortal(newSVpvs("Insecure dependency in connect: the address or the port is tainted")));
}

SV *mwx_enhanced(pTHX_ SV *words)
{
    mw_slice text = mwx_octets(aTHX_ words, 1, "");
    mw_enhanced e;
    SV *found;

    if (!mw_enhanced_parse(text, &e) && !mw_enhanced_find(text, &e))
        return newSV(0);
    found = newSVpvf("%u.%u.%u", e.cls, e.subject, e.detail);
    SvTAINT(found);
    return found;
}

#define RESULT_CODE 2

int mwx_is_success(pTHX_ AV *result)
{
    SV **code = av_fetch(result, RESULT_CODE, 0);

    return code && SvIV(*code) / 100 == 2;
}

SV *mwx_result(pTHX_ const mw_result *r, size_t index, int notes)
{
    AV *fields = newAV();
    SV **field;
    mw_slice text = { "", 0 };

    if (r->text) {
        text.base = r->text->bytes;
        text.len = r->text->len;
    } else if (!r->code) {
        text.base = "no reply yet";
        text.len = strlen(text.base);
    }
    av_extend(fields, 5);
    field = AvARRAY(fields);
    field[0] = r->recipient ? newSVpvn(r->recipient->bytes, r->recipient->len) : newSVpvs("");
    field[1] = newSVuv(index);
    field[RESULT_CODE] = newSVuv(r->code ? r->code : 421);
    SvTAINTED_on(field[RESULT_CODE]);
    field[MWX_RESULT_MESSAGE] = mwx_of_wire(aTHX_ text.base, text.len);
    field[4] = mwx_stage(aTHX_ r->stage);
    field[5] = newSViv(notes | (r->maybe_delivered ? 1 : 0));
    AvFILLp(fields) = 5;
    return mwx_object(aTHX_ MWX_CLASS_RESULT, (SV *)fields);
}

void mwx_result_command(pTHX_ SV *result, mw_slice line)
{
    av_push((AV *)SvRV(result), newSVpvn(line.base, line.len));
}

SV *mwx_deferral(pTHX_ SV *recipient, size_t index, unsigned code, const char *words)
{
    mw_slice address = mwx_octets(aTHX_ recipient, 1, "");
    mw_result r = { NULL, NULL, 0, MW_STAGE_BODY, 0 };
    SV *result;

    r.recipient = mw_text_new(mw_alloc_default(), address.base, address.len);
    r.text = mw_text_new(mw_alloc_default(), words, strlen(words));
    r.code = code;
    result = mwx_result(aTHX_ &r, index, 0);
    mw_result_clear(&r);
    return result;
}

#define DELIVERY_RESULTS 1

static AV *list_in(pTHX_ SV **sv)
{
    SV *value = sv && SvGMAGICAL(*sv) ? sv_mortalcopy(*sv) : sv ? *sv : NULL;

    return value && SvROK(value) && SvTYPE(SvRV(value)) == SVt_PVAV ? (AV *)SvRV(value) : NULL;
}

int mwx_all_succeeded(pTHX_ SV *fields)
{
    AV *delivery = list_in(aTHX_ &fields), *result;
    AV *results = delivery ? list_in(aTHX_ av_fetch(delivery, DELIVERY_RESULTS, 0)) : NULL;
    SSize_t i;

    for (i = 0; results && i <= av_len(results); i++) {
        result = list_in(aTHX_ av_fetch(results, i, 0));
        if (!result || !mwx_is_success(aTHX_ result))
            return 0;
    }
    return results != NULL;
}

SV *mwx_delivery(pTHX_ IV id, AV *results)
{
    AV *fields = newAV();

    av_extend(fields, 1);
    av_push(fields, newSViv(id));
    av_push(fields, newRV_noinc((SV *)results));
    return mwx_object(aTHX_ MWX_CLASS_DELIVERY, newRV_noinc((SV *)fields));
}
