/* client.c - the speed limit: how fast mail can be sent by a C program that does nothing else.
 *
 *   client MODE PORT COUNT SIZE [FILE]
 *
 *   lmtp-loop        one command, one reply; the content and its dot in one write
 *   lmtp-pipelined   MAIL, RCPT and DATA in one write; the content and its dot in another
 *   lmtp-blocks      one message of COUNT blocks of SIZE bytes
 *   lmtp-mended      the same, its lines ended by LF: each end is made CRLF on the way
 *   lmtp-file        one message, FILE, whose line ends are made CRLF on the way
 *   lmtp-bdat        MAIL, RCPT and BDAT LAST with its chunk in one write, back to back, replies read in between
 *   qmtp-loop        one package, one write; then its answer
 *   qmtp-stream      packages back to back, one write each, answers read in between
 *   qmtp-blocks      one package of COUNT blocks of SIZE bytes
 *
 * Replies are counted and must be good, and nothing else is looked at. Prints one line for the
 * script: messages (or blocks), seconds, processor seconds, resident kilobytes before and at the most.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FROM "sender@example.org"
#define TO "recipient@example.org"
#define LINE 73

/* Messages sent before the clock starts. */
#define WARM_UP 20

/* Streams look for answers after this many messages. */
#define ANSWERS_EVERY 16

/* How much is read from a file, and mended, at once. */
#define FILE_BLOCK 65536

/* Answers that may be owed: the server gets no further ahead than what its socket buffers hold. */
#define IN_FLIGHT 256

typedef struct client {
    int fd;
    int file;
    size_t size;            /* of the content */
    char *content;
    char *unit;             /* what is written per message */
    size_t unit_len;
    char in[65536];
    size_t in_len;
} client;

static void fail(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

static void *allocate(size_t size)
{
    void *block = malloc(size);

    if (!block)
        fail("malloc");
    return block;
}

static int dial(int port)
{
    struct sockaddr_in address;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void put(client *c, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(c->fd, bytes, len);

        if (n < 0)
            fail("write");
        bytes += n;
        len -= (size_t)n;
    }
}

/* More input, 0 when there is none and flags say not to wait. */
static size_t get(client *c, int flags)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, flags);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0)
        fail("read");
    c->in_len += (size_t)n;
    return (size_t)n;
}

static void eaten(client *c, size_t n)
{
    c->in_len -= n;
    memmove(c->in, c->in + n, c->in_len);
}

/* Lines of the given length, ended by CRLF; size bytes in all. */
static char *make_content(size_t size)
{
    char *content = allocate(size + 1);
    size_t i;

    for (i = 0; i < size; i++)
        content[i] = (char)('a' + i % LINE % 26);
    for (i = LINE; i <= size; i += LINE)
        memcpy(content + i - 2, "\r\n", 2);
    if (size >= 2)
        memcpy(content + size - 2, "\r\n", 2);
    return content;
}

/* ---- LMTP */

/* One complete reply, which must be good. Returns 0 when more bytes are needed. */
static int reply(client *c)
{
    const char *line = c->in, *end;

    while ((end = memchr(line, '\n', c->in_len - (size_t)(line - c->in)))) {
        int last = end - line < 4 || line[3] != '-';

        if (*line != '2' && *line != '3')
            fail("reply");
        line = end + 1;
        if (last) {
            eaten(c, (size_t)(line - c->in));
            return 1;
        }
    }
    return 0;
}

static void replies(client *c, int count)
{
    while (count)
        if (reply(c))
            count--;
        else
            get(c, 0);
}

static void say(client *c, const char *text, int count)
{
    put(c, text, strlen(text));
    replies(c, count);
}

static void lmtp_prepare(client *c)
{
    c->unit_len = c->size + 3;
    c->unit = allocate(c->unit_len);
    memcpy(c->unit, c->content, c->size);
    memcpy(c->unit + c->size, ".\r\n", 3);
    replies(c, 1);
    say(c, "LHLO client\r\n", 1);
}

static void lmtp_content(client *c)
{
    put(c, c->unit, c->unit_len);
    replies(c, 1);
}

