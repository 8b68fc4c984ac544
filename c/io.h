/* io.h - the only system calls of the distribution: connecting, and a pump that moves bytes between a
 * session and a transport.
 *
 * Nothing here knows a protocol. A session is seen as a queue of bytes to send (mw_outq) and a buffer of
 * bytes received (mw_buf). A transport is a small table of functions: a file descriptor's is here, a Perl
 * handle's (for TLS) can be made elsewhere.
 *
 * What the queue has in files is sent without a copy where transport and system can do that (sendfile), else
 * read in blocks. A file that no longer has the bytes, or has more behind them, or was changed, is not what was queued:
 * MW_E_SIZE, and the bytes behind it are not sent.
 *
 * Time is in nanoseconds of the monotonic clock (mw_io_now). A deadline of MW_IO_NEVER is none. No function
 * waits past its deadline, and none longer than MW_IO_SLICE: a signal that comes just before the wait delays
 * its handler by that much at the most.
 */
#ifndef MW_IO_H
#define MW_IO_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"
#include "file.h"
#include "outq.h"

#define MW_IO_NEVER INT64_MAX
#define MW_IO_SLICE 200000000   /* 0.2 s */

/* A server on the same machine often answers sooner than a process can be put to sleep and woken. So a wait
 * begins by asking for its bytes again and again, for this long at the most. Where that is in vain it is not
 * done the next 2, 4, 8 ... times, up to MW_IO_PAUSE_MAX: a distant server costs next to nothing. */
#define MW_IO_ASK 30000         /* 30 us */
#define MW_IO_PAUSE_MAX 1024

/* How many bytes one read asks for. */
#define MW_IO_READ 16384

/* How many received bytes may wait before they are looked at. Stops a peer that floods while we write. */
#define MW_IO_INPUT_MAX (1024 * 1024)

/* Room for the system's words for an error. */
#define MW_IO_WORDS 256

/* What to wait for. */
#define MW_IO_IN 1
#define MW_IO_OUT 2

typedef struct mw_transport mw_transport;

/* The functions of a transport. read and write never block; both return 0, MW_E_AGAIN, MW_E_INTR,
 * MW_E_CLOSED (write: the peer is gone; reads see it as 0 bytes) or MW_E_SYS. wait returns the events that
 * are there (a mask of MW_IO_IN and MW_IO_OUT; an error or hang-up counts as both), 0 when ms milliseconds
 * (0: do not wait) passed, MW_E_INTR or MW_E_SYS. */
typedef struct mw_transport_calls {
    int (*read)(mw_transport *t, char *to, size_t len, size_t *got_r);
    int (*write)(mw_transport *t, const mw_slice *v, int count, size_t *put_r);
    int (*wait)(mw_transport *t, int events, int ms);
    /* Sends from a file, and returns as write; 0 with no bytes sent at the file's end; MW_E_STATE: cannot do
     * that, use write. NULL: never can. */
    int (*send_file)(mw_transport *t, const mw_outq_stretch *stretch, size_t *put_r);
    /* True: read costs little, so a wait may begin by asking it again for MW_IO_ASK. */
    int asks;
} mw_transport_calls;

struct mw_transport {
    const mw_transport_calls *calls;
    int fd;             /* of the file descriptor transport; its blocking mode is nobody's business */
    int not_socket;     /* found out at the first call: a file or a pipe */
    int no_send_file;   /* the same */
    unsigned misses;    /* waits in a row that asking did not shorten, */
    unsigned pause;     /* and how many more go without it */
    int error;          /* errno behind the last MW_E_SYS, */
    int is_of_file;     /* which a file that is sent had, and not the descriptor */
};

/* A transport over a file descriptor, which stays the caller's. */
void mw_transport_fd(mw_transport *t, int fd);

/* Now. */
int64_t mw_io_now(void);

/* The deadline that lies this many seconds ahead of now, or of a time: MW_IO_NEVER for 0 and for what is out of range. */
int64_t mw_io_after(double seconds);
int64_t mw_io_from(int64_t time, double seconds);

