/* Deliveries of contents that are lent, expanded, and given in pieces, while each allocation fails in turn: everybody has a
 * result, and nobody a success that was not said. */
#include "../../c/error.h"
#include "../../c/flight.h"
#include "../../c/lmtp.h"
#include "failing.h"
#include "slices.h"

static mw_flight *deliveries;

static char clean[40000];       /* no line needs a change: lent */
static char bare[40000];        /* line feeds alone: expanded */

typedef struct flown {
    const char *name;
    const char *keywords;       /* the server's */
    const char *content;
    int pulled, raw, rcpts, joined;
    int times;                  /* deliveries: what the first one shows, the second one goes by; 0: one */
    const char *replies[10];    /* each is said when all that could be sent has been */
} flown;

#define HELLO "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"

static const flown flights[] = {
    { "DATA, lent", "PIPELINING CHUNKING", clean, 0, 0, 2, 0, 0, { "250 m\r\n250 a\r\n250 b\r\n354 go\r\n", "250 0\r\n550 1\r\n", HELLO } },
    { "DATA, expanded", "PIPELINING CHUNKING", bare, 0, 0, 2, 0, 0, { "250 m\r\n250 a\r\n250 b\r\n354 go\r\n", "250 0\r\n550 1\r\n", HELLO } },
    { "DATA, in pieces", "PIPELINING CHUNKING", bare, 1, 0, 2, 0, 0, { "250 m\r\n250 a\r\n250 b\r\n354 go\r\n", "250 0\r\n550 1\r\n", HELLO } },
    { "DATA, one at a time", "8BITMIME", clean, 0, 0, 2, 0, 0, { "250 m\r\n", "250 a\r\n", "250 b\r\n", "354 go\r\n", "250 0\r\n", "550 1\r\n" } },
    { "DATA, refused at its end", "PIPELINING CHUNKING", bare, 0, 0, 2, 0, 0,
        { "250 m\r\n250 a\r\n250 b\r\n354 go\r\n", "450 0\r\n550 1\r\n", HELLO } },
    { "DATA, joined replies", "PIPELINING CHUNKING", clean, 0, 0, 2, 1, 0, { "250 m\r\n250 a\r\n250 b\r\n354 go\r\n", "250-0\r\n550 1\r\n" } },
    { "DATA, 421", "PIPELINING CHUNKING", clean, 0, 0, 2, 0, 0, { "250 m\r\n250 a\r\n250 b\r\n354 go\r\n", "421 bye\r\n" } },
    { "DATA, 421 and 421", "PIPELINING CHUNKING", clean, 0, 0, 2, 0, 0, { "250 m\r\n250 a\r\n250 b\r\n354 go\r\n", "421 first\r\n421 second\r\n" } },
    { "DATA, 421 and 421 early", "PIPELINING CHUNKING", clean, 0, 0, 2, 0, 0, { "421 first\r\n421 second\r\n421 third\r\n", "421 fourth\r\n" } },
    { "DATA, 421 and 421, one at a time", "8BITMIME", clean, 0, 0, 2, 0, 0, { "250 m\r\n", "421 first\r\n421 second\r\n" } },
    { "DATA, 421 and 421 that is nobody's", "8BITMIME", clean, 0, 0, 1, 0, 0, { "250 m\r\n", "250 a\r\n", "354 go\r\n", "421 first\r\n421 second\r\n" } },
    { "BDAT, 421 and 421", "PIPELINING CHUNKING", clean, 0, 1, 2, 0, 0, { "250 m\r\n250 a\r\n421 first\r\n", "421 second\r\n421 third\r\n" } },
    { "BDAT, a probe and a fence", "PIPELINING CHUNKING", clean, 0, 0, 1, 0, 2,
        { "250 m\r\n250 a\r\n354 go\r\n", "250 0\r\n", HELLO, "250 m\r\n503 none\r\n250 r\r\n" HELLO, "250 m\r\n250 a\r\n250 0\r\n250 r\r\n", HELLO } },
    { "BDAT, expanded", "PIPELINING CHUNKING", bare, 0, 0, 1, 0, 2,
        { "250 m\r\n250 a\r\n354 go\r\n", "250 0\r\n", HELLO, "250 m\r\n503 none\r\n250 r\r\n" HELLO, "250 m\r\n250 a\r\n250 0\r\n250 r\r\n", HELLO } },
    { "BDAT, a probe that fails", "PIPELINING CHUNKING", bare, 0, 0, 1, 0, 2,
        { "250 m\r\n250 a\r\n354 go\r\n", "250 0\r\n", HELLO, "250 m\r\n250 r\r\n" HELLO, HELLO, "250 m\r\n250 a\r\n354 go\r\n", "250 0\r\n", HELLO } },
    { "BDAT, raw, two recipients", "PIPELINING CHUNKING", bare, 0, 1, 2, 0, 0, { "250 m\r\n250 a\r\n250 b\r\n", "250 chunk\r\n", "250 0\r\n550 1\r\n250 r\r\n", HELLO } },
};

