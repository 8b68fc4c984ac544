/* order.c - see order.h. */
#include "order.h"
#include "convert.h"

/* A list that is no object's, of plain strings. NULL: it is none. */
static AV *plain_list(pTHX_ SV *sv)
{
    AV *list = SvROK(sv) && SvTYPE(SvRV(sv)) == SVt_PVAV && !SvOBJECT(SvRV(sv)) && !SvRMAGICAL(SvRV(sv)) ? (AV *)SvRV(sv) : NULL;
    SSize_t i;

    for (i = 0; list && i <= av_len(list); i++) {
        SV **item = av_fetch(list, i, 0);

        if (!item || !mwx_is_plain(*item))
            return NULL;
    }
    return list && i ? list : NULL;
}

/* A string of octets, or a reference to one. NULL: it is none. */
static SV *plain_content(SV *sv)
{
    if (SvROK(sv) && !SvOBJECT(SvRV(sv)))
        sv = SvRV(sv);
    return mwx_is_plain(sv) && !SvUTF8(sv) ? sv : NULL;
}

static int is_named(SV *sv, const char *name, STRLEN len)
{
    return mwx_is_plain(sv) && SvCUR(sv) == len && memcmp(SvPVX_const(sv), name, len) == 0;
}

/* Whether the arguments are From, To and Data, each once, each plain. */
int mwx_order_read(pTHX_ mwx_order *o, SV **arguments, int count)
{
    int i;

    memset(o, 0, sizeof *o);
    for (i = 0; i + 1 < count; i += 2) {
        if (is_named(arguments[i], "From", 4))
            o->sender = mwx_is_plain(arguments[i + 1]) ? arguments[i + 1] : NULL;
        else if (is_named(arguments[i], "To", 2))
            o->rcpts = plain_list(aTHX_ arguments[i + 1]);
        else if (is_named(arguments[i], "Data", 4))
            o->content = plain_content(arguments[i + 1]);
    }
    return count == 6 && o->sender && o->rcpts && o->content;
}

HV *mwx_hash(SV *ref)
{
    return SvROK(ref) && SvTYPE(SvRV(ref)) == SVt_PVHV ? (HV *)SvRV(ref) : NULL;
}

SV *mwx_entry(pTHX_ HV *own, const char *key)
{
    SV **sv = hv_fetch(own, key, (I32)strlen(key), 0);

    return sv ? *sv : &PL_sv_undef;
}

HV *mwx_hash_in(pTHX_ HV *own, const char *key)
{
    return mwx_hash(mwx_entry(aTHX_ own, key));
}

SV *mwx_delivery_object(pTHX_ IV id, AV *results)
{
    AV *fields = newAV();

    av_extend(fields, 1);
    av_push(fields, newSViv(id));
    av_push(fields, newRV_noinc((SV *)results));
    return sv_bless(newRV_noinc((SV *)fields), gv_stashpvs("Mail::Wire::Delivery", GV_ADD));
}
