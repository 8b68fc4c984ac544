/* expect.h - the queue of replies that a server owes, in the order in which it owes them.
 *
 * An entry knows how many replies it owns: LMTP's final dot is one entry that owns as many as
 * RCPTs were accepted, and nothing else is special about it (RFC 2033 4.2).
 */
#ifndef MW_EXPECT_H
#define MW_EXPECT_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"

/* What a reply answers. */
typedef enum mw_due {
    MW_DUE_GREETING,
    MW_DUE_LHLO,
    MW_DUE_MAIL,
    MW_DUE_RCPT,
    MW_DUE_DATA,
    MW_DUE_CHUNK,       /* BDAT without LAST */
    MW_DUE_FINAL,       /* the dot, or BDAT LAST */
    MW_DUE_RSET,
    MW_DUE_QUIT,
    MW_DUE_AUTH,        /* AUTH and what follows its 334 */
    MW_DUE_STARTTLS,
    MW_DUE_PROBE,       /* a probe: any number of replies up to LHLO's */
    MW_DUE_OTHER,
    MW_DUE_LOCAL        /* a command that was refused here: answered in its turn, nothing is read */
} mw_due;

typedef struct mw_expect {
    mw_due due;
    unsigned code;          /* MW_DUE_LOCAL: the reply */
    int error;              /* MW_DUE_LOCAL: why */
    size_t owed;            /* replies that are still to come; > 0 */
    size_t rcpt;            /* MW_DUE_RCPT: the recipient's index; MW_DUE_MAIL, MW_DUE_RSET: of the first recipient behind it */
    int counts_later;       /* MW_DUE_FINAL: owed is known when the replies before it have come */
    uint64_t transaction;   /* the transaction it belongs to, */
    uint64_t end;           /* in flight: the queue's count behind the command, before which no reply can come; 0: not told */
    struct mw_delivery *delivery; /* or the delivery */
    int in_flight;          /* sent for deliveries */
    size_t replies;         /* owed at first */
} mw_expect;

/* How many entries may be owed. Stops a caller who sends and never reads from growing for ever. */
#define MW_EXPECT_MAX 1000000

typedef struct mw_expects {
    const mw_alloc *alloc;
    mw_expect *items;       /* a ring */
    size_t head, count, cap;
} mw_expects;

void mw_expects_init(mw_expects *q, const mw_alloc *alloc);
void mw_expects_free(mw_expects *q);

/* Makes sure that n more entries can be pushed without failing. 0, MW_E_NOMEM, or MW_E_STATE above
 * MW_EXPECT_MAX. */
int mw_expects_reserve(mw_expects *q, size_t n);

/* Adds at the end; there must be room. Returns the entry, valid until the next push. */
mw_expect *mw_expects_push(mw_expects *q, mw_due due, size_t owed);

/* The entry whose reply comes next; NULL when none is owed. */
mw_expect *mw_expects_head(const mw_expects *q);

/* The entry that was pushed last; NULL when none is owed. */
mw_expect *mw_expects_tail(const mw_expects *q);

/* Entry i from the head on (i < count). */
mw_expect *mw_expects_at(const mw_expects *q, size_t i);

/* The oldest entry that the server answers; NULL when there is none. */
const mw_expect *mw_expects_oldest(const mw_expects *q);

/* The same, brought in front of those that are answered here. */
mw_expect *mw_expects_promote(mw_expects *q);

/* One reply of the head came: the entry goes when it owns no more. */
void mw_expects_shift(mw_expects *q);

/* The head goes, whatever it still owns. */
void mw_expects_pop(mw_expects *q);

void mw_expects_clear(mw_expects *q);

#endif
