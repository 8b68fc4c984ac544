/* qmtp_client.c - see qmtp_client.h. */
#include "qmtp_client.h"
#include "convert.h"
#include "known.h"
#include "order.h"

/* ---- the object */

typedef struct client {
    HV *own;
    mwx_qmtp_flight *flight;
    SV *flight_ref, *link_ref;      /* the object's own */
} client;

static void client_of(pTHX_ client *c, SV *self)
{
    HV *object = mwx_hash(self);

    c->own = object ? mwx_hash_in(aTHX_ object, MWX_KEY_NET_QMTP) : NULL;
    if (!c->own)
        croak("Not a Net::QMTP object");
    c->flight_ref = mwx_entry(aTHX_ c->own, MWX_KEY_FLIGHT);
    c->flight = mwx_qmtp_flight_of(aTHX_ c->flight_ref);
}

/* Whether nobody is to be called, and nothing to be done that only Perl can do. */
static int client_is_simple(pTHX_ client *c, SV *self)
{
    HV *jobs;

    client_of(aTHX_ c, self);
    if (c->flight->busy || c->flight->failed || c->flight->is_told)
        return 0;
    c->link_ref = mwx_entry(aTHX_ c->own, MWX_KEY_LINK);
    jobs = mwx_hash_in(aTHX_ c->own, MWX_KEY_JOBS);
    return SvOK(c->link_ref) && !(jobs && HvUSEDKEYS(jobs));
}

/* A handler may drop or replace the link and the flight: they are kept for as long as the call. */
static int client_run(pTHX_ const client *c, int until, IV id, int may_wait)
{
    SV *link = sv_mortalcopy(c->link_ref);

    sv_2mortal(SvREFCNT_inc(SvRV(c->flight_ref)));
    return mwx_qmtp_flight_run(aTHX_ c->flight, link, until, id, may_wait, 0);
}

static SV *client_took(pTHX_ const client *c, IV id, AV *results)
{
    if (!results)
        return NULL;
    mwx_set_entry(aTHX_ c->own, MWX_KEY_RESULTS, newRV_inc((SV *)results));
    return mwx_delivery(aTHX_ id, results);
}

/* ---- arguments */

static SV *octet(pTHX_ char eol)
{
    return sv_2mortal(newSVpvn(&eol, 1));
}

/* The octet that a package of this encoding begins with (the object's own, if none was given); NULL: it is none, or not a package's. */
static SV *line_end(pTHX_ const client *c, const mwx_order *o)
{
    if (o->size || o->bits)
        return NULL;
    if (!o->encoding)
        return mwx_entry(aTHX_ c->own, MWX_KEY_EOL);
    if (!mwx_is_plain(o->encoding))
        return NULL;
    if (strcmp(SvPVX_const(o->encoding), "unix") == 0)
        return octet(aTHX_ MW_QMTP_LF);
    return strcmp(SvPVX_const(o->encoding), "dos") == 0 ? octet(aTHX_ MW_QMTP_CRLF) : NULL;
}

/* The text of a list of lines, all plain; NULL: it is none. */
static SV *text_of_list(pTHX_ SV *sv)
{
    AV *list = mwx_order_list(aTHX_ sv);
    SV *text = list ? mwx_joined(aTHX_ &sv, 1, "") : NULL;

    return text && !SvUTF8(text) ? text : NULL;
}

/* What is plain in the order, by copies: the caller's code may change his own. */
static void keep(pTHX_ mwx_order *o)
{
    o->sender = sv_mortalcopy(o->sender);
    o->rcpts = (AV *)sv_2mortal((SV *)av_make(av_len(o->rcpts) + 1, AvARRAY(o->rcpts)));
    o->given = sv_mortalcopy(o->given);
}

/* What the caller's code gives: values of Perl, which has to look after it: a reference to its text; or a handle, an offset and a size;
 * or undef, and why it cannot be had. How many. */
static int call_for_content(pTHX_ SV *self, const mwx_order *o, SV *content[3])
{
    dSP;
    int count, i;

    PUSHMARK(SP);
    EXTEND(SP, 4);
    PUSHs(self);
    PUSHs(sv_2mortal(newRV_inc((SV *)o->rcpts)));
    PUSHs(o->given);
    mPUSHn(o->deadline);
    PUTBACK;
    count = call_pv("Mail::Wire::Packages::_content_of_code", G_ARRAY);
    SPAGAIN;
    for (i = count - 1; i >= 0; i--)
        content[i] = POPs;
    PUTBACK;
    return count;
}

