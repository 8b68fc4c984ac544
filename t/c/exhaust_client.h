/* exhaust_client.h - a client of the server in exhaust_server.h, as the classes drive a session: by deliver, by submit, and by the
 * sync calls. Time is order only: a wait ends when nothing else can happen.
 */
#ifndef EXHAUST_CLIENT_H
#define EXHAUST_CLIENT_H

#include "../../c/error.h"
#include "../../c/flight.h"
#include "../../c/lmtp.h"
#include "exhaust_server.h"
#include "slices.h"

typedef enum mode { MODE_DELIVER, MODE_SUBMIT, MODE_SYNC, MODES } mode;

/* How a caller of the sync calls goes on when one was false. */
enum { CARE_RESETS, CARE_GOES_ON, CARE_NONE, CARES };

enum { LEADER = SERVER_MESSAGES - 1 };

/* How the client is used. */
typedef struct usage {
    mode mode;
    int messages, rcpts[SERVER_MESSAGES];
    int pulled;             /* the content comes in pieces; by BDAT in the sync calls */
    int raw;                /* deliveries to several recipients by BDAT */
    int care;               /* sync calls: CARE_... */
    int led;                /* deliveries: a message that goes well, LEADER, is in front, and its fence holds */
} usage;

/* A recipient's result, as the caller has it. */
typedef struct outcome {
    unsigned code;
    mw_stage stage;
    int maybe, local;
    int whose;              /* the words name this recipient: m0r0 is 0, m1r0 is 3; -1: another or none */
} outcome;

typedef struct client {
    usage use;
    mw_lmtp *s;
    mw_flight *deliveries;
    server v;
    int fed[SERVER_MESSAGES];
    outcome got[SERVER_MESSAGES][SERVER_RCPTS];
    int accepted[SERVER_MESSAGES][SERVER_RCPTS];    /* in the sync calls: recipient was true */
    int unguarded[SERVER_MESSAGES];     /* nothing was behind its end when its results were given */
    int ended[SERVER_MESSAGES];         /* the end of its content has left */
    long waits, quiets;
    const char *wrong;
} client;

/* ---- the link */

static inline int client_sends(client *c)
{
    mw_slice v;
    int sent = 0;

    while (mw_outq_peek(mw_lmtp_out(c->s), &v, 1)) {
        server_receives(&c->v, v.base, v.len);
        mw_outq_sent(mw_lmtp_out(c->s), v.len);
        sent = 1;
    }
    return sent;
}

/* All that the server has said arrives, or one reply. */
static inline int client_hears(client *c)
{
    server *v = &c->v;
    size_t n = v->out_len;
    int i;

    if (!n)
        return 0;
    if (v->is.lone)
        n = v->out_ends[0];
    if (mw_buf_append(mw_lmtp_in(c->s), v->out, n))
        abort();
    memmove(v->out, v->out + n, v->out_len -= n);
    for (i = 0; v->out_len && i + 1 < v->out_count; i++)
        v->out_ends[i] = v->out_ends[i + 1] - n;
    v->out_count = v->out_len ? v->out_count - 1 : 0;
    return 1;
}

/* ---- results */

static inline void client_keeps(client *c, const mw_result *r, int local)
{
    const char *name = r->recipient->bytes, *said = r->text ? r->text->bytes : "";
    int m = name[1] - '0', i = name[3] - '0';
    outcome *got = &c->got[m][i];

    got->code = r->code;
    got->stage = r->stage;
    got->maybe = r->maybe_delivered;
    got->local = local;
    got->whose = said[0] == 'm' && said[2] == 'r' ? SERVER_RCPTS * (said[1] - '0') + said[3] - '0' : -1;
}

/* ---- deliveries */

/* Which message it is. */
static inline int client_message(const client *c, const mw_delivery *d)
{
    return c->use.led && d->id == 1 ? LEADER : (int)d->id - 1 - c->use.led;
}

static inline void client_feeds(client *c)
{
    mw_delivery *d = mw_flight_wants(c->deliveries);
    int i = d ? client_message(c, d) : 0;

    if (!d)
        return;
    if (c->fed[i]++ == 0)
        mw_flight_piece(c->deliveries, server_content(i), strlen(server_content(i)));
    else
        mw_flight_whole(c->deliveries);
}

/* What is behind the pieces of content shows when nothing else can be done. */
static inline int client_waits(client *c)
{
    mw_wait what = mw_flight_waits(c->deliveries);

    if (mw_flight_wants(c->deliveries)) {
        client_feeds(c);
        return 1;
    }
    if (server_hurries(&c->v))
        return 1;
    if (c->v.closed) {
        mw_lmtp_lost(c->s, MW_E_CLOSED, NULL);
        return 1;
    }
    if (what == MW_WAIT_NONE)
        return 0;
    c->waits += what != MW_WAIT_QUIET;
    c->quiets += what == MW_WAIT_QUIET;
    mw_flight_expired(c->deliveries);
    return 1;
}

