/* qmtp_flight_glue.c - see qmtp_flight_glue.h. */
#include "qmtp_flight_glue.h"
#include "call.h"
#include "convert.h"
#include "magic.h"
#include "wait.h"
#include "../c/command.h"
#include "../c/error.h"

/* How much a call that must not wait sends before others have their turn. */
#define TURN_MAX (1024 * 1024)

/* A mark that no session's counts can have. */
#define NO_MARK UINT64_MAX

static void delivery_free(pTHX_ mwx_qmtp_flight *f, mw_qmtp_delivery *d)
{
    mw_qmtp_flight_take(f->flight, d);
    mwx_deadlines_take(&f->deadlines, d->deadline);
    SvREFCNT_dec((SV *)d->owner);
    mw_qmtp_delivery_free(d);
}

static int free_flight(pTHX_ SV *object, MAGIC *mg)
{
    mwx_qmtp_flight *f = (mwx_qmtp_flight *)mg->mg_ptr;
    mw_qmtp_delivery *d;

    PERL_UNUSED_ARG(object);
    if (f) {
        while ((d = mw_qmtp_flight_first(f->flight)))
            delivery_free(aTHX_ f, d);
        mw_qmtp_flight_free(f->flight);
        SvREFCNT_dec(f->file);
        Safefree(f);
    }
    return 0;
}

static const MGVTBL table = MWX_MAGIC_TABLE(free_flight);

void mwx_qmtp_flight_attach(pTHX_ SV *ref)
{
    mwx_qmtp_flight *f;
    mw_qmtp_flight *flight = mw_qmtp_flight_new(mw_alloc_default());

    if (!flight)
        croak("Net::QMTP: %s", mw_error_text(MW_E_NOMEM));
    Newxz(f, 1, mwx_qmtp_flight);
    f->flight = flight;
    f->mark = NO_MARK;
    mwx_magic_attach(aTHX_ ref, &table, f);
}

int mwx_qmtp_flight_is_clone(pTHX_ SV *ref)
{
    return mwx_magic_is_clone(aTHX_ ref, &table);
}

mwx_qmtp_flight *mwx_qmtp_flight_of(pTHX_ SV *ref)
{
    mwx_qmtp_flight *f = (mwx_qmtp_flight *)mwx_magic_find(aTHX_ ref, &table);

    if (!f && mwx_qmtp_flight_is_clone(aTHX_ ref))
        croak("This Net::QMTP object belongs to another thread");
    if (!f)
        croak("Not a Net::QMTP::Flight object");
    return f;
}

static mwx_qmtp *link_of(pTHX_ SV *ref)
{
    return SvOK(ref) ? mwx_qmtp_of(aTHX_ ref) : NULL;
}

