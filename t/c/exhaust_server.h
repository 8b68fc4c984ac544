/* exhaust_server.h - an LMTP server in memory that keeps the truth: what it has stored for whom, and what it said. What it says to each
 * command is chosen (choices.h), and once in a session it may do what no server should.
 *
 * Messages are m0, m1 .. by their senders, recipients m0r0, m0r1 ..; each message's content is known. A recipient is looked up by its
 * name wherever it is named, so mail that went into another transaction shows. The last message may go in front of all choices.
 */
#ifndef EXHAUST_SERVER_H
#define EXHAUST_SERVER_H

#include "choices.h"

#include <stddef.h>
#include <string.h>

#define SERVER_MESSAGES 4
#define SERVER_RCPTS 3
#define SERVER_BYTES 8192

/* What it does once, at some reply. */
typedef enum fault {
    FAULT_NONE,
    FAULT_MISSING,          /* this reply is not said */
    FAULT_DOUBLED,          /* it is said twice */
    FAULT_250_BEFORE,       /* another one is said in front of it */
    FAULT_550_BEFORE,
    FAULT_250_BEHIND,       /* or behind it */
    FAULT_550_BEHIND,
    FAULT_354,              /* another one is said instead */
    FAULT_GARBAGE,
    FAULT_MIXED,
    FAULT_421,              /* the same, and the link is closed */
    FAULT_CLOSED,           /* it is closed instead */
    FAULT_HALF,             /* in the middle of the reply */
    FAULT_SAID_CLOSED,      /* behind it */
    FAULT_LATE,             /* it comes when nothing else happens any more, and all that follows it: no fault */
    FAULTS
} fault;

/* What it is like, all the time. */
typedef struct traits {
    int pipelining, chunking;
    int keeps;              /* transactions: LHLO, a refused DATA and a refused message end none, as Cyrus has it */
    int hello;              /* its second LHLO: HELLO_... */
    int nobody;             /* BDAT LAST without a recipient: NOBODY_... */
    int asks;               /* DATA without a recipient gets 354 */
    int reset_refused;      /* and does nothing */
    int most;               /* recipients of a transaction; one more is refused by 452. 0: any number */
    int lone;               /* replies come one by one, and not all that there are */
} traits;

/* What a reply is about. */
typedef enum place { AT_OTHER, AT_DATA, AT_FINAL } place;

enum { HELLO_SAME, HELLO_503, HELLO_450, HELLO_BARE, HELLO_OTHER, HELLO_RENAMED, HELLO_FEWER, HELLOS };
enum { NOBODY_REFUSED, NOBODY_SILENT, NOBODY_RUN, NOBODY_TAKEN, NOBODIES };

/* What the server has made of a recipient. Codes are 0 until it has decided. */
typedef struct truth {
    unsigned mail, rcpt, data, final;
    int stored;             /* its message, so many times */
    int foreign;            /* another message */
    int said;               /* its final reply, and it left */
} truth;

typedef struct server {
    traits is;
    int calm;               /* it chooses nothing: all goes well */
    int refusals;           /* so many it may still choose */
    int kinds;              /* of refusals: 1 (5xx), or 2 (4xx as well) */
    int faults;             /* it may still do what no server should */
    fault fault;            /* it did, */
    int fault_message;      /* to this message, */
    place fault_at;
    char in[SERVER_BYTES], out[SERVER_BYTES], late[SERVER_BYTES];
    size_t in_len, out_len, late_len;
    size_t out_ends[256];   /* where each reply in out ends */
    int out_count;
    int is_late;
    int closed;
    int hellos;
    int sender;             /* of the transaction; -1: none */
    int named, rcpts;
    unsigned char rcpt[SERVER_MESSAGES * SERVER_RCPTS * 2];     /* accepted, as 3 * message + recipient */
    int content, from;      /* inside DATA; the message whose content it is */
    size_t chunk_left;
    int chunk, chunk_last, chunk_refused;
    char body[SERVER_BYTES];
    size_t body_len;
    truth to[SERVER_MESSAGES][SERVER_RCPTS];
    int last;               /* the message that ended last; -1: none since the last MAIL */
    int shape[SERVER_MESSAGES];     /* of those that have ended: 1 one recipient, 2 several, 3 some refused */
    int fenced[SERVER_MESSAGES];    /* LHLO came behind its end, before another message */
    int smuggled;           /* content was run */
} server;

