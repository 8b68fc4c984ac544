/* flight_peer.h - an LMTP server in memory that keeps the truth: what it took, and what it said to which recipient. It may lie
 * once, at its n-th reply.
 *
 * Messages are m0, m1 .. by their senders. A recipient's first letter says what becomes of it: a accepted, n refused by RCPT, f refused at
 * the end.
 */
#ifndef FLIGHT_PEER_H
#define FLIGHT_PEER_H

#include "tap.h"

#define PEER_MESSAGES 8
#define PEER_RCPTS 4
#define PEER_BYTES 65536

typedef enum peer_lie {
    PEER_HONEST,
    PEER_250_BEFORE,        /* one reply too many */
    PEER_550_BEFORE,
    PEER_250_BEHIND,
    PEER_550_BEHIND,
    PEER_SHORT,             /* this reply is missing, and the further ones to the same message's end */
    PEER_MIXED,
    PEER_GARBAGE,
    PEER_354,
    PEER_150,
    PEER_421,               /* says so and closes */
    PEER_CLOSE,
    PEER_LIES
} peer_lie;

typedef struct peer_message {
    int rcpts;
    char kind[PEER_RCPTS];
    int given[PEER_RCPTS];  /* the code that it was told at the end */
    int wanted, ended;
    int wrong_body;
} peer_message;

typedef struct peer {
    int pipelining, chunking;
    int silent_none;        /* says nothing to a BDAT LAST without a recipient */
    int odd_hello;          /* 1 refuses a second LHLO, 2 answers it in another way */
    peer_lie lie;
    int lie_at;             /* the reply at which it lies; counted from 0 behind the first LHLO */
    char in[PEER_BYTES], out[PEER_BYTES];
    size_t in_len, out_len;
    int hellos, replies, closed, twice;
    int current;            /* the message, or -1 */
    int content;            /* inside DATA */
    size_t chunk_left;
    int chunk, chunk_last;
    char body[PEER_BYTES];
    size_t body_len;
    peer_message m[PEER_MESSAGES];
} peer;

static inline void peer_put(peer *p, const char *text)
{
    size_t len = strlen(text);

    if (p->closed || p->out_len + len > sizeof p->out)
        return;
    memcpy(p->out + p->out_len, text, len);
    p->out_len += len;
}

/* Bytes for the client that a lie puts in place of a reply; 1: the reply itself is said. */
static inline int peer_lies(peer *p)
{
    static const char *const texts[PEER_LIES] = {
        [PEER_250_BEFORE] = "250 over\r\n", [PEER_550_BEFORE] = "550 over\r\n", [PEER_GARBAGE] = "garbage\r\n",
        [PEER_MIXED] = "250-one\r\n550 two\r\n", [PEER_354] = "354 wait\r\n", [PEER_150] = "150 wait\r\n", [PEER_421] = "421 bye\r\n"
    };

    if (texts[p->lie])
        peer_put(p, texts[p->lie]);
    p->closed |= p->lie == PEER_421 || p->lie == PEER_CLOSE;
    return p->lie == PEER_250_BEFORE || p->lie == PEER_550_BEFORE || p->lie == PEER_250_BEHIND || p->lie == PEER_550_BEHIND;
}

/* Says a reply. Returns whether it did. */
static inline int peer_say(peer *p, const char *text)
{
    int lying = p->lie && p->replies++ == p->lie_at;

    if (p->closed || (lying && !peer_lies(p)))
        return 0;
    peer_put(p, text);
    peer_put(p, "\r\n");
    if (lying && (p->lie == PEER_250_BEHIND || p->lie == PEER_550_BEHIND))
        peer_put(p, p->lie == PEER_250_BEHIND ? "250 over\r\n" : "550 over\r\n");
    return 1;
}

static inline void peer_hello(peer *p)
{
    char text[256];

    p->current = -1;
    if (p->hellos++ && p->odd_hello) {
        peer_say(p, p->odd_hello == 1 ? "503 again" : "250-peer x\r\n250 OTHER");
        return;
    }
    sprintf(text, "250-peer at your service\r\n%s%s250 8BITMIME", p->pipelining ? "250-PIPELINING\r\n" : "", p->chunking ? "250-CHUNKING\r\n" : "");
    if (p->hellos == 1) {
        peer_put(p, text);
        peer_put(p, "\r\n");
    } else {
        peer_say(p, text);
    }
}

static inline void peer_mail(peer *p, const char *line)
{
    int number = atoi(line + strlen("MAIL FROM:<m"));

    if (line[11] == '>') {
        p->current = PEER_MESSAGES;
        peer_say(p, "250 probing");
        return;
    }
    if (p->current >= 0) {
        peer_say(p, "503 nested");
        return;
    }
    p->twice |= p->m[number].wanted || p->m[number].rcpts;
    p->current = number;
    p->body_len = 0;
    peer_say(p, "250 sender");
}

