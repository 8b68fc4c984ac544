/* lmtp_server.h - a server for tests: takes a session's bytes, gives its replies, and remembers what it did with each
 * recipient, so that a client's results can be held against the truth.
 *
 * Recipients are numbers, <u17>, each used once. What becomes of one follows from its number; a final reply's text is its
 * address, so that a reply credited to another recipient shows. How often the server misbehaves is for the test to say.
 */
#ifndef LMTP_SERVER_H
#define LMTP_SERVER_H

#include "../../c/error.h"
#include "../../c/transaction.h"
#include "tap.h"

enum {
    SERVER_RCPTS = 4096,    /* numbers of recipients */
    SERVER_LINE = 256
};

/* What the server did with a recipient. */
typedef enum fate { FATE_NONE, FATE_DELIVERED, FATE_REFUSED } fate;

typedef struct server {
    int keeps;                  /* a transaction holds: MAIL inside it is refused, LHLO does not end it */
    /* of 1000: how often DATA, a chunk, MAIL or RSET is refused; DATA gets 354 though nobody was accepted; a reply has two
     * lines, is garbled, is 421 */
    unsigned refuses, eager, splits, garbles, parts;

    char line[SERVER_LINE];     /* the command or line of content, as far as it has come */
    size_t len;
    enum { SERVER_COMMANDS, SERVER_DATA, SERVER_CHUNK } mode;
    size_t chunk_left;
    int chunk_last, chunk_bad;
    int mail;                   /* a transaction is open */
    int nested;                 /* MAIL came inside one */
    int rcpts[64];              /* the accepted ones */
    size_t accepted;
    int closed;                 /* it said 221 or 421 */
    unsigned char fates[SERVER_RCPTS];

    void (*say)(void *ctx, const char *bytes, size_t len);
    void *ctx;
} server;

static inline int server_chance(unsigned of_1000)
{
    return tap_random(1000) < of_1000;
}

static inline void server_reply(server *v, int code, const char *text)
{
    char line[SERVER_LINE];
    int n;

    if (v->closed)
        return;
    if (server_chance(v->parts)) {
        n = snprintf(line, sizeof line, "421 bye\r\n");
        v->closed = 1;
    } else if (server_chance(v->garbles)) {
        n = snprintf(line, sizeof line, "what %s\r\n", text);
    } else if (server_chance(v->splits)) {
        n = snprintf(line, sizeof line, "%d-%s\r\n%d %s\n", code, text, code, text);
    } else {
        n = snprintf(line, sizeof line, "%d %s\r\n", code, text);
    }
    v->say(v->ctx, line, (size_t)n);
}

static inline int server_accepts(int u)
{
    return u % 4 != 3;
}

static inline int server_delivers(int u)
{
    return u % 3 != 0;
}

static inline void server_reset(server *v)
{
    v->mail = 0;
    v->accepted = 0;
    v->chunk_bad = 0;
}

/* The message's end: one reply for each accepted recipient. */
static inline void server_finals(server *v)
{
    char text[32];
    size_t i, count = v->accepted;

    if (!count)
        server_reply(v, 554, "nobody");
    for (i = 0; i < count && !v->closed; i++) {
        v->fates[v->rcpts[i]] = server_delivers(v->rcpts[i]) ? FATE_DELIVERED : FATE_REFUSED;
        snprintf(text, sizeof text, "u%d", v->rcpts[i]);
        server_reply(v, server_delivers(v->rcpts[i]) ? 250 : 550, text);
        /* It said 421 instead: that is its answer. */
        if (v->closed)
            v->fates[v->rcpts[i]] = FATE_REFUSED;
    }
    server_reset(v);
}

static inline void server_rcpt(server *v)
{
    int u = atoi(v->line + 10);

    if (!v->mail || v->accepted == 64) {
        server_reply(v, 503, "MAIL first");
    } else if (!server_accepts(u)) {
        server_reply(v, 550, "unknown");
    } else {
        v->rcpts[v->accepted++] = u;
        server_reply(v, 250, "rcpt");
    }
}

static inline void server_bdat(server *v)
{
    char *end;

    v->chunk_left = (size_t)strtoul(v->line + 5, &end, 10);
    v->chunk_last = *end == ' ';
    v->mode = SERVER_CHUNK;
}

