/* deadlines.h - the earliest deadline of the deliveries in flight. It is looked for again only when a delivery has finished. */
#ifndef MWX_DEADLINES_H
#define MWX_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed is a valid start. */
typedef struct mwx_deadlines {
    size_t count;           /* deliveries with a deadline whose results were not taken */
    uint64_t launched;      /* how many deliveries were handed over so far, */
    uint64_t finished;      /* and how many of them had finished when earliest was counted */
    int64_t earliest;
} mwx_deadlines;

/* A delivery is handed over, when unfinished others are not finished. deadline may be MW_IO_NEVER. */
void mwx_deadlines_launch(mwx_deadlines *t, int64_t deadline, size_t unfinished);

/* The results of a delivery with this deadline were taken. */
void mwx_deadlines_take(mwx_deadlines *t, int64_t deadline);

/* True when the caller, who has the list, must count the earliest anew: by mwx_deadlines_count, then mwx_deadlines_add for each delivery that
 * is not finished. unfinished: how many are not. */
int mwx_deadlines_is_stale(const mwx_deadlines *t, size_t unfinished);
void mwx_deadlines_count(mwx_deadlines *t, size_t unfinished);
void mwx_deadlines_add(mwx_deadlines *t, int64_t deadline);

#endif
