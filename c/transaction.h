/* transaction.h - one message's recipients, and what became of each (RFC 5321 3.3, RFC 2033 4.2).
 *
 * Results are an array in the order of RCPT, never a map by address: the same address twice gets two
 * results. A result is settled once; what settles it first stands.
 */
#ifndef MW_TRANSACTION_H
#define MW_TRANSACTION_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"
#include "result.h"

/* Recipients of one message. Stops a caller's mistake from becoming gigabytes; servers stop at 100 to
 * 10,000. */
#define MW_RCPT_MAX 1000000

typedef struct mw_recipient {
    mw_result result;
    unsigned char accepted;     /* its RCPT was answered 2xx */
    unsigned char settled;      /* the result is final */
    unsigned char local;        /* by us, not by the server */
} mw_recipient;

typedef struct mw_transaction {
    const mw_alloc *alloc;
    uint64_t id;                /* a new number with each begin */
    mw_recipient *rcpts;
    size_t count, cap;
    size_t accepted;            /* how many are */
    size_t next;                /* all before this one are settled or not accepted */
    unsigned mail_code;         /* of a refused MAIL, else 0 */
    mw_text *mail_text;
    int mail_inside;            /* it was refused inside a transaction that may hold, */
    size_t mail_first;          /* before this recipient was named */
} mw_transaction;

void mw_transaction_init(mw_transaction *t, const mw_alloc *alloc);
void mw_transaction_free(mw_transaction *t);

/* Forgets the recipients and starts the next message. */
void mw_transaction_begin(mw_transaction *t);

/* The same, but the recipients from index first on are already the next message's: they stay, and their index is less by first
 * from now on. What MAIL was refused by is forgotten, too. */
void mw_transaction_begin_with(mw_transaction *t, size_t first);

/* Adds a recipient. Returns 0, MW_E_RCPT_LIMIT or MW_E_NOMEM. Its index is count - 1. */
int mw_transaction_add(mw_transaction *t, mw_slice address);

/* Takes the last one back: its RCPT could not be queued. */
void mw_transaction_drop_last(mw_transaction *t);

/* MAIL was refused: the recipients that came behind it have this for a result, whatever their RCPT is told: those from index first
 * on and before index until; with MW_RCPT_ALL, also those to come. text is held. */
#define MW_RCPT_ALL SIZE_MAX
void mw_transaction_mail_refused(mw_transaction *t, size_t first, size_t until, unsigned code, mw_text *text);

/* The same where the server may have a transaction open that a later RCPT adds to: only those from index first on whose RCPT is refused
 * have this for a result, in place of what RCPT was told. */
void mw_transaction_mail_refused_inside(mw_transaction *t, size_t first, unsigned code, mw_text *text);

/* The server has accepted recipient i after it had refused MAIL, or another MAIL was sent before it was named: MAIL's refusal is not
 * this recipient's result. */
void mw_transaction_mail_stands(mw_transaction *t, size_t i);

/* The reply to the RCPT of recipient i: accepted (2xx), or its result. text is held. */
void mw_transaction_rcpt(mw_transaction *t, size_t i, unsigned code, mw_text *text);

/* DATA or BDAT was refused: every accepted recipient has this for a result. */
void mw_transaction_refused(mw_transaction *t, mw_stage stage, unsigned code, mw_text *text);

/* DATA is tried again: what mw_transaction_refused settled is open again. What a final reply settled is
 * not. */
void mw_transaction_reopen(mw_transaction *t);

/* The next final reply: of the first accepted recipient that is not settled. 1xx and 3xx are no answer: it may have been delivered.
 * Returns 1, or 0 when there is none. */
int mw_transaction_final(mw_transaction *t, unsigned code, mw_text *text);

/* No more answers will come: every recipient that is not settled has this for a result. */
void mw_transaction_abandon(mw_transaction *t, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered);

/* The same for those before index until. */
void mw_transaction_abandon_until(mw_transaction *t, size_t until, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered);

/* Recipient i has this for a result, if it has none yet. */
void mw_transaction_settle(mw_transaction *t, size_t i, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered);

/* What was said is not to be believed: recipients are open again, all of them or only those whose final
 * reply had come. Those that were never asked for (settled before anything was sent) stay. */
void mw_transaction_doubt(mw_transaction *t, int finals_only);

/* How many accepted recipients are not settled. */
size_t mw_transaction_owed(const mw_transaction *t);

#endif
