/* deliver.c - see deliver.h. */
#include "deliver.h"
#include "call.h"
#include "client.h"
#include "convert.h"
#include "known.h"

/* ---- who takes part */

static void open_client(pTHX_ mwx_client *c, SV *self)
{
    memset(c, 0, sizeof *c);
    c->self = self;
    if (mwx_hash(self))
        mwx_qmtp_client(aTHX_ c);
    else
        mwx_lmtp_client(aTHX_ c);
}

/* True when Perl is to see each step: the caller's code gives pieces or sees progress, or lines are shown. */
static int is_watched(const mwx_client *c)
{
    return (c->shown && *c->shown) || c->deliveries->jobs;
}

static int is_in_callback(pTHX_ const mwx_client *c)
{
    return SvTRUE(mwx_entry(aTHX_ c->facts, MWX_KEY_IN_CALLBACK));
}

static void check_free(pTHX_ const mwx_client *c)
{
    const char *why = "called while another call on the same object is waiting";

    if (!is_watched(c) && !*c->busy)
        return;
    if (is_in_callback(aTHX_ c))
        why = "called from the code of Data or Progress of the same object";
    else if (!*c->busy)
        return;
    mwx_croak(aTHX_ sv_2mortal(newSVpvf("%s: %s", sv_reftype(SvRV(c->self), TRUE), why)));
}

/* Runs until what is asked for is reached (true), or would have to be waited for, or something died. */
static int go(pTHX_ mwx_client *c, int until, IV id, int may_wait)
{
    SV *arguments[3], *reached;
    int said = is_watched(c) ? MWX_UNLINKED : c->protocol->run(aTHX_ c, until, id, may_wait);

    if (said != MWX_UNLINKED)
        return said == MWX_REACHED;
    arguments[0] = sv_2mortal(newSViv(until));
    arguments[1] = sv_2mortal(newSViv(id));
    arguments[2] = sv_2mortal(newSViv(may_wait));
    reached = mwx_call_scalar(aTHX_ c->self, "_go", arguments, 3, c->died);
    return reached && SvTRUE(reached);
}

static void forget_job(pTHX_ const mwx_client *c, IV id)
{
    HV *jobs = c->deliveries->jobs ? mwx_hash_in(aTHX_ c->facts, MWX_KEY_JOBS) : NULL;

    if (jobs && hv_delete_ent(jobs, sv_2mortal(newSViv(id)), 0, 0))
        c->deliveries->jobs--;
}

static void tell(pTHX_ const mwx_client *c, AV *results)
{
    SV *argument;

    if (!c->is_told || !results)
        return;
    argument = sv_2mortal(newRV_inc((SV *)results));
    mwx_call_scalar(aTHX_ c->self, "_noted", &argument, 1, c->died);
}

/* ---- when something dies */

/* Why nobody has results, when nothing was handed over. */
#define UNSENT "the message was not sent"

static void interrupt(pTHX_ mwx_client *c, IV id)
{
    c->protocol->interrupt(aTHX_ c, id);
    c->protocol->failed(aTHX_ c, "interrupted");
}

static SV *shown(pTHX_ SV *entry)
{
    AV *list = entry ? mwx_plain_list(entry) : NULL;
    SV **address = list ? av_fetch(list, 0, 0) : &entry;

    if (!address || !*address || !SvOK(*address))
        return sv_2mortal(newSVpvs(""));
    return SvROK(*address) ? sv_2mortal(newSVpvs("an object")) : *address;
}

/* Nothing was handed over: the results of what was delivered before are not those of this call. */
static void undelivered(pTHX_ mwx_job *j)
{
    AV *to = mwx_order_recipients(aTHX_ j->to), *results;
    SSize_t i;

    if (*j->client.busy || is_in_callback(aTHX_ &j->client) || j->client.protocol->is_taken(aTHX_ &j->client))
        return;
    results = newAV();
    for (i = 0; to && i <= av_len(to); i++) {
        SV **entry = av_fetch(to, i, 0);

        av_push(results, mwx_deferral(aTHX_ shown(aTHX_ entry ? *entry : NULL), (size_t)i, j->client.protocol->unsent, UNSENT));
    }
    j->client.protocol->delivered(aTHX_ &j->client, results);
    j->client.protocol->failed(aTHX_ &j->client, UNSENT);
}

