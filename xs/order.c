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
        { "File", 4, offsetof(mwx_order, file) }, { "Range", 5, offsetof(mwx_order, range) },
        { "Deadline", 8, offsetof(mwx_order, deadline) }, { "Progress", 8, offsetof(mwx_order, progress) }
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
    NV seconds;
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
    if (o->deadline && SvOK(o->deadline) && mwx_number(aTHX_ o->deadline, &seconds))
        o->until = mw_io_after(seconds);
}

/* ---- checks */

static void check_deadline(pTHX_ const mwx_order *o)
{
    NV seconds;

    if (o->deadline && SvOK(o->deadline) && !(mwx_number(aTHX_ o->deadline, &seconds) && seconds > 0))
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: Deadline must be a number of seconds above 0, not '%" SVf "'", o->method, SVfARG(o->deadline))));
}

static void check_progress(pTHX_ const mwx_order *o)
{
    if (o->progress && SvOK(o->progress) && !(SvROK(o->progress) && SvTYPE(SvRV(o->progress)) == SVt_PVCV && !SvOBJECT(SvRV(o->progress))))
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: Progress must be a reference to code", o->method)));
}

static int is_plain_list(pTHX_ AV *list)
{
    SSize_t i, n = av_len(list) + 1;

    if (SvRMAGICAL((SV *)list))
        return 0;
    for (i = 0; i < n; i++)
        if (!AvARRAY(list)[i] || !mwx_is_plain(AvARRAY(list)[i]))
            return 0;
    return 1;
}

/* Whether values have code of the caller's that may run while the envelope is formed. */
static int may_act(pTHX_ const mwx_order *o)
{
    if (o->others || !o->data || (o->from && !mwx_is_plain(o->from)))
        return 1;
    return SvROK(o->data) && (SvOBJECT(SvRV(o->data)) || SvTYPE(SvRV(o->data)) > SVt_PVMG);
}

static void check_address(pTHX_ const mwx_order *o, const char *name, SV *address)
{
    if (SvROK(address))
        mwx_check_address(aTHX_ SvPV_nolen(sv_2mortal(newSVpvf("%s: %s", o->method, name))), address);
}

AV *mwx_order_recipients(pTHX_ SV *to)
{
    AV *list = to ? mwx_plain_list(to) : NULL;

    if (list || !to || !(mwx_says_text(aTHX_ to) || (mwx_is_plain(to) && SvCUR(to))))
        return list;
    list = (AV *)sv_2mortal((SV *)newAV());
    av_push(list, SvREFCNT_inc(to));
    return list;
}

void mwx_order_check(pTHX_ mwx_order *o, int acts)
{
    AV *list = mwx_order_recipients(aTHX_ o->to);

    if (!list || av_len(list) < 0)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: To must be an address, or a reference to a list of one recipient or more", o->method)));
    o->rcpts = acts || may_act(aTHX_ o) || !is_plain_list(aTHX_ list) ? mwx_list_copy(aTHX_ list) : list;
    check_progress(aTHX_ o);
    check_deadline(aTHX_ o);
    if (o->from)
        check_address(aTHX_ o, "From", o->from);
}

SV *mwx_order_rcpt(pTHX_ const mwx_order *o, SV *entry, HV **options_r)
{
    AV *list = mwx_plain_list(entry) ? mwx_list_copy(aTHX_ mwx_plain_list(entry)) : NULL;
    SV **option = list ? av_fetch(list, 1, 0) : NULL, **address = list ? av_fetch(list, 0, 0) : &entry;

    if (!address || !SvOK(*address))
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: To has an undefined address", o->method)));
    check_address(aTHX_ o, "To", *address);
    *options_r = option && SvOK(*option) ? mwx_plain_hash(*option) : NULL;
    if (option && SvOK(*option) && !*options_r)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: the options of a recipient must be a reference to a hash", o->method)));
    return mwx_string(aTHX_ *address);
}

static void check_unknown(pTHX_ const mwx_order *o, AV *unknown)
{
    if (unknown)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: unknown argument %" SVf, o->method, SVfARG(mwx_names(aTHX_ unknown)))));
}

SV *mwx_order_options(pTHX_ const mwx_order *o, mwx_options *options, const char *own)
{
    SV **others = o->others ? AvARRAY(o->others) : NULL, *value = NULL;
    SSize_t i, n = others ? av_len(o->others) : 0;

    for (i = 0; i < n; i += 2)
        if (own && strEQ(SvPV_nolen(others[i]), own))
            value = others[i + 1];
        else
            mwx_options_set(aTHX_ options, others[i], others[i + 1]);
    check_unknown(aTHX_ o, options->unknown);
    return value;
}