static mw_text *text_of(pTHX_ SV *sv)
{
    mw_slice words = mwx_octets(aTHX_ sv, 1, "a reason");

    return mw_text_new(mw_alloc_default(), words.base, words.len);
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

static int add_recipients(pTHX_ mw_qmtp_delivery *d, AV *rcpts)
{
    SSize_t i;
    int rc = 0;

    for (i = 0; i <= av_len(rcpts) && !rc; i++) {
        SV **rcpt = av_fetch(rcpts, i, 0);

        rc = mw_qmtp_delivery_rcpt(d, mwx_qmtp_address(aTHX_ rcpt ? *rcpt : &PL_sv_no, "a recipient"));
    }
    return rc;
}

/* Everything of it but the content. */
static mw_qmtp_delivery *delivery_new(pTHX_ const mwx_qmtp_envelope *e)
{
    mw_slice line_end = mwx_octets(aTHX_ e->eol, 0, "an encoding");
    unsigned char first = line_end.len ? (unsigned char)line_end.base[0] : 0;
    mw_qmtp_delivery *d = mw_qmtp_delivery_new(mw_alloc_default(), mwx_qmtp_address(aTHX_ e->sender, "a sender"), first);

    if (d && !add_recipients(aTHX_ d, e->rcpts))
        return d;
    mw_qmtp_delivery_free(d);
    croak("Net::QMTP: %s", mw_error_text(MW_E_NOMEM));
    return NULL;
}

/* The clock of an idle link starts with what it is given. */
static IV launch(mwx_qmtp_flight *f, mw_qmtp_delivery *d, SV *owner, NV deadline)
{
    d->owner = owner;
    d->deadline = mw_io_after(deadline);
    mwx_deadlines_launch(&f->deadlines, d->deadline, mw_qmtp_flight_unanswered(f->flight));
    if (!mw_qmtp_flight_unanswered(f->flight)) {
        f->mark = NO_MARK;
        f->failed = 0;
        f->pid = PerlProc_getpid();
    }
    return (IV)mw_qmtp_flight_add(f->flight, d);
}

IV mwx_qmtp_flight_add_text(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *text)
{
    STRLEN len;
    const char *bytes = SvPV(text, len);
    mw_qmtp_delivery *d = delivery_new(aTHX_ e);

    mw_qmtp_delivery_content(d, bytes, len);
    return launch(f, d, SvREFCNT_inc_simple_NN(text), e->deadline);
}

static IV add_file(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *const *content)
{
    int fd = mwx_fd(aTHX_ content[0]);
    int64_t stamp = fd < 0 ? 0 : mw_io_file_stamp(fd);
    mw_qmtp_delivery *d;

    if (fd < 0)
        croak("Net::QMTP: the message's file is closed");
    d = delivery_new(aTHX_ e);
    mw_qmtp_delivery_file(d, fd, (uint64_t)SvNV(content[1]), (uint64_t)SvNV(content[2]), stamp);
    return launch(f, d, newSVsv(content[0]), e->deadline);
}

static IV add_unread(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *why)
{
    mw_text *words = text_of(aTHX_ why);
    mw_qmtp_delivery *d = delivery_new(aTHX_ e);
    IV id = launch(f, d, NULL, 0);

    mw_qmtp_flight_unread(f->flight, d, words);
    mw_text_drop(words);
    return id;
}

IV mwx_qmtp_flight_add(pTHX_ mwx_qmtp_flight *f, const mwx_qmtp_envelope *e, SV *const *content, int count)
{
    if (count == 3)
        return add_file(aTHX_ f, e, content);
    if (count == 2)
        return add_unread(aTHX_ f, e, content[1]);
    if (!SvROK(content[0]))
        croak("Net::QMTP: a message is a reference to its text");
    return mwx_qmtp_flight_add_text(aTHX_ f, e, SvRV(content[0]));
}

size_t mwx_qmtp_flight_orphans(const mwx_qmtp_flight *f)
{
    size_t count = mw_qmtp_flight_unanswered(f->flight);

    return count && f->pid == PerlProc_getpid() ? count : 0;
}

/* ---- time */

static int waits_for(const mwx_qmtp *link)
{
    if (mw_outq_len(mw_qmtp_out(link->session)))
        return MWX_QMTP_BODY;
    return mw_qmtp_between_answers(link->session) ? MWX_QMTP_NEXT : MWX_QMTP_FINAL;
}

/* The clock starts anew with each answer and each byte that was sent; a part of an answer does not move it.
 * */
static int64_t wait_deadline(mwx_qmtp_flight *f, const mwx_qmtp *link)
{
    uint64_t mark = mw_qmtp_out(link->session)->sent + mw_qmtp_answers(link->session);
    int wait = waits_for(link);

    if (mark != f->mark || wait != f->waiting) {
        f->mark = mark;
        f->waiting = wait;
        f->since = mw_io_now();
    }
    return mw_io_from(f->since, f->seconds[wait]);
}

/* The earliest deadline of a delivery that is not over. */
static int64_t delivery_deadline(mwx_qmtp_flight *f)
{
    size_t unfinished = mw_qmtp_flight_unanswered(f->flight);
    const mw_qmtp_delivery *d;

    if (mwx_deadlines_is_stale(&f->deadlines, unfinished)) {
        mwx_deadlines_count(&f->deadlines, unfinished);
        for (d = mw_qmtp_flight_open(f->flight); d; d = d->next)
            if (d->state != MW_QMTP_OVER)
                mwx_deadlines_add(&f->deadlines, d->deadline);
    }
    return f->deadlines.count ? f->deadlines.earliest : MW_IO_NEVER;
}

static int64_t next_deadline(mwx_qmtp_flight *f, const mwx_qmtp *link)
{
    int64_t wait = link ? wait_deadline(f, link) : MW_IO_NEVER, delivery = delivery_deadline(f);

    return wait < delivery ? wait : delivery;
}

NV mwx_qmtp_flight_timeout(pTHX_ mwx_qmtp_flight *f, SV *ref)
{
    int64_t deadline = mw_qmtp_flight_unanswered(f->flight) ? next_deadline(f, link_of(aTHX_ ref)) : MW_IO_NEVER;
    int64_t now = mw_io_now();

    if (deadline == MW_IO_NEVER)
        return -1;
    return deadline > now ? (NV)(deadline - now) / 1e9 : 0;
}

static mw_text *deadline_words(void)
{
    static const char words[] = "the delivery's deadline has passed";

    return mw_text_new(mw_alloc_default(), words, sizeof words - 1);
}

size_t mwx_qmtp_flight_expire(mwx_qmtp_flight *f)
{
    int64_t now = f->deadlines.count ? mw_io_now() : 0;
    mw_qmtp_delivery *d = f->deadlines.count && delivery_deadline(f) <= now ? mw_qmtp_flight_open(f->flight) : NULL;
    mw_text *words = d ? deadline_words() : NULL;
    size_t count = 0;

    for (; d; d = d->next)
        if (d->state == MW_QMTP_WAITING && d->deadline <= now)
            count += mw_qmtp_flight_cancel(f->flight, d, words) == 0;
    mw_text_drop(words);
    return count;
}

/* Deadlines of deliveries: one that was begun takes the link with it, as a late answer would be taken for
 * another's. */
static void expire(mwx_qmtp_flight *f, mwx_qmtp *link)
{
    int64_t now = mw_io_now();
    const mw_qmtp_delivery *d = mw_qmtp_flight_open(f->flight);
    mw_text *words;

    mwx_qmtp_flight_expire(f);
    while (d && !(d->state == MW_QMTP_WRITTEN && d->deadline <= now))
        d = d->next;
    if (d) {
        words = deadline_words();
        mw_qmtp_lost(link->session, MW_E_TIMEOUT, words);
        mw_text_drop(words);
    }
}

/* ---- running */

static int is_old(const mwx_qmtp_flight *f, const mwx_qmtp *link)
{
    return f->life > 0 && mwx_qmtp_age(link) >= f->life;
}

/* What has come is looked at, and what may go is queued: an old link gets nothing more. What comes over an idle link answers
 * nothing: it must be seen before the next package is there to be answered. Below 0: MWX_E_DIED. */
static int turn(pTHX_ mwx_qmtp_flight *f, mwx_qmtp *link, SV *ref)
{
    int rc = 1;

    mw_qmtp_flight_read(f->flight, link->session);
    if (mw_qmtp_flight_waits(f->flight) && !is_old(f, link)) {
        if (!mw_qmtp_in_flight(link->session))
            rc = mwx_qmtp_look(aTHX_ link, ref);
        if (rc > 0)
            mw_qmtp_flight_write(f->flight, link->session);
    }
    if (mw_qmtp_error(link->session)) {
        mw_qmtp_flight_lost(f->flight, link->session);
        mwx_qmtp_flight_expire(f);
    }
    return rc;
}

int mwx_qmtp_flight_has_room(const mwx_qmtp_flight *f, uint64_t size)
{
    size_t unanswered = mw_qmtp_flight_unanswered(f->flight);

    return !unanswered || (unanswered < f->window && mw_qmtp_flight_bytes(f->flight) + size <= f->window_bytes);
}

/* Nothing can go on over this link. */
static int is_unlinked(const mwx_qmtp_flight *f, const mwx_qmtp *link)
{
    return !link || mw_qmtp_error(link->session) || (mw_qmtp_in_flight(link->session) == 0 && is_old(f, link));
}

static uint64_t queued(const mwx_qmtp *link)
{
    return mw_outq_len(mw_qmtp_out(link->session));
}

static int reached(const mwx_qmtp_flight *f, const mwx_qmtp *link, int until, IV id, const mw_qmtp_delivery *d)
{
    if (!mw_qmtp_flight_unanswered(f->flight))
        return 1;
    switch (until) {
    case MWX_UNTIL_DONE: return !d || d->state == MW_QMTP_OVER;
    case MWX_UNTIL_ROOM: return mwx_qmtp_flight_has_room(f, (uint64_t)id);
    case MWX_UNTIL_QUEUED: return !is_unlinked(f, link) && queued(link) < MW_QMTP_HIGH_WATER;
    case MWX_UNTIL_SENT: return !is_unlinked(f, link) && !queued(link);
    default: return 0;
    }
}

/* One step of moving bytes: 1 something happened, 0 nothing can without waiting, MWX_E_DIED. */
static int move(pTHX_ mwx_qmtp_flight *f, mwx_qmtp *link, SV *ref, int may_wait)
{
    mw_qmtp *session = link->session;
    int64_t deadline = next_deadline(f, link);
    int rc = mw_outq_len(mw_qmtp_out(session)) ? mwx_qmtp_look(aTHX_ link, ref) : 1;

    if (rc <= 0)
        return rc ? rc : 1;
    rc = mwx_pump(aTHX_ ref, &link->carrier, mw_qmtp_out(session), mw_qmtp_in(session), MW_IO_IN,
        may_wait ? deadline : 0, &link->died);
    if (rc == MWX_E_DIED)
        return rc;
    if (rc == MW_E_TIMEOUT && mw_io_now() < deadline)
        return 0;
    if (rc > 0)
        mw_qmtp_read(session);
    if (f->deadlines.count)
        expire(f, link);
    if (rc == MW_E_TIMEOUT && wait_deadline(f, link) > mw_io_now())
        return 1;
    if (rc < 0)
        mwx_qmtp_broken(aTHX_ link, rc, f->file);
    return 1;
}

static int run(pTHX_ mwx_qmtp_flight *f, SV *ref, int until, IV id, int may_wait, int watched)
{
    mwx_qmtp *link = link_of(aTHX_ ref);
    const mw_qmtp_delivery *d = until == MWX_UNTIL_DONE ? mw_qmtp_flight_find(f->flight, id) : NULL;
    uint64_t before = link ? mw_qmtp_out(link->session)->sent : 0;
    int moved;

    if (f->deadlines.count)
        mwx_qmtp_flight_expire(f);
    for (;;) {
        if (!link)
            mwx_qmtp_flight_expire(f);
        else if (turn(aTHX_ f, link, ref) < 0)
            return MWX_E_DIED;
        if (link && mw_qmtp_error(link->session))
            return MWX_UNLINKED;
        if (reached(f, link, until, id, d))
            return MWX_REACHED;
        if (is_unlinked(f, link))
            return MWX_UNLINKED;
        moved = move(aTHX_ f, link, ref, may_wait);
        if (moved < 0)
            return moved;
        if (!moved || (!may_wait && mw_qmtp_out(link->session)->sent - before > TURN_MAX))
            return MWX_BLOCKED;
        if (watched)
            return MWX_MOVED;
    }
}

/* A handler that runs during a wait must leave alone what is being waited for. */
static void croak_if_busy(pTHX_ const mwx_qmtp_flight *f)
{
    if (f->busy)
        croak("Net::QMTP: called while another call on the same object is waiting");
}

int mwx_qmtp_flight_run(pTHX_ mwx_qmtp_flight *f, SV *ref, int until, IV id, int may_wait, int watched)
{
    int said, error = errno;

    croak_if_busy(aTHX_ f);
    f->busy = 1;
    said = run(aTHX_ f, ref, until, id, may_wait, watched);
    f->busy = 0;
    /* The results say what became of the deliveries: $! stays what it was. */
    errno = error;
    f->failed |= said == MWX_UNLINKED;
    if (said == MWX_E_DIED)
        mwx_rethrow(aTHX_ &mwx_qmtp_of(aTHX_ ref)->died);
    return said;
}

int mwx_qmtp_flight_holds_back(pTHX_ mwx_qmtp_flight *f, mwx_qmtp *link)
{
    if (mw_qmtp_error(link->session) || !queued(link) || is_old(f, link))
        return 0;
    mw_qmtp_flight_write(f->flight, link->session);
    return !mw_qmtp_error(link->session) && queued(link) < MW_QMTP_HIGH_WATER;
}

/* ---- giving up */

static void lose_link(mwx_qmtp_flight *f, mwx_qmtp *link, mw_text *words)
{
    mw_qmtp_lost(link->session, MW_E_CLOSED, words);
    mw_qmtp_flight_lost(f->flight, link->session);
}

void mwx_qmtp_flight_give_up(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id, SV *why)
{
    mwx_qmtp *link = link_of(aTHX_ ref);
    mw_qmtp_delivery *d = id ? mw_qmtp_flight_find(f->flight, id) : NULL;
    mw_text *words = text_of(aTHX_ why);

    if (link && (!id || (d && d->state == MW_QMTP_WRITTEN)))
        lose_link(f, link, words);
    if (d)
        mw_qmtp_flight_cancel(f->flight, d, words);
    else if (!id)
        mw_qmtp_flight_abandon(f->flight, words);
    mw_text_drop(words);
}

/* ---- results */

AV *mwx_qmtp_flight_take(pTHX_ mwx_qmtp_flight *f, IV id, IV *id_r)
{
    mw_qmtp_delivery *d = id ? mw_qmtp_flight_find(f->flight, id) : mw_qmtp_flight_first(f->flight);
    const mw_result *results = d ? mw_qmtp_delivery_results(d) : NULL;
    AV *list;
    size_t i;

    croak_if_busy(aTHX_ f);
    if (!results)
        return NULL;
    list = newAV();
    av_extend(list, (SSize_t)d->rcpts - 1);
    for (i = 0; i < d->rcpts; i++)
        av_push(list, mwx_result(aTHX_ &results[i], i));
    if (id_r)
        *id_r = (IV)d->id;
    delivery_free(aTHX_ f, d);
    return list;
}

NV mwx_qmtp_flight_sent(pTHX_ mwx_qmtp_flight *f, SV *ref, IV id)
{
    mwx_qmtp *link = link_of(aTHX_ ref);
    const mw_qmtp_delivery *d = mw_qmtp_flight_find(f->flight, id);

    return d ? (NV)mw_qmtp_delivery_sent(d, link ? mw_qmtp_out(link->session)->sent : 0) : 0;
}