static void lmtp_loop(client *c, long count)
{
    for (; count; count--) {
        say(c, "MAIL FROM:<" FROM ">\r\n", 1);
        say(c, "RCPT TO:<" TO ">\r\n", 1);
        say(c, "DATA\r\n", 1);
        lmtp_content(c);
    }
}

static void lmtp_pipelined(client *c, long count)
{
    for (; count; count--) {
        say(c, "MAIL FROM:<" FROM ">\r\nRCPT TO:<" TO ">\r\nDATA\r\n", 3);
        lmtp_content(c);
    }
}

static void lmtp_blocks(client *c, long count)
{
    say(c, "MAIL FROM:<" FROM ">\r\nRCPT TO:<" TO ">\r\nDATA\r\n", 3);
    for (; count; count--)
        put(c, c->content, c->size);
    say(c, ".\r\n", 1);
}

/* As many bytes, at most, as mend makes of len. */
static size_t mended_max(size_t len)
{
    return 2 * len;
}

/* Content with each LF made CRLF. Returns its length. */
static size_t mend(const char *in, size_t len, char *out)
{
    const char *end = in + len;
    char *to = out;

    while (in < end) {
        const char *lf = memchr(in, '\n', (size_t)(end - in));
        size_t n = (size_t)((lf ? lf : end) - in);

        memcpy(to, in, n);
        to += n;
        in += n;
        if (lf) {
            *to++ = '\r';
            *to++ = *in++;
        }
    }
    return (size_t)(to - out);
}

static void lmtp_mended(client *c, long count)
{
    char *text = allocate(c->size), *out = allocate(mended_max(FILE_BLOCK));
    size_t i, n;

    memset(text, 'x', c->size);
    for (i = LINE; i <= c->size; i += LINE)
        text[i - 1] = '\n';
    text[c->size - 1] = '\n';
    say(c, "MAIL FROM:<" FROM ">\r\nRCPT TO:<" TO ">\r\nDATA\r\n", 3);
    for (; count; count--)
        for (i = 0; i < c->size; i += n) {
            n = c->size - i < FILE_BLOCK ? c->size - i : FILE_BLOCK;
            put(c, out, mend(text + i, n, out));
        }
    say(c, ".\r\n", 1);
    free(text);
    free(out);
}

static void lmtp_file(client *c, long count)
{
    static char block[FILE_BLOCK];
    char *out = allocate(mended_max(FILE_BLOCK));
    off_t at = 0;
    ssize_t n;

    (void)count;
    say(c, "MAIL FROM:<" FROM ">\r\nRCPT TO:<" TO ">\r\nDATA\r\n", 3);
    for (; (n = pread(c->file, block, sizeof block, at)) > 0; at += n)
        put(c, out, mend(block, (size_t)n, out));
    say(c, ".\r\n", 1);
    free(out);
}

static void bdat_prepare(client *c)
{
    int head;

    c->unit = allocate(c->size + 256);
    head = sprintf(c->unit, "MAIL FROM:<" FROM ">\r\nRCPT TO:<" TO ">\r\nBDAT %zu LAST\r\n", c->size);
    memcpy(c->unit + head, c->content, c->size);
    c->unit_len = (size_t)head + c->size;
    replies(c, 1);
    say(c, "LHLO client\r\n", 1);
}

static void lmtp_bdat(client *c, long count)
{
    long owed = 0, sent = 0;

    while (sent < count || owed) {
        int full = owed > 3 * IN_FLIGHT || sent == count;

        if (!full) {
            put(c, c->unit, c->unit_len);
            owed += 3;
            sent++;
        }
        if ((full || sent % ANSWERS_EVERY == 0) && get(c, full ? 0 : MSG_DONTWAIT))
            while (owed && reply(c))
                owed--;
    }
}

/* ---- QMTP */

static const char envelope[] = ",18:" FROM ",25:21:" TO ",,";

static void qmtp_prepare(client *c)
{
    int head;

    c->unit = allocate(c->size + 128);
    head = sprintf(c->unit, "%zu:\r", c->size + 1);
    memcpy(c->unit + head, c->content, c->size);
    memcpy(c->unit + head + c->size, envelope, sizeof envelope - 1);
    c->unit_len = (size_t)head + c->size + sizeof envelope - 1;
}