static IV add_code(pTHX_ client *c, SV *self, mwx_order *o, SV *eol)
{
    mwx_qmtp_flight *f = c->flight;
    SV *content[3];
    int count;

    eol = sv_mortalcopy(eol);
    sv_2mortal(SvREFCNT_inc(SvRV(c->flight_ref)));
    keep(aTHX_ o);
    count = call_for_content(aTHX_ self, o, content);
    c->link_ref = mwx_entry(aTHX_ c->own, MWX_KEY_LINK);
    if (count == 3)
        return mwx_qmtp_flight_add_file(aTHX_ f, o->sender, o->rcpts, eol, content[0], SvNV(content[1]), SvNV(content[2]), o->deadline);
    if (count == 2)
        return mwx_qmtp_flight_add_unread(aTHX_ f, o->sender, o->rcpts, eol, content[1]);
    return mwx_qmtp_flight_add(aTHX_ f, o->sender, o->rcpts, eol, SvRV(content[0]), o->deadline);
}

static IV add(pTHX_ client *c, SV *self, SV **arguments, int count)
{
    mwx_order o;
    SV *eol;
    int is_code;

    if (!mwx_order_read(aTHX_ &o, arguments, count) || !client_is_simple(aTHX_ c, self) || SvTRUE(mwx_entry(aTHX_ c->own, MWX_KEY_SENDING)))
        return 0;
    is_code = o.given && SvROK(o.given) && SvTYPE(SvRV(o.given)) == SVt_PVCV && !SvOBJECT(SvRV(o.given)) && !o.deadline;
    eol = line_end(aTHX_ c, &o);
    o.content = o.content ? sv_2mortal(mwx_shared_copy(aTHX_ o.content)) : text_of_list(aTHX_ o.given);
    if (!eol || !(o.content || is_code) || !mwx_qmtp_flight_has_room(c->flight, o.content ? SvCUR(o.content) : 0))
        return 0;
    if (!mw_qmtp_flight_unanswered(c->flight->flight))
        mwx_set_entry(aTHX_ c->own, MWX_KEY_ERROR, newSVpvs(""));
    if (is_code)
        return add_code(aTHX_ c, self, &o, eol);
    return mwx_qmtp_flight_add(aTHX_ c->flight, o.sender, o.rcpts, eol, o.content, o.deadline);
}

/* ---- the methods */

IV mwx_qmtp_client_add(pTHX_ SV *self, SV **arguments, int count)
{
    client c;

    return add(aTHX_ &c, self, arguments, count);
}

IV mwx_qmtp_client_submit(pTHX_ SV *self, SV **arguments, int count, int *unlinked_r)
{
    client c;
    IV id = add(aTHX_ &c, self, arguments, count);

    *unlinked_r = 0;
    if (id && !SvOK(c.link_ref))
        *unlinked_r = 1;
    else if (id && !mwx_qmtp_flight_holds_back(aTHX_ c.flight, mwx_qmtp_of(aTHX_ c.link_ref)))
        *unlinked_r = client_run(aTHX_ &c, MWX_QMTP_QUEUED, 0, 0) == MWX_QMTP_UNLINKED;
    return id;
}

SV *mwx_qmtp_client_collect(pTHX_ SV *self)
{
    client c;
    const mw_qmtp_delivery *d;
    AV *results;
    IV id;

    if (!client_is_simple(aTHX_ &c, self) || !(d = mw_qmtp_flight_first(c.flight->flight)))
        return NULL;
    if (d->state != MW_QMTP_OVER && client_run(aTHX_ &c, MWX_QMTP_DONE, (IV)d->id, !c.flight->nonblocking) == MWX_QMTP_UNLINKED)
        return NULL;
    results = mwx_qmtp_flight_take(aTHX_ c.flight, 0, &id);
    return client_took(aTHX_ &c, id, results);
}

SV *mwx_qmtp_client_take(pTHX_ SV *self, IV id)
{
    client c;

    client_of(aTHX_ &c, self);
    return client_took(aTHX_ &c, id, mwx_qmtp_flight_take(aTHX_ c.flight, id, NULL));
}

size_t mwx_qmtp_client_count(pTHX_ SV *self)
{
    client c;

    client_of(aTHX_ &c, self);
    return mw_qmtp_flight_count(c.flight->flight);
}