/* A message's content: commands that must never be run, and a dot. No two are alike. */
static inline const char *server_content(int message)
{
    static const char *const contents[SERVER_MESSAGES] = {
        "MAIL FROM:<evil>\r\n.one\r\n", "RCPT TO:<evil>\r\n.two\r\n", "MAIL FROM:<evil>\r\nDATA\r\n.\r\nthree\r\n", "four\r\n"
    };

    return contents[message];
}

/* ---- speaking */

static inline void server_append(server *v, const char *bytes, size_t len)
{
    char *to = v->is_late ? v->late : v->out;
    size_t *at = v->is_late ? &v->late_len : &v->out_len;

    if (*at + len > SERVER_BYTES || v->out_count == 255)
        abort();
    memcpy(to + *at, bytes, len);
    *at += len;
    if (!v->is_late)
        v->out_ends[v->out_count++] = *at;
}

static inline void server_put(server *v, const char *text)
{
    server_append(v, text, strlen(text));
}

/* What the fault puts in place of a reply. Returns whether the reply is still said. */
static inline int server_departs(server *v, const char *text)
{
    static const char *const instead[FAULTS] = {
        [FAULT_250_BEFORE] = "250 over\r\n", [FAULT_550_BEFORE] = "550 over\r\n", [FAULT_354] = "354 over\r\n", [FAULT_GARBAGE] = "over\r\n",
        [FAULT_MIXED] = "250-over\r\n550 over\r\n", [FAULT_421] = "421 over\r\n"
    };

    if (v->fault == FAULT_LATE)
        v->is_late = 1;
    if (v->fault == FAULT_HALF)
        server_append(v, text, strlen(text) / 2);
    if (instead[v->fault])
        server_put(v, instead[v->fault]);
    v->closed |= v->fault == FAULT_421 || v->fault == FAULT_CLOSED || v->fault == FAULT_HALF;
    switch (v->fault) {
    case FAULT_MISSING: case FAULT_354: case FAULT_GARBAGE: case FAULT_MIXED: case FAULT_421: case FAULT_CLOSED: case FAULT_HALF:
        return 0;
    default:
        return 1;
    }
}

/* What the fault puts behind it. */
static inline void server_adds(server *v, const char *text)
{
    if (v->fault == FAULT_DOUBLED)
        server_put(v, text);
    else if (v->fault == FAULT_250_BEHIND || v->fault == FAULT_550_BEHIND)
        server_put(v, v->fault == FAULT_250_BEHIND ? "250 over\r\n" : "550 over\r\n");
    v->closed |= v->fault == FAULT_SAID_CLOSED;
}

/* Says a reply, one or more lines with their ends, about a message (-1: none). Returns whether it was said. */
static inline int server_say(server *v, int message, place at, const char *text)
{
    int departs = v->faults && !v->closed && !v->calm ? choose(FAULTS) : 0;

    if (v->closed)
        return 0;
    if (departs) {
        v->fault = (fault)departs;
        v->faults = 0;
        v->fault_message = message;
        v->fault_at = at;
        if (!server_departs(v, text))
            return 0;
    }
    server_put(v, text);
    if (departs)
        server_adds(v, text);
    return 1;
}

static inline unsigned server_chooses(server *v, unsigned positive)
{
    static const unsigned refused[] = { 550, 450 };
    int way = v->refusals && !v->calm ? choose(1 + v->kinds) : 0;

    v->refusals -= way > 0;
    return way ? refused[way - 1] : positive;
}

static inline void server_says(server *v, int message, place at, unsigned code, const char *what)
{
    char text[64];

    sprintf(text, "%u m%d %s\r\n", code, message, what);
    server_say(v, message, at, text);
}

/* ---- commands */

static inline void server_ends(server *v)
{
    v->sender = -1;
    v->rcpts = 0;
    v->body_len = 0;
    v->chunk_refused = 0;
}

