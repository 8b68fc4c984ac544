/* qmtp_quick.c - see qmtp_quick.h. */
#include "qmtp_quick.h"
#include "convert.h"
#include "known.h"
#include "order.h"

/* ---- the arguments */

typedef struct plain_order {
    SV *sender, *content;   /* plain strings, content of octets */
    AV *rcpts;              /* of plain strings, one or more */
    NV deadline;            /* seconds; 0: none was given */
    SV *size, *bits, *encoding;     /* plain, or NULL: not given */
} plain_order;

/* A list that is no object's, of plain strings. NULL: it is none. */
static AV *plain_addresses(pTHX_ SV *sv)
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

static int order_number(pTHX_ SV *sv, NV *value_r)
{
    if (SvROK(sv) || SvGMAGICAL(sv) || !(SvIOK(sv) || SvNOK(sv) || (SvPOK(sv) && looks_like_number(sv))))
        return 0;
    *value_r = SvNV(sv);
    return 1;
}

/* More than three centuries is nothing that a clock can be asked for. */
#define DEADLINE_MAX 1e10

static int read_deadline(pTHX_ plain_order *o, SV *value)
{
    o->deadline = 0;
    if (!SvOK(value))
        return 1;
    return order_number(aTHX_ value, &o->deadline) && o->deadline > 0 && o->deadline < DEADLINE_MAX;
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
static int read_option(pTHX_ plain_order *o, option which, SV *value)
{
    if (which > OPTION_DATA && !is_scalar(value))
        return 0;
    switch (which) {
    case OPTION_FROM:
        return mwx_is_plain(value) && (o->sender = value);
    case OPTION_TO:
        return (o->rcpts = plain_addresses(aTHX_ value)) != NULL;
    case OPTION_DATA:
        return (o->content = plain_content(value)) != NULL;
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

static int read_order(pTHX_ plain_order *o, SV **arguments, int count)
{
    int i;

    memset(o, 0, sizeof *o);
    for (i = 0; i + 1 < count; i += 2)
        if (!read_option(aTHX_ o, option_of(arguments[i]), arguments[i + 1]))
            return 0;
    return count % 2 == 0 && o->sender && o->rcpts && o->content;
}

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

/* The octet that a package of this encoding begins with (the object's own, if none was given); NULL: it is none, or not a package's. */
static SV *line_end(pTHX_ const client *c, const plain_order *o)
{
    if (o->size || o->bits)
        return NULL;
    if (!o->encoding)
        return mwx_entry(aTHX_ c->own, MWX_KEY_EOL);
    if (!mwx_is_plain(o->encoding))
        return NULL;
    if (strcmp(SvPVX_const(o->encoding), "unix") == 0)
        return sv_2mortal(newSVpvs("\012"));
    return strcmp(SvPVX_const(o->encoding), "dos") == 0 ? sv_2mortal(newSVpvs("\015")) : NULL;
}

static IV add(pTHX_ client *c, SV *self, SV **arguments, int count)
{
    plain_order o;
    SV *eol;

    if (!read_order(aTHX_ &o, arguments, count) || !client_is_simple(aTHX_ c, self) || SvTRUE(mwx_entry(aTHX_ c->own, MWX_KEY_SENDING)))
        return 0;
    eol = line_end(aTHX_ c, &o);
    if (!eol || !mwx_qmtp_flight_has_room(c->flight, SvCUR(o.content)))
        return 0;
    if (!mw_qmtp_flight_unanswered(c->flight->flight))
        mwx_set_entry(aTHX_ c->own, MWX_KEY_ERROR, newSVpvs(""));
    return mwx_qmtp_flight_add(aTHX_ c->flight, o.sender, o.rcpts, eol, o.content, o.deadline);
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
