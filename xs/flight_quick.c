/* flight_quick.c - see flight_quick.h. */
#include "flight_quick.h"
#include "known.h"
#include "link_private.h"
#include "link_quick.h"
#include "order.h"

/* Longer lines take the long way. */
#define LINE_MAX_QUICK 512

/* ---- the object */

/* The link, unless somebody is to be called, or something to be done that only Perl can do. */
static mwx_link *simple_link(pTHX_ SV *self)
{
    mwx_link *link = mwx_link_of(aTHX_ self);
    HV *fields = GvHV((GV *)SvRV(self)), *own, *jobs;

    if (!fields || link->busy || link->debug || mwx_link_hooked(aTHX_ link, self, MWX_HOOK_ADDR))
        return NULL;
    if (mw_lmtp_is_garbled(link->session) || mw_lmtp_owes(link->session))
        return NULL;
    own = mwx_hash_in(aTHX_ fields, MWX_KEY_MAIL_WIRE);
    jobs = own ? mwx_hash_in(aTHX_ own, MWX_KEY_JOBS) : NULL;
    if (jobs && HvUSEDKEYS(jobs))
        return NULL;
    link->watched = 0;
    return link;
}

/* ---- the delivery */

/* Anywhere in it: not only in what becomes part of a command. */
static int has_line_ends(SV *address)
{
    const char *text = SvPVX_const(address);
    STRLEN len = SvCUR(address);

    return memchr(text, '\r', len) || memchr(text, '\n', len) || memchr(text, '\0', len);
}

static int add_mail(const mwx_link *link, mw_delivery *d, SV *sender)
{
    char buffer[LINE_MAX_QUICK];
    mw_slice line, path;

    line.base = buffer;
    line.len = mwx_quick_line(link, sender, MW_VERB_MAIL, buffer, sizeof buffer, &path);
    return line.len && !has_line_ends(sender) && !mw_delivery_mail(d, line);
}

static int add_rcpt(const mwx_link *link, mw_delivery *d, SV *address)
{
    char buffer[LINE_MAX_QUICK];
    mw_slice line, path;

    line.base = buffer;
    line.len = mwx_quick_line(link, address, MW_VERB_RCPT, buffer, sizeof buffer, &path);
    if (!line.len || has_line_ends(address))
        return 0;
    /* Shown without its brackets. */
    path.base++;
    path.len -= 2;
    return !mw_delivery_rcpt(d, path, line);
}

/* NULL: something in it is not plain, or cannot be sent. */
static mw_delivery *delivery_of(pTHX_ const mwx_link *link, const mwx_order *o)
{
    mw_delivery *d = mw_delivery_new(mw_alloc_default());
    SSize_t i, count = av_len(o->rcpts) + 1;
    int ok = d && add_mail(link, d, o->sender);

    for (i = 0; ok && i < count; i++)
        ok = add_rcpt(link, d, *av_fetch(o->rcpts, i, 0));
    if (ok)
        return d;
    mw_delivery_free(d);
    return NULL;
}

/* The delivery that the arguments ask for, and a mortal copy of its content. NULL: no. */
static mw_delivery *prepare(pTHX_ mwx_link *link, SV **arguments, int count, SV **content_r)
{
    mwx_order o;

    if (mw_lmtp_in_transaction(link->session) || !mwx_order_read(aTHX_ &o, arguments, count))
        return NULL;
    *content_r = sv_2mortal(newSVsv(o.content));
    return delivery_of(aTHX_ link, &o);
}

static IV launch(pTHX_ mwx_link *link, mw_delivery *d, SV *content)
{
    mwx_link_set_binary(link, 0);
    return mwx_flight_launch(aTHX_ link, d, content, 0, 0);
}

/* ---- the methods */

AV *mwx_flight_quick_deliver(pTHX_ SV *self, SV **arguments, int count)
{
    mwx_link *link = simple_link(aTHX_ self);
    SV *content;
    mw_delivery *d = link && !link->nonblocking ? prepare(aTHX_ link, arguments, count, &content) : NULL;
    IV id;

    if (!d)
        return NULL;
    id = launch(aTHX_ link, d, content);
    mwx_flight_run(aTHX_ link, self, MWX_UNTIL_DONE, id, 1);
    if (link->died)
        mwx_flight_interrupted(aTHX_ link, self, id, NULL);
    mwx_link_delivered(aTHX_ link, mwx_flight_take(aTHX_ link, mw_flight_find(link->session, id)));
    mwx_link_leave(aTHX_ link);
    return link->delivered;
}

/* Waits for room for so many bytes in the window, if that may be. A handler that dies takes nothing with it: nothing was handed over. */
static int make_room(pTHX_ mwx_link *link, SV *self, mw_delivery *d, STRLEN size)
{
    if (mwx_flight_run(aTHX_ link, self, MWX_UNTIL_ROOM, (IV)size, !link->nonblocking) == MWX_FLIGHT_REACHED)
        return 1;
    mw_delivery_free(d);
    mwx_link_leave(aTHX_ link);
    return 0;
}

IV mwx_flight_quick_submit(pTHX_ SV *self, SV **arguments, int count)
{
    mwx_link *link = simple_link(aTHX_ self);
    SV *content;
    mw_delivery *d = link ? prepare(aTHX_ link, arguments, count, &content) : NULL;
    IV id;

    if (!d || !make_room(aTHX_ link, self, d, SvCUR(content)))
        return 0;
    id = launch(aTHX_ link, d, content);
    mwx_flight_run(aTHX_ link, self, MWX_UNTIL_QUEUED, 0, 0);
    mwx_link_leave(aTHX_ link);
    return id;
}

SV *mwx_flight_quick_collect(pTHX_ SV *self)
{
    mwx_link *link = simple_link(aTHX_ self);
    mw_delivery *d = link ? mw_flight_first(link->session) : NULL;
    IV id;

    if (!d)
        return NULL;
    id = (IV)d->id;
    if (d->state != MW_DELIVERY_DONE)
        mwx_flight_run(aTHX_ link, self, MWX_UNTIL_DONE, id, !link->nonblocking);
    mwx_link_leave(aTHX_ link);
    if (d != mw_flight_first(link->session) || d->state != MW_DELIVERY_DONE)
        return NULL;
    return mwx_flight_collect(aTHX_ link, id);
}