static inline void server_hello(server *v)
{
    static const char *const again[HELLOS] = {
        [HELLO_503] = "503 again\r\n", [HELLO_450] = "450 later\r\n", [HELLO_BARE] = "250 OK\r\n", [HELLO_OTHER] = "250-other\r\n250 THINGS\r\n", [HELLO_RENAMED] = "250-other here\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
        [HELLO_FEWER] = "250-server here\r\n250 8BITMIME\r\n"
    };
    char text[128];

    if (!v->is.keeps)
        server_ends(v);
    if (v->last >= 0)
        v->fenced[v->last] = 1;
    sprintf(text, "250-server here\r\n%s%s250 8BITMIME\r\n", v->is.pipelining ? "250-PIPELINING\r\n" : "", v->is.chunking ? "250-CHUNKING\r\n" : "");
    if (v->hellos++ == 0 || v->calm)
        server_put(v, text);
    else
        server_say(v, -1, AT_OTHER, again[v->is.hello] ? again[v->is.hello] : text);
}

/* It had its answer in another transaction. */
static inline int is_decided(const truth *t)
{
    return t->data || t->final || (t->rcpt && t->rcpt != 452);
}

static inline void server_mail(server *v, const char *line)
{
    int message = line[11] == 'm' ? line[12] - '0' : -1, i;
    unsigned code;

    v->smuggled |= line[11] == 'e';
    if (message < 0) {
        code = v->sender == -1 ? 250 : 503;
        if (v->sender == -1)
            v->sender = SERVER_MESSAGES;
    } else {
        code = v->sender == -1 ? server_chooses(v, 250) : 503;
        v->last = -1;
        v->named = 0;
        if (code == 250)
            v->sender = message;
        for (i = 0; i < SERVER_RCPTS; i++)
            if (!is_decided(&v->to[message][i]))
                v->to[message][i].mail = code;
    }
    server_says(v, message, AT_OTHER, code, "sender");
}

static inline void server_rcpt(server *v, const char *line)
{
    int message = line[10] - '0', rcpt = line[12] - '0';
    unsigned code;

    if (line[9] == 'e') {
        v->smuggled = 1;
        return;
    }
    code = v->sender == -1 ? 503 : v->is.most && v->rcpts >= v->is.most ? 452 : server_chooses(v, 250);
    if (code == 250)
        v->rcpt[v->rcpts++] = (unsigned char)(SERVER_RCPTS * message + rcpt);
    v->to[message][rcpt].rcpt = code;
    v->named++;
    server_says(v, message, AT_OTHER, code, "recipient");
}

static inline truth *server_truth(server *v, int i)
{
    return &v->to[v->rcpt[i] / SERVER_RCPTS][v->rcpt[i] % SERVER_RCPTS];
}

/* What says 354 reads content, also when that was a fault. */
static inline void server_data(server *v)
{
    int i, message = v->rcpts ? v->rcpt[v->rcpts - 1] / SERVER_RCPTS : -1, could = v->faults;
    unsigned code = 503;

    if (v->rcpts)
        code = server_chooses(v, 354);
    else if (v->is.asks)
        code = 354;
    server_says(v, message, AT_DATA, code, "content");
    if (could && v->fault == FAULT_354)
        code = 354;
    for (i = 0; i < v->rcpts; i++)
        server_truth(v, i)->data = code;
    v->content = code == 354;
    v->body_len = 0;
    if (code != 354 && !v->is.keeps)
        server_ends(v);
}

static inline void server_store(server *v, int i)
{
    truth *to = server_truth(v, i);
    const char *body = server_content(v->rcpt[i] / SERVER_RCPTS);
    unsigned code = server_chooses(v, 250);
    char text[64];

    to->final = code;
    if (code == 250 && v->body_len == strlen(body) && memcmp(v->body, body, v->body_len) == 0)
        to->stored++;
    else if (code == 250)
        to->foreign++;
    sprintf(text, "%u m%dr%d final\r\n", code, v->rcpt[i] / SERVER_RCPTS, v->rcpt[i] % SERVER_RCPTS);
    to->said = server_say(v, v->rcpt[i] / SERVER_RCPTS, AT_FINAL, text);
}

/* The message's end: a reply for each accepted recipient. */
static inline void server_end(server *v)
{
    int i, refused = 0;

    v->content = v->chunk = v->chunk_last = 0;
    if (v->rcpts) {
        v->last = v->rcpt[v->rcpts - 1] / SERVER_RCPTS;
        v->shape[v->last] = v->rcpts < v->named ? 3 : v->named > 1 ? 2 : 1;
    }
    for (i = 0; i < v->rcpts; i++) {
        server_store(v, i);
        refused |= server_truth(v, i)->final != 250;
    }
    if (!v->rcpts && v->is.asks)
        server_says(v, -1, AT_FINAL, 554, "nobody");
    v->body_len = 0;
    if (!refused || !v->is.keeps)
        server_ends(v);
}

