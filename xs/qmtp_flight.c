/* qmtp_flight.c - see qmtp_flight.h. */
#include "qmtp_flight.h"
#include "call.h"
#include "convert.h"
#include "magic.h"
#include "../c/command.h"
#include "../c/error.h"

static int free_flight(pTHX_ SV *object, MAGIC *mg)
{
    mwx_qmtp_flight *f = (mwx_qmtp_flight *)mg->mg_ptr;

    PERL_UNUSED_ARG(object);
    if (f) {
        mwx_deliveries_free(aTHX_ &f->deliveries);
        SvREFCNT_dec(f->file);
        SvREFCNT_dec(f->died);
        Safefree(f);
    }
    return 0;
}

static const MGVTBL table = MWX_MAGIC_TABLE(free_flight);

int mwx_qmtp_flight_is_clone(pTHX_ SV *ref)
{
    return mwx_magic_is_clone(aTHX_ ref, &table);
}

mwx_qmtp_flight *mwx_qmtp_flight_of(pTHX_ SV *ref)
{
    mwx_qmtp_flight *f = (mwx_qmtp_flight *)mwx_magic_find(aTHX_ ref, &table);

    if (!f && mwx_qmtp_flight_is_clone(aTHX_ ref))
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("This Net::QMTP object belongs to another thread")));
    if (!f)
        croak("Not a Net::QMTP::Flight object");
    return f;
}

/* The link of this call. A handler that runs inside a run leaves that one its own. */
static mwx_qmtp *use_link(pTHX_ mwx_qmtp_flight *f, SV *ref)
{
    mwx_qmtp *link = SvOK(ref) ? mwx_qmtp_of(aTHX_ ref) : NULL;

    if (!f->is_running) {
        f->link = link;
        f->queue.link = link ? link->session : NULL;
    }
    return link;
}

/* ---- handing over */

mw_slice mwx_qmtp_address(pTHX_ SV *sv, const char *where)
{
    int bracketed;
    mw_slice address = mw_address_path(mwx_octets(aTHX_ sv, 1, where), 0, &bracketed);

    if (bracketed) {
        address.base++;
        address.len -= 2;
    }
    return address;
}

mw_delivery *mwx_qmtp_delivery_new(pTHX_ SV *sender, unsigned char eol)
{
    mw_delivery *d = mw_qmtp_delivery_new(mw_alloc_default(), mwx_qmtp_address(aTHX_ sender, "a sender"), eol);

    if (!d)
        croak("Net::QMTP: %s", mw_error_text(MW_E_NOMEM));
    return d;
}

int mwx_qmtp_delivery_rcpt(pTHX_ mw_delivery *d, SV *address)
{
    return mw_qmtp_delivery_rcpt(d, mwx_qmtp_address(aTHX_ address, "a recipient"));
}

/* ---- time */

NV mwx_qmtp_flight_timeout(pTHX_ mwx_qmtp_flight *f, SV *ref)
{
    use_link(aTHX_ f, ref);
    return mwx_deliveries_timeout(&f->deliveries);
}

size_t mwx_qmtp_flight_expire(mwx_qmtp_flight *f)
{
    mw_text *words;
    size_t count;

    if (!f->queue.timed)
        return 0;
    words = mwx_deadline_words();
    mw_queue_expire(&f->queue, mw_io_now(), words, &count);
    mw_text_drop(words);
    return count;
}

/* ---- running */

static int is_old(const mwx_qmtp_flight *f, const mwx_qmtp *link)
{
    return f->life > 0 && mwx_qmtp_age(link) >= f->life;
}

/* What has come is looked at, and what may go is queued: an old link gets nothing more. What comes over an idle link answers
 * nothing: it must be seen before the next package is there to be answered. */
static int turn(pTHX_ mwx_deliveries *d, SV *ref)
{
    mwx_qmtp_flight *f = (mwx_qmtp_flight *)d;
    mw_qmtp *session = f->link ? f->link->session : NULL;
    int rc = 1;

    if (!session)
        return 0;
    mw_qmtp_read(session);
    if (f->queue.current && !is_old(f, f->link)) {
        if (!mw_qmtp_in_flight(session))
            rc = mwx_qmtp_look(aTHX_ f->link, ref);
        if (rc > 0)
            mw_qmtp_write(session, &f->queue);
    }
    if (rc < 0)
        return MWX_BLOCKED;
    if (!mw_qmtp_error(session))
        return 0;
    mwx_qmtp_flight_expire(f);
    return MWX_UNLINKED;
}