/* How many answers are there, each of which must be good. */
static long answers(client *c)
{
    size_t at = 0;
    long count = 0;

    for (;;) {
        const char *colon = memchr(c->in + at, ':', c->in_len - at);
        size_t start = colon ? (size_t)(colon + 1 - c->in) : 0, len;

        if (!colon)
            break;
        len = strtoul(c->in + at, NULL, 10);
        if (start + len + 1 > c->in_len)
            break;
        if (c->in[start] != 'K')
            fail("answer");
        at = start + len + 1;
        count++;
    }
    eaten(c, at);
    return count;
}

static void await_answers(client *c, long owed)
{
    while (owed) {
        get(c, 0);
        owed -= answers(c);
    }
}

static void qmtp_loop(client *c, long count)
{
    for (; count; count--) {
        put(c, c->unit, c->unit_len);
        await_answers(c, 1);
    }
}

static void qmtp_stream(client *c, long count)
{
    long owed = 0, sent = 0;

    while (sent < count) {
        put(c, c->unit, c->unit_len);
        owed++;
        sent++;
        while ((sent % ANSWERS_EVERY == 0 || owed > IN_FLIGHT) && owed
            && get(c, owed > IN_FLIGHT ? 0 : MSG_DONTWAIT))
            owed -= answers(c);
    }
    await_answers(c, owed);
}

static void qmtp_blocks(client *c, long count)
{
    char head[64];

    put(c, head, (size_t)sprintf(head, "%zu:\r", c->size * (size_t)count + 1));
    for (; count; count--)
        put(c, c->content, c->size);
    put(c, envelope, sizeof envelope - 1);
    await_answers(c, 1);
}

/* ---- measuring */

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec)
        + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static void measure(client *c, void (*run)(client *c, long count), long count)
{
    struct rusage before, after;
    double start;

    getrusage(RUSAGE_SELF, &before);
    start = seconds();
    run(c, count);
    start = seconds() - start;
    getrusage(RUSAGE_SELF, &after);
    printf("count=%ld seconds=%.6f cpu=%.6f before_kb=%ld peak_kb=%ld\n", count, start,
        cpu(&after) - cpu(&before), before.ru_maxrss, after.ru_maxrss);
}

static const struct mode {
    const char *name;
    void (*prepare)(client *c);
    void (*run)(client *c, long count);
    long warm_up;
} modes[] = {
    { "lmtp-loop", lmtp_prepare, lmtp_loop, WARM_UP },
    { "lmtp-pipelined", lmtp_prepare, lmtp_pipelined, WARM_UP },
    { "lmtp-blocks", lmtp_prepare, lmtp_blocks, 1 },
    { "lmtp-mended", lmtp_prepare, lmtp_mended, 1 },
    { "lmtp-file", lmtp_prepare, lmtp_file, 1 },
    { "lmtp-bdat", bdat_prepare, lmtp_bdat, WARM_UP },
    { "qmtp-loop", qmtp_prepare, qmtp_loop, WARM_UP },
    { "qmtp-stream", qmtp_prepare, qmtp_stream, WARM_UP },
    { "qmtp-blocks", qmtp_prepare, qmtp_blocks, 1 },
};

static const struct mode *find_mode(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    fail("no such mode");
    return NULL;
}

int main(int argc, char **argv)
{
    static client c;
    const struct mode *mode;

    if (argc != 5 && argc != 6) {
        fputs("usage: client MODE PORT COUNT SIZE [FILE]\n", stderr);
        return 64;
    }
    mode = find_mode(argv[1]);
    c.fd = dial(atoi(argv[2]));
    c.size = strtoul(argv[4], NULL, 10);
    c.file = argc == 6 ? open(argv[5], O_RDONLY) : -1;
    if (argc == 6 && c.file < 0)
        fail(argv[5]);
    c.content = make_content(c.size);
    mode->prepare(&c);
    mode->run(&c, mode->warm_up);
    measure(&c, mode->run, atol(argv[3]));
    return 0;
}