static inline void server_bdat(server *v, const char *line)
{
    v->chunk_last = strstr(line, " LAST") != NULL;
    if (!v->rcpts && v->is.nobody == NOBODY_RUN) {
        server_says(v, -1, AT_OTHER, 502, "chunk");
        return;
    }
    v->chunk_left = (size_t)strtoul(line + 5, NULL, 10);
    v->chunk = 1;
}

/* A chunk that is not the last: it may be refused, and then all that follow are. */
static inline void server_chunk_said(server *v)
{
    unsigned code = v->chunk_refused ? 503 : server_chooses(v, 250);
    int i;

    for (i = 0; i < v->rcpts && code != 250 && !v->chunk_refused; i++)
        server_truth(v, i)->data = code;
    v->chunk_refused |= code != 250;
    server_says(v, v->rcpt[0] / SERVER_RCPTS, AT_OTHER, code, "chunk");
}

static inline void server_chunk_ended(server *v)
{
    v->chunk = 0;
    if (v->rcpts && v->chunk_last && !v->chunk_refused)
        server_end(v);
    else if (v->rcpts)
        server_chunk_said(v);
    else if (v->is.nobody != NOBODY_SILENT || !v->chunk_last)
        server_says(v, -1, AT_OTHER, v->is.nobody == NOBODY_TAKEN ? 250 : 503, "chunk");
    if (v->chunk_last && !v->rcpts)
        v->body_len = 0;
}

static inline void server_reset(server *v)
{
    if (!v->is.reset_refused)
        server_ends(v);
    server_says(v, -1, AT_OTHER, v->is.reset_refused ? 502 : 250, "reset");
}

static inline void server_command(server *v, const char *line)
{
    if (strncmp(line, "LHLO ", 5) == 0)
        server_hello(v);
    else if (strncmp(line, "MAIL FROM:<", 11) == 0)
        server_mail(v, line);
    else if (strncmp(line, "RCPT TO:<", 9) == 0)
        server_rcpt(v, line);
    else if (strcmp(line, "DATA\r\n") == 0)
        server_data(v);
    else if (strncmp(line, "BDAT ", 5) == 0)
        server_bdat(v, line);
    else if (strcmp(line, "RSET\r\n") == 0)
        server_reset(v);
    else
        v->smuggled = 1;
}

/* ---- listening */

static inline void server_line(server *v, const char *line, size_t len)
{
    if (!v->content) {
        server_command(v, line);
    } else if (strcmp(line, ".\r\n") == 0) {
        server_end(v);
    } else {
        memcpy(v->body + v->body_len, line + (*line == '.'), len - (*line == '.'));
        v->body_len += len - (*line == '.');
    }
}

static inline size_t server_chunk(server *v)
{
    size_t n = v->chunk_left < v->in_len ? v->chunk_left : v->in_len;

    memcpy(v->body + v->body_len, v->in, n);
    v->body_len += n;
    v->chunk_left -= n;
    return n;
}

/* Takes the next line or piece of a chunk: 0: none is whole. */
static inline int server_takes(server *v)
{
    char line[1024];
    const char *end = memchr(v->in, '\n', v->in_len);
    size_t n = end ? (size_t)(end - v->in) + 1 : 0;
    int in_chunk = v->chunk;

    if (in_chunk)
        n = server_chunk(v);
    else if (n) {
        memcpy(line, v->in, n);
        line[n] = '\0';
    }
    memmove(v->in, v->in + n, v->in_len -= n);
    if (in_chunk && !v->chunk_left)
        server_chunk_ended(v);
    else if (!in_chunk && n)
        server_line(v, line, n);
    return n || v->chunk != in_chunk;
}

/* The client's bytes. */
static inline void server_receives(server *v, const char *bytes, size_t len)
{
    if (v->closed)
        return;
    if (v->in_len + len > SERVER_BYTES)
        abort();
    memcpy(v->in + v->in_len, bytes, len);
    v->in_len += len;
    while (!v->closed && server_takes(v))
        continue;
}

/* What was late comes now, and whatever follows is in time: 1 if there was something. */
static inline int server_hurries(server *v)
{
    v->is_late = 0;
    if (!v->late_len)
        return 0;
    server_append(v, v->late, v->late_len);
    v->late_len = 0;
    return 1;
}

#endif
