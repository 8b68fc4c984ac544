/* link_flight.c - the deliveries on a link: see link.h. */
#include "convert.h"
#include "link_private.h"

/* ---- time */

/* A timeout that somebody has set caps the waits of deliveries, too; the default is that of the sync calls.
 * */
static void ask_timeout(pTHX_ mwx_link *link, SV *ref)
{
    NV seconds = mwx_link_timeout(aTHX_ link, ref);

    link->deliveries.queue->clock.cap = seconds == link->timeout_default ? 0 : seconds;
}

NV mwx_flight_timeout(pTHX_ mwx_link *link, SV *ref)
{
    if (link->deliveries.queue->unanswered)
        ask_timeout(aTHX_ link, ref);
    return mwx_deliveries_timeout(&link->deliveries);
}

/* ---- giving up */

void mwx_flight_interrupted(pTHX_ mwx_link *link, SV *ref, IV id, const char *words)
{
    mw_delivery *d = mw_queue_find(link->deliveries.queue, id);
    mw_text *text;

    if (!d || d->state == MW_DELIVERY_DONE)
        return;
    text = mw_text_of(mw_alloc_default(), words ? words : "interrupted");
    if (mw_queue_cancel(link->deliveries.queue, d, MW_STAGE_CONNECT, text)) {
        mwx_link_give_up(aTHX_ link, ref, MW_E_CLOSED, words ? words : "Interrupted");
        mwx_link_status_words(aTHX_ link, ref, words ? words : "Interrupted");
    }
    mw_text_drop(text);
}

/* Where nothing may come any more for a reply to be what it seems, the end of the wait and the end of the link say so. */
static void lose(pTHX_ mwx_deliveries *d, SV *ref, int why, mw_text *words)
{
    mwx_link *link = (mwx_link *)d;
    int is_quiet;

    if (words)
        mw_lmtp_lost(link->session, why, words);
    else
        mw_flight_advance(link->flight);
    is_quiet = (why == MW_E_CLOSED || why == MW_E_TIMEOUT) && mw_flight_waits(link->flight) == MW_WAIT_QUIET;
    if (is_quiet)
        mw_flight_expired(link->flight);
    if (!is_quiet || why == MW_E_CLOSED)
        mwx_link_give_up(aTHX_ link, ref, why, mwx_link_words(link, why));
}

/* ---- running */

/* Closes the object when the session has broken. */
static void close_broken(pTHX_ mwx_link *link, SV *ref)
{
    int why = mw_lmtp_error(link->session);

    if (why && mwx_fd(aTHX_ ref) >= 0)
        mwx_link_give_up(aTHX_ link, ref, why, mwx_link_words(link, why));
}

static int turn(pTHX_ mwx_deliveries *d, SV *ref)
{
    mwx_link *link = (mwx_link *)d;

    if (!link->died) {
        mw_flight_advance(link->flight);
        close_broken(aTHX_ link, ref);
    }
    return link->died ? MWX_BLOCKED : 0;
}

static int stalls(const mwx_deliveries *d)
{
    return mw_flight_wants(((const mwx_link *)d)->flight) ? MWX_WANTS : 0;
}

static int holds_back(const mwx_deliveries *d)
{
    return mw_flight_streams(((const mwx_link *)d)->flight) && mw_queue_unsent(d->queue) < MW_LMTP_HIGH_WATER;
}

static int look(pTHX_ mwx_deliveries *d, SV *ref)
{
    return mwx_link_look(aTHX_ (mwx_link *)d, ref);
}

static int pump(pTHX_ mwx_deliveries *d, SV *ref, int64_t deadline)
{
    return mwx_link_pump(aTHX_ (mwx_link *)d, ref, MW_IO_IN, deadline);
}

static const mwx_mover mover = { turn, stalls, holds_back, look, pump, lose };

void mwx_flight_attach(mwx_link *link)
{
    link->deliveries.mover = &mover;
    link->deliveries.queue = mw_flight_deliveries(link->flight);
}

static int run(pTHX_ mwx_link *link, SV *ref, int until, IV id, int may_wait)
{
    if (until == MWX_UNTIL_ROOM && mw_queue_has_room(link->deliveries.queue, (uint64_t)id))
        return MWX_REACHED;
    ask_timeout(aTHX_ link, ref);
    mw_flight_more(link->flight, until == MWX_UNTIL_QUEUED);
    return mwx_deliveries_run(aTHX_ &link->deliveries, ref, until, id, may_wait, link->watched);
}

int mwx_flight_run(pTHX_ mwx_link *link, SV *ref, int until, IV id, int may_wait)
{
    int was_sound = !mw_lmtp_error(link->session);
    int said = run(aTHX_ link, ref, until, id, may_wait);

    /* Why the link is closed is the status, as behind a call of Net::Cmd. */
    if (was_sound && mw_lmtp_parting(link->session))
        mwx_link_status_closed(aTHX_ link, ref);
    else if (was_sound && mw_lmtp_error(link->session))
        mwx_link_status_plain(aTHX_ link, ref, mw_lmtp_error(link->session));
    return said;
}

int mwx_flight_reset(pTHX_ mwx_link *link, SV *ref)
{
    if (!mw_flight_reset(link->flight) && !mw_flight_owes(link->flight))
        return 1;
    link->watched = 0;
    mwx_flight_run(aTHX_ link, ref, MWX_UNTIL_IDLE, 0, 1);
    return !link->died && !mw_lmtp_error(link->session);
}

/* ---- results */

AV *mwx_flight_take(pTHX_ mwx_link *link, IV id)
{
    AV *results = mwx_deliveries_take(aTHX_ &link->deliveries, mw_queue_find(link->deliveries.queue, id));

    if (results)
        mwx_link_delivered(aTHX_ link, (AV *)SvREFCNT_inc((SV *)results));
    return results;
}
