/* deadlines.h - the earliest deadline of deliveries in flight, counted again only when one of them has finished. */
#ifndef MWX_DEADLINES_H
#define MWX_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed is a valid start. */
typedef struct mwx_deadlines {
    size_t count;           /* deliveries, results not taken, that have one */
    uint64_t launched;      /* deliveries so far, */
    uint64_t finished;      /* and how many of them had finished when the earliest was counted */
    int64_t earliest;
} mwx_deadlines;

/* A delivery is handed over, beside so many that are not finished. deadline may be MW_IO_NEVER. */
void mwx_deadlines_launch(mwx_deadlines *t, int64_t deadline, size_t unfinished);

/* Its results were taken. */
void mwx_deadlines_take(mwx_deadlines *t, int64_t deadline);

/* True when the earliest must be counted anew, by the caller, who has the list: mwx_deadlines_count, then mwx_deadlines_add for each
 * that is not finished. unfinished: how many there are. */
int mwx_deadlines_is_stale(const mwx_deadlines *t, size_t unfinished);
void mwx_deadlines_count(mwx_deadlines *t, size_t unfinished);
void mwx_deadlines_add(mwx_deadlines *t, int64_t deadline);

#endif
