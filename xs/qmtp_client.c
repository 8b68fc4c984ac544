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

/* True when no code of the caller's has to run, and nothing is to be done that only Perl can do. */
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

SV *mwx_qmtp_line_end(pTHX_ SV *encoding)
{
    const char *name = SvPV_nolen_const(encoding);
    char eol = strcmp(name, "unix") == 0 ? MW_QMTP_LF : strcmp(name, "dos") == 0 ? MW_QMTP_CRLF : 0;

    return eol ? sv_2mortal(newSVpvn(&eol, 1)) : NULL;
}

/* Of the order's Encoding; of the object's own, if none was given. NULL: it is none, or not plain, or the order has options that QMTP
 * has not. */
static SV *line_end(pTHX_ const client *c, const mwx_order *o)
{
    SV **others = o->others ? AvARRAY(o->others) : NULL;

    if (others && (av_len(o->others) != 1 || strNE(SvPVX_const(others[0]), "Encoding")))
        return NULL;
    if (!others || !SvOK(others[1]))
        return mwx_entry(aTHX_ c->own, MWX_KEY_EOL);
    return mwx_is_plain(others[1]) ? mwx_qmtp_line_end(aTHX_ others[1]) : NULL;
}

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

/* Whether the arguments are From and To, plain, Data, and perhaps Deadline and others, plain or undef. */
static int read_plain(pTHX_ mwx_order *o, SV **arguments, int count)
{
    int i;

    for (i = 0; i < count; i++)
        if (SvGMAGICAL(arguments[i]) || (i % 2 == 0 && !mwx_is_plain(arguments[i])))
            return 0;
    if (count % 2)
        return 0;
    mwx_order_read(aTHX_ o, "", arguments, count);
    o->rcpts = o->to ? mwx_plain_list(o->to) : NULL;
    return is_absent(o->file) && is_absent(o->progress) && o->from && mwx_is_plain(o->from) && o->rcpts && av_len(o->rcpts) >= 0
        && mwx_order_is_plain_list(aTHX_ o->rcpts) && !is_absent(o->data) && is_deadline(aTHX_ o->deadline);
}

/* The text of a string of octets, of a reference to one, or of a list of lines, all plain; NULL: it is none. */
static SV *text_of(pTHX_ SV *data)
{
    AV *list = mwx_plain_list(data);
    SV *text = SvROK(data) && !SvOBJECT(SvRV(data)) && !list ? SvRV(data) : data;

    if (list)
        text = mwx_order_is_plain_list(aTHX_ list) ? mwx_joined(aTHX_ &data, 1, "") : NULL;
    else
        text = mwx_is_plain(text) ? sv_2mortal(mwx_shared_copy(aTHX_ text)) : NULL;
    return text && !SvUTF8(text) ? text : NULL;
}

/* What the caller's code or handle gives, by way of Perl: a reference to the text; or a handle, an offset and a size; or undef, and why it
 * cannot be read; or nothing: the window has no room for it. Returns how many values. */
static int call_for_content(pTHX_ SV *self, const mwx_qmtp_envelope *e, SV *given, SV *content[3])
{
    dSP;
    int count, i;

    PUSHMARK(SP);
    EXTEND(SP, 4);
    PUSHs(self);
    PUSHs(sv_2mortal(newRV_inc((SV *)e->rcpts)));
    PUSHs(given);
    mPUSHn(e->deadline);
    PUTBACK;
    count = call_pv("Mail::Wire::Packages::_content_of", G_ARRAY);
    SPAGAIN;
    for (i = count - 1; i >= 0; i--)
        content[i] = POPs;
    PUTBACK;
    return count;
}

/* Seconds that are left of a deadline since then; it is past no sooner than in a moment. */
static NV left_of(NV deadline, int64_t since)
{
    NV left = deadline - (NV)(mw_io_now() - since) / 1e9;

    return deadline == 0 ? 0 : left > 0 ? left : 1e-9;
}

/* Plain values are copied: the caller's code may change its own. */
static IV add_called(pTHX_ client *c, SV *self, mwx_qmtp_envelope *e, SV *given)
{
    SV *content[3];
    int64_t since = e->deadline ? mw_io_now() : 0;
    int count, error = errno;

    sv_2mortal(SvREFCNT_inc(SvRV(c->flight_ref)));
    e->sender = sv_mortalcopy(e->sender);
    e->rcpts = (AV *)sv_2mortal((SV *)av_make(av_len(e->rcpts) + 1, AvARRAY(e->rcpts)));
    e->eol = sv_mortalcopy(e->eol);
    count = call_for_content(aTHX_ self, e, sv_mortalcopy(given), content);
    errno = error;
    c->link_ref = mwx_entry(aTHX_ c->own, MWX_KEY_LINK);
    e->deadline = left_of(e->deadline, since);
    return count ? mwx_qmtp_flight_add(aTHX_ c->flight, e, content, count) : 0;
}

/* Code, or a handle, that is no object. */
static int is_called(SV *sv)
{
    return SvROK(sv) && !SvOBJECT(SvRV(sv)) && (SvTYPE(SvRV(sv)) == SVt_PVCV || isGV_with_GP(SvRV(sv)));
}

static IV add(pTHX_ client *c, SV *self, SV **arguments, int count)
{
    mwx_order o;
    mwx_qmtp_envelope e;
    SV *text;

    if (!read_plain(aTHX_ &o, arguments, count) || !client_is_simple(aTHX_ c, self) || SvTRUE(mwx_entry(aTHX_ c->own, MWX_KEY_SENDING)))
        return 0;
    e.sender = o.from;
    e.rcpts = o.rcpts;
    e.eol = line_end(aTHX_ c, &o);
    e.deadline = is_absent(o.deadline) ? 0 : SvNV(o.deadline);
    text = text_of(aTHX_ o.data);
    if (!e.eol || !(text || is_called(o.data)) || !mwx_qmtp_flight_has_room(c->flight, text ? SvCUR(text) : 0))
        return 0;
    if (!mw_qmtp_flight_unanswered(c->flight->flight))
        mwx_set_entry(aTHX_ c->own, MWX_KEY_ERROR, newSVpvs(""));
    return text ? mwx_qmtp_flight_add_text(aTHX_ c->flight, &e, text) : add_called(aTHX_ c, self, &e, o.data);
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
        *unlinked_r = client_run(aTHX_ &c, MWX_UNTIL_QUEUED, 0, 0) == MWX_UNLINKED;
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
    if (d->state != MW_QMTP_OVER && client_run(aTHX_ &c, MWX_UNTIL_DONE, (IV)d->id, !c.flight->nonblocking) == MWX_UNLINKED)
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
