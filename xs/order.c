/* order.c - see order.h. */
#include "order.h"
#include "call.h"
#include "convert.h"
#include "known.h"

/* Where an argument that both protocols know is kept. NULL: it is none. */
static SV **place_of(mwx_order *o, SV *name)
{
    static const struct { const char *name; size_t len, at; } places[] = {
        { "From", 4, offsetof(mwx_order, from) }, { "To", 2, offsetof(mwx_order, to) }, { "Data", 4, offsetof(mwx_order, data) },
        { "File", 4, offsetof(mwx_order, file) }, { "Deadline", 8, offsetof(mwx_order, deadline) },
        { "Progress", 8, offsetof(mwx_order, progress) }
    };
    size_t i;

    for (i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].len == SvCUR(name) && memcmp(places[i].name, SvPVX_const(name), SvCUR(name)) == 0)
            return (SV **)((char *)o + places[i].at);
    return NULL;
}

static void read_argument(pTHX_ mwx_order *o, SV *name, SV *value)
{
    SV **place = mwx_is_plain(name) ? place_of(o, name) : NULL;

    value = mwx_shared_copy(aTHX_ value);
    if (place) {
        *place = sv_2mortal(value);
        return;
    }
    if (!o->others)
        o->others = (AV *)sv_2mortal((SV *)newAV());
    av_push(o->others, SvOK(name) ? mwx_shared_copy(aTHX_ name) : newSVpvs(""));
    av_push(o->others, value);
}

/* True when code of the caller's runs as the values are copied. */
static int act(SV **arguments, int count)
{
    int i = 0;

    while (i < count && !SvGMAGICAL(arguments[i]))
        i++;
    return i < count;
}

void mwx_order_read(pTHX_ mwx_order *o, const char *method, SV **arguments, int count)
{
    int i;

    memset(o, 0, sizeof *o);
    o->method = method;
    if (count % 2)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: an odd number of arguments, where names and values are due", method)));
    if (act(arguments, count))
        arguments = AvARRAY(mwx_values(aTHX_ arguments, count));
    for (i = 0; i < count; i += 2)
        read_argument(aTHX_ o, arguments[i], arguments[i + 1]);
    o->until = MW_IO_NEVER;
    if (o->deadline && SvOK(o->deadline) && looks_like_number(o->deadline))
        o->until = mw_io_after(SvNV(o->deadline));
}

static void check_deadline(pTHX_ const mwx_order *o)
{
    if (o->deadline && SvOK(o->deadline) && !(looks_like_number(o->deadline) && SvNV(o->deadline) > 0))
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: Deadline must be a number of seconds above 0, not '%" SVf "'", o->method, SVfARG(o->deadline))));
}

int mwx_order_is_plain_list(pTHX_ AV *list)
{
    SSize_t i, n = av_len(list) + 1;

    if (SvRMAGICAL((SV *)list))
        return 0;
    for (i = 0; i < n; i++)
        if (!AvARRAY(list)[i] || !mwx_is_plain(AvARRAY(list)[i]))
            return 0;
    return 1;
}

void mwx_order_check(pTHX_ mwx_order *o, int may_act)
{
    AV *list = o->to ? mwx_plain_list(o->to) : NULL;

    if (!list || av_len(list) < 0)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: To must be a reference to a list of one recipient or more", o->method)));
    o->rcpts = may_act || !mwx_order_is_plain_list(aTHX_ list) ? mwx_list_copy(aTHX_ list) : list;
    if (o->progress && SvOK(o->progress) && !(SvROK(o->progress) && SvTYPE(SvRV(o->progress)) == SVt_PVCV && !SvOBJECT(SvRV(o->progress))))
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: Progress must be a reference to code", o->method)));
    check_deadline(aTHX_ o);
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
    return mwx_object(aTHX_ MWX_CLASS_DELIVERY, fields);
}
