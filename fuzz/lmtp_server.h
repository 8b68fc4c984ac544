/* lmtp_server.h - a whole LMTP server in memory, for fuzz_flight.c: it reads what the client sends, decides as it is told, and
 * remembers what it really did with each recipient of each message.
 *
 * It is honest, but may have one of the faults that real servers have (fault): it gives one final reply less than it owes, or
 * one more, or joins them, for messages of some shapes (see flight.h) or now and then. Messages and recipients name themselves:
 * "d3@x" is message 3, "r1.d3@x" its recipient 1.
 */
#ifndef LMTP_SERVER_H
#define LMTP_SERVER_H

#include <stdarg.h>
#include "target.h"

#define SERVER_MESSAGES 64
#define SERVER_RCPTS 8
#define SERVER_SAID_MAX 65536
#define SERVER_LINE_MAX 200
#define SERVER_CONTENT_MAX 8192

enum server_fault { SERVER_NONE, SERVER_SHORT, SERVER_EXTRA, SERVER_JOINS, SERVER_FAULTS };
enum server_shape { SERVER_ONE = 1, SERVER_SEVERAL = 2, SERVER_MIXED = 4 };
enum server_mode { SERVER_LINES, SERVER_DATA, SERVER_BDAT, SERVER_CLOSED };

typedef struct server {
    int fault, shapes;          /* the shapes that it has the fault for, a bit each; 0: now and then */
    int pipelining, chunking;
    int answers_nobody;         /* BDAT LAST and DATA's end without an accepted recipient have a reply */
    int takes_anything;         /* DATA without an accepted recipient is answered 354 */
    mw_slice decisions;         /* a letter for each reply, again from the front at the end */
    size_t decided;

    int mode;
    char line[SERVER_LINE_MAX];
    size_t line_len;
    char content[SERVER_CONTENT_MAX];
    size_t content_len;
    unsigned long long chunk_left;
    int chunk_last, chunk_refused;

    int in_mail;                /* MAIL was accepted, of this message: */
    int message;
    int rcpts[4 * SERVER_RCPTS];
    size_t count, asked;        /* accepted; of so many */

    char said[SERVER_SAID_MAX];
    size_t said_len, heard;     /* heard: by the client */

    int truth[SERVER_MESSAGES][SERVER_RCPTS];   /* the final code of each recipient; 0: none */
    int ended[SERVER_MESSAGES];                 /* how often its end has come */
} server;