static inline void server_chunk_end(server *v)
{
    size_t i;

    v->mode = SERVER_COMMANDS;
    if (!v->accepted || v->chunk_bad) {
        /* Once, also for LAST: the message is nobody's. */
        for (i = 0; v->chunk_last && i < v->accepted; i++)
            v->fates[v->rcpts[i]] = FATE_REFUSED;
        server_reply(v, 503, "no chunk");
    } else if (v->chunk_last) {
        server_finals(v);
    } else if (server_chance(v->refuses)) {
        v->chunk_bad = 1;
        server_reply(v, 452, "chunk");
    } else {
        server_reply(v, 250, "chunk");
    }
}

static inline int server_is(const server *v, const char *verb)
{
    return strncmp(v->line, verb, strlen(verb)) == 0;
}

static inline void server_mail(server *v)
{
    v->nested |= v->mail;
    if (v->keeps && v->mail) {
        server_reply(v, 503, "nested");
        return;
    }
    server_reset(v);
    v->mail = !server_chance(v->refuses);
    server_reply(v, v->mail ? 250 : 550, "mail");
}

static inline void server_data(server *v)
{
    if (server_chance(v->refuses) || (!v->accepted && !server_chance(v->eager))) {
        server_reply(v, 451, "data");
    } else {
        v->mode = SERVER_DATA;
        server_reply(v, 354, "go");
    }
}

static inline void server_command(server *v)
{
    if (server_is(v, "MAIL")) {
        server_mail(v);
    } else if (server_is(v, "RCPT TO:<u")) {
        server_rcpt(v);
    } else if (server_is(v, "DATA")) {
        server_data(v);
    } else if (server_is(v, "BDAT ")) {
        server_bdat(v);
    } else if (server_is(v, "RSET") && server_chance(v->refuses)) {
        server_reply(v, 451, "not now");
    } else if (server_is(v, "RSET") || server_is(v, "LHLO")) {
        if (!v->keeps || v->line[0] == 'R')
            server_reset(v);
        server_reply(v, 250, "reset");
    } else if (server_is(v, "QUIT")) {
        server_reply(v, 221, "bye");
        v->closed = 1;
    } else {
        server_reply(v, server_is(v, "NOOP") ? 250 : 500, "other");
    }
    if (v->mode == SERVER_CHUNK && !v->chunk_left)
        server_chunk_end(v);
}

static inline void server_line(server *v)
{
    if (v->mode == SERVER_COMMANDS) {
        server_command(v);
    } else if (strcmp(v->line, ".") == 0) {
        v->mode = SERVER_COMMANDS;
        server_finals(v);
    }
}

static inline void server_byte(server *v, char c)
{
    if (v->mode == SERVER_CHUNK) {
        if (--v->chunk_left == 0)
            server_chunk_end(v);
        return;
    }
    if (v->len + 1 < sizeof v->line)
        v->line[v->len++] = c;
    if (c != '\n')
        return;
    v->line[v->len - (v->len > 1 && v->line[v->len - 2] == '\r' ? 2 : 1)] = '\0';
    v->len = 0;
    server_line(v);
}

/* What the client sent. A closed server reads nothing. */
static inline void server_takes(server *v, const char *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len && !v->closed; i++)
        server_byte(v, bytes[i]);
}

/* ---- the truth */

/* A reply about this recipient, or one whose text there was no memory for. */
static inline int server_said(const mw_result *r)
{
    return !r->text || (strncmp(r->text->bytes, r->recipient->bytes, r->recipient->len) == 0
        && (!r->text->bytes[r->recipient->len] || r->text->bytes[r->recipient->len] == '\n'));
}

/* What is wrong with the result that a client has for a recipient; NULL: nothing. error is what broke its session. Of what
 * it sent ahead of replies a client cannot know that it was taken for content, nor whether a MAIL inside a transaction has begun another
 * one, so its "maybe" may be too careful then. */
static inline const char *server_judges(const server *v, const mw_recipient *rcpt, int error)
{
    const mw_result *r = &rcpt->result;
    unsigned char truth = v->fates[atoi(r->recipient->bytes + 1)];

    if (r->code / 100 == 2)
        return r->stage != MW_STAGE_FINAL || !server_said(r) || truth != FATE_DELIVERED ? "a false success" : NULL;
    if (r->maybe_delivered)
        return truth == FATE_NONE && !v->closed && !v->nested && rcpt->accepted && error != MW_E_REPLY_CLASS ? "maybe, though the end has not come" : NULL;
    if (r->code == 550 && r->stage == MW_STAGE_FINAL)
        return !server_said(r) ? "another's refusal" : NULL;
    if (r->code)
        return truth == FATE_DELIVERED ? "delivered, and said not to be" : NULL;
    return NULL;
}

#endif
