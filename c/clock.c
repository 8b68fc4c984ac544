/* clock.c - see clock.h. */
#include "clock.h"

#include <string.h>

/* More than thirty years is nothing that can be waited for. */
#define SECONDS_MAX 1e9

static const struct {
    const char *name;
    double seconds;
} waits[] = {
#define MW_WAIT(wait, name, seconds) { name, seconds },
    MW_WAITS(MW_WAIT)
#undef MW_WAIT
};

double mw_wait_seconds(mw_wait wait)
{
    return waits[wait].seconds;
}

mw_wait mw_wait_named(const char *name)
{
    int wait;

    for (wait = MW_WAIT_COUNT - 1; wait > MW_WAIT_NONE && (!*name || strcmp(waits[wait].name, name) != 0); wait--)
        continue;
    return (mw_wait)wait;
}

void mw_clock_init(mw_clock *c)
{
    int wait;

    memset(c, 0, sizeof *c);
    for (wait = 0; wait < MW_WAIT_COUNT; wait++)
        c->seconds[wait] = mw_wait_seconds((mw_wait)wait);
}

void mw_clock_stop(mw_clock *c)
{
    c->wait = MW_WAIT_COUNT;
}

static double limit(const mw_clock *c, mw_wait wait)
{
    double seconds = c->seconds[wait];

    if (wait == MW_WAIT_QUIET || c->cap <= 0)
        return seconds;
    return seconds <= 0 || c->cap < seconds ? c->cap : seconds;
}

int64_t mw_clock_deadline(mw_clock *c, mw_wait wait, uint64_t moved, int64_t now)
{
    if (wait != c->wait || moved != c->moved) {
        c->wait = wait;
        c->moved = moved;
        c->since = now;
    }
    return mw_clock_from(c->since, limit(c, wait));
}

int64_t mw_clock_from(int64_t time, double seconds)
{
    return seconds > 0 && seconds <= SECONDS_MAX ? time + (int64_t)(seconds * 1e9) : MW_NEVER;
}