static inline void peer_rcpt(peer *p, const char *line)
{
    peer_message *m = &p->m[p->current < 0 ? 0 : p->current];
    char kind = line[9];

    if (p->current < 0 || p->current == PEER_MESSAGES) {
        peer_say(p, "503 no sender");
        return;
    }
    m->kind[m->rcpts++] = kind;
    peer_say(p, kind == 'n' ? "550 unknown" : "250 recipient");
}

static inline int peer_accepted(const peer *p)
{
    const peer_message *m = &p->m[p->current];
    int i, n = 0;

    for (i = 0; p->current >= 0 && p->current < PEER_MESSAGES && i < m->rcpts; i++)
        n += m->kind[i] != 'n';
    return n;
}

static inline void peer_expected_body(int number, char *to)
{
    int i;

    for (*to = '\0', i = 0; i <= number % 3; i++)
        to += sprintf(to, "line %d of m%d\r\n.dot\r\n", i, number);
}

/* The message's end: a reply for each accepted recipient. */
static inline void peer_end(peer *p)
{
    peer_message *m = &p->m[p->current];
    char expected[1024];
    int i, silent = 0;

    peer_expected_body(p->current, expected);
    m->ended = 1;
    m->wrong_body = p->body_len != strlen(expected) || memcmp(p->body, expected, p->body_len) != 0;
    for (i = 0; i < m->rcpts; i++) {
        if (m->kind[i] == 'n' || silent)
            continue;
        if (peer_say(p, m->kind[i] == 'f' ? "552 full" : "250 saved"))
            m->given[i] = m->kind[i] == 'f' ? 552 : 250;
        silent = p->lie == PEER_SHORT && p->replies - 1 == p->lie_at;
    }
    p->current = -1;
}

static inline void peer_data(peer *p)
{
    if (!peer_accepted(p)) {
        peer_say(p, "503 nobody");
        return;
    }
    p->m[p->current].wanted = 1;
    p->body_len = 0;
    p->content = 1;
    peer_say(p, "354 go on");
}

static inline void peer_bdat(peer *p, const char *line)
{
    p->chunk_left = (size_t)strtoul(line + 5, NULL, 10);
    p->chunk_last = strstr(line, " LAST") != NULL;
    p->chunk = 1;
    if (p->current >= 0 && p->current < PEER_MESSAGES)
        p->m[p->current].wanted = 1;
}

static inline void peer_chunk_done(peer *p)
{
    p->chunk = 0;
    if (peer_accepted(p) && p->chunk_last)
        peer_end(p);
    else if (peer_accepted(p))
        peer_say(p, "250 chunk");
    else if (!p->silent_none || !p->chunk_last)
        peer_say(p, "503 nobody");
}

static inline void peer_content_line(peer *p, const char *line, size_t len)
{
    if (len == 3 && memcmp(line, ".\r\n", 3) == 0) {
        p->content = 0;
        peer_end(p);
        return;
    }
    if (*line == '.') {
        line++;
        len--;
    }
    memcpy(p->body + p->body_len, line, len);
    p->body_len += len;
}

static inline void peer_command(peer *p, const char *line)
{
    if (strncmp(line, "LHLO ", 5) == 0)
        peer_hello(p);
    else if (strncmp(line, "MAIL ", 5) == 0)
        peer_mail(p, line);
    else if (strncmp(line, "RCPT ", 5) == 0)
        peer_rcpt(p, line);
    else if (strncmp(line, "DATA", 4) == 0)
        peer_data(p);
    else if (strncmp(line, "BDAT ", 5) == 0)
        peer_bdat(p, line);
    else if (strncmp(line, "RSET", 4) == 0 && (p->current = -1))
        peer_say(p, "250 reset");
}

/* One step: 1 something of in was used. */
static inline int peer_step(peer *p)
{
    char line[1024];
    const char *end;
    size_t n;

    if (p->chunk_left) {
        n = p->chunk_left < p->in_len ? p->chunk_left : p->in_len;
        memcpy(p->body + p->body_len, p->in, n);
        p->body_len += n;
        p->chunk_left -= n;
    } else if (p->chunk) {
        peer_chunk_done(p);
        return 1;
    } else {
        end = memchr(p->in, '\n', p->in_len);
        n = end ? (size_t)(end - p->in) + 1 : 0;
        if (!n || n >= sizeof line)
            return 0;
        memcpy(line, p->in, n);
        line[n] = '\0';
        if (p->content)
            peer_content_line(p, line, n);
        else
            peer_command(p, line);
    }
    memmove(p->in, p->in + n, p->in_len -= n);
    return n > 0;
}

/* The client's bytes. */
static inline void peer_receive(peer *p, const char *bytes, size_t len)
{
    if (p->closed || p->in_len + len > sizeof p->in)
        return;
    memcpy(p->in + p->in_len, bytes, len);
    p->in_len += len;
    while (!p->closed && peer_step(p))
        continue;
}

#endif