/* Moves what can be moved: writes out until it is empty, and reads into in while it waits to write (always)
 * or when events has MW_IO_IN. Waits for the first byte, at most until the deadline and at most for one
 * slice. errno is as it was, unless something failed; so it is after mw_io_poll.
 *   > 0             bytes moved
 *   0               a slice passed without any: let signal handlers run and call again
 *   MW_E_TIMEOUT    the deadline passed
 *   MW_E_INTR       a signal came
 *   MW_E_CLOSED     the peer closed; what it had sent before is in `in`
 *   MW_E_SIZE       a file has changed
 *   MW_E_INPUT_LIMIT, MW_E_NOMEM, MW_E_SYS (t->error)
 * With events MW_IO_OUT and nothing to send it returns 0 at once. */
int mw_io_pump(mw_transport *t, mw_outq *out, mw_buf *in, int events, int64_t deadline);

/* Reads what is there without waiting: > 0 bytes read, 0 none, or an error as of mw_io_pump. Always 0 for
 * what is no socket: a file's next bytes are nobody's message. */
int mw_io_poll(mw_transport *t, mw_buf *in);

/* Reads a file from offset on: how many bytes, at most max; 0 at its end; negative when it cannot be read. */
int mw_io_read_file(int fd, uint64_t offset, char *to, int max);

/* That, for the core: a stretch of an open file, as it is now. */
void mw_io_file(mw_file *file, int fd, uint64_t offset, uint64_t size);

/* The system's words for an errno, cut to the size. strerror's own may be overwritten by another thread. */
void mw_io_words(int error, char *words, size_t size);

/* When a file was last changed, as exactly as the system tells; 0 when it doesn't. */
int64_t mw_io_file_stamp(int fd);

/* A connection being made: names resolved (getaddrinfo: this one step waits as long as the
 * resolver does), then each address tried in turn against one deadline. */
typedef struct mw_dial mw_dial;

typedef struct mw_dial_to {
    const char *host;           /* a name, an address (IPv6 with or without brackets), or "/...", a UNIX-domain
                                 * socket */
    const char *port;           /* a number, 65535 at the most, or a service name; NULL for a UNIX-domain socket */
    const char *local_host;     /* bind to this address first; NULL: any */
    const char *local_port;     /* NULL: any */
    int family;                 /* AF_INET, AF_INET6; 0: any */
} mw_dial_to;

/* Resolves. The table of allocation functions must outlive the dial. Returns 0 or MW_E_RESOLVE
 * (mw_dial_error says more), MW_E_NOMEM, MW_E_SYS.
 * *dial_r is set in any case but MW_E_NOMEM, and freed by mw_dial_free. */
int mw_dial_start(const mw_alloc *alloc, mw_dial **dial_r, const mw_dial_to *to);

/* Goes on: 1 connected, 0 a slice passed, MW_E_INTR, MW_E_TIMEOUT, or MW_E_SYS when no address is left. */
int mw_dial_step(mw_dial *d, int64_t deadline);

/* The same without waiting: 0 when it would have to. */
int mw_dial_poll(mw_dial *d, int64_t deadline);

/* The descriptor that can be written to when mw_dial_poll has something to do: another one for each address. -1: time alone tells. */
int mw_dial_fd(const mw_dial *d);

/* The connected descriptor, now the caller's: in blocking mode, close-on-exec, TCP_NODELAY set. */
int mw_dial_take(mw_dial *d);

/* The address family of the descriptor (AF_INET ...). */
int mw_dial_family(const mw_dial *d);

/* errno of the last failure; EINVAL if it was the resolver's, which has words instead; 0: none. */
int mw_dial_errno(const mw_dial *d);

/* The resolver's or the system's words for the last failure. */
const char *mw_dial_error(const mw_dial *d);

void mw_dial_free(mw_dial *d);

#endif
