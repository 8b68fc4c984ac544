/* qmtp_quick.c - see qmtp_quick.h. */
#include "qmtp_quick.h"
#include "convert.h"
#include "known.h"
#include "order.h"

/* ---- the object */

typedef struct client {
    HV *own;
    mwx_qmtp_flight *flight;
    SV *link;
} client;

/* Whether nobody is to be called, and nothing to be done that only Perl can do. A handler may drop or replace the
 * link and the flight: they are kept for as long as the call. */
static int client_is_simple(pTHX_ client *c, SV *self)
{
    HV *object = mwx_hash(self), *jobs;
    SV *link;

    c->own = object ? mwx_hash_in(aTHX_ object, MWX_KEY_NET_QMTP) : NULL;
    if (!c->own)
        return 0;
    c->flight = mwx_qmtp_flight_of(aTHX_ sv_mortalcopy(mwx_entry(aTHX_ c->own, MWX_KEY_FLIGHT)));
    link = mwx_entry(aTHX_ c->own, MWX_KEY_LINK);
    jobs = mwx_hash_in(aTHX_ c->own, MWX_KEY_JOBS);
    if (c->flight->busy || c->flight->failed || !SvOK(link) || (jobs && HvUSEDKEYS(jobs)) || SvTRUE(mwx_entry(aTHX_ c->own, MWX_KEY_DEBUG)))
        return 0;
    c->link = sv_mortalcopy(link);
    return 1;
}

/* ---- the methods */

/* More than three centuries is nothing that a clock can be asked for. */
#define DEADLINE_MAX 1e10

static int is_absent(SV *value)
{
    return !value || !SvOK(value);
}

static int is_deadline(pTHX_ SV *value)
{
    return is_absent(value) || (!SvROK(value) && looks_like_number(value) && SvNV(value) > 0 && SvNV(value) < DEADLINE_MAX);
}

/* Whether the arguments are From, To and Data, plain (Data may be a reference to a string), and perhaps Deadline and others, plain
 * or undef. */
static int read_plain(pTHX_ mwx_order *o, SV **arguments, int count)
{
    int i;

    for (i = 0; i < count; i++)
        if (SvGMAGICAL(arguments[i]) || (i % 2 == 0 && !mwx_is_plain(arguments[i])))
            return 0;
    if (count % 2)
        return 0;
    mwx_order_read(aTHX_ o, "", arguments, count);
    if (o->data && SvROK(o->data) && !SvOBJECT(SvRV(o->data)))
        o->data = SvRV(o->data);
    o->rcpts = o->to ? mwx_plain_list(o->to) : NULL;
    return is_absent(o->file) && is_absent(o->progress) && o->from && mwx_is_plain(o->from)
        && o->rcpts && av_len(o->rcpts) >= 0 && mwx_order_is_plain_list(aTHX_ o->rcpts)
        && o->data && mwx_is_plain(o->data) && !SvUTF8(o->data) && is_deadline(aTHX_ o->deadline);
}

/* The octet that a package of this encoding begins with (the object's own, if none was given); NULL: it is none, or not a package's. */
static SV *line_end(pTHX_ const client *c, const mwx_order *o)
{
    SV **others = o->others ? AvARRAY(o->others) : NULL;

    if (others && (av_len(o->others) != 1 || strNE(SvPVX_const(others[0]), "Encoding")))
        return NULL;
    if (!others || !SvOK(others[1]))
        return mwx_entry(aTHX_ c->own, MWX_KEY_EOL);
    if (!mwx_is_plain(others[1]))
        return NULL;
    if (strEQ(SvPVX_const(others[1]), "unix"))
        return sv_2mortal(newSVpvs("\012"));
    return strEQ(SvPVX_const(others[1]), "dos") ? sv_2mortal(newSVpvs("\015")) : NULL;
}

static IV add(pTHX_ client *c, SV *self, SV **arguments, int count)
{
    mwx_order o;
    SV *eol;

    if (!read_plain(aTHX_ &o, arguments, count) || !client_is_simple(aTHX_ c, self) || SvTRUE(mwx_entry(aTHX_ c->own, MWX_KEY_SENDING)))
        return 0;
    eol = line_end(aTHX_ c, &o);
    if (!eol || !mwx_qmtp_flight_has_room(c->flight, SvCUR(o.data)))
        return 0;
    if (!mw_qmtp_flight_unanswered(c->flight->flight))
        mwx_set_entry(aTHX_ c->own, MWX_KEY_ERROR, newSVpvs(""));
    return mwx_qmtp_flight_add(aTHX_ c->flight, o.from, o.rcpts, eol, o.data, is_absent(o.deadline) ? 0 : SvNV(o.deadline));
}

IV mwx_qmtp_quick_add(pTHX_ SV *self, SV **arguments, int count)
{
    client c;

    return add(aTHX_ &c, self, arguments, count);
}

IV mwx_qmtp_quick_submit(pTHX_ SV *self, SV **arguments, int count, int *unlinked_r)
{
    client c;
    IV id = add(aTHX_ &c, self, arguments, count);

    *unlinked_r = id && mwx_qmtp_flight_run(aTHX_ c.flight, c.link, MWX_QMTP_QUEUED, 0, 0, 0) == MWX_QMTP_UNLINKED;
    return id;
}

SV *mwx_qmtp_quick_collect(pTHX_ SV *self)
{
    client c;
    const mw_qmtp_delivery *d;
    AV *results;
    int said = MWX_QMTP_REACHED;
    IV id;

    if (!client_is_simple(aTHX_ &c, self) || !(d = mw_qmtp_flight_first(c.flight->flight)))
        return NULL;
    if (d->state != MW_QMTP_OVER)
        said = mwx_qmtp_flight_run(aTHX_ c.flight, c.link, MWX_QMTP_DONE, (IV)d->id, !SvTRUE(mwx_entry(aTHX_ c.own, MWX_KEY_NONBLOCKING)), 0);
    if (said == MWX_QMTP_UNLINKED)
        return NULL;
    results = mwx_qmtp_flight_take(aTHX_ c.flight, 0, &id);
    if (!results)
        return NULL;
    mwx_set_entry(aTHX_ c.own, MWX_KEY_RESULTS, newRV_inc((SV *)results));
    return mwx_delivery(aTHX_ id, results);
}

SV *mwx_qmtp_quick_take(pTHX_ SV *self, IV id)
{
    HV *object = mwx_hash(self), *own = object ? mwx_hash_in(aTHX_ object, MWX_KEY_NET_QMTP) : NULL;
    AV *results = own ? mwx_qmtp_flight_take(aTHX_ mwx_qmtp_flight_of(aTHX_ mwx_entry(aTHX_ own, MWX_KEY_FLIGHT)), id, NULL) : NULL;

    if (!results)
        return NULL;
    mwx_set_entry(aTHX_ own, MWX_KEY_RESULTS, newRV_inc((SV *)results));
    return mwx_delivery(aTHX_ id, results);
}

size_t mwx_qmtp_quick_count(pTHX_ SV *self)
{
    HV *object = mwx_hash(self), *own = object ? mwx_hash_in(aTHX_ object, MWX_KEY_NET_QMTP) : NULL;

    if (!own)
        croak("Not a Net::QMTP object");
    return mw_qmtp_flight_count(mwx_qmtp_flight_of(aTHX_ mwx_entry(aTHX_ own, MWX_KEY_FLIGHT))->flight);
}
