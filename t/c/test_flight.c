/* Deliveries in flight, with a server that lies once: random messages, random ways of handing them over, an independent
 * count of what was said to whom. Whatever happens, every recipient has one result, and no success that was not said to it. */
#include "../../c/error.h"
#include "../../c/flight.h"
#include "../../c/lmtp.h"
#include "failing.h"
#include "flight_peer.h"
#include "slices.h"

#ifndef ROUNDS
#define ROUNDS 6000
#endif
#define STEPS_MOST 2000

typedef struct flight {
    mw_lmtp *s;
    mw_flight *deliveries;
    const mw_alloc *alloc;
    peer p;
    int messages;           /* submitted */
    int rcpts[PEER_MESSAGES];
    char kind[PEER_MESSAGES][PEER_RCPTS];
    int unsendable[PEER_MESSAGES][PEER_RCPTS];
    int cancelled[PEER_MESSAGES];
    char body[PEER_MESSAGES][1024];
    size_t fed[PEER_MESSAGES];
    int cut;                /* how the server's bytes come */
    int lost;               /* the client has lost the link */
    const char *wrong;
} flight;

/* ---- the link */

static void client_to_peer(flight *f)
{
    mw_outq *out = mw_lmtp_out(f->s);
    mw_slice v;

    while (mw_outq_peek(out, &v, 1)) {
        peer_receive(&f->p, v.base, v.len);
        mw_outq_sent(out, v.len);
    }
}

/* 1 when something came. What comes in one piece is seen in one piece. */
static int peer_to_client(flight *f)
{
    size_t left = f->p.out_len, n;
    const char *at = f->p.out;

    for (; left; left -= n, at += n) {
        n = tap_piece(f->cut, left);
        if (mw_buf_append(mw_lmtp_in(f->s), at, n)) {
            mw_lmtp_lost(f->s, MW_E_NOMEM, NULL);
            break;
        }
        mw_flight_advance(f->deliveries);
    }
    n = f->p.out_len;
    f->p.out_len = 0;
    return n > 0;
}

static void feed(flight *f)
{
    mw_delivery *d = mw_flight_wants(f->deliveries);
    size_t i, left, n;

    if (!d)
        return;
    i = (size_t)d->id - 1;
    left = strlen(f->body[i]) - f->fed[i];
    if (!left) {
        mw_flight_whole(f->deliveries);
        return;
    }
    n = tap_piece(f->cut, left);
    mw_flight_piece(f->deliveries, f->body[i] + f->fed[i], n);
    f->fed[i] += n;
}

/* One step of everything: 1 when something happened. */
static int step(flight *f)
{
    uint64_t before = mw_lmtp_out(f->s)->sent;
    int came;

    mw_flight_advance(f->deliveries);
    came = peer_to_client(f);
    if (mw_lmtp_error(f->s))
        mw_lmtp_lost(f->s, mw_lmtp_error(f->s), NULL);
    came |= mw_flight_wants(f->deliveries) != NULL;
    feed(f);
    mw_flight_advance(f->deliveries);
    client_to_peer(f);
    return came || mw_lmtp_out(f->s)->sent != before;
}

/* ---- messages */

static int add_rcpts(flight *f, mw_delivery *d, int number)
{
    char line[32], address[4] = "?0";
    int i, rc = 0;

    for (i = 0; i < f->rcpts[number] && !rc; i++) {
        address[0] = f->kind[number][i];
        address[1] = (char)('0' + i);
        sprintf(line, "RCPT TO:<%s>", address);
        if (f->unsendable[number][i])
            rc = mw_delivery_unsendable(d, slice(address), MW_STAGE_RCPT, 553, NULL);
        else
            rc = mw_delivery_rcpt(d, slice(address), slice(line));
    }
    return rc;
}

static void choose(flight *f, int number)
{
    static const char kinds[] = "aaanf";
    int i;

    f->rcpts[number] = 1 + (int)tap_random(PEER_RCPTS);
    if (tap_random(2))
        f->rcpts[number] = 1;
    for (i = 0; i < f->rcpts[number]; i++) {
        f->kind[number][i] = kinds[tap_random(5)];
        f->unsendable[number][i] = !tap_random(12);
    }
    peer_expected_body(number, f->body[number]);
}

