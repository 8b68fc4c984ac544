/* deadlines.c - see deadlines.h. */
#include "deadlines.h"
#include "../c/io.h"

void mwx_deadlines_launch(mwx_deadlines *t, int64_t deadline, size_t unfinished)
{
    if (!t->count)
        mwx_deadlines_count(t, unfinished);
    t->launched++;
    t->count += deadline != MW_IO_NEVER;
    mwx_deadlines_add(t, deadline);
}

void mwx_deadlines_take(mwx_deadlines *t, int64_t deadline)
{
    t->count -= deadline != MW_IO_NEVER;
}

int mwx_deadlines_is_stale(const mwx_deadlines *t, size_t unfinished)
{
    return t->count && t->launched - unfinished != t->finished;
}

void mwx_deadlines_count(mwx_deadlines *t, size_t unfinished)
{
    t->finished = t->launched - unfinished;
    t->earliest = MW_IO_NEVER;
}

void mwx_deadlines_add(mwx_deadlines *t, int64_t deadline)
{
    if (deadline < t->earliest)
        t->earliest = deadline;
}