static const flown *now;

/* Sends all that can be sent. */
static void drain(mw_lmtp *s)
{
    mw_outq *out = mw_lmtp_out(s);
    uint64_t before;
    mw_slice v;

    do {
        before = out->sent;
        mw_flight_advance(deliveries);
        if (mw_flight_wants(deliveries)) {
            if (mw_flight_piece(deliveries, now->content, strlen(now->content)) == 0)
                mw_flight_whole(deliveries);
            mw_flight_advance(deliveries);
        }
        while (mw_outq_peek(out, &v, 1))
            mw_outq_sent(out, v.len);
    } while (out->sent != before);
}

static int hear(mw_lmtp *s, const char *text)
{
    return mw_buf_append(mw_lmtp_in(s), text, strlen(text));
}

/* LHLO and its reply. */
static int introduced(mw_lmtp *s)
{
    char text[128];
    const char *space = strchr(now->keywords, ' ');
    int len = space ? (int)(space - now->keywords) : (int)strlen(now->keywords);

    snprintf(text, sizeof text, "250-mx\r\n%s%.*s%s%s\r\n", space ? "250-" : "250 ", len, now->keywords, space ? "\r\n250 " : "",
        space ? space + 1 : "");
    return mw_lmtp_command(s, slice("LHLO me")) == 0 && (drain(s), hear(s, text) == 0) && mw_lmtp_reply(s) == 1;
}

static mw_delivery *delivery(const mw_alloc *a)
{
    static const char *const names[] = { "0", "1" };
    mw_delivery *d = mw_delivery_new(a);
    char line[32];
    int i, rc = d ? mw_delivery_mail(d, slice("MAIL FROM:<s>")) : MW_E_NOMEM;

    for (i = 0; i < now->rcpts && !rc; i++) {
        snprintf(line, sizeof line, "RCPT TO:<%s>", names[i]);
        rc = mw_delivery_rcpt(d, slice(names[i]), slice(line));
    }
    if (rc) {
        mw_delivery_free(d);
        return NULL;
    }
    if (now->pulled)
        mw_content_in_pieces(&d->content);
    else
        mw_content_lend(&d->content, now->content, strlen(now->content));
    d->raw = now->raw;
    return d;
}

/* A success is recipient 0's, and has its name for a text, or none. */
static int judged(const mw_delivery *d, int whole)
{
    const mw_result *r;
    size_t i;
    int good = d->to.count == (size_t)now->rcpts && d->state == MW_DELIVERY_DONE;

    for (i = 0; i < d->to.count; i++) {
        r = &d->to.rcpts[i].result;
        good &= d->to.rcpts[i].settled && r->code;
        good &= r->code / 100 != 2 || (i == 0 && r->stage == MW_STAGE_FINAL && (!r->text || strcmp(r->text->bytes, "0") == 0));
        good &= r->code != 550 || i == 1;
        good &= !whole || r->code != MW_LMTP_LOST || strstr(now->name, "421") != NULL;
    }
    return good;
}

