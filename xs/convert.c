/* convert.c - see convert.h. */
#include "convert.h"
#include "known.h"
#include "../c/reply.h"

int mwx_is_plain(SV *sv)
{
    /* A code reference with a prototype has a string as well. */
    return SvPOK(sv) && !SvROK(sv) && !SvGMAGICAL(sv) && SvTYPE(sv) <= SVt_PVMG;
}

mw_slice mwx_octets(pTHX_ SV *sv, int wide_as_utf8, const char *where)
{
    mw_slice octets;
    STRLEN len;

    if (!SvPOK(sv) || SvGMAGICAL(sv) || SvROK(sv)) {
        SV *plain = sv_2mortal(newSVpvs(""));

        /* What says its string may drop the scalar it is in. */
        sv_catsv(plain, sv_mortalcopy(sv));
        sv = plain;
    }
    octets.base = SvPV(sv, len);
    if (SvUTF8(sv)) {
        SV *copy = sv_2mortal(newSVpvn(octets.base, len));

        SvUTF8_on(copy);
        if (!sv_utf8_downgrade(copy, TRUE)) {
            if (!wide_as_utf8)
                croak("Wide character in %s: encode the text first, for example with Encode::encode", where);
            SvUTF8_off(copy);
        }
        octets.base = SvPV(copy, len);
    }
    octets.len = len;
    return octets;
}

static int are_plain(SV **values, SSize_t count)
{
    SSize_t i = 0;

    while (i < count && values[i] && mwx_is_plain(values[i]))
        i++;
    return i == count;
}

/* References of our own to the caller's scalars: neither his list nor perl's stack holds on to them while code of his runs. */
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

static SV *join(pTHX_ SV **values, SSize_t count, const char *separator)
{
    SV *joined = sv_2mortal(newSVpvs(""));
    SSize_t i;

    for (i = 0; i < count; i++) {
        if (i && *separator)
            sv_catpv(joined, separator);
        sv_catsv(joined, SvROK(values[i]) || SvGMAGICAL(values[i]) ? sv_mortalcopy(values[i]) : values[i]);
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

SV *mwx_shared_copy(pTHX_ SV *sv)
{
    SV *copy = newSV(0);

#ifdef SV_COW_OTHER_PVS
    /* What newSVsv does in perl itself; outside, its flags ask for a full copy. */
    sv_setsv_flags(copy, sv, SV_GMAGIC | SV_NOSTEAL | SV_COW_SHARED_HASH_KEYS | SV_COW_OTHER_PVS);
#else
    sv_setsv(copy, sv);
#endif
    return copy;
}

SV *mwx_enhanced(pTHX_ SV *words)
{
    mw_slice text = mwx_octets(aTHX_ words, 1, "");
    mw_enhanced e;

    if (!mw_enhanced_parse(text, &e) && !mw_enhanced_find(text, &e))
        return newSV(0);
    return newSVpvf("%u.%u.%u", e.cls, e.subject, e.detail);
}

#define RESULT_CODE 2

int mwx_is_success(pTHX_ AV *result)
{
    SV **code = av_fetch(result, RESULT_CODE, 0);

    return code && SvIV(*code) / 100 == 2;
}

SV *mwx_result(pTHX_ const mw_result *r, size_t index)
{
    AV *fields = newAV();
    mw_slice text = { "", 0 };

    if (r->text) {
        text.base = r->text->bytes;
        text.len = r->text->len;
    } else if (!r->code) {
        text.base = "no reply yet";
        text.len = strlen(text.base);
    }
    av_extend(fields, 5);
    av_push(fields, r->recipient ? newSVpvn(r->recipient->bytes, r->recipient->len) : newSVpvs(""));
    av_push(fields, newSVuv(index));
    av_push(fields, newSVuv(r->code ? r->code : 421));
    av_push(fields, newSVpvn(text.base, text.len));
    av_push(fields, mwx_stage(aTHX_ r->stage));
    av_push(fields, newSViv(r->maybe_delivered ? 1 : 0));
    return sv_bless(newRV_noinc((SV *)fields), gv_stashpvs("Mail::Wire::Result", GV_ADD));
}
