/* sink.h - the benchmark's server: takes mail by LMTP or QMTP, throws it away, answers correctly.
 *
 * sink.c owns the links: it reads, hands the bytes to the protocol, and sends what the protocol
 * has said. A protocol eats all that it is given; it keeps what it needs to know in the link.
 */
#ifndef SINK_H
#define SINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest command line; a longer one ends the link. */
#define SINK_LINE_MAX 16384

/* Replies that may wait on a link before its input is left alone. Stops a client that never
 * reads. */
#define SINK_OUT_MAX (1024 * 1024)

/* Replies whose time has not come, counted in reads. More share the time of the last. */
#define SINK_MARKS 1024

typedef struct sink_link sink_link;

/* How bytes come and go. take and put are as recv and send are for a socket that does not block; start, which returns 0 when it
 * fails, and end may be NULL. */
typedef struct sink_way {
    int (*start)(sink_link *l);
    ssize_t (*take)(sink_link *l, char *to, size_t len);
    ssize_t (*put)(sink_link *l, const char *bytes, size_t len);
    void (*end)(sink_link *l);
} sink_way;

typedef struct sink_options {
    int qmtp;
    int pipelining;
    int chunking;
    const sink_way *way;
    int64_t delay;      /* an artificial round trip, in nanoseconds */
} sink_options;

/* Replies up to byte `end` of all those ever said may leave at `due`. */
typedef struct sink_mark {
    int64_t due;
    uint64_t end;
} sink_mark;

struct sink_link {
    struct sink_link *next;
    const sink_options *options;
    int fd;
    void *tls;
    int closing;            /* no more input; close when all has been said */

    char *out;              /* said, not yet sent */
    size_t out_len, out_cap;
    uint64_t said, sent;
    sink_mark marks[SINK_MARKS];
    size_t mark_first, mark_count;

    uint64_t skip;          /* content of known length, still to come */

    /* LMTP */
    char line[SINK_LINE_MAX];
    size_t line_len;
    int in_mail, in_content, chunk, chunk_last;
    unsigned matched;       /* characters of the content's end seen so far */
    size_t accepted;

    /* QMTP */
    int part, step;
    uint64_t number;        /* of the length that is being read */
    uint64_t rcpts_left;    /* bytes of the list of recipients still to come */
    size_t rcpts;
};

/* Says something to the client. Without memory the link closes. */
void sink_say(sink_link *l, const char *text, size_t len);

void sink_lmtp_start(sink_link *l);
void sink_lmtp_feed(sink_link *l, const char *in, size_t len);

/* The content of known length is over. */
void sink_lmtp_skipped(sink_link *l);

void sink_qmtp_feed(sink_link *l, const char *in, size_t len);

/* TLS, where the sink was built with it, by a file that has a certificate and its key. NULL when the file does not do. */
const sink_way *sink_tls(const char *pem);

#endif