/* What the server said in parting is what it said first. */
static int parted_well(const mw_lmtp *s, int whole)
{
    const mw_text *parting = mw_lmtp_parting(s);

    if (!whole || !strstr(now->name, "421 and 421"))
        return 1;
    return parting && strcmp(parting->bytes, "first") == 0;
}

static void play(mw_lmtp *s)
{
    size_t i;

    drain(s);
    for (i = 0; i < COUNT(now->replies) && now->replies[i] && !mw_lmtp_error(s); i++) {
        if (hear(s, now->replies[i]))
            mw_lmtp_lost(s, MW_E_NOMEM, NULL);
        drain(s);
    }
    if (mw_flight_waits(deliveries) == MW_WAIT_QUIET)
        mw_flight_expired(deliveries);
    drain(s);
    mw_lmtp_lost(s, MW_E_CLOSED, NULL);
}

/* Each of them. */
static int taken_well(int whole)
{
    mw_delivery *d;
    int good = 1;

    while ((d = mw_flight_deliveries(deliveries)->first)) {
        good &= judged(d, whole);
        mw_queue_take(mw_flight_deliveries(deliveries), d);
        mw_delivery_free(d);
    }
    return good;
}

static int fly(const mw_alloc *a)
{
    mw_lmtp *s = mw_lmtp_new(a);
    mw_delivery *d;
    int good = 1;

    deliveries = s ? mw_flight_new(mw_lmtp_dialogue(s)) : NULL;
    if (!deliveries) {
        mw_lmtp_free(s);
        return failing_has_failed(a);
    }
    mw_flight_eager(deliveries, 1000000);
    mw_lmtp_joined(s, now->joined);
    if (!introduced(s) || !(d = delivery(a))) {
        good = failing_has_failed(a);
    } else {
        mw_flight_submit(deliveries, d);
        if (now->times == 2 && (d = delivery(a)))
            mw_flight_submit(deliveries, d);
        play(s);
        good = parted_well(s, !failing_has_failed(a));
        good &= mw_lmtp_error(s) != MW_E_NOMEM || failing_has_failed(a);
        good &= taken_well(!failing_has_failed(a));
    }
    mw_flight_free(deliveries);
    mw_lmtp_free(s);
    return good;
}

/* What a message's content was queued in is not kept behind it. */
static void test_flat(void)
{
    failing f;
    mw_lmtp *s;
    int i;

    failing_init(&f, 0);
    s = mw_lmtp_new(&f.table);
    deliveries = mw_flight_new(mw_lmtp_dialogue(s));
    mw_flight_eager(deliveries, 1000000);
    mw_lmtp_joined(s, now->joined);
    if (introduced(s))
        for (i = 0; i <= now->times / 2; i++)
            mw_flight_submit(deliveries, delivery(&f.table));
    play(s);
    taken_well(1);
    tap_ok(f.bytes < 2 * MW_OUTQ_CHUNK, "%s: %lu bytes are kept", now->name, (unsigned long)f.bytes);
    mw_flight_free(deliveries);
    mw_lmtp_free(s);
}

static void fill(void)
{
    size_t i;

    memset(clean, 'c', sizeof clean - 1);
    memset(bare, 'b', sizeof bare - 1);
    for (i = 70; i + 2 < sizeof clean; i += 72) {
        memcpy(clean + i, "\r\n", 2);
        bare[i] = '\n';
    }
    memcpy(clean + sizeof clean - 3, "\r\n", 2);
}

int main(void)
{
    size_t i;

    fill();
    for (i = 0; i < COUNT(flights); i++) {
        now = &flights[i];
        failing_every(now->name, fly);
        test_flat();
    }
    return tap_done();
}
