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
    unsigned char local;        /* the result was made here, not by a reply */
    unsigned char closed;       /* the result is one of a transaction that is over */
} mw_recipient;

typedef struct mw_transaction {
    const mw_alloc *alloc;
    uint64_t id;                /* a new number with each begin */
    mw_recipient *rcpts;
    size_t count, cap;
    size_t accepted;            /* how many recipients are accepted */
    size_t next;                /* all recipients before this one are settled or not accepted */
    unsigned mail_code;         /* the code of a refused MAIL, else 0 */
    mw_text *mail_text;         /* its text */
    int mail_inside;            /* MAIL was refused when the server may have had a transaction open, */
    size_t mail_first;          /* and the recipients from here on were named behind that MAIL */
} mw_transaction;

void mw_transaction_init(mw_transaction *t, const mw_alloc *alloc);
void mw_transaction_free(mw_transaction *t);

/* Starts the next message: the recipients from index first on are the next message's, and recipient first becomes recipient 0. The others
 * are forgotten, and so is MAIL's refusal. */
void mw_transaction_begin(mw_transaction *t, size_t first);

/* Adds a recipient. Returns 0, MW_E_RCPT_LIMIT or MW_E_NOMEM. Its index is count - 1. */
int mw_transaction_add(mw_transaction *t, mw_slice address);

/* Removes the last recipient: its RCPT could not be queued. */
void mw_transaction_drop_last(mw_transaction *t);

/* MAIL was refused: the recipients from index first on, and before index until, have this for a result, whatever the reply to their RCPT
 * is. With MW_RCPT_ALL those that are added later have it, too. text is held. */
#define MW_RCPT_ALL SIZE_MAX
void mw_transaction_mail_refused(mw_transaction *t, size_t first, size_t until, unsigned code, mw_text *text);

/* The same when the server may have a transaction open, which a later RCPT adds to. Of the recipients from index first on, those whose RCPT
 * is refused have MAIL's refusal for a result, in place of RCPT's. */
void mw_transaction_mail_refused_inside(mw_transaction *t, size_t first, unsigned code, mw_text *text);

/* MAIL's refusal is not recipient i's result: the server accepted the RCPT all the same, or another MAIL was sent before the RCPT. */
void mw_transaction_mail_stands(mw_transaction *t, size_t i);

/* The reply to the RCPT of recipient i. 2xx: the recipient is accepted; else the reply is its result. text is held. */
void mw_transaction_rcpt(mw_transaction *t, size_t i, unsigned code, mw_text *text);

/* DATA or BDAT was refused: every accepted recipient has this for a result. */
void mw_transaction_refused(mw_transaction *t, mw_stage stage, unsigned code, mw_text *text);

/* DATA is sent again: recipients that mw_transaction_refused settled have no result any more. Those that a final reply settled keep it. */
void mw_transaction_reopen(mw_transaction *t);

/* The next final reply: it is the result of the first accepted recipient that is not settled. 1xx and 3xx are results with
 * maybe_delivered. Returns 1, or 0 when there is no such recipient. */
int mw_transaction_final(mw_transaction *t, unsigned code, mw_text *text);

/* The same for a reply that is not believed: what this recipient has is maybe_delivered. */
int mw_transaction_final_in_doubt(mw_transaction *t, mw_stage stage, unsigned code, mw_text *text);

/* No more replies will come: every recipient before index until (MW_RCPT_ALL: every one) that is not settled has this for a result. */
void mw_transaction_abandon(mw_transaction *t, size_t until, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered);

/* Recipient i has this for a result, if it has none yet. */
void mw_transaction_settle(mw_transaction *t, size_t i, mw_stage stage, unsigned code, mw_text *text, int maybe_delivered);

/* Replies are not believed: the recipients they settled are unsettled again, all of them, or only those that had a final reply. Results
 * that were made here stay. */
void mw_transaction_doubt(mw_transaction *t, int finals_only);

/* The same for the last final replies, so many. */
void mw_transaction_doubt_last(mw_transaction *t, size_t finals);

/* Recipient i has no result any more: it goes in another transaction. */
void mw_transaction_unsettle(mw_transaction *t, size_t i);

/* The transaction is over, and what is settled stands, whatever becomes of the next one with the other recipients. */
void mw_transaction_close(mw_transaction *t);

/* How many accepted recipients are not settled. */
size_t mw_transaction_owed(const mw_transaction *t);

#endif
