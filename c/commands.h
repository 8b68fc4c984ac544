/* commands.h - the queue of commands that were sent and are not answered yet, in the order in which their replies come.
 *
 * A command knows how many replies it is owed. A message's end is one command that is owed as many as RCPTs were accepted; nothing
 * else is special about it (RFC 2033 4.2).
 */
#ifndef MW_COMMANDS_H
#define MW_COMMANDS_H

#include <stddef.h>
#include <stdint.h>
#include "alloc.h"
#include "buf.h"
#include "command.h"

typedef struct mw_command {
    mw_kind kind;
    unsigned code;          /* MW_KIND_LOCAL: the reply */
    int error;              /* MW_KIND_LOCAL: why the command was not sent (error.h) */
    size_t owed;            /* replies that are still to come; > 0 */
    size_t replies;         /* how many replies it was owed at first */
    size_t rcpt;            /* MW_KIND_RCPT: the recipient's index; MW_BEGINS: the index of the first recipient behind the command */
    int counts_later;       /* MW_KIND_END: owed is known when the replies to the RCPTs before it have come */
    uint64_t transaction;   /* of the caller's commands: the transaction that the command belongs to */
    int in_flight;          /* it was sent for deliveries (flight.h), not by the caller */
    struct mw_delivery *delivery;   /* in_flight: for this delivery; NULL: for all of them */
    uint64_t end;           /* the queue's count behind the command: a reply before that was sent is not its. 0: not checked */
    size_t line;            /* the length of what mw_commands_note keeps of it */
} mw_command;

/* How many commands may wait. Stops a caller who sends and never reads from growing for ever. */
#define MW_COMMANDS_MAX 1000000

typedef struct mw_commands {
    const mw_alloc *alloc;
    mw_command *items;       /* a ring */
    size_t head, count, cap;
    mw_buf noted;            /* the lines of those that wait, in their order */
    mw_buf asked;            /* the line of the last one that was answered, or that the link was lost with; empty: none was noted */
    int answered;            /* asked has its answer */
} mw_commands;

void mw_commands_init(mw_commands *q, const mw_alloc *alloc);
void mw_commands_free(mw_commands *q);

/* Makes sure that n more entries can be pushed without failing. 0, MW_E_NOMEM, or MW_E_STATE above
 * MW_COMMANDS_MAX. */
int mw_commands_reserve(mw_commands *q, size_t n);

/* Adds at the end; there must be room. Returns the entry, valid until the next push. */
mw_command *mw_commands_push(mw_commands *q, mw_kind kind, size_t owed);

/* Keeps what people may be shown of the entry that was pushed last, for q->asked, or more of it. Without memory nothing is kept. */
void mw_commands_note(mw_commands *q, mw_slice line);

/* The entry whose reply comes next; NULL when none is owed. */
mw_command *mw_commands_head(const mw_commands *q);

/* The entry that was pushed last; NULL when none is owed. */
mw_command *mw_commands_tail(const mw_commands *q);

/* Entry i from the head on (i < count). */
mw_command *mw_commands_at(const mw_commands *q, size_t i);

/* The index of the first entry, from index from on, of one of these kinds; count when there is none. MW_KIND_BIT names a kind,
 * ~MW_KIND_BIT all others. */
#define MW_KIND_BIT(kind) (1u << MW_KIND_##kind)
size_t mw_commands_find(const mw_commands *q, size_t from, unsigned kinds);

/* The oldest entry that the server answers, so that is no MW_KIND_LOCAL; NULL when there is none. */
const mw_command *mw_commands_oldest(const mw_commands *q);

/* The same, and moves it in front of all MW_KIND_LOCAL. */
mw_command *mw_commands_promote(mw_commands *q);

/* A reply to the head came. The head goes when it is owed no more. */
void mw_commands_shift(mw_commands *q);

/* The head goes, whatever it is still owed. */
void mw_commands_pop(mw_commands *q);

/* None is answered any more. */
void mw_commands_clear(mw_commands *q);

#endif