/* Nothing can go on over this link. */
static int stalls(const mwx_deliveries *d)
{
    const mwx_qmtp_flight *f = (const mwx_qmtp_flight *)d;
    const mwx_qmtp *link = f->link;

    return !link || mw_qmtp_error(link->session) || (mw_qmtp_in_flight(link->session) == 0 && is_old(f, link)) ? MWX_UNLINKED : 0;
}

static int holds_back(const mwx_deliveries *d)
{
    return !stalls(d) && mw_queue_unsent(d->queue) < MW_QMTP_HIGH_WATER;
}

static int look(pTHX_ mwx_deliveries *d, SV *ref)
{
    mwx_qmtp *link = ((mwx_qmtp_flight *)d)->link;

    return mwx_look(aTHX_ ref, &link->carrier, mw_qmtp_in(link->session), &link->died);
}

static int pump(pTHX_ mwx_deliveries *d, SV *ref, int64_t deadline)
{
    mwx_qmtp *link = ((mwx_qmtp_flight *)d)->link;

    return mwx_pump(aTHX_ ref, &link->carrier, mw_qmtp_out(link->session), mw_qmtp_in(link->session), MW_IO_IN, deadline, &link->died);
}

static void lose(pTHX_ mwx_deliveries *d, SV *ref, int why, mw_text *words)
{
    mwx_qmtp_flight *f = (mwx_qmtp_flight *)d;

    PERL_UNUSED_ARG(ref);
    if (words)
        mw_qmtp_lost(f->link->session, why, words);
    else
        mwx_qmtp_broken(aTHX_ f->link, why, f->file);
}

static const mwx_mover mover = { turn, stalls, holds_back, look, pump, lose };

void mwx_qmtp_flight_attach(pTHX_ SV *ref)
{
    mwx_qmtp_flight *f;

    Newxz(f, 1, mwx_qmtp_flight);
    mw_queue_init(&f->queue, &mw_qmtp_protocol, NULL);
    f->deliveries.mover = &mover;
    f->deliveries.queue = &f->queue;
    mwx_magic_attach(aTHX_ ref, &table, f);
}

/* A handler that runs during a wait must leave alone what is being waited for. */
static void croak_if_busy(pTHX_ const mwx_qmtp_flight *f)
{
    if (f->busy)
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("Net::QMTP: called while another call on the same object is waiting")));
}

int mwx_qmtp_flight_run(pTHX_ mwx_qmtp_flight *f, SV *ref, int until, IV id, int may_wait, int watched)
{
    int said, error = errno;
    mwx_qmtp *link;

    croak_if_busy(aTHX_ f);
    link = use_link(aTHX_ f, ref);
    f->busy = f->is_running = 1;
    said = mwx_deliveries_run(aTHX_ &f->deliveries, ref, until, id, may_wait, watched);
    f->busy = f->is_running = 0;
    /* The results say what became of the deliveries: $! stays what it was. */
    errno = error;
    if (link)
        mwx_rethrow(aTHX_ &link->died);
    return said;
}

int mwx_qmtp_flight_holds_back(pTHX_ mwx_qmtp_flight *f, SV *ref)
{
    mwx_qmtp *link = use_link(aTHX_ f, ref);

    if (!link || mw_qmtp_error(link->session) || !mw_queue_unsent(&f->queue) || is_old(f, link))
        return 0;
    mw_qmtp_write(link->session, &f->queue);
    return holds_back(&f->deliveries);
}

/* ---- giving up */

void mwx_qmtp_flight_give_up(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id, SV *why)
{
    mwx_qmtp *link = use_link(aTHX_ f, ref);
    mw_delivery *d = id ? mw_queue_find(&f->queue, id) : NULL;
    mw_text *words = mwx_text_of(aTHX_ why);

    if (link && (!id || (d && d->state == MW_DELIVERY_ENDED)))
        mw_qmtp_lost(link->session, MW_E_CLOSED, words);
    if (d)
        mw_queue_cancel(&f->queue, d, MW_STAGE_CONNECT, words);
    else if (!id)
        mw_queue_abandon(&f->queue, words);
    mw_text_drop(words);
}

/* ---- results */

AV *mwx_qmtp_flight_take(pTHX_ mwx_qmtp_flight *f, IV id)
{
    mw_delivery *d = id ? mw_queue_find(&f->queue, id) : f->queue.first;

    croak_if_busy(aTHX_ f);
    return mwx_deliveries_take(aTHX_ &f->deliveries, d);
}

NV mwx_qmtp_flight_sent(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id)
{
    mwx_qmtp *link = use_link(aTHX_ f, ref);
    const mw_delivery *d = mw_queue_find(&f->queue, id);

    return d ? (NV)mw_qmtp_delivery_sent(d, link ? mw_qmtp_out(link->session)->sent : 0) : 0;
}