static inline int client_steps(client *c)
{
    int moved;

    mw_flight_advance(c->deliveries);
    moved = client_sends(c);
    moved |= client_hears(c);
    mw_flight_advance(c->deliveries);
    if (mw_lmtp_error(c->s)) {
        mw_lmtp_lost(c->s, mw_lmtp_error(c->s), NULL);
        c->v.closed = 1;
    }
    return moved || client_waits(c);
}

static inline void client_submits(client *c, int message)
{
    mw_delivery *d = mw_delivery_new(mw_alloc_default());
    char line[64], address[16];
    int i;

    sprintf(line, "MAIL FROM:<m%d>", message);
    mw_delivery_mail(d, slice(line));
    for (i = 0; i < c->use.rcpts[message]; i++) {
        sprintf(address, "m%dr%d", message % 10, i % 10);
        sprintf(line, "RCPT TO:<%s>", address);
        mw_delivery_rcpt(d, slice(address), slice(line));
    }
    if (c->use.pulled && message != LEADER)
        mw_content_in_pieces(&d->content);
    else
        mw_content_lend(&d->content, server_content(message), strlen(server_content(message)));
    d->raw = c->use.raw && message != LEADER && !c->use.pulled && c->v.is.chunking;
    mw_flight_submit(c->deliveries, d);
}

static inline void client_lands(client *c)
{
    int steps = 0;

    while (mw_flight_deliveries(c->deliveries)->unanswered) {
        if (++steps > 1000 || !client_steps(c)) {
            c->wrong = "it does not come to an end";
            mw_lmtp_lost(c->s, MW_E_TIMEOUT, NULL);
        }
    }
}

static inline void client_takes(client *c)
{
    mw_delivery *d = mw_flight_deliveries(c->deliveries)->first;
    int message = client_message(c, d);
    size_t i;

    c->ended[message] = d->has_end;
    c->unguarded[message] = d->has_end && !d->guarded;
    for (i = 0; i < d->to.count; i++) {
        if (d->state != MW_DELIVERY_DONE || !d->to.rcpts[i].settled)
            c->wrong = "a recipient without a result";
        client_keeps(c, &d->to.rcpts[i].result, d->to.rcpts[i].local);
    }
    mw_queue_take(mw_flight_deliveries(c->deliveries), d);
    mw_delivery_free(d);
}

/* Everything that can be proven of a link without BDAT is, behind it. */
static inline void client_leads(client *c)
{
    c->v.calm = 1;
    client_submits(c, LEADER);
    client_lands(c);
    client_takes(c);
    c->v.calm = 0;
}

static inline void client_delivers(client *c)
{
    int i;

    for (i = 0; i < c->use.messages; i++) {
        client_submits(c, i);
        client_lands(c);
        client_takes(c);
    }
}

static inline void client_streams(client *c)
{
    int i;

    mw_flight_more(c->deliveries, 1);
    for (i = 0; i < c->use.messages; i++) {
        client_submits(c, i);
        mw_flight_advance(c->deliveries);
        client_sends(c);
    }
    mw_flight_more(c->deliveries, 0);
    client_lands(c);
    while (mw_flight_deliveries(c->deliveries)->first)
        client_takes(c);
}

/* ---- the sync calls */

static inline int client_fails(client *c, int why)
{
    if (!mw_lmtp_error(c->s) || why != MW_E_STATE) {
        mw_lmtp_lost(c->s, why, NULL);
        c->v.closed = 1;
    }
    return 0;
}

/* The next reply's first digit; 0 when there is none. */
static inline int client_replied(client *c)
{
    int rc = mw_lmtp_reply_local(c->s), error;

    while (!rc && !(rc = mw_lmtp_reply(c->s))) {
        client_sends(c);
        if (!client_hears(c) && !server_hurries(&c->v)) {
            c->waits += !c->v.closed;
            return client_fails(c, c->v.closed ? MW_E_CLOSED : MW_E_TIMEOUT);
        }
    }
    if (rc < 0 && rc != MW_E_REPLY_SYNTAX)
        return client_fails(c, rc);
    if (rc < 0)
        return 0;
    error = mw_lmtp_error(c->s);
    if (mw_lmtp_closing(c->s) || error == MW_E_REPLY_CODES || error == MW_E_REPLY_CLASS || error == MW_E_REPLY_EXTRA)
        client_fails(c, MW_E_CLOSED);
    return (int)mw_lmtp_last(c->s)->code / 100;
}

static inline int client_queues(client *c, const char *line)
{
    int rc;

    if (mw_lmtp_idle(c->s))
        while (client_hears(c))
            continue;
    rc = mw_lmtp_command(c->s, slice(line));
    if (rc)
        client_fails(c, rc == MW_E_STATE ? MW_E_CLOSED : rc);
    client_sends(c);
    return !rc;
}

