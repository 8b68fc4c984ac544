/* sink.c - see sink.h. One process, any number of links, one poll.
 *
 *   sink [--qmtp] [--pipelining] [--chunking] [--delay MS] [--tls PEM]
 *
 * Listens on a port of 127.0.0.1 that the system chooses, prints it, and ends when its standard
 * input does: so it never outlives whoever started it.
 */
#include "sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NANO 1000000000

/* How much is read at once. */
#define BLOCK (256 * 1024)

/* How much is thrown away at once, where the kernel can do that without copying it. */
#define DISCARD (4 * 1024 * 1024)

static char block[BLOCK];

static int64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NANO + ts.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- bytes */

static ssize_t plain_take(sink_link *l, char *to, size_t len)
{
    return recv(l->fd, to, len, MSG_DONTWAIT);
}

static ssize_t plain_put(sink_link *l, const char *bytes, size_t len)
{
    return send(l->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static const sink_way plain = { NULL, plain_take, plain_put, NULL };

#ifndef SINK_TLS
const sink_way *sink_tls(const char *pem)
{
    (void)pem;
    return NULL;
}
#endif

/* ---- what is said */

void sink_say(sink_link *l, const char *text, size_t len)
{
    if (l->out_cap - l->out_len < len) {
        size_t cap = (l->out_cap + len) * 2;
        char *bigger = realloc(l->out, cap);

        if (!bigger) {
            l->closing = 1;
            return;
        }
        l->out = bigger;
        l->out_cap = cap;
    }
    memcpy(l->out + l->out_len, text, len);
    l->out_len += len;
    l->said += len;
}

/* What has been said since the last mark leaves one round trip from now. */
static void mark(sink_link *l)
{
    sink_mark *m;

    if (!l->options->delay)
        return;
    if (l->mark_count == SINK_MARKS)
        l->mark_count--;
    m = &l->marks[(l->mark_first + l->mark_count++) % SINK_MARKS];
    m->due = now() + l->options->delay;
    m->end = l->said;
}

/* How many bytes may leave now. */
static size_t may_leave(sink_link *l)
{
    uint64_t end = l->sent;
    size_t i;

    if (!l->options->delay)
        return l->out_len;
    for (i = 0; i < l->mark_count; i++) {
        const sink_mark *m = &l->marks[(l->mark_first + i) % SINK_MARKS];

        if (m->due > now())
            break;
        end = m->end;
    }
    return (size_t)(end - l->sent);
}

static void drop_marks(sink_link *l)
{
    while (l->mark_count && l->marks[l->mark_first].end <= l->sent) {
        l->mark_first = (l->mark_first + 1) % SINK_MARKS;
        l->mark_count--;
    }
}

static void flush(sink_link *l)
{
    size_t len = may_leave(l);
    ssize_t n;

    if (!len)
        return;
    n = l->options->way->put(l, l->out, len);
    if (n < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            l->closing = 1;
            l->out_len = 0;
        }
        return;
    }
    l->out_len -= (size_t)n;
    l->sent += (uint64_t)n;
    memmove(l->out, l->out + n, l->out_len);
    drop_marks(l);
}

/* ---- what is read */

static void feed(sink_link *l, const char *in, size_t len)
{
    if (l->options->qmtp)
        sink_qmtp_feed(l, in, len);
    else
        sink_lmtp_feed(l, in, len);
}

static ssize_t take(sink_link *l)
{
    ssize_t n = l->options->way->take(l, block, BLOCK);

    if (n > 0)
        feed(l, block, (size_t)n);
    return n;
}

#ifdef __linux__
/* tcp(7): with MSG_TRUNC the bytes are discarded instead of copied. */
static ssize_t discard(sink_link *l)
{
    size_t len = l->skip < DISCARD ? (size_t)l->skip : DISCARD;
    ssize_t n = recv(l->fd, NULL, len, MSG_DONTWAIT | MSG_TRUNC);

    if (n > 0) {
        l->skip -= (uint64_t)n;
        if (!l->skip && !l->options->qmtp)
            sink_lmtp_skipped(l);
    }
    return n;
}
#else
static ssize_t discard(sink_link *l)
{
    return take(l);
}
#endif

static void receive(sink_link *l)
{
    uint64_t said = l->said;
    ssize_t n = l->skip && l->options->way == &plain ? discard(l) : take(l);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        l->closing = 1;
        l->out_len = 0;
    }
    if (l->said > said)
        mark(l);
}