/* At the end of a call, whether it returns or dies. */
static void leave(pTHX_ void *call)
{
    mwx_job *j = (mwx_job *)call;
    mwx_client *c = &j->client;

    if (j->awaits)
        *c->awaited = 0;
    c->self = sv_2mortal(newRV_inc(j->object));
    if (j->id && j->is_deliver) {
        interrupt(aTHX_ c, j->id);
        forget_job(aTHX_ c, j->id);
        SvREFCNT_dec((SV *)c->protocol->take(aTHX_ c, j->id));
    } else if (j->is_deliver) {
        undelivered(aTHX_ j);
    }
    mwx_source_close(aTHX_ &j->source);
    mw_delivery_free(j->delivery);
    SvREFCNT_dec(j->to);
    SvREFCNT_dec(j->holder);
    SvREFCNT_dec(j->object);
}

/* From here on leave is called also when something dies. */
static void enter(pTHX_ mwx_job *j, SV *self, int is_deliver)
{
    Zero(j, 1, mwx_job);
    open_client(aTHX_ &j->client, self);
    j->object = SvREFCNT_inc(SvRV(self));
    j->holder = SvREFCNT_inc(j->client.holder);
    j->is_deliver = is_deliver;
    ENTER;
    SAVEDESTRUCTOR_X(leave, j);
    check_free(aTHX_ &j->client);
}

/* ---- handing over */

/* Everything but the content. */
static void prepare(pTHX_ mwx_job *j, SV **arguments, int count)
{
    int error = errno;

    mwx_order_read(aTHX_ &j->order, j->is_deliver ? "deliver" : "submit", arguments, count);
    j->to = SvREFCNT_inc(j->order.to);
    if (j->is_deliver && j->client.nonblocking)
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("deliver would have to wait: this object was made with Blocking => 0")));
    j->client.protocol->check(aTHX_ j);
    mwx_order_check(aTHX_ &j->order, j->client.acts);
    mwx_source_take(aTHX_ &j->source, j->order.data, j->order.file, j->order.range);
    j->source.until = j->order.until;
    j->source.died = j->client.died;
    j->client.protocol->envelope(aTHX_ j);
    errno = error;
}

/* While content is asked for, no other call may begin on the same object. */
static void read_by_code(pTHX_ mwx_job *j)
{
    ENTER;
    mwx_local_entry(aTHX_ j->client.facts, MWX_KEY_IN_CALLBACK, 1);
    SAVEINT(*j->client.busy);
    *j->client.busy = 1;
    mwx_source_read(aTHX_ &j->source);
    LEAVE;
}

/* The content, as far as it can be read before anything is sent. */
static void read_content(pTHX_ mwx_job *j)
{
    AV *results;

    if (!mwx_source_acts(&j->source))
        mwx_source_read(aTHX_ &j->source);
    else if (j->client.protocol->is_closed(aTHX_ &j->client))
        j->source.text = sv_2mortal(newSVpvs(""));
    else
        read_by_code(aTHX_ j);
    if (!*j->client.died)
        return;
    results = mwx_delivery_refuse(aTHX_ j->delivery, j->client.protocol->unsent, sv_2mortal(newSVpvs("the message could not be read")));
    tell(aTHX_ &j->client, results);
    j->is_deliver = 0;
    j->client.protocol->failed(aTHX_ &j->client, UNSENT);
    j->client.protocol->delivered(aTHX_ &j->client, results);
    mwx_rethrow(aTHX_ j->client.died);
}

/* What Perl must know of a delivery that it gives pieces to, or shows the progress of. */
static void note_job(pTHX_ mwx_job *j, int is_pulled)
{
    SV *progress = j->order.progress && SvOK(j->order.progress) ? j->order.progress : NULL;
    HV *entry;

    if (!is_pulled && !progress)
        return;
    entry = newHV();
    (void)hv_stores(entry, "source", is_pulled ? newSVsv(j->source.object) : newSV(0));
    (void)hv_stores(entry, "progress", progress ? newSVsv(progress) : newSV(0));
    (void)hv_stores(entry, "total", j->source.size < 0 ? newSV(0) : newSVnv(j->source.size));
    (void)hv_stores(entry, "shown", newSViv(-1));
    (void)hv_store_ent(mwx_hash_made(aTHX_ j->client.facts, MWX_KEY_JOBS), sv_2mortal(newSViv(j->id)), newRV_noinc((SV *)entry), 0);
    j->client.deliveries->jobs++;
}

