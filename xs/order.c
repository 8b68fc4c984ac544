/* order.c - see order.h. */
#include "order.h"
#include "convert.h"
#include "known.h"

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

IV mwx_ripe(pTHX_ SV *self)
{
    dSP;
    IV id;

    ENTER;
    SAVETMPS;
    PUSHMARK(SP);
    XPUSHs(self);
    PUTBACK;
    call_pv("Mail::Wire::Client::_ripe", G_SCALAR);
    SPAGAIN;
    id = POPi;
    PUTBACK;
    FREETMPS;
    LEAVE;
    return id;
}

#define DELIVERY_RESULTS 1

static AV *list_in(pTHX_ SV **sv)
{
    SV *value = sv && SvGMAGICAL(*sv) ? sv_mortalcopy(*sv) : sv ? *sv : NULL;

    return value && SvROK(value) && SvTYPE(SvRV(value)) == SVt_PVAV ? (AV *)SvRV(value) : NULL;
}

int mwx_all_succeeded(pTHX_ AV *delivery)
{
    AV *results = list_in(aTHX_ av_fetch(delivery, DELIVERY_RESULTS, 0)), *result;
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
    return sv_bless(newRV_noinc((SV *)fields), gv_stashpvs("Mail::Wire::Delivery", GV_ADD));
}
