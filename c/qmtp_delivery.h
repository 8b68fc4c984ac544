/* qmtp_delivery.h - one message on its way over QMTP: sender, recipients, content, and what became of each recipient.
 *
 *   mw_qmtp_delivery_new, mw_qmtp_delivery_rcpt for each recipient, the content
 *
 * It waits, a session writes its package (qmtp.h), the server answers for each recipient, and it is over. Only a lost link
 * makes it wait again, if no byte of its package was sent: the server cannot have seen it then.
 */
#ifndef MW_QMTP_DELIVERY_H
#define MW_QMTP_DELIVERY_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"
#include "buf.h"
#include "outq.h"
#include "result.h"

/* The line end that a message's first byte names. */
#define MW_QMTP_LF 0x0a
#define MW_QMTP_CRLF 0x0d

/* Codes of results: QMTP has none of its own. */
#define MW_QMTP_ACCEPTED 250    /* K */
#define MW_QMTP_DEFERRED 450    /* Z, and no answer */
#define MW_QMTP_REFUSED 550     /* D */

/* Content up to this size is copied into the queue, where packages join to larger writes. Longer content stays where it is. */
#define MW_QMTP_COPY_MAX 16384

typedef enum mw_qmtp_state {
    MW_QMTP_WAITING,        /* no byte was sent, and no session has it */
    MW_QMTP_WRITTEN,        /* a session has it */
    MW_QMTP_OVER            /* the results are final */
} mw_qmtp_state;

typedef struct mw_qmtp_delivery {
    struct mw_qmtp_delivery *next;      /* in the queue of deliveries */
    struct mw_qmtp_delivery *behind;    /* WRITTEN: the package behind it on the link */
    void *owner;                        /* the caller's, as is the deadline: the core looks at neither */
    int64_t deadline;
    const mw_alloc *alloc;
    int64_t id;                         /* its number in the queue, from 1 */
    mw_qmtp_state state;
    mw_text *sender;
    mw_result *results;                 /* one for each recipient, made with it: no later lack of memory loses one */
    size_t rcpts, cap;
    size_t answered;                    /* how many, from the front, have their result */
    uint64_t rcpt_bytes;                /* the recipients' netstrings together */
    unsigned char eol;
    const char *content;                /* lent; NULL: the content is in a file */
    int fd;                             /* that file, */
    uint64_t offset;                    /* and where in it the content begins */
    uint64_t size;                      /* of the content */
    int64_t stamp;                      /* when the file was last changed (mw_io_file_stamp); 0: not known */
    uint64_t start, body, end;          /* WRITTEN: bytes that the session had queued in front of the package, in front of
                                         * its content, and with its last byte */
    uint64_t sent;                      /* OVER: bytes of the content that were sent */
} mw_qmtp_delivery;

/* A delivery for nobody yet, of a message whose line ends are as eol says. NULL: no memory. */
mw_qmtp_delivery *mw_qmtp_delivery_new(const mw_alloc *alloc, mw_slice sender, unsigned char eol);

/* NULL is fine. */
void mw_qmtp_delivery_free(mw_qmtp_delivery *d);

/* One recipient more, any octets, copied. Results keep this order. 0, or MW_E_NOMEM and nothing has changed. */
int mw_qmtp_delivery_rcpt(mw_qmtp_delivery *d, mw_slice address);

/* The content: lent memory, or a part of a file. Either stays as it is until the delivery is over. A file that does not makes
 * the pump say MW_E_SIZE, and the link must go. stamp: when the file was last changed (mw_io_file_stamp); 0: not known. size is below UINT64_MAX. */
void mw_qmtp_delivery_content(mw_qmtp_delivery *d, const char *bytes, size_t size);
void mw_qmtp_delivery_file(mw_qmtp_delivery *d, int fd, uint64_t offset, uint64_t size, int64_t stamp);

/* Its results, in the order of its recipients; NULL before it is over. */
const mw_result *mw_qmtp_delivery_results(const mw_qmtp_delivery *d);

/* How many bytes of the content have been sent. sent: how many bytes the session has sent in all; 0 when no session has the delivery. */
uint64_t mw_qmtp_delivery_sent(const mw_qmtp_delivery *d, uint64_t sent);

/* ---- for qmtp.c and qmtp_flight.c */

/* Queues the package. 0, or MW_E_NOMEM with a part of it queued. */
int mw_qmtp_delivery_write(mw_qmtp_delivery *d, mw_outq *out);

/* True when every recipient has a result. */
int mw_qmtp_delivery_is_answered(const mw_qmtp_delivery *d);

/* The next recipient's answer. text is held, NULL for none. */
void mw_qmtp_delivery_answer(mw_qmtp_delivery *d, unsigned code, mw_text *text);

/* No more answers will come: the recipients without one get deferrals, stage 'final' and maybe_delivered if the package's last byte was among
 * the bytes sent, else stage 'body'. words are held, NULL for none. */
void mw_qmtp_delivery_lose(mw_qmtp_delivery *d, uint64_t sent, mw_text *words);

/* All answers and results are forgotten, and the delivery waits again. */
void mw_qmtp_delivery_reset(mw_qmtp_delivery *d);

/* Nothing of the delivery is sent: every recipient gets a deferral of this stage. */
void mw_qmtp_delivery_unsent(mw_qmtp_delivery *d, mw_stage stage, mw_text *words);

#endif