/* The content cannot be read, so nothing of the message is sent. */
static void refuse_unread(pTHX_ mwx_job *j)
{
    const mwx_protocol *p = j->client.protocol;
    SV *why = j->source.fault;

    if (p->is_tagged)
        why = sv_2mortal(newSVpvf("[%s] %" SVf, sv_reftype(SvRV(j->client.self), TRUE), SVfARG(why)));
    SvREFCNT_dec((SV *)mwx_delivery_refuse(aTHX_ j->delivery, p->unsent, why));
}

/* Gives the delivery its content. True when it comes in pieces. */
static int give_content(pTHX_ mwx_job *j)
{
    const mwx_source *s = &j->source;

    if (s->fault)
        refuse_unread(aTHX_ j);
    else if (s->file)
        mwx_delivery_file(aTHX_ j->delivery, s->file, &s->stretch);
    else if (s->text)
        mwx_delivery_lend(aTHX_ j->delivery, s->text);
    else
        mw_content_in_pieces(&j->delivery->content);
    return j->delivery->content.source == MW_SOURCE_PIECES;
}

static void launch(pTHX_ mwx_job *j)
{
    mwx_deliveries *all = j->client.deliveries;
    mw_delivery *d = j->delivery;
    int error = errno, is_pulled;

    read_content(aTHX_ j);
    j->client.protocol->check(aTHX_ j);
    if (j->source.text)
        j->source.size = (NV)SvCUR(j->source.text);
    is_pulled = give_content(aTHX_ j);
    d->deadline = j->order.until;
    mwx_deliveries_before(all);
    j->id = (IV)j->client.protocol->launch(aTHX_ j);
    j->delivery = NULL;
    if (j->source.fault)
        mw_queue_cancel(all->queue, d, MW_STAGE_BODY, NULL);
    note_job(aTHX_ j, is_pulled);
    errno = error;
}

/* ---- the methods */

AV *mwx_deliver(pTHX_ SV *self, SV **arguments, int count, IV *id_r)
{
    mwx_job j;
    mwx_client *c = &j.client;
    AV *results;

    enter(aTHX_ &j, self, 1);
    prepare(aTHX_ &j, arguments, count);
    launch(aTHX_ &j);
    if (!*c->awaited)
        j.awaits = (*c->awaited = j.id) != 0;
    go(aTHX_ c, MWX_UNTIL_DONE, j.id, 1);
    if (*c->died)
        interrupt(aTHX_ c, j.id);
    forget_job(aTHX_ c, j.id);
    results = (AV *)sv_2mortal((SV *)c->protocol->take(aTHX_ c, j.id));
    j.is_deliver = 0;
    tell(aTHX_ c, results);
    mwx_rethrow(aTHX_ c->died);
    LEAVE;
    *id_r = j.id;
    return results;
}

IV mwx_submit(pTHX_ SV *self, SV **arguments, int count)
{
    mwx_job j;
    mwx_client *c = &j.client;

    enter(aTHX_ &j, self, 0);
    prepare(aTHX_ &j, arguments, count);
    if (go(aTHX_ c, MWX_UNTIL_ROOM, j.source.size < 0 ? 0 : (IV)j.source.size, !c->nonblocking) && !*c->died) {
        launch(aTHX_ &j);
        go(aTHX_ c, MWX_UNTIL_QUEUED, 0, 0);
    }
    mwx_rethrow(aTHX_ c->died);
    LEAVE;
    return j.id;
}

SV *mwx_collect(pTHX_ SV *self)
{
    mwx_client c;
    const mw_delivery *oldest;
    AV *results;
    IV id;

    open_client(aTHX_ &c, self);
    check_free(aTHX_ &c);
    if (!(oldest = c.deliveries->queue->first))
        return NULL;
    id = (IV)oldest->id;
    if (id == *c.awaited)
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("collect: another call on the same object, deliver, is waiting for this one")));
    if (oldest->state != MW_DELIVERY_DONE)
        go(aTHX_ &c, MWX_UNTIL_DONE, id, !c.nonblocking);
    /* What it dies of leaves the delivery collectable. */
    if (c.is_told && !*c.died)
        mwx_call_scalar(aTHX_ c.self, "_show_wire", NULL, 0, c.died);
    mwx_rethrow(aTHX_ c.died);
    /* Handlers of signals that came meanwhile run, and may die, before the delivery is taken. */
    PERL_ASYNC_CHECK();
    results = c.protocol->take(aTHX_ &c, id);
    if (!results)
        return NULL;
    forget_job(aTHX_ &c, id);
    return mwx_delivery(aTHX_ id, results);
}
