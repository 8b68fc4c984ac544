/* deliver.c - see deliver.h. */
#include "deliver.h"
#include "call.h"
#include "convert.h"
#include "envelope.h"
#include "known.h"
#include "link_private.h"
#include "order.h"
#include "source.h"

/* The codes of an address that cannot be sent (RFC 5321 4.2.3: mailbox name not allowed), and of a message that is not sent. */
enum { UNSENDABLE = 553, UNSENT = 421 };

/* One call of deliver or submit. */
typedef struct job {
    mwx_link *link;
    SV *self;
    SV *object, *to;        /* held: when something died, temporaries are freed before leave is called */
    HV *facts;
    mwx_order order;
    mwx_source source;
    mw_delivery *delivery;  /* ours, until it is handed over */
    int raw;
    int is_deliver;
    int awaits;             /* link->awaited is of this call */
    IV id;                  /* the delivery that was handed over, and its results not taken; 0: none */
} job;

static SV *words(pTHX_ const char *format, const char *what)
{
    return sv_2mortal(newSVpvf(format, what));
}

/* ---- who takes part */

/* True when Perl is to see each step: the caller's code gives pieces or sees progress, or lines are shown. */
static int is_watched(pTHX_ const mwx_link *link, HV *facts)
{
    HV *jobs = mwx_hash_in(aTHX_ facts, MWX_KEY_JOBS);

    return link->debug || (jobs && HvUSEDKEYS(jobs));
}

static void check_callback(pTHX_ SV *self, HV *facts)
{
    if (SvTRUE(mwx_entry(aTHX_ facts, MWX_KEY_IN_CALLBACK)))
        mwx_croak(aTHX_ words(aTHX_ "%s: called from the code of Data or Progress of the same object", sv_reftype(SvRV(self), TRUE)));
}

/* Runs until what is asked for is reached (true), or would have to be waited for, or something died. */
static int go(pTHX_ mwx_link *link, SV *self, HV *facts, int until, IV id, int may_wait)
{
    SV *arguments[3], *reached;

    if (!is_watched(aTHX_ link, facts)) {
        link->watched = 0;
        return mwx_flight_run(aTHX_ link, self, until, id, may_wait) == MWX_REACHED;
    }
    arguments[0] = sv_2mortal(newSViv(until));
    arguments[1] = sv_2mortal(newSViv(id));
    arguments[2] = sv_2mortal(newSViv(may_wait));
    reached = mwx_call_scalar(aTHX_ self, "_go", arguments, 3, &link->died);
    return reached && SvTRUE(reached);
}

static void forget_job(pTHX_ HV *facts, IV id)
{
    HV *jobs = mwx_hash_in(aTHX_ facts, MWX_KEY_JOBS);

    if (jobs && HvUSEDKEYS(jobs))
        (void)hv_delete_ent(jobs, sv_2mortal(newSViv(id)), G_DISCARD, 0);
}

/* ---- results of what was not sent */

static mw_text *text_of(pTHX_ SV *why)
{
    mw_slice octets = mwx_octets(aTHX_ why, 1, "");

    return mw_text_new(mw_alloc_default(), octets.base, octets.len);
}

static int settle(pTHX_ mw_delivery *d, mw_slice address, mw_stage stage, unsigned code, SV *why)
{
    mw_text *text = text_of(aTHX_ why);
    int rc = mw_delivery_unsendable(d, address, stage, code, text);

    mw_text_drop(text);
    return rc;
}

/* The content cannot be read: all recipients get deferrals. */
static void unread(pTHX_ mw_delivery *d, SV *why)
{
    mw_text *text = text_of(aTHX_ why);

    mw_delivery_refuse(d, MW_STAGE_BODY, UNSENT, text);
    mw_text_drop(text);
}

static mw_slice shown(pTHX_ SV *address)
{
    AV *entry = mwx_plain_list(address);
    SV **first = entry ? av_fetch(entry, 0, 0) : &address;

    if (!first || !SvOK(*first))
        return (mw_slice){ "", 0 };
    return SvROK(*first) ? (mw_slice){ "an object", strlen("an object") } : mwx_octets(aTHX_ *first, 1, "");
}

/* Nothing was handed over: the results of what was delivered before are not those of this call. */
static void undelivered(pTHX_ job *j)
{
    AV *to = j->to ? mwx_plain_list(j->to) : NULL;
    SV *why = sv_2mortal(newSVpvs("the message was not sent")), **item;
    mw_delivery *d;
    SSize_t i;
    int rc;

    if (!to || mw_lmtp_in_transaction(j->link->session) || SvTRUE(mwx_entry(aTHX_ j->facts, MWX_KEY_IN_CALLBACK)))
        return;
    d = mw_delivery_new(mw_alloc_default());
    for (i = 0, rc = d ? 0 : MW_E_NOMEM; !rc && i <= av_len(to); i++) {
        item = av_fetch(to, i, 0);
        rc = settle(aTHX_ d, shown(aTHX_ item ? *item : &PL_sv_undef), MW_STAGE_BODY, UNSENT, why);
    }
    if (!rc)
        mwx_link_delivered(aTHX_ j->link, mwx_flight_results(aTHX_ d));
    mw_delivery_free(d);
}