static inline int client_commands(client *c, const char *line)
{
    client_queues(c, line);
    return client_replied(c);
}

/* What the session says of each recipient now. */
static inline void client_looks(client *c)
{
    const mw_transaction *t = mw_lmtp_transaction(c->s);
    mw_result r;
    size_t i;

    for (i = 0; i < t->count; i++) {
        r = mw_lmtp_result(c->s, i);
        if (r.code)
            client_keeps(c, &r, t->rcpts[i].local);
    }
}

static inline int client_finals(client *c)
{
    size_t owed = mw_lmtp_finals_owed(c->s);

    if (!owed)
        return client_replied(c) == 2;
    while (mw_lmtp_finals_owed(c->s))
        client_replied(c);
    if (!mw_lmtp_transaction(c->s)->accepted && mw_lmtp_error(c->s))
        return 0;
    return mw_lmtp_verdict(c->s) > 0;
}

static inline int client_ends(client *c, int message)
{
    size_t used;
    int rc;

    if (mw_lmtp_content(c->s) != MW_CONTENT_OPEN)
        return 0;
    rc = mw_lmtp_data(c->s, server_content(message), strlen(server_content(message)), &used);
    if (!rc)
        rc = mw_lmtp_data_end(c->s);
    client_sends(c);
    if (rc)
        return client_fails(c, rc);
    c->ended[message] = c->unguarded[message] = 1;
    return client_finals(c);
}

/* A chunk and its reply, or its replies. */
static inline int client_chunk(client *c, const char *bytes, size_t len, int last)
{
    char line[64];
    size_t used;
    int rc;

    sprintf(line, "BDAT %d%s", (int)len, last ? " LAST" : "");
    client_queues(c, line);
    rc = mw_lmtp_raw(c->s, bytes, len, &used);
    client_sends(c);
    if (rc && rc != MW_E_STATE && rc != MW_E_SIZE)
        return client_fails(c, rc);
    return last ? client_finals(c) : client_replied(c) == 2;
}

static inline int client_chunks(client *c, int message)
{
    const char *content = server_content(message);
    int ok = client_chunk(c, content, 5, 0);

    c->ended[message] = c->unguarded[message] = 1;
    return (ok || c->use.care == CARE_NONE) && client_chunk(c, content + 5, strlen(content) - 5, 1) && ok;
}

/* A message by the sync calls: true when all of them were. */
static inline int client_mails(client *c, int message)
{
    char line[64];
    int i, accepted = 0;

    sprintf(line, "MAIL FROM:<m%d>", message);
    if (client_commands(c, line) != 2 && c->use.care != CARE_NONE)
        return 0;
    for (i = 0; i < c->use.rcpts[message]; i++) {
        sprintf(line, "RCPT TO:<m%dr%d>", message, i);
        c->accepted[message][i] = client_commands(c, line) == 2;
        accepted += c->accepted[message][i];
    }
    if (!accepted && c->use.care != CARE_NONE)
        return 0;
    if (c->use.pulled)
        return client_chunks(c, message);
    if (client_commands(c, "DATA") != 3 && c->use.care != CARE_NONE)
        return 0;
    return client_ends(c, message);
}

static inline void client_calls(client *c)
{
    const mw_transaction *t;
    int i, ok;
    size_t k;

    for (i = 0; i < c->use.messages; i++) {
        ok = client_mails(c, i);
        client_looks(c);
        t = mw_lmtp_transaction(c->s);
        for (k = 0; ok && k < t->count; k++)
            if (t->rcpts[k].accepted && t->rcpts[k].result.code / 100 != 2)
                c->wrong = "true, and a recipient has no success";
        if (!ok && c->use.care == CARE_RESETS && !mw_lmtp_error(c->s))
            client_commands(c, "RSET");
    }
    mw_lmtp_lost(c->s, MW_E_CLOSED, NULL);
    client_looks(c);
}

/* ---- a session */

static inline void client_runs(client *c)
{
    c->s = mw_lmtp_new(mw_alloc_default());
    c->deliveries = mw_flight_new(mw_lmtp_dialogue(c->s));
    c->v.sender = c->v.last = -1;
    mw_flight_eager(c->deliveries, 4096);
    mw_lmtp_command(c->s, slice("LHLO client"));
    client_sends(c);
    client_hears(c);
    mw_lmtp_reply(c->s);
    if (c->use.led)
        client_leads(c);
    if (c->use.mode == MODE_DELIVER)
        client_delivers(c);
    else if (c->use.mode == MODE_SUBMIT)
        client_streams(c);
    else
        client_calls(c);
    mw_flight_free(c->deliveries);
    mw_lmtp_free(c->s);
}

#endif
