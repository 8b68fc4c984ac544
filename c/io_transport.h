/* io_transport.h - the seam between a link and what carries its bytes.
 *
 * A transport is a struct that begins with a mw_transport, and a table of functions on it. There are two: a file descriptor's
 * (io_fd.c) and a Perl handle's (xs/handle_transport.c). The pump and mw_io_wait_many know the table alone.
 *
 * The pump reads and writes when it likes, and waits when it could do neither. A transport never waits. What the pump is to wait
 * for, the transport tells in the order of events: a read or a write says MW_E_AGAIN, then needs is asked which descriptor is to be
 * polled for what, and then the read or the write is tried again.
 */
#ifndef MW_IO_TRANSPORT_H
#define MW_IO_TRANSPORT_H

#include <stddef.h>
#include "buf.h"
#include "outq.h"

/* Events: what is wanted of a link, and what a descriptor is polled for. */
#define MW_IO_IN 1
#define MW_IO_OUT 2

typedef struct mw_transport mw_transport;

/* What a transport waits for. */
typedef struct mw_needs {
    int fd;             /* the descriptor to poll */
    int for_read;       /* the events of the descriptor after which a read is worth another try: MW_IO_IN, unless the layer has to write first */
    int for_write;      /* the same for a write: MW_IO_OUT, unless the layer has to read first */
    int pending;        /* true: a read may find bytes that poll does not show, so there is no waiting for a read. A layer that keeps
                         * bytes says so from the first byte that it gave until a read has said MW_E_AGAIN. */
} mw_needs;

/* read and write return 0 and how many bytes they moved; or MW_E_AGAIN, MW_E_INTR, MW_E_CLOSED, MW_E_SYS, or a number that is none of
 * error.h's, below 0, which the pump passes on. None of them raises SIGPIPE. */
typedef struct mw_transport_calls {
    /* 0 bytes: the peer has ended. */
    int (*read)(mw_transport *t, char *to, size_t len, size_t *got_r);

    /* Writes the slices in their order, or a part of them. MW_E_CLOSED: the peer is gone. After MW_E_AGAIN the next write begins
     * with the same bytes, and may have more behind them. */
    int (*write)(mw_transport *t, const mw_slice *v, int count, size_t *put_r);

    /* Sends from a file, and returns as write does; 0 bytes at the file's end. MW_E_STATE: that cannot be done, the pump reads and
     * writes. NULL: it never can. */
    int (*send_file)(mw_transport *t, const mw_outq_stretch *stretch, size_t *put_r);

    /* Fills in all of *needs_r. Returns 0, or MW_E_SYS when there is no descriptor. */
    int (*needs)(mw_transport *t, mw_needs *needs_r);

    /* The words for what the last MW_E_SYS or MW_E_CLOSED was about, cut to the size. */
    void (*words)(const mw_transport *t, char *to, size_t size);

    /* Gives back what the transport holds. The descriptor stays its owner's. NULL: nothing. */
    void (*close)(mw_transport *t);
} mw_transport_calls;

struct mw_transport {
    const mw_transport_calls *calls;

    /* The transport sets these. */
    int reads_unasked;  /* true: a read may come without a wait before it */
    int reads_cheaply;  /* true: a read in vain costs little, so a wait may begin by asking again and again (MW_IO_ASK) */

    /* The pump sets these. */
    unsigned misses;    /* waits in a row that asking did not shorten */
    unsigned pause;     /* how many more waits go without asking */
    int file_error;     /* errno, when the last MW_E_SYS was about a file that is sent and not about the transport; else 0 */
};

/* A transport that has nothing behind it yet. */
void mw_transport_init(mw_transport *t, const mw_transport_calls *calls);

/* See words above; a file's error comes first. */
void mw_transport_words(const mw_transport *t, char *to, size_t size);

/* See close above. */
void mw_transport_close(mw_transport *t);

/* The transport over a file descriptor. The descriptor's blocking mode is nobody's business: calls never block. */
typedef struct mw_fd_transport {
    mw_transport base;
    int fd;
    int no_send_file;   /* found out at the first call: this descriptor cannot */
    int error;          /* errno */
} mw_fd_transport;

void mw_fd_transport_init(mw_fd_transport *t);

/* Which descriptor it is from now on; -1: none. The descriptor stays the caller's. */
void mw_fd_transport_set(mw_fd_transport *t, int fd);

#endif