/* ---- links */

static sink_link *accept_link(int listener, const sink_options *options)
{
    int one = 1, fd = accept(listener, NULL, NULL);
    sink_link *l;

    if (fd < 0)
        return NULL;
    if (!(l = calloc(1, sizeof *l))) {
        close(fd);
        return NULL;
    }
    l->fd = fd;
    l->options = options;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    l->closing = options->way->start && !options->way->start(l);
    if (!options->qmtp)
        sink_lmtp_start(l);
    mark(l);
    flush(l);
    return l;
}

static void free_link(sink_link *l)
{
    if (l->options->way->end)
        l->options->way->end(l);
    close(l->fd);
    free(l->out);
    free(l);
}

/* Serves the links after their poll; those that are done leave the list. Returns how many stay. */
static size_t serve(sink_link **list, const struct pollfd *polled)
{
    size_t count = 0;

    while (*list) {
        sink_link *l = *list;

        if (polled->revents & (POLLIN | POLLERR | POLLHUP))
            receive(l);
        flush(l);
        polled++;
        if (l->closing && !l->out_len) {
            *list = l->next;
            free_link(l);
            continue;
        }
        list = &l->next;
        count++;
    }
    return count;
}

/* ---- the loop */

static short wanted(const sink_link *l)
{
    int in = !l->closing && l->out_len < SINK_OUT_MAX;
    int out = l->out_len && !l->options->delay;

    return (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
}

/* Milliseconds to the next reply's time, rounded down: the rest is spent turning, as a round trip
 * that is longer than announced would be counted against the client. */
static int wait_ms(const sink_link *list)
{
    int64_t soonest = INT64_MAX, left;

    for (; list; list = list->next)
        if (list->mark_count && list->marks[list->mark_first].due < soonest)
            soonest = list->marks[list->mark_first].due;
    if (soonest == INT64_MAX)
        return -1;
    left = soonest - now();
    return left <= 0 ? 0 : (int)(left / 1000000);
}

static void ask_links(const sink_link *l, struct pollfd *set)
{
    for (; l; l = l->next)
        *set++ = (struct pollfd){ .fd = l->fd, .events = wanted(l) };
}

/* Until standard input ends. */
static void run(int listener, const sink_options *options)
{
    sink_link *list = NULL, *l;
    struct pollfd *set = NULL;
    size_t links = 0;

    for (;;) {
        if (!(set = realloc(set, (links + 2) * sizeof *set)))
            fail("realloc");
        set[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
        set[1] = (struct pollfd){ .fd = listener, .events = POLLIN };
        ask_links(list, set + 2);
        if (poll(set, (nfds_t)(links + 2), wait_ms(list)) < 0 && errno != EINTR)
            fail("poll");
        if (set[0].revents && read(STDIN_FILENO, block, BLOCK) <= 0)
            return;
        links = serve(&list, set + 2);
        if ((set[1].revents & POLLIN) && (l = accept_link(listener, options))) {
            l->next = list;
            list = l;
            links++;
        }
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128)
        || getsockname(fd, (struct sockaddr *)&address, &len))
        fail("listen");
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void usage(void)
{
    fputs("usage: sink [--qmtp] [--pipelining] [--chunking] [--delay MS] [--tls PEM]\n", stderr);
    exit(64);
}

int main(int argc, char **argv)
{
    sink_options options = { 0, 0, 0, &plain, 0 };
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--qmtp") == 0)
            options.qmtp = 1;
        else if (strcmp(argv[i], "--pipelining") == 0)
            options.pipelining = 1;
        else if (strcmp(argv[i], "--chunking") == 0)
            options.chunking = 1;
        else if (strcmp(argv[i], "--delay") == 0 && i + 1 < argc)
            options.delay = (int64_t)atoi(argv[++i]) * 1000000;
        else if (strcmp(argv[i], "--tls") == 0 && i + 1 < argc)
            options.way = sink_tls(argv[++i]);
        else
            usage();
    }
    if (!options.way)
        fail("--tls");
    run(listen_somewhere(), &options);
    return 0;
}
