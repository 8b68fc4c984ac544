/* order.c - see order.h. */
#include "order.h"
#include "convert.h"
#include "known.h"

AV *mwx_order_list(pTHX_ SV *sv)
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

int mwx_order_number(pTHX_ SV *sv, NV *value_r)
{
    if (SvROK(sv) || SvGMAGICAL(sv) || !(SvIOK(sv) || SvNOK(sv) || (SvPOK(sv) && looks_like_number(sv))))
        return 0;
    *value_r = SvNV(sv);
    return 1;
}

/* More than three centuries is nothing that a clock can be asked for. */
#define DEADLINE_MAX 1e10

static int read_deadline(pTHX_ mwx_order *o, SV *value)
{
    o->deadline = 0;
    if (!SvOK(value))
        return 1;
    return mwx_order_number(aTHX_ value, &o->deadline) && o->deadline > 0 && o->deadline < DEADLINE_MAX;
}

static int is_scalar(SV *value)
{
    return !SvROK(value) && !SvGMAGICAL(value) && SvTYPE(value) <= SVt_PVMG;
}

typedef enum option { OPTION_FROM, OPTION_TO, OPTION_DATA, OPTION_DEADLINE, OPTION_SIZE, OPTION_BITS, OPTION_ENCODING, OPTION_NONE } option;

static option option_of(SV *name)
{
    static const char *const names[OPTION_NONE] = { "From", "To", "Data", "Deadline", "Size", "Bits", "Encoding" };
    int i = OPTION_FROM;

    if (!mwx_is_plain(name))
        return OPTION_NONE;
    while (i < OPTION_NONE && (strlen(names[i]) != SvCUR(name) || memcmp(names[i], SvPVX_const(name), SvCUR(name)) != 0))
        i++;
    return (option)i;
}

static int read_scalar(SV **to, SV *value)
{
    *to = SvOK(value) ? value : NULL;
    return 1;
}

/* 0: it is nothing plain. */
static int read_option(pTHX_ mwx_order *o, option which, SV *value)
{
    if (which > OPTION_DATA && !is_scalar(value))
        return 0;
    switch (which) {
    case OPTION_FROM:
        return mwx_is_plain(value) && (o->sender = value);
    case OPTION_TO:
        return (o->rcpts = mwx_order_list(aTHX_ value)) != NULL;
    case OPTION_DATA:
        o->content = plain_content(value);
        o->given = o->content ? NULL : value;
        return 1;
    case OPTION_DEADLINE:
        return read_deadline(aTHX_ o, value);
    case OPTION_SIZE:
        return read_scalar(&o->size, value);
    case OPTION_BITS:
        return read_scalar(&o->bits, value);
    case OPTION_ENCODING:
        return read_scalar(&o->encoding, value);
    case OPTION_NONE:
        break;
    }
    return 0;
}

int mwx_order_read(pTHX_ mwx_order *o, SV **arguments, int count)
{
    int i;

    memset(o, 0, sizeof *o);
    for (i = 0; i + 1 < count; i += 2)
        if (!read_option(aTHX_ o, option_of(arguments[i]), arguments[i + 1]))
            return 0;
    return count % 2 == 0 && o->sender && o->rcpts && (o->content || o->given);
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