/* At the end of a call, whether it returns or dies. */
static void leave(pTHX_ void *call)
{
    job *j = (job *)call;

    if (j->awaits)
        j->link->awaited = 0;
    if (j->id && j->is_deliver) {
        mwx_flight_interrupted(aTHX_ j->link, sv_2mortal(newRV_inc(j->object)), j->id, NULL);
        forget_job(aTHX_ j->facts, j->id);
        SvREFCNT_dec((SV *)mwx_flight_take(aTHX_ j->link, j->id));
    } else if (j->is_deliver) {
        undelivered(aTHX_ j);
    }
    mw_delivery_free(j->delivery);
    SvREFCNT_dec(j->to);
    SvREFCNT_dec(j->object);
}

/* ---- the envelope */

static void check(pTHX_ int rc)
{
    if (rc)
        mwx_croak(aTHX_ words(aTHX_ "Net::LMTP: %s", mw_error_text(rc)));
}

/* An option's refusal is the caller's mistake; the status says it, too. */
static void check_parameters(pTHX_ job *j, SV *refusal)
{
    mwx_rethrow(aTHX_ &j->link->died);
    if (!refusal)
        return;
    mwx_status_set(aTHX_ j->link, sv_2mortal(newSViv(MW_LMTP_REFUSED)), sv_2mortal(newSVpvf("%" SVf "\n", SVfARG(refusal))));
    mwx_croak(aTHX_ refusal);
}

/* Why an address cannot be sent; NULL: line has its path. */
static SV *begin(pTHX_ job *j, mwx_line *line, const char *head, SV *address, int utf8)
{
    SV *refused = mwx_line_begin(aTHX_ line, j->link, j->self, head, address);

    mwx_rethrow(aTHX_ &j->link->died);
    return mwx_line_strict(aTHX_ line, address, refused, utf8);
}

static void others_to_options(pTHX_ job *j, mwx_options *options)
{
    AV *others = j->order.others;
    SSize_t i;

    for (i = 0; others && i < av_len(others); i += 2)
        mwx_options_set(aTHX_ options, AvARRAY(others)[i], AvARRAY(others)[i + 1]);
}

static void check_unknown(pTHX_ const job *j, const mwx_options *options)
{
    SV *text;
    SSize_t i;

    if (!options->unknown)
        return;
    text = sv_2mortal(newSVpvf("%s: unknown argument", j->order.method));
    sortsv(AvARRAY(options->unknown), (size_t)av_len(options->unknown) + 1, Perl_sv_cmp);
    for (i = 0; i <= av_len(options->unknown); i++)
        sv_catpvf(text, " %" SVf, SVfARG(AvARRAY(options->unknown)[i]));
    mwx_croak(aTHX_ text);
}

/* The options of one recipient, if there are any. */
static SV *rcpt_of(pTHX_ SV *entry, mwx_options *options)
{
    AV *list = mwx_plain_list(entry) ? mwx_list_copy(aTHX_ mwx_plain_list(entry)) : NULL;
    SV **option = list ? av_fetch(list, 1, 0) : NULL, **address = list ? av_fetch(list, 0, 0) : &entry;

    if (!address || !SvOK(*address))
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("To has an undefined address")));
    mwx_check_address(aTHX_ "To", *address);
    if (option && SvOK(*option)) {
        if (!mwx_plain_hash(*option))
            mwx_croak(aTHX_ sv_2mortal(newSVpvs("the options of a recipient must be a reference to a hash")));
        mwx_options_hash(aTHX_ options, mwx_plain_hash(*option));
    }
    return mwx_string(aTHX_ *address);
}

static void add_rcpt(pTHX_ job *j, mwx_line *line, SV *entry, int utf8, SV *sender_fault)
{
    mwx_options options = { MW_KIND_RCPT, "recipient", { NULL }, NULL, NULL };
    SV *address = rcpt_of(aTHX_ entry, &options);
    SV *fault = begin(aTHX_ j, line, MW_ENVELOPE_RCPT, address, utf8);

    if (sender_fault) {
        check(aTHX_ settle(aTHX_ j->delivery, mwx_line_address(aTHX_ line), MW_STAGE_MAIL, UNSENDABLE, sender_fault));
    } else if (fault) {
        check(aTHX_ settle(aTHX_ j->delivery, mwx_line_refused(aTHX_ line, address), MW_STAGE_RCPT, UNSENDABLE, fault));
    } else {
        check_parameters(aTHX_ j, mwx_line_parameters(aTHX_ line, j->link, j->self, &options));
        check(aTHX_ mw_delivery_rcpt(j->delivery, mwx_line_address(aTHX_ line), mwx_line_octets(aTHX_ line)));
    }
}

