/* qmtp_client.c - what deliver and submit do of a Net::QMTP (client.h). */
#include "qmtp_client.h"
#include "call.h"
#include "client.h"
#include "convert.h"
#include "known.h"
#include "../c/error.h"

static mwx_qmtp_flight *flight_of(const mwx_client *c)
{
    return (mwx_qmtp_flight *)c->own;
}

/* A handler may drop or replace the link: it is kept for as long as the call. */
static SV *link_of(pTHX_ const mwx_client *c)
{
    return sv_mortalcopy(mwx_entry(aTHX_ c->facts, MWX_KEY_LINK));
}

/* While send is under way. */
static int is_taken(pTHX_ const mwx_client *c)
{
    return SvTRUE(mwx_entry(aTHX_ c->facts, MWX_KEY_SENDING));
}

static void check(pTHX_ mwx_job *j)
{
    if (is_taken(aTHX_ &j->client))
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: another call on the same object is waiting", j->order.method)));
}

/* ---- the envelope */

static void check_code(pTHX_ int rc)
{
    if (rc)
        croak("Net::QMTP: %s", mw_error_text(rc));
}

SV *mwx_qmtp_line_end(pTHX_ SV *encoding)
{
    const char *name = SvPV_nolen_const(encoding);
    char eol = strEQ(name, "unix") ? MW_QMTP_LF : strEQ(name, "dos") ? MW_QMTP_CRLF : 0;

    if (!eol)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("Unknown encoding '%" SVf "': it is 'unix' or 'dos'", SVfARG(encoding))));
    return newSVpvn(&eol, 1);
}

static void warn_of(pTHX_ const mwx_job *j, const char *what, AV *names)
{
    if (av_len(names) >= 0)
        mwx_carp(aTHX_ sv_2mortal(newSVpvf("%s: QMTP has no %s%" SVf " - ignored", j->order.method, what, SVfARG(mwx_names(aTHX_ names)))));
}

#define ENCODING "Encoding"

/* The octet for the line end. Croaks for an option that neither protocol has. */
static unsigned char line_end(pTHX_ const mwx_job *j)
{
    mwx_options options = { MW_KIND_MAIL, "mail", { NULL }, NULL, NULL, 0 };
    SV *encoding = mwx_order_options(aTHX_ &j->order, &options, ENCODING);
    SV *eol = encoding && SvOK(encoding) ? sv_2mortal(mwx_qmtp_line_end(aTHX_ encoding)) : mwx_entry(aTHX_ j->client.facts, MWX_KEY_EOL);

    return *(const unsigned char *)SvPV_nolen(eol);
}

static void warn_of_options(pTHX_ const mwx_job *j)
{
    AV *names = (AV *)sv_2mortal((SV *)newAV()), *others = j->order.others;
    SSize_t i;

    for (i = 0; others && i < av_len(others); i += 2)
        if (strNE(SvPV_nolen(AvARRAY(others)[i]), ENCODING))
            av_push(names, SvREFCNT_inc(AvARRAY(others)[i]));
    warn_of(aTHX_ j, "", names);
}

static void warn_of_rcpt_options(pTHX_ const mwx_job *j, HV *options)
{
    AV *names = (AV *)sv_2mortal((SV *)newAV());
    HE *he;

    hv_iterinit(options);
    while ((he = hv_iternext(options)))
        av_push(names, newSVsv(hv_iterkeysv(he)));
    warn_of(aTHX_ j, "recipient's options: ", names);
}

static void envelope(pTHX_ mwx_job *j)
{
    unsigned char eol = line_end(aTHX_ j);
    SV *address = j->order.from && SvOK(j->order.from) ? j->order.from : &PL_sv_no;
    HV *options;
    SSize_t i;

    j->source.whole = 1;
    j->delivery = mwx_qmtp_delivery_new(aTHX_ address, eol);
    for (i = 0; i <= av_len(j->order.rcpts); i++) {
        address = mwx_order_rcpt(aTHX_ &j->order, AvARRAY(j->order.rcpts)[i], &options);
        if (options)
            warn_of_rcpt_options(aTHX_ j, options);
        check_code(aTHX_ mwx_qmtp_delivery_rcpt(aTHX_ j->delivery, address));
    }
    if (j->order.others)
        warn_of_options(aTHX_ j);
}

/* ---- handing over */

/* There may be another link. */
static int is_closed(pTHX_ const mwx_client *c)
{
    PERL_UNUSED_VAR(c);
    return 0;
}

static int64_t launch(pTHX_ mwx_job *j)
{
    mw_queue *queue = j->client.deliveries->queue;

    if (!queue->unanswered)
        mwx_set_entry(aTHX_ j->client.facts, MWX_KEY_ERROR, newSVpvs(""));
    return mw_queue_add(queue, j->delivery);
}

