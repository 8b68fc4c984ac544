/* io.h - a pump that moves bytes between a session and a transport; the clock; files. These and the other io files have the only
 * system calls of the distribution.
 *
 * Nothing here knows a protocol. A session is seen as a queue of bytes to send (mw_outq) and a buffer of
 * bytes received (mw_buf). What carries the bytes is a transport (io_transport.h).
 *
 * What the queue has in files is sent without a copy where transport and system can do that (sendfile), else
 * read in blocks. A file that no longer has the bytes, or has more behind them, or was changed, is not what was queued:
 * MW_E_CHANGED, and the bytes behind it are not sent.
 *
 * Time is in nanoseconds of the monotonic clock (mw_io_now). A deadline of MW_IO_NEVER is none. No function
 * waits past its deadline, and none longer than MW_IO_SLICE: a signal that comes just before the wait delays
 * its handler by that much at the most.
 */
#ifndef MW_IO_H
#define MW_IO_H

#include <stddef.h>
#include <stdint.h>
#include "clock.h"
#include "file.h"
#include "io_transport.h"

#define MW_IO_NEVER MW_NEVER
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

/* Now. */
int64_t mw_io_now(void);

/* mw_clock_from now. */
int64_t mw_io_after(double seconds);

/* Moves what can be moved: writes out until it is empty, and reads into in while it waits to write (always)
 * or when events has MW_IO_IN. Waits for the first byte, at most until the deadline and at most for one
 * slice. errno is as it was, unless something failed; so it is after mw_io_poll.
 *   > 0             bytes moved
 *   0               a slice passed without any: let signal handlers run and call again
 *   MW_E_TIMEOUT    the deadline passed
 *   MW_E_INTR       a signal came
 *   MW_E_CLOSED     the peer closed; what it had sent before is in `in`
 *   MW_E_CHANGED       a file has changed
 *   MW_E_INPUT_LIMIT, MW_E_NOMEM, MW_E_SYS (mw_transport_words)
 * With events MW_IO_OUT and nothing to send it returns 0 at once. */
int mw_io_pump(mw_transport *t, mw_outq *out, mw_buf *in, int events, int64_t deadline);

/* One of several links that are waited for at once. */
typedef struct mw_io_wait {
    mw_transport *transport;
    int events;         /* what is wanted of the link: MW_IO_IN to read, MW_IO_OUT to write */
    int ready;          /* which of these can be tried now; or the error of this link, below 0 */
    mw_needs needs;     /* of the wait itself */
} mw_io_wait;

/* How many may be waited for at once. */
#define MW_IO_LINKS_MAX 256

/* Waits until a link is ready, at most until the deadline and at most for one slice. Returns how many links are, each of which has it
 * in `ready`; 0 when a slice passed; MW_E_TIMEOUT, MW_E_INTR, MW_E_SYS; MW_E_STATE: too many. No link at all is a pause. */
int mw_io_wait_many(mw_io_wait *waits, size_t count, int64_t deadline);

/* Which of these events a descriptor has, without a transport. Waits until the deadline, at most a slice. 0 none; MW_E_INTR, MW_E_SYS. */
int mw_io_ready(int fd, int events, int64_t deadline);

/* Reads what is there, without waiting: > 0 bytes read, 0 none, or an error as of mw_io_pump. Always 0 for a descriptor that is no socket:
 * a file's next bytes are no message. To be called before more is sent: what came unasked would be taken for the answer to that. */
int mw_io_poll(mw_transport *t, mw_buf *in);

/* Reads a file from offset on: how many bytes, at most max; 0 at its end; negative when it cannot be read. */
int mw_io_read_file(int fd, uint64_t offset, char *to, int max);

/* Fills in a stretch of an open file, as it is now, and the functions by which the core reads it. */
void mw_io_file(mw_file *file, int fd, uint64_t offset, uint64_t size, int is_part);

/* Opens a plain file, which is closed when a program is run: file is all of it. 0, or -1 when it is none or cannot be opened. */
int mw_io_open_file(mw_file *file, const char *name);

/* Reads a small stretch of a file, all of it; to has room for one byte more. How many bytes; MW_E_CHANGED: it is not what it was when file was
 * filled in; MW_E_SYS: it cannot be read. */
int mw_io_read_stretch(const mw_file *file, char *to);

/* The system's words for an errno, cut to the size. strerror's own may be overwritten by another thread. */
void mw_io_words(int error, char *words, size_t size);

/* When a file was last changed, as exactly as the system tells; 0 when it doesn't. */
int64_t mw_io_file_stamp(int fd);

#endif