static void submit(flight *f)
{
    int number = f->messages, rc;
    char line[32];
    mw_delivery *d = mw_delivery_new(f->alloc);

    if (!d)
        return;
    choose(f, number);
    sprintf(line, "MAIL FROM:<m%d>", number);
    rc = mw_delivery_mail(d, slice(line));
    if (!rc)
        rc = add_rcpts(f, d, number);
    if (rc) {
        mw_delivery_free(d);
        return;
    }
    if (tap_random(4))
        mw_content_lend(&d->content, f->body[number], strlen(f->body[number]));
    else
        mw_content_in_pieces(&d->content);
    f->messages++;
    if (mw_flight_submit(f->deliveries, d) != f->messages)
        f->wrong = "an id";
}

static void cancel_one(flight *f)
{
    mw_delivery *d = mw_queue_find(mw_flight_deliveries(f->deliveries), 1 + (int64_t)tap_random(PEER_MESSAGES));

    if (d && d->state != MW_DELIVERY_DONE && !mw_queue_cancel(mw_flight_deliveries(f->deliveries), d, MW_STAGE_CONNECT, NULL))
        f->cancelled[d->id - 1] = 1;
}

/* ---- the judge */

static void judge_recipient(flight *f, const mw_recipient *r, const peer_message *m, int place)
{
    const mw_result *result = &r->result;
    int there = place < m->rcpts && m->kind[place] != 'n';
    int given = there ? m->given[place] : 0;

    if (!r->settled || !result->code)
        f->wrong = "a recipient without a result";
    else if (result->code / 100 == 2 && (given != 250 || !m->ended || result->stage != MW_STAGE_FINAL))
        f->wrong = "a success that was not said";
    else if (result->maybe_delivered && (result->code != MW_LMTP_LOST || result->stage != MW_STAGE_FINAL))
        f->wrong = "maybe delivered, and answered";
    else if (result->maybe_delivered && !m->ended && !m->wanted && !f->p.closed)
        f->wrong = "maybe delivered, and not sent";
    else if (r->local && !result->maybe_delivered && m->ended && there)
        f->wrong = "delivered, and not even maybe";
    else if (f->p.lie == PEER_HONEST && !f->lost && r->accepted && result->code != (unsigned)given)
        f->wrong = "not what an honest server said";
}

static void judge(flight *f, const mw_delivery *d, int number)
{
    int i, place = 0;

    if (d->to.count != (size_t)f->rcpts[number]) {
        f->wrong = "the number of recipients";
        return;
    }
    for (i = 0; i < f->rcpts[number]; i++) {
        const mw_recipient *r = &d->to.rcpts[i];

        if (f->unsendable[number][i]) {
            if (r->result.code != 553 || r->result.maybe_delivered)
                f->wrong = "an unsendable recipient";
            continue;
        }
        judge_recipient(f, r, &f->p.m[number], place++);
    }
    if (f->p.m[number].ended && f->p.m[number].wrong_body)
        f->wrong = "a content that nobody sent";
}

/* ---- a flight */

static void open_link(flight *f)
{
    f->s = mw_lmtp_new(f->alloc);
    f->deliveries = f->s ? mw_flight_new(mw_lmtp_dialogue(f->s)) : NULL;
    if (!f->deliveries)
        return;
    mw_flight_eager(f->deliveries, tap_random(4) ? 65536 : 0);
    if (mw_lmtp_command(f->s, slice("LHLO client")))
        mw_lmtp_lost(f->s, MW_E_NOMEM, NULL);
    client_to_peer(f);
    if (mw_buf_append(mw_lmtp_in(f->s), f->p.out, f->p.out_len) || mw_lmtp_reply(f->s) != 1)
        mw_lmtp_lost(f->s, MW_E_NOMEM, NULL);
    f->p.out_len = 0;
}

static void land(flight *f)
{
    int i;

    mw_flight_more(f->deliveries, 0);
    for (i = 0; mw_flight_deliveries(f->deliveries)->unanswered && i < STEPS_MOST; i++) {
        if (step(f))
            continue;
        if (f->p.closed)
            mw_lmtp_lost(f->s, MW_E_CLOSED, NULL);
        else
            mw_flight_expired(f->deliveries);
    }
    if (i == STEPS_MOST)
        f->wrong = "it goes on for ever";
}

