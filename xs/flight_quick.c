/* flight_quick.c - see flight_quick.h. */
#include "flight_quick.h"
#include "convert.h"
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

/* A line being made. */
typedef struct draft {
    char text[LINE_MAX_QUICK];
    size_t len;
} draft;

static int offers(const mwx_link *link, const char *keyword)
{
    mw_slice word = { keyword, strlen(keyword) }, params;

    return mw_lmtp_keyword(link->session, word, &params);
}

static int append(draft *line, const char *parameter)
{
    size_t len = strlen(parameter);

    if (line->len + len > sizeof line->text)
        return 0;
    memcpy(line->text + line->len, parameter, len);
    line->len += len;
    return 1;
}

/* Larger ones are refused, with words. */
#define SIZE_PARAMETER_MAX 1e15

static int append_size(pTHX_ const mwx_link *link, draft *line, SV *size)
{
    char parameter[64];
    NV bytes;

    if (!mwx_order_number(aTHX_ size, &bytes) || !(bytes >= 0 && bytes < SIZE_PARAMETER_MAX) || !offers(link, "SIZE"))
        return 0;
    return snprintf(parameter, sizeof parameter, " SIZE=%.0f", (double)Perl_floor(bytes)) > 0 && append(line, parameter);
}

static int append_bits(pTHX_ const mwx_link *link, draft *line, SV *bits)
{
    NV number;

    if ((SvPOK(bits) && SvCUR(bits) != 1) || !mwx_order_number(aTHX_ bits, &number) || (number != 7 && number != 8))
        return 0;
    return offers(link, "8BITMIME") && append(line, number == 8 ? " BODY=8BITMIME" : " BODY=7BIT");
}

/* The parameters that are said in most cases. What a server doesn't offer, and what must be refused, Perl has the words for. */
static int append_parameters(pTHX_ mwx_link *link, SV *self, draft *line, const mwx_order *o)
{
    if (o->encoding)
        return 0;
    if (!o->size && !o->bits)
        return 1;
    if (mwx_link_hooked(aTHX_ link, self, MWX_HOOK_SUPPORTS))
        return 0;
    return (!o->size || append_size(aTHX_ link, line, o->size)) && (!o->bits || append_bits(aTHX_ link, line, o->bits));
}

static int add_mail(pTHX_ mwx_link *link, SV *self, mw_delivery *d, const mwx_order *o)
{
    draft line;
    mw_slice path, whole;

    line.len = mwx_quick_line(link, o->sender, MW_KIND_MAIL, line.text, sizeof line.text, &path);
    if (!line.len || has_line_ends(o->sender) || !append_parameters(aTHX_ link, self, &line, o))
        return 0;
    whole.base = line.text;
    whole.len = line.len;
    return !mw_delivery_mail(d, whole);
}

static int add_rcpt(const mwx_link *link, mw_delivery *d, SV *address)
{
    char buffer[LINE_MAX_QUICK];
    mw_slice line, path;

    line.base = buffer;
    line.len = mwx_quick_line(link, address, MW_KIND_RCPT, buffer, sizeof buffer, &path);
    if (!line.len || has_line_ends(address))
        return 0;
    /* Shown without its brackets. */
    path.base++;
    path.len -= 2;
    return !mw_delivery_rcpt(d, path, line);
}

/* NULL: something in it is not plain, or cannot be sent. */
static mw_delivery *delivery_of(pTHX_ mwx_link *link, SV *self, const mwx_order *o)
{
    mw_delivery *d = mw_delivery_new(mw_alloc_default());
    SSize_t i, count = av_len(o->rcpts) + 1;
    int ok = d && add_mail(aTHX_ link, self, d, o);

    for (i = 0; ok && i < count; i++)
        ok = add_rcpt(link, d, *av_fetch(o->rcpts, i, 0));
    if (ok)
        return d;
    mw_delivery_free(d);
    return NULL;
}

/* What the arguments ask for. */
typedef struct quick {
    mw_delivery *delivery;
    SV *content;            /* a mortal copy */
    NV deadline;
} quick;

/* 0: not this way. */
static int prepare(pTHX_ mwx_link *link, SV *self, SV **arguments, int count, quick *q)
{
    mwx_order o;

    if (mw_lmtp_in_transaction(link->session) || !mwx_order_read(aTHX_ &o, arguments, count) || !o.content)
        return 0;
    q->content = sv_2mortal(mwx_shared_copy(aTHX_ o.content));
    q->deadline = o.deadline;
    q->delivery = delivery_of(aTHX_ link, self, &o);
    return q->delivery != NULL;
}

static IV launch(pTHX_ mwx_link *link, const quick *q)
{
    mwx_link_set_binary(link, 0);
    return mwx_flight_launch(aTHX_ link, q->delivery, q->content, 0, q->deadline);
}

/* ---- the methods */

AV *mwx_flight_quick_deliver(pTHX_ SV *self, SV **arguments, int count)
{
    mwx_link *link = simple_link(aTHX_ self);
    quick q;
    IV id;

    if (!link || link->nonblocking || !prepare(aTHX_ link, self, arguments, count, &q))
        return NULL;
    id = launch(aTHX_ link, &q);
    mwx_flight_run(aTHX_ link, self, MWX_UNTIL_DONE, id, 1);
    if (link->died)
        mwx_flight_interrupted(aTHX_ link, self, id, NULL);
    mwx_link_delivered(aTHX_ link, mwx_flight_take(aTHX_ link, mw_flight_find(link->flight, id)));
    mwx_link_leave(aTHX_ link);
    return link->delivered;
}

/* Waits for room in the window, if that may be: not where a deadline counts meanwhile. A handler that dies takes nothing with it:
 * nothing was handed over. */
static int make_room(pTHX_ mwx_link *link, SV *self, const quick *q)
{
    int may_wait = !link->nonblocking && q->deadline == 0;

    if (mwx_flight_run(aTHX_ link, self, MWX_UNTIL_ROOM, (IV)SvCUR(q->content), may_wait) == MWX_REACHED)
        return 1;
    mw_delivery_free(q->delivery);
    mwx_link_leave(aTHX_ link);
    return 0;
}

IV mwx_flight_quick_submit(pTHX_ SV *self, SV **arguments, int count)
{
    mwx_link *link = simple_link(aTHX_ self);
    quick q;
    IV id;

    if (!link || !prepare(aTHX_ link, self, arguments, count, &q) || !make_room(aTHX_ link, self, &q))
        return 0;
    id = launch(aTHX_ link, &q);
    mwx_flight_run(aTHX_ link, self, MWX_UNTIL_QUEUED, 0, 0);
    mwx_link_leave(aTHX_ link);
    return id;
}

SV *mwx_flight_quick_collect(pTHX_ SV *self)
{
    mwx_link *link = simple_link(aTHX_ self);
    mw_delivery *d = link ? mw_flight_first(link->flight) : NULL;
    IV id;

    if (!d)
        return NULL;
    id = (IV)d->id;
    if (d->state != MW_DELIVERY_DONE)
        mwx_flight_run(aTHX_ link, self, MWX_UNTIL_DONE, id, !link->nonblocking);
    mwx_link_leave(aTHX_ link);
    if (d != mw_flight_first(link->flight) || d->state != MW_DELIVERY_DONE)
        return NULL;
    return mwx_flight_collect(aTHX_ link, id);
}
