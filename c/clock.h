/* clock.h - what is waited for, and how long that may take.
 *
 * Times are nanoseconds of a clock that never goes back. The core does not know the time: the caller says what it is.
 */
#ifndef MW_CLOCK_H
#define MW_CLOCK_H

#include <stdint.h>

/* What a client waits for: its name, and how many seconds unless it is told otherwise (RFC 5321 4.5.3.2; LHLO, RSET and the block as
 * Postfix has them). 0: as long as it takes. */
#define MW_WAITS(X) \
    X(NONE,  "",      0)    /* nothing is owed and nothing queued */ \
    X(BLOCK, "body",  180)  /* queued bytes to be sent */ \
    X(LHLO,  "lhlo",  300) \
    X(MAIL,  "mail",  300) \
    X(RCPT,  "rcpt",  300) \
    X(DATA,  "data",  120) \
    X(BODY,  "",      0)    /* the content's next piece, from the caller */ \
    X(FINAL, "final", 600)  /* the first reply to a message's end */ \
    X(NEXT,  "next",  600)  /* a further one */ \
    X(RSET,  "rset",  20)   /* the reply to RSET, or the end of the link behind a 421 */ \
    X(QUIET, "quiet", 0.5)  /* nothing may come for so long */

typedef enum mw_wait {
#define MW_WAIT(wait, name, seconds) MW_WAIT_##wait,
    MW_WAITS(MW_WAIT)
#undef MW_WAIT
    MW_WAIT_COUNT
} mw_wait;

/* The seconds of a wait, by default. */
double mw_wait_seconds(mw_wait wait);

/* The wait of this name; MW_WAIT_NONE when there is none. */
mw_wait mw_wait_named(const char *name);

/* A deadline that is none. */
#define MW_NEVER INT64_MAX

typedef struct mw_clock {
    double seconds[MW_WAIT_COUNT];  /* the limit of each wait; 0: none */
    double cap;                     /* the limit of all waits but MW_WAIT_QUIET, if it is the smaller one; 0: none */
    mw_wait wait;                   /* the wait that is under way, */
    uint64_t moved;                 /* the count when it began, */
    int64_t since;                  /* and when that was */
} mw_clock;

/* Each wait has its seconds by default for a limit, and none is under way. */
void mw_clock_init(mw_clock *c);

/* No wait is under way. */
void mw_clock_stop(mw_clock *c);

/* When a wait has taken too long. It begins anew when the wait is another one than at the last call, or moved is: the caller counts there
 * what was sent and what was answered. */
int64_t mw_clock_deadline(mw_clock *c, mw_wait wait, uint64_t moved, int64_t now);

/* So many seconds later: MW_NEVER for 0 and for what is out of range. */
int64_t mw_clock_from(int64_t time, double seconds);

#endif