static void form_lines(pTHX_ job *j, mwx_options *options)
{
    int utf8 = 0;
    mwx_line line;
    SV *from = j->order.from ? mwx_string(aTHX_ j->order.from) : &PL_sv_undef, *fault, *said;
    SV *flag = options->value[MW_PARAMETER_SMTPUTF8];
    SSize_t i;

    mwx_line_new(aTHX_ &line);
    if (flag && SvTRUE(flag))
        utf8 = mwx_link_offers(aTHX_ j->link, j->self, mw_parameter_row(MW_PARAMETER_SMTPUTF8)->keywords[0]);
    fault = begin(aTHX_ j, &line, MW_ENVELOPE_MAIL, from, utf8);
    check_parameters(aTHX_ j, mwx_line_parameters(aTHX_ &line, j->link, j->self, options));
    j->raw = line.binary;
    check(aTHX_ (j->delivery = mw_delivery_new(mw_alloc_default())) ? 0 : MW_E_NOMEM);
    if (!fault)
        check(aTHX_ mw_delivery_mail(j->delivery, mwx_line_octets(aTHX_ &line)));
    said = fault ? sv_2mortal(newSVpvf("sender: %" SVf, SVfARG(fault))) : NULL;
    for (i = 0; i <= av_len(j->order.rcpts); i++)
        add_rcpt(aTHX_ j, &line, AvARRAY(j->order.rcpts)[i], utf8, said);
}

/* ---- the arguments */

/* Whether code of the caller's may run while the envelope is formed. */
static int may_act(pTHX_ const job *j)
{
    const mwx_order *o = &j->order;

    if (o->others || o->file || !o->data || (o->from && !mwx_is_plain(o->from)) || mwx_link_hooked(aTHX_ j->link, j->self, MWX_HOOK_ADDR))
        return 1;
    return SvROK(o->data) && (SvOBJECT(SvRV(o->data)) || SvTYPE(SvRV(o->data)) > SVt_PVMG);
}

/* While deliveries are unanswered nobody can have begun one. */
static void check_open(pTHX_ const job *j)
{
    if (!mw_flight_unanswered(j->link->flight) && mw_lmtp_in_transaction(j->link->session))
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("a message is open, begun by mail: end or reset it first")));
}

/* Replies to earlier commands are read, or the link is closed: they could not be told from a delivery's replies. */
static void get_ready(pTHX_ job *j)
{
    mwx_link_check_free(aTHX_ j->link);
    if (mw_lmtp_is_garbled(j->link->session) || mw_lmtp_owes(j->link->session))
        mwx_link_ready(aTHX_ j->link, j->self, !j->link->nonblocking);
    mwx_link_leave(aTHX_ j->link);
    check_open(aTHX_ j);
}

/* From here on leave is called also when something dies. */
static void enter(pTHX_ job *j, SV *self, int is_deliver)
{
    memset(j, 0, sizeof *j);
    j->link = mwx_link_of(aTHX_ self);
    j->self = self;
    j->object = SvREFCNT_inc(SvRV(self));
    j->facts = mwx_facts(aTHX_ self);
    j->is_deliver = is_deliver;
    ENTER;
    SAVEDESTRUCTOR_X(leave, j);
    if (is_watched(aTHX_ j->link, j->facts) || j->link->busy)
        check_callback(aTHX_ self, j->facts);
}

/* Everything but the content. */
static void prepare(pTHX_ job *j, const char *method, SV **arguments, int count)
{
    mwx_options options = { MW_KIND_MAIL, "mail", { NULL }, NULL, NULL };
    int error = errno;

    mwx_order_read(aTHX_ &j->order, method, arguments, count);
    j->to = SvREFCNT_inc(j->order.to);
    get_ready(aTHX_ j);
    mwx_order_check(aTHX_ &j->order, may_act(aTHX_ j));
    others_to_options(aTHX_ j, &options);
    check_unknown(aTHX_ j, &options);
    if (j->order.from)
        mwx_check_address(aTHX_ "From", j->order.from);
    mwx_source_take(aTHX_ &j->source, j->order.data, j->order.file);
    form_lines(aTHX_ j, &options);
    errno = error;
}

/* ---- handing over */

/* The content cannot be read, so nothing of the message is sent, and all recipients get deferrals. */
static void mark_unread(pTHX_ job *j)
{
    unread(aTHX_ j->delivery, sv_2mortal(newSVpvf("[%s] %" SVf, sv_reftype(SvRV(j->self), TRUE), SVfARG(j->source.fault))));
    j->source.text = sv_2mortal(newSVpvs(""));
    j->raw = 0;
}

