/* outq.h - bytes on their way out, in order: copied ones in chunks of the queue's own, lent ones
 * where the caller has them, in memory or in a file.
 *
 * Both sessions write here and the pump empties it. The queue counts every byte that was ever
 * queued and every byte that was ever sent, so "has the last byte of this message left?" is a
 * comparison of two numbers.
 */
#ifndef MW_OUTQ_H
#define MW_OUTQ_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"
#include "buf.h"

/* Copied bytes gather in chunks of this size: large enough to make a system call worth its cost, and small enough for a processor's
 * cache. The first chunk is smaller, to keep idle sessions small. A longer copy has a chunk of its own. */
#define MW_OUTQ_CHUNK 65536

/* mw_outq_room gives at least this much, if that much is wanted: no producer makes more of one byte. */
#define MW_OUTQ_ROOM_MIN 32

typedef struct mw_outq_chunk mw_outq_chunk;

typedef struct mw_outq {
    const mw_alloc *alloc;
    mw_outq_chunk *first, *last, *spare;
    uint64_t queued;    /* bytes ever queued */
    uint64_t sent;      /* bytes ever sent; never above queued */
    int shares;         /* a file's own pages were sent, and not what was read of it: the peer sees what is written to them later */
} mw_outq;

void mw_outq_init(mw_outq *q, const mw_alloc *alloc);
void mw_outq_free(mw_outq *q);

/* Bytes queued and not sent. */
uint64_t mw_outq_len(const mw_outq *q);

/* Copies n bytes to the end, whole or not at all. Returns 0 or MW_E_NOMEM. */
int mw_outq_copy(mw_outq *q, const void *bytes, size_t n);

/* Room at the end for at most want bytes (want > 0) and at least the smaller of want and
 * MW_OUTQ_ROOM_MIN: returns where to write and how many in *cap_r; NULL when there is no memory.
 * mw_outq_wrote counts in what was written there; it must be the next call on the queue, or nothing
 * was written. For producers that expand straight into the queue. */
char *mw_outq_room(mw_outq *q, size_t want, size_t *cap_r);
void mw_outq_wrote(mw_outq *q, size_t n);

/* Queues n bytes where they are: the caller keeps them unchanged until they are sent
 * (mw_outq.sent has reached the value that mw_outq.queued has after this call) or the queue is
 * dropped. Returns 0 or MW_E_NOMEM. */
int mw_outq_lend(mw_outq *q, const void *bytes, size_t n);

/* A stretch of a file: left bytes from offset on. */
typedef struct mw_outq_stretch {
    int fd;
    uint64_t offset, left;
    unsigned behind;    /* how many bytes the file has behind the stretch, at most MW_OUTQ_BEHIND_MAX */
    int is_part;        /* it may have more than these */
    int64_t stamp;      /* when the file was last changed (mw_io_file_stamp), as it was queued; 0: it may change */
} mw_outq_stretch;

/* Queues a stretch of a file. It is read when it is sent: the caller keeps the descriptor open until then, or until the queue is dropped.
 * With behind above 0 the caller queues the file's last bytes by mw_outq_copy behind the stretch: they are not sent before the sender has
 * found that the file is as long as it was (as is_part has it), and was not changed. Returns 0 or MW_E_NOMEM. */
#define MW_OUTQ_BEHIND_MAX 2
int mw_outq_stretch_of(mw_outq *q, const mw_outq_stretch *stretch);

/* 1 when the next bytes to be sent are in a file, and which; else 0. */
int mw_outq_peek_file(const mw_outq *q, mw_outq_stretch *stretch_r);

/* The next stretches of memory to send, at most max of them, none empty: returns how many were filled
 * in, up to the next file. They are valid until the queue changes. */
int mw_outq_peek(const mw_outq *q, mw_slice *v, int max);

/* n bytes have been sent (at most mw_outq_len). */
void mw_outq_sent(mw_outq *q, size_t n);

/* Forgets the bytes that were not sent: queued becomes sent. */
void mw_outq_drop(mw_outq *q);

#endif