/* ---- afterwards */

static int run(pTHX_ mwx_client *c, int until, IV id, int may_wait)
{
    mwx_qmtp_flight *f = flight_of(c);
    SV *link;

    if (until == MWX_UNTIL_ROOM && mw_queue_has_room(&f->queue, (uint64_t)id))
        return MWX_REACHED;
    link = link_of(aTHX_ c);
    if (until == MWX_UNTIL_QUEUED && SvOK(link) && mwx_qmtp_flight_holds_back(aTHX_ f, link))
        return MWX_REACHED;
    return mwx_qmtp_flight_run(aTHX_ f, link, until, id, may_wait, 0);
}

static void delivered(pTHX_ mwx_client *c, AV *results)
{
    mwx_set_entry(aTHX_ c->facts, MWX_KEY_RESULTS, newRV_noinc((SV *)results));
}

static AV *take(pTHX_ mwx_client *c, IV id)
{
    AV *results = mwx_qmtp_flight_take(aTHX_ flight_of(c), id);

    if (results)
        delivered(aTHX_ c, (AV *)SvREFCNT_inc((SV *)results));
    return results;
}

/* What is on its way cannot be taken back but by closing: "a client that closes before [the end] has sent nothing" (qmtp.txt). */
static void failed(pTHX_ const mwx_client *c, const char *words)
{
    if (!SvTRUE(mwx_entry(aTHX_ c->facts, MWX_KEY_ERROR)))
        mwx_set_entry(aTHX_ c->facts, MWX_KEY_ERROR, newSVpv(words, 0));
}

static void interrupt(pTHX_ mwx_client *c, IV id)
{
    SV *died = NULL;

    mwx_qmtp_flight_give_up(aTHX_ flight_of(c), link_of(aTHX_ c), id, sv_2mortal(newSVpvs("interrupted")));
    mwx_call(aTHX_ c->self, "_drop_link", NULL, 0, &died);
    SvREFCNT_dec(died);
}

void mwx_qmtp_client(pTHX_ mwx_client *c)
{
    static const mwx_protocol protocol = {
        MW_QMTP_DEFERRED, 0, check, envelope, is_closed, launch, run, take, delivered, is_taken, failed, interrupt
    };
    HV *object = mwx_hash(c->self);
    mwx_qmtp_flight *f;
    SV *ref;

    c->facts = object ? mwx_hash_in(aTHX_ object, MWX_KEY_NET_QMTP) : NULL;
    if (!c->facts)
        croak("Not a Net::QMTP object");
    ref = mwx_entry(aTHX_ c->facts, MWX_KEY_FLIGHT);
    f = mwx_qmtp_flight_of(aTHX_ ref);
    c->protocol = &protocol;
    c->holder = sv_2mortal(SvREFCNT_inc(SvRV(ref)));
    c->own = f;
    c->deliveries = &f->deliveries;
    c->nonblocking = f->nonblocking;
    c->is_told = f->is_told;
    c->busy = &f->busy;
    c->died = &f->died;
    c->awaited = &f->awaited;
}

size_t mwx_qmtp_client_count(pTHX_ SV *self)
{
    mwx_client c;

    Zero(&c, 1, mwx_client);
    c.self = self;
    mwx_qmtp_client(aTHX_ &c);
    return flight_of(&c)->queue.count;
}

/* ---- send */

IV mwx_qmtp_send(pTHX_ mwx_qmtp_flight *f, SV *sender, AV *rcpts, char eol, SV **content, int count)
{
    mw_delivery *d = mwx_qmtp_delivery_new(aTHX_ sender, (unsigned char)eol);
    mw_file file;
    SSize_t i;
    int rc = 0;

    for (i = 0; i <= av_len(rcpts) && !rc; i++)
        rc = mwx_qmtp_delivery_rcpt(aTHX_ d, AvARRAY(rcpts)[i]);
    if (rc)
        mw_delivery_free(d);
    check_code(aTHX_ rc);
    if (count == 1) {
        mwx_delivery_lend(aTHX_ d, SvRV(content[0]));
    } else if (count == 2) {
        SvREFCNT_dec((SV *)mwx_delivery_refuse(aTHX_ d, MW_QMTP_DEFERRED, content[1]));
    } else {
        mw_io_file(&file, mwx_fd(aTHX_ content[0]), (uint64_t)SvNV(content[1]), (uint64_t)SvNV(content[2]), 0);
        mwx_delivery_file(aTHX_ d, content[0], &file);
    }
    mwx_deliveries_before(&f->deliveries);
    mw_queue_add(&f->queue, d);
    if (count == 2)
        mw_queue_cancel(&f->queue, d, MW_STAGE_BODY, NULL);
    return (IV)d->id;
}
