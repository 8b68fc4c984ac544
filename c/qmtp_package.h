/* qmtp_package.h - one QMTP package: its recipients, and what became of each. Only for qmtp.c and
 * qmtp_flight.c.
 *
 * A package knows no other one and no bytes but its own. It is begun (RCPTS), its message is
 * written (BODY), it is whole and waits for its answers (ANSWERS), and every recipient has its
 * result (DONE). It never goes back, and may jump to DONE from anywhere: that is a lost link. Only
 * one of which no byte was sent may begin anew, on another link.
 */
#ifndef MW_QMTP_PACKAGE_H
#define MW_QMTP_PACKAGE_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"
#include "buf.h"
#include "outq.h"
#include "result.h"

typedef enum mw_qmtp_phase {
    MW_QMTP_RCPTS,
    MW_QMTP_BODY,
    MW_QMTP_ANSWERS,
    MW_QMTP_DONE
} mw_qmtp_phase;

typedef struct mw_qmtp_package mw_qmtp_package;

struct mw_qmtp_package {
    mw_qmtp_package *next;
    const mw_alloc *alloc;
    int64_t number;
    mw_qmtp_phase phase;
    mw_result *results;     /* one per recipient, made with it: no later lack of memory can lose one */
    size_t count, cap;
    size_t answered;        /* how many, from the front, have their answer */
    uint64_t rcpt_bytes;    /* the recipients' netstrings together */
    uint64_t left;          /* BODY: bytes of the message still to come */
    uint64_t end;           /* ANSWERS: mw_outq.queued behind the last byte */
};

/* NULL: no memory. */
mw_qmtp_package *mw_qmtp_package_new(const mw_alloc *alloc, int64_t number);

/* NULL is fine. */
void mw_qmtp_package_free(mw_qmtp_package *p);

/* The one place that changes the phase. */
void mw_qmtp_package_move(mw_qmtp_package *p, mw_qmtp_phase to);

/* One recipient more, copied. 0, or MW_E_NOMEM and nothing has changed. */
int mw_qmtp_package_rcpt(mw_qmtp_package *p, mw_slice address);

/* Queues all that follows the message's bytes: its comma, the sender, the recipients. 0, or
 * MW_E_NOMEM with a part of it queued. */
int mw_qmtp_package_tail(const mw_qmtp_package *p, mw_outq *out, mw_slice sender);

/* True when its last byte has been sent, sent being how many were sent in all. */
int mw_qmtp_package_sent(const mw_qmtp_package *p, uint64_t sent);

/* The next recipient's answer; the last one completes the package. text is held, NULL for none. */
void mw_qmtp_package_answer(mw_qmtp_package *p, unsigned code, mw_text *text);

/* The other recipients get none, and the package is complete. */
void mw_qmtp_package_lose(mw_qmtp_package *p, uint64_t sent, mw_text *words);

/* Nobody has an answer or a result any more: for a package that is in no session. */
void mw_qmtp_package_reset(mw_qmtp_package *p);

/* Nobody has an answer, and everybody this result, as no link was to be had. Also for a package in no
 * session. words is held, NULL for none. */
void mw_qmtp_package_unsent(mw_qmtp_package *p, mw_text *words);

#endif
