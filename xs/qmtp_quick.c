/* qmtp_quick.c - see qmtp_quick.h. */
#include "qmtp_quick.h"

/* ---- the object */

typedef struct client {
    HV *own;
    mwx_qmtp_flight *flight;
    SV *link;
} client;

static SV *entry(pTHX_ HV *own, const char *key, I32 len)
{
    SV **sv = hv_fetch(own, key, len, 0);

    return sv ? *sv : &PL_sv_undef;
}

#define ENTRY(own, key) entry(aTHX_ own, "" key "", sizeof key - 1)

static HV *hash_of(pTHX_ SV *ref)
{
    return SvROK(ref) && SvTYPE(SvRV(ref)) == SVt_PVHV ? (HV *)SvRV(ref) : NULL;
}

/* Whether nobody is to be called, and nothing to be done that only Perl can do. A handler may drop the
 * link: it is kept for as long as the call. */
static int client_is_simple(pTHX_ client *c, SV *self)
{
    HV *object = hash_of(aTHX_ self), *jobs;
    SV *link;

    c->own = object ? hash_of(aTHX_ ENTRY(object, "net_qmtp")) : NULL;
    if (!c->own)
        return 0;
    c->flight = mwx_qmtp_flight_of(aTHX_ ENTRY(c->own, "flight"));
    link = ENTRY(c->own, "link");
    jobs = hash_of(aTHX_ ENTRY(c->own, "jobs"));
    if (c->flight->busy || c->flight->failed || !SvOK(link) || (jobs && HvUSEDKEYS(jobs)) || SvTRUE(ENTRY(c->own, "debug")))
        return 0;
    c->link = sv_mortalcopy(link);
    return 1;
}

/* ---- the arguments */

typedef struct order {
    SV *sender, *content;
    AV *rcpts;
} order;

static int is_plain(SV *sv)
{
    return SvPOK(sv) && !SvROK(sv) && !SvGMAGICAL(sv) && !isGV(sv);
}

/* A list that is no object's, of plain strings. NULL: it is none. */
static AV *plain_list(pTHX_ SV *sv)
{
    AV *list = SvROK(sv) && SvTYPE(SvRV(sv)) == SVt_PVAV && !SvOBJECT(SvRV(sv)) && !SvRMAGICAL(SvRV(sv)) ? (AV *)SvRV(sv) : NULL;
    SSize_t i;

    for (i = 0; list && i <= av_len(list); i++) {
        SV **item = av_fetch(list, i, 0);

        if (!item || !is_plain(*item))
            return NULL;
    }
    return list && i ? list : NULL;
}

/* A string of octets, or a reference to one. NULL: it is none. */
static SV *plain_content(SV *sv)
{
    if (SvROK(sv) && !SvOBJECT(SvRV(sv)))
        sv = SvRV(sv);
    return is_plain(sv) && !SvUTF8(sv) ? sv : NULL;
}

static int is_named(SV *sv, const char *name, STRLEN len)
{
    return is_plain(sv) && SvCUR(sv) == len && memcmp(SvPVX_const(sv), name, len) == 0;
}

/* Whether the arguments are From, To and Data, each once, each plain. */
static int order_read(pTHX_ order *o, SV **arguments, int count)
{
    int i;

    memset(o, 0, sizeof *o);
    for (i = 0; i + 1 < count; i += 2) {
        if (is_named(arguments[i], "From", 4))
            o->sender = is_plain(arguments[i + 1]) ? arguments[i + 1] : NULL;
        else if (is_named(arguments[i], "To", 2))
            o->rcpts = plain_list(aTHX_ arguments[i + 1]);
        else if (is_named(arguments[i], "Data", 4))
            o->content = plain_content(arguments[i + 1]);
    }
    return count == 6 && o->sender && o->rcpts && o->content;
}

/* ---- the methods */

static IV add(pTHX_ client *c, SV *self, SV **arguments, int count)
{
    order o;

    if (!order_read(aTHX_ &o, arguments, count) || !client_is_simple(aTHX_ c, self) || SvTRUE(ENTRY(c->own, "sending")))
        return 0;
    if (!mwx_qmtp_flight_has_room(c->flight))
        return 0;
    return mwx_qmtp_flight_add(aTHX_ c->flight, o.sender, o.rcpts, ENTRY(c->own, "eol"), o.content, 0);
}

IV mwx_qmtp_quick_add(pTHX_ SV *self, SV **arguments, int count)
{
    client c;

    return add(aTHX_ &c, self, arguments, count);
}

IV mwx_qmtp_quick_submit(pTHX_ SV *self, SV **arguments, int count)
{
    client c;
    IV id = add(aTHX_ &c, self, arguments, count);

    if (id)
        mwx_qmtp_flight_run(aTHX_ c.flight, c.link, MWX_QMTP_QUEUED, 0, 0, 0);
    return id;
}

static SV *delivery_object(pTHX_ IV id, AV *results)
{
    HV *fields = newHV();

    (void)hv_stores(fields, "id", newSViv(id));
    (void)hv_stores(fields, "results", newRV_noinc((SV *)results));
    return sv_bless(newRV_noinc((SV *)fields), gv_stashpvs("Mail::Wire::Delivery", GV_ADD));
}

SV *mwx_qmtp_quick_collect(pTHX_ SV *self)
{
    client c;
    const mw_qmtp_delivery *d;
    AV *results;
    IV id;

    if (!client_is_simple(aTHX_ &c, self) || !(d = mw_qmtp_flight_first(c.flight->flight)))
        return NULL;
    if (d->state != MW_QMTP_OVER)
        mwx_qmtp_flight_run(aTHX_ c.flight, c.link, MWX_QMTP_DONE, (IV)d->id, !SvTRUE(ENTRY(c.own, "nonblocking")), 0);
    results = mwx_qmtp_flight_take(aTHX_ c.flight, 0, &id);
    if (!results)
        return NULL;
    (void)hv_stores(c.own, "results", newRV_inc((SV *)results));
    return delivery_object(aTHX_ id, results);
}