static void collect(flight *f)
{
    mw_delivery *d;
    int number = 0;

    while ((d = mw_flight_deliveries(f->deliveries)->first)) {
        if (d->id != ++number || d->state != MW_DELIVERY_DONE)
            f->wrong = "a delivery that is not done, or out of order";
        judge(f, d, (int)d->id - 1);
        mw_queue_take(mw_flight_deliveries(f->deliveries), d);
        mw_delivery_free(d);
    }
    if (number != f->messages || mw_flight_deliveries(f->deliveries)->bytes)
        f->wrong = "the count of deliveries";
}

static void fly(flight *f)
{
    int wanted = 1 + (int)tap_random(PEER_MESSAGES), tries;

    open_link(f);
    if (!f->deliveries) {
        mw_lmtp_free(f->s);
        return;
    }
    for (tries = 0; f->messages < wanted && tries < 100; tries++) {
        mw_flight_more(f->deliveries, (int)tap_random(2));
        submit(f);
        if (!tap_random(10))
            cancel_one(f);
        while (tap_random(3) && step(f))
            continue;
        if (!tap_random(60)) {
            f->lost = 1;
            mw_lmtp_lost(f->s, MW_E_CLOSED, NULL);
        }
    }
    land(f);
    collect(f);
    if (f->p.twice)
        f->wrong = "a message twice";
    mw_flight_free(f->deliveries);
    mw_lmtp_free(f->s);
}

/* Replies too many are seen at once, when they come with the others: a server writes them so. */
static int comes_whole(peer_lie lie)
{
    return lie >= PEER_250_BEFORE && lie <= PEER_550_BEHIND;
}

static void prepare(flight *f, const mw_alloc *alloc, peer_lie lie)
{
    memset(f, 0, sizeof *f);
    f->alloc = alloc;
    f->p.current = -1;
    f->p.lie = lie;
    f->p.lie_at = (int)tap_random(30);
    f->p.pipelining = tap_random(4) != 0;
    f->p.chunking = (int)tap_random(2);
    f->p.silent_none = (int)tap_random(2);
    f->p.odd_hello = tap_random(5) ? 0 : 1 + (int)tap_random(2);
    f->cut = comes_whole(lie) ? TAP_WHOLE : (int)tap_random(TAP_CUTS);
}

static void tell(const flight *f, const char *what, int round)
{
    printf("#   %s, round %d: %s (pipelining %d, chunking %d, silent %d, odd hello %d, lie at %d, cut %d)\n", what, round, f->wrong,
        f->p.pipelining, f->p.chunking, f->p.silent_none, f->p.odd_hello, f->p.lie_at, f->cut);
}

static void test_lies(void)
{
    static const char *const names[PEER_LIES] = {
        "an honest server", "250 before a reply", "550 before a reply", "250 behind a reply", "550 behind a reply", "a reply short",
        "mixed codes", "a line that is no reply", "354", "150", "421", "a closed link"
    };
    static flight f;
    int lie, round, bad;

    for (lie = PEER_HONEST; lie < PEER_LIES; lie++) {
        for (bad = 0, round = 0; round < ROUNDS; round++) {
            prepare(&f, mw_alloc_default(), (peer_lie)lie);
            fly(&f);
            if (f.wrong && ++bad < 5)
                tell(&f, names[lie], round);
        }
        tap_ok(!bad, "%s", names[lie]);
    }
}

/* ---- no memory */

static uint64_t failing_seed;

static int fly_failing(const mw_alloc *a)
{
    static flight f;

    tap_seed = failing_seed;
    prepare(&f, a, PEER_HONEST);
    f.lost = 1;             /* or as good as that, somewhere */
    f.p.odd_hello = 0;
    fly(&f);
    if (f.wrong)
        tell(&f, "no memory", 0);
    return !f.wrong;
}

static void test_memory(void)
{
    int i;

    for (i = 0; i < 12; i++) {
        failing_seed = tap_seed + (uint64_t)i;
        failing_every("a flight", fly_failing);
    }
}

int main(void)
{
    test_lies();
    test_memory();
    return tap_done();
}