static inline void server_init(server *v)
{
    v->fault = v->shapes = v->pipelining = v->chunking = v->answers_nobody = v->takes_anything = 0;
    v->decided = v->line_len = v->content_len = v->count = v->asked = v->said_len = v->heard = 0;
    v->chunk_left = 0;
    v->mode = SERVER_LINES;
    v->chunk_last = v->chunk_refused = v->in_mail = v->message = 0;
    memset(v->truth, 0, sizeof v->truth);
    memset(v->ended, 0, sizeof v->ended);
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline void server_say(server *v, const char *format, ...)
{
    char text[SERVER_LINE_MAX];
    va_list args;
    size_t n;

    va_start(args, format);
    n = (size_t)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (v->mode == SERVER_CLOSED || n >= sizeof text || n > sizeof v->said - v->said_len) {
        v->mode = SERVER_CLOSED;
        return;
    }
    memcpy(v->said + v->said_len, text, n);
    v->said_len += n;
}

static inline char server_decide(server *v)
{
    return v->decisions.len ? v->decisions.base[v->decided++ % v->decisions.len] : '2';
}

/* Answers as the next letter says: "4" and "5" refuse, "3" is out of place, "m" has two lines, "g" is no reply, "1" is 421 and the
 * end, "c" only the end, all else good. Returns the code. */
static inline int server_answer(server *v, int good, const char *words)
{
    switch (server_decide(v)) {
    case '4': server_say(v, "451 4.3.0 %s not now\r\n", words); return 451;
    case '5': server_say(v, "550 5.1.1 %s no\r\n", words); return 550;
    case '3': server_say(v, "354 %s what?\r\n", words); return 354;
    case 'm': server_say(v, "%d-%s\r\n%d more\r\n", good, words, good); return good;
    case 'g': server_say(v, "garbage\r\n"); return 0;
    case '1': server_say(v, "421 4.3.2 %s bye\r\n", words); v->mode = SERVER_CLOSED; return 421;
    case 'c': v->mode = SERVER_CLOSED; return 0;
    default: server_say(v, "%d %s\r\n", good, words); return good;
    }
}

/* ---- a message's end */

static inline void server_reset(server *v)
{
    v->in_mail = 0;
    v->count = v->asked = 0;
    v->chunk_refused = 0;
    v->content_len = 0;
}

/* One recipient's fate. Returns its code. */
static inline int server_deliver(server *v, size_t i)
{
    char letter = server_decide(v);
    int code = letter == '4' ? 452 : letter == '5' ? 550 : 250;

    /* Of the same recipient twice, what was accepted once is accepted. */
    if (v->truth[v->message][v->rcpts[i]] / 100 != 2)
        v->truth[v->message][v->rcpts[i]] = code;
    return code;
}

static inline int server_has_fault(server *v, int fault)
{
    int shape = v->count < v->asked ? SERVER_MIXED : v->count == 1 ? SERVER_ONE : SERVER_SEVERAL;

    if (v->fault != fault)
        return 0;
    return v->shapes ? v->shapes & shape : server_decide(v) == 'x';
}

/* The final replies, one for each accepted recipient (RFC 2033 4.2), but for the server's fault. */
static inline void server_final(server *v)
{
    size_t i;

    v->ended[v->message]++;
    for (i = 0; i < v->count; i++) {
        int code = server_deliver(v, i), is_last = i + 1 == v->count;

        if (v->fault == SERVER_JOINS)
            server_say(v, "%d%c%d\r\n", code, is_last ? ' ' : '-', v->rcpts[i]);
        else if (!is_last || !server_has_fault(v, SERVER_SHORT))
            server_say(v, "%d 2.0.0 <r%d.d%d@x> final\r\n", code, v->rcpts[i], v->message);
    }
    if (!v->count && v->answers_nobody)
        server_say(v, "503 5.5.1 nobody\r\n");
    if (v->count && server_has_fault(v, SERVER_EXTRA))
        server_say(v, "250 2.0.0 once more\r\n");
    server_reset(v);
}

/* ---- commands */

static inline void server_hello(server *v)
{
    server_reset(v);
    server_say(v, "250-server.example.org\r\n");
    if (v->pipelining)
        server_say(v, "250-PIPELINING\r\n");
    if (v->chunking)
        server_say(v, "250-CHUNKING\r\n");
    server_say(v, "250 8BITMIME\r\n");
}

static inline void server_mail(server *v, const char *args)
{
    int message = 0, code;

    if (v->in_mail) {
        server_say(v, "503 5.5.1 nested MAIL\r\n");
        return;
    }
    if (sscanf(args, "<d%d@x>", &message) != 1)
        message = 0;
    FUZZ_CHECK(message >= 0 && message < SERVER_MESSAGES);
    code = server_answer(v, 250, "mail");
    server_reset(v);
    v->in_mail = code == 250;
    v->message = message;
}

static inline void server_rcpt(server *v, const char *args)
{
    int rcpt, message;

    FUZZ_CHECK(sscanf(args, "<r%d.d%d@x>", &rcpt, &message) == 2 && rcpt >= 0 && rcpt < SERVER_RCPTS);
    if (!v->in_mail) {
        server_say(v, "503 5.5.1 MAIL first\r\n");
        return;
    }
    FUZZ_CHECK(message == v->message);
    v->asked++;
    if (server_answer(v, 250, "rcpt") == 250 && v->count < sizeof v->rcpts / sizeof *v->rcpts)
        v->rcpts[v->count++] = rcpt;
}

static inline void server_data(server *v)
{
    if (!v->count && !(v->takes_anything && v->in_mail)) {
        server_say(v, "503 5.5.1 no valid recipients\r\n");
        return;
    }
    if (server_answer(v, 354, "go") == 354 && v->mode == SERVER_LINES)
        v->mode = SERVER_DATA;
}

static inline void server_bdat(server *v, const char *args)
{
    char last[8] = "";
    int n = sscanf(args, "%llu %7s", &v->chunk_left, last);

    FUZZ_CHECK(n >= 1);
    v->chunk_last = strcmp(last, "LAST") == 0;
    v->mode = SERVER_BDAT;
}

static inline void server_command(server *v, const char *line)
{
    if (strncmp(line, "LHLO ", 5) == 0)
        server_hello(v);
    else if (strncmp(line, "MAIL FROM:", 10) == 0)
        server_mail(v, line + 10);
    else if (strncmp(line, "RCPT TO:", 8) == 0)
        server_rcpt(v, line + 8);
    else if (strcmp(line, "DATA") == 0)
        server_data(v);
    else if (strncmp(line, "BDAT ", 5) == 0)
        server_bdat(v, line + 5);
    else if (strcmp(line, "RSET") == 0) {
        server_reset(v);
        server_say(v, "250 2.0.0 reset\r\n");
    } else {
        /* With a reply too many, a 354 that this server gives to anything looks like leave to send the content. */
        FUZZ_CHECK(v->fault == SERVER_EXTRA);
        server_say(v, "500 5.5.2 no such command\r\n");
    }
}

/* ---- bytes */

static inline void server_store(server *v, char c)
{
    if (v->content_len < sizeof v->content)
        v->content[v->content_len++] = c;
}

/* What came, as the message's author wrote it. */
static inline void server_check_content(const server *v);

static inline void server_chunk_end(server *v)
{
    v->mode = SERVER_LINES;
    if (!v->count) {
        if (v->answers_nobody || !v->chunk_last)
            server_say(v, "503 5.5.1 no valid recipients\r\n");
        server_reset(v);
    } else if (v->chunk_last) {
        server_check_content(v);
        server_final(v);
    } else {
        server_say(v, "250 2.0.0 chunk\r\n");
    }
}

static inline void server_text_line(server *v)
{
    size_t skip = v->line[0] == '.', i;

    if (v->line_len == 3 && memcmp(v->line, ".\r\n", 3) == 0) {
        v->mode = SERVER_LINES;
        if (v->count)
            server_check_content(v);
        server_final(v);
        return;
    }
    for (i = skip; i < v->line_len; i++)
        server_store(v, v->line[i]);
}

static inline void server_line(server *v)
{
    if (v->mode == SERVER_DATA) {
        server_text_line(v);
    } else {
        FUZZ_CHECK(v->line_len >= 2 && v->line[v->line_len - 2] == '\r');
        v->line[v->line_len - 2] = '\0';
        server_command(v, v->line);
    }
    v->line_len = 0;
}

static inline void server_eat(server *v, const char *bytes, size_t n)
{
    size_t i;

    for (i = 0; i < n && v->mode != SERVER_CLOSED; i++) {
        if (v->mode == SERVER_BDAT) {
            server_store(v, bytes[i]);
            v->chunk_left--;
        } else {
            FUZZ_CHECK(v->line_len < sizeof v->line);
            v->line[v->line_len++] = bytes[i];
            if (bytes[i] == '\n')
                server_line(v);
        }
        if (v->mode == SERVER_BDAT && !v->chunk_left)
            server_chunk_end(v);
    }
}

#endif
