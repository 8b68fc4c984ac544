/* sink_lmtp.c - LMTP's server side (RFC 2033), with CHUNKING (RFC 3030) if wanted. */
#include "sink.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SAY(link, text) sink_say(link, text, sizeof text - 1)

/* What ends the content. It begins as if its first two characters had been seen. */
static const char content_end[] = "\r\n.\r\n";
#define CONTENT_END 5
#define LINE_START 2

void sink_lmtp_start(sink_link *l)
{
    SAY(l, "220 bench.example LMTP sink\r\n");
}

static void reset(sink_link *l)
{
    l->in_mail = 0;
    l->accepted = 0;
}

/* RFC 2033 4.2: one reply for each accepted recipient. */
static void say_finals(sink_link *l)
{
    size_t i;

    for (i = 0; i < l->accepted; i++)
        SAY(l, "250 2.0.0 Discarded\r\n");
    reset(l);
}

/* ---- content */

static unsigned match(unsigned matched, char c)
{
    if (c == content_end[matched])
        return matched + 1;
    return c == '\r';
}

/* Nothing matched so far: the next place where a dot follows a line end, or the last two bytes. */
static size_t next_candidate(const char *in, size_t i, size_t len, unsigned *matched_r)
{
    while (i < len) {
        const char *dot = memchr(in + i, '.', len - i);
        size_t at = dot ? (size_t)(dot - in) : len;

        if (!dot)
            return len - i > 2 ? len - 2 : i;
        if (at - i >= 2 && dot[-1] == '\n' && dot[-2] == '\r') {
            *matched_r = 3;
            return at + 1;
        }
        i = at + 1;
    }
    return i;
}

static size_t feed_content(sink_link *l, const char *in, size_t len)
{
    size_t i = 0;

    while (i < len && l->matched < CONTENT_END) {
        if (l->matched == 0)
            i = next_candidate(in, i, len, &l->matched);
        if (i < len)
            l->matched = match(l->matched, in[i++]);
    }
    if (l->matched == CONTENT_END) {
        l->in_content = 0;
        say_finals(l);
    }
    return i;
}

/* ---- BDAT (RFC 3030 2) */

void sink_lmtp_skipped(sink_link *l)
{
    l->chunk = 0;
    if (!l->accepted)
        SAY(l, "503 5.5.1 No recipient\r\n");
    else if (l->chunk_last)
        say_finals(l);
    else
        SAY(l, "250 2.0.0 Chunk taken\r\n");
}

static void bdat(sink_link *l, const char *line)
{
    char *end;

    if (!l->options->chunking) {
        SAY(l, "500 5.5.1 No CHUNKING\r\n");
        return;
    }
    l->skip = strtoull(line + 4, &end, 10);
    l->chunk = 1;
    l->chunk_last = strncasecmp(end, " LAST", 5) == 0;
    if (!l->skip)
        sink_lmtp_skipped(l);
}

/* ---- commands */

static void lhlo(sink_link *l)
{
    reset(l);
    SAY(l, "250-bench.example\r\n");
    if (l->options->pipelining)
        SAY(l, "250-PIPELINING\r\n");
    if (l->options->chunking)
        SAY(l, "250-CHUNKING\r\n");
    SAY(l, "250-8BITMIME\r\n250-SIZE\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n");
}

static void mail(sink_link *l)
{
    reset(l);
    l->in_mail = 1;
    SAY(l, "250 2.1.0 Ok\r\n");
}

static void rcpt(sink_link *l)
{
    if (!l->in_mail) {
        SAY(l, "503 5.5.1 MAIL first\r\n");
        return;
    }
    l->accepted++;
    SAY(l, "250 2.1.5 Ok\r\n");
}

static void data(sink_link *l)
{
    if (!l->accepted) {
        SAY(l, "503 5.5.1 No recipient\r\n");
        return;
    }
    l->in_content = 1;
    l->matched = LINE_START;
    SAY(l, "354 Go on\r\n");
}

static void rset(sink_link *l)
{
    reset(l);
    SAY(l, "250 2.0.0 Ok\r\n");
}

static void noop(sink_link *l)
{
    SAY(l, "250 2.0.0 Ok\r\n");
}

static void quit(sink_link *l)
{
    SAY(l, "221 2.0.0 Bye\r\n");
    l->closing = 1;
}

static const struct {
    char verb[5];
    void (*run)(sink_link *l);
} commands[] = {
    { "MAIL", mail }, { "RCPT", rcpt }, { "DATA", data }, { "LHLO", lhlo },
    { "RSET", rset }, { "NOOP", noop }, { "QUIT", quit },
};

/* A line and its NUL. */
static void command(sink_link *l, const char *line)
{
    size_t i;

    if (strncasecmp(line, "BDAT", 4) == 0) {
        bdat(l, line);
        return;
    }
    for (i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strncasecmp(line, commands[i].verb, 4) == 0) {
            commands[i].run(l);
            return;
        }
    SAY(l, "500 5.5.2 What?\r\n");
}

static size_t feed_line(sink_link *l, const char *in, size_t len)
{
    const char *end = memchr(in, '\n', len);
    size_t n = end ? (size_t)(end - in) + 1 : len;

    if (n >= SINK_LINE_MAX - l->line_len) {
        l->closing = 1;
        return len;
    }
    memcpy(l->line + l->line_len, in, n);
    l->line_len += n;
    if (!end)
        return n;
    l->line[l->line_len] = '\0';
    l->line_len = 0;
    command(l, l->line);
    return n;
}

static size_t feed_chunk(sink_link *l, size_t len)
{
    size_t n = len < l->skip ? len : (size_t)l->skip;

    l->skip -= n;
    if (!l->skip)
        sink_lmtp_skipped(l);
    return n;
}

void sink_lmtp_feed(sink_link *l, const char *in, size_t len)
{
    while (len && !l->closing) {
        size_t n = l->chunk ? feed_chunk(l, len)
            : l->in_content ? feed_content(l, in, len)
            : feed_line(l, in, len);

        in += n;
        len -= n;
    }
}