/* The content, as far as it can be read before anything is sent. Nothing of it is read for a link that is closed. */
static void read_content(pTHX_ job *j)
{
    if (!j->source.text && mwx_fd(aTHX_ j->self) < 0) {
        j->source.text = sv_2mortal(newSVpvs(""));
        return;
    }
    mwx_source_read(aTHX_ &j->source, j->link, j->self, j->raw, j->order.until);
    if (j->link->died) {
        unread(aTHX_ j->delivery, sv_2mortal(newSVpvs("the message could not be read")));
        mwx_link_delivered(aTHX_ j->link, mwx_flight_results(aTHX_ j->delivery));
        j->is_deliver = 0;
        mwx_link_leave(aTHX_ j->link);
    }
    if (j->source.fault)
        mark_unread(aTHX_ j);
}

/* What Perl must know of a delivery that it gives pieces to, or shows the progress of. */
static void note_job(pTHX_ job *j, int is_pulled)
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
    (void)hv_store_ent(mwx_hash_made(aTHX_ j->facts, MWX_KEY_JOBS), sv_2mortal(newSViv(j->id)), newRV_noinc((SV *)entry), 0);
}

static void launch(pTHX_ job *j)
{
    mw_delivery *d;
    int error = errno;

    read_content(aTHX_ j);
    check_open(aTHX_ j);
    d = j->delivery;
    if (j->source.text)
        j->source.size = (NV)SvCUR(j->source.text);
    mwx_link_set_binary(j->link, 0);
    if (j->source.file)
        j->id = mwx_flight_launch_file(aTHX_ j->link, d, j->source.file, j->source.offset, j->source.size, j->raw, j->order.until);
    else
        j->id = mwx_flight_launch(aTHX_ j->link, d, j->source.text, j->raw, j->order.until);
    j->delivery = NULL;
    note_job(aTHX_ j, !j->source.text && !j->source.file);
    errno = error;
}

/* ---- the methods */

AV *mwx_deliver(pTHX_ SV *self, SV **arguments, int count)
{
    mwx_link *link = mwx_link_of(aTHX_ self);
    AV *results;
    job j;

    if (link->nonblocking)
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("deliver would have to wait: this object was made with Blocking => 0")));
    enter(aTHX_ &j, self, 1);
    prepare(aTHX_ &j, "deliver", arguments, count);
    launch(aTHX_ &j);
    if (!link->awaited)
        j.awaits = (link->awaited = j.id) != 0;
    go(aTHX_ link, self, j.facts, MWX_UNTIL_DONE, j.id, 1);
    if (link->died)
        mwx_flight_interrupted(aTHX_ link, self, j.id, NULL);
    forget_job(aTHX_ j.facts, j.id);
    results = mwx_flight_take(aTHX_ link, j.id);
    j.is_deliver = 0;
    LEAVE;
    if (results)
        sv_2mortal((SV *)results);
    mwx_link_leave(aTHX_ link);
    return results;
}

IV mwx_submit(pTHX_ SV *self, SV **arguments, int count)
{
    mwx_link *link = mwx_link_of(aTHX_ self);
    job j;

    enter(aTHX_ &j, self, 0);
    prepare(aTHX_ &j, "submit", arguments, count);
    if (go(aTHX_ link, self, j.facts, MWX_UNTIL_ROOM, j.source.size < 0 ? 0 : (IV)j.source.size, !link->nonblocking) && !link->died) {
        launch(aTHX_ &j);
        go(aTHX_ link, self, j.facts, MWX_UNTIL_QUEUED, 0, 0);
    }
    LEAVE;
    mwx_link_leave(aTHX_ link);
    return j.id;
}

SV *mwx_collect(pTHX_ SV *self)
{
    mwx_link *link = mwx_link_of(aTHX_ self);
    HV *facts = mwx_facts(aTHX_ self);
    const mw_delivery *d;
    AV *results;
    IV id;

    if (is_watched(aTHX_ link, facts) || link->busy)
        check_callback(aTHX_ self, facts);
    d = mw_flight_first(link->flight);
    if (!d)
        return NULL;
    id = (IV)d->id;
    if (id == link->awaited)
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("collect: another call on the same object, deliver, is waiting for this one")));
    mwx_link_check_free(aTHX_ link);
    if (d->state != MW_DELIVERY_DONE)
        go(aTHX_ link, self, facts, MWX_UNTIL_DONE, id, !link->nonblocking);
    mwx_link_leave(aTHX_ link);
    /* Handlers of signals that came meanwhile run, and may die, before the delivery is taken. */
    PERL_ASYNC_CHECK();
    results = mwx_flight_take(aTHX_ link, id);
    if (!results)
        return NULL;
    forget_job(aTHX_ facts, id);
    return mwx_delivery(aTHX_ id, results);
}
