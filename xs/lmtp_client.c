/* lmtp_client.c - what deliver and submit do of a Net::LMTP (client.h). */
#include "call.h"
#include "client.h"
#include "convert.h"
#include "known.h"
#include "link_private.h"

/* The codes of an address that cannot be sent (RFC 5321 4.2.3: mailbox name not allowed), and of a message that is not sent. */
enum { UNSENDABLE = 553, UNSENT = 421 };

static mwx_link *link_of(const mwx_client *c)
{
    return (mwx_link *)c->own;
}

/* ---- before it begins */

/* Replies to earlier commands are read, or the link is closed: they could not be told from a delivery's replies. While deliveries are
 * unanswered nobody can have begun a message. */
static void check(pTHX_ mwx_job *j)
{
    mwx_link *link = link_of(&j->client);

    if (mw_lmtp_is_garbled(link->session) || mw_lmtp_owes(link->session) || mw_lmtp_in_auth(link->session))
        mwx_link_ready(aTHX_ link, j->client.self, !link->nonblocking);
    mwx_link_leave(aTHX_ link);
    if (!link->deliveries.queue->unanswered && mw_lmtp_in_transaction(link->session))
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("a message is open, begun by mail: end or reset it first")));
}

/* ---- the envelope */

static void check_code(pTHX_ int rc)
{
    if (rc)
        mwx_croak(aTHX_ sv_2mortal(newSVpvf("Net::LMTP: %s", mw_error_text(rc))));
}

/* The envelope that is being formed. */
typedef struct former {
    mwx_job *job;
    mwx_link *link;
    mwx_line line;
    int may_be_utf8;            /* addresses need not be ASCII: 1 yes, -1 no, 0 not known yet */
    int is_utf8;                /* one of them is not */
    SV *refusal;                /* why nobody gets the message, a mortal, and the code of that; NULL: nothing refuses it */
    unsigned refusal_code;
} former;

static void settle(pTHX_ former *f, mw_slice address, mw_stage stage, unsigned code, SV *why)
{
    mw_text *text = mwx_text_of(aTHX_ why);
    int rc = mw_delivery_unsendable(f->job->delivery, address, stage, code, text);

    mw_text_drop(text);
    check_code(aTHX_ rc);
}

/* Adds the parameters. NULL; or why the server would not take the message: line.code and these words are results. Croaks for an option
 * that is the caller's mistake; the status says it, too. */
static SV *add_parameters(pTHX_ former *f, const mwx_options *options)
{
    SV *refusal = mwx_line_parameters(aTHX_ &f->line, f->link, f->job->client.self, options);

    mwx_rethrow(aTHX_ &f->link->died);
    if (!refusal || f->line.code != MW_LMTP_REFUSED)
        return refusal;
    mwx_status_set(aTHX_ f->link, sv_2mortal(newSViv(MW_LMTP_REFUSED)), sv_2mortal(newSVpvf("%" SVf "\n", SVfARG(refusal))));
    mwx_croak(aTHX_ refusal);
    return NULL;
}

/* Whether the server takes addresses that are not ASCII (RFC 6531); the caller may have said that they are. */
static int takes_utf8(pTHX_ former *f)
{
    const char *keyword = mw_parameter_row(MW_PARAMETER_SMTPUTF8)->keywords[0];
    mw_slice params;

    if (!f->may_be_utf8)
        f->may_be_utf8 = mwx_link_offers(aTHX_ f->link, f->job->client.self, keyword, &params) ? 1 : -1;
    mwx_rethrow(aTHX_ &f->link->died);
    return f->may_be_utf8 > 0;
}

/* Why an address cannot be sent; NULL: line has its path. */
static SV *begin(pTHX_ former *f, const char *head, SV *address)
{
    SV *refused = mwx_line_begin(aTHX_ &f->line, f->link, f->job->client.self, head, address);
    int is_ascii = mwx_line_is_ascii(aTHX_ &f->line);

    mwx_rethrow(aTHX_ &f->link->died);
    if (!is_ascii && !takes_utf8(aTHX_ f))
        mwx_line_to_ascii(aTHX_ &f->line);
    refused = mwx_line_strict(aTHX_ &f->line, address, refused, f->may_be_utf8 > 0);
    if (refused)
        f->line.code = UNSENDABLE;
    else
        f->is_utf8 |= !is_ascii;
    return refused;
}

static void add_rcpt(pTHX_ former *f, SV *entry)
{
    mwx_options options = { MW_KIND_RCPT, "recipient", { NULL }, NULL, NULL, 0 };
    HV *given;
    SV *address = mwx_order_rcpt(aTHX_ &f->job->order, entry, &given), *fault;

    if (given)
        mwx_options_hash(aTHX_ &options, given);
    fault = begin(aTHX_ f, MW_ENVELOPE_RCPT, address);
    if (f->refusal) {
        settle(aTHX_ f, mwx_line_address(aTHX_ &f->line), MW_STAGE_MAIL, f->refusal_code, f->refusal);
        return;
    }
    if (!fault)
        fault = add_parameters(aTHX_ f, &options);
    if (fault)
        settle(aTHX_ f, mwx_line_refused(aTHX_ &f->line, address), MW_STAGE_RCPT, f->line.code, fault);
    else
        check_code(aTHX_ mw_delivery_rcpt(f->job->delivery, mwx_line_address(aTHX_ &f->line), mwx_line_octets(aTHX_ &f->line)));
}

/* The line of the sender. What refuses it refuses the message. */
static void form_mail(pTHX_ former *f, const mwx_options *options)
{
    SV *from = f->job->order.from ? mwx_string(aTHX_ f->job->order.from) : &PL_sv_undef;
    SV *fault = begin(aTHX_ f, MW_ENVELOPE_MAIL, from), *refused;
    unsigned code = f->line.code;

    refused = add_parameters(aTHX_ f, options);
    if (fault && !SvOK(sv_2mortal(mwx_enhanced(aTHX_ fault))))
        fault = sv_2mortal(newSVpvf("sender: %" SVf, SVfARG(fault)));
    f->refusal = fault ? fault : refused;
    f->refusal_code = fault ? code : f->line.code;
}

/* What the delivery says of itself by parameters, unless the caller has said it. */
static void declare(pTHX_ former *f, const mwx_options *options)
{
    const mw_slice flag = { "1", 1 };
    mw_delivery *d = f->job->delivery;

    if (f->may_be_utf8 > 0 && f->is_utf8 && !mwx_options_says(aTHX_ options, MW_PARAMETER_SMTPUTF8))
        check_code(aTHX_ mw_delivery_mail_says(d, MW_PARAMETER_SMTPUTF8, flag));
    d->declares = (mwx_options_says(aTHX_ options, MW_PARAMETER_SIZE) ? 0 : MW_DECLARE_SIZE)
        | (mwx_options_says(aTHX_ options, MW_PARAMETER_BITS) ? 0 : MW_DECLARE_BODY);
}

static void envelope(pTHX_ mwx_job *j)
{
    mwx_options options = { MW_KIND_MAIL, "mail", { NULL }, NULL, NULL, 0 };
    former f;
    SSize_t i;

    Zero(&f, 1, former);
    f.job = j;
    f.link = link_of(&j->client);
    mwx_order_options(aTHX_ &j->order, &options, NULL);
    mwx_line_new(aTHX_ &f.line);
    if (mwx_options_has(&options, MW_PARAMETER_SMTPUTF8) && !SvTRUE(options.value[MW_PARAMETER_SMTPUTF8]))
        f.may_be_utf8 = -1;
    form_mail(aTHX_ &f, &options);
    j->source.ahead = f.link->eager;
    j->source.whole = f.line.binary;
    check_code(aTHX_ (j->delivery = mw_delivery_new(mw_alloc_default())) ? 0 : MW_E_NOMEM);
    if (!f.refusal)
        check_code(aTHX_ mw_delivery_mail(j->delivery, mwx_line_octets(aTHX_ &f.line)));
    for (i = 0; i <= av_len(j->order.rcpts); i++)
        add_rcpt(aTHX_ &f, AvARRAY(j->order.rcpts)[i]);
    declare(aTHX_ &f, &options);
}

/* ---- handing over */

static int is_closed(pTHX_ const mwx_client *c)
{
    return mwx_fd(aTHX_ c->self) < 0;
}

static int64_t launch(pTHX_ mwx_job *j)
{
    mwx_link *link = link_of(&j->client);
    const mwx_source *s = &j->source;
    mw_delivery *d = j->delivery;

    mwx_link_set_binary(link, 0);
    if (d->content.source == MW_SOURCE_PIECES && s->size > 0)
        mw_content_expect(&d->content, (uint64_t)s->size);
    d->raw = s->whole;
    return mw_flight_submit(link->flight, d);
}

/* ---- afterwards */

static int run(pTHX_ mwx_client *c, int until, IV id, int may_wait)
{
    link_of(c)->watched = 0;
    return mwx_flight_run(aTHX_ link_of(c), c->self, until, id, may_wait);
}

static AV *take(pTHX_ mwx_client *c, IV id)
{
    return mwx_flight_take(aTHX_ link_of(c), id);
}

static void delivered(pTHX_ mwx_client *c, AV *results)
{
    mwx_link_delivered(aTHX_ link_of(c), results);
}

static int is_taken(pTHX_ const mwx_client *c)
{
    return mw_lmtp_in_transaction(link_of(c)->session);
}

/* As ok has it, but no method of the class is called. */
static int is_ok(pTHX_ const mwx_link *link)
{
    UV code = link->code ? SvUV(link->code) : mw_lmtp_last(link->session)->code;

    return code && code < 400;
}

static void failed(pTHX_ const mwx_client *c, const char *words)
{
    mwx_link *link = (mwx_link *)c->own;

    if (is_ok(aTHX_ link))
        mwx_status_set(aTHX_ link, sv_2mortal(newSViv(UNSENT)), sv_2mortal(newSVpvf("[%s] %s\n", sv_reftype(SvRV(c->self), TRUE), words)));
}

static void interrupt(pTHX_ mwx_client *c, IV id)
{
    mwx_flight_interrupted(aTHX_ link_of(c), c->self, id, NULL);
}

void mwx_lmtp_client(pTHX_ mwx_client *c)
{
    static const mwx_protocol protocol = {
        UNSENT, 1, check, envelope, is_closed, launch, run, take, delivered, is_taken, failed, interrupt
    };
    mwx_link *link = mwx_link_of(aTHX_ c->self);

    c->protocol = &protocol;
    c->holder = SvRV(c->self);
    c->own = link;
    c->deliveries = &link->deliveries;
    c->facts = mwx_facts(aTHX_ c->self);
    c->nonblocking = link->nonblocking;
    c->acts = mwx_link_hooked(aTHX_ link, c->self, MWX_HOOK_ADDR);
    c->shown = &link->debug;
    c->busy = &link->busy;
    c->died = &link->died;
    c->awaited = &link->awaited;
}
