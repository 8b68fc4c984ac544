/* scan.c - the dot-stuffing alone, in cache: how many bytes per second it judges, and how many it
 * copies when every line needs a change. Beside it memcpy, which no copy can beat.
 *
 *   scan MODE MEGABYTES        clean, expand or memcpy; prints a line as client.c does
 */
#include "../c/dotstuff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK 65536
#define LINE 73

static char in[BLOCK], out[BLOCK * MW_DOTSTUFF_GROWTH];

static double now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Mail as it comes from a file (LF), or as it is on the wire already (CRLF). */
static void fill(int crlf)
{
    size_t i;

    memset(in, 'x', sizeof in);
    for (i = LINE - 1; i < sizeof in; i += LINE) {
        in[i] = '\n';
        if (crlf)
            in[i - 1] = '\r';
    }
}

static size_t clean(void)
{
    mw_dotstuff d = { 0 };

    return mw_dotstuff_clean(&d, in, sizeof in);
}

static size_t expand(void)
{
    mw_dotstuff d = { 0 };
    size_t used;

    mw_dotstuff_expand(&d, in, sizeof in, out, sizeof out, &used);
    return used;
}

static size_t copy(void)
{
    /* By way of a volatile pointer, or the compiler would see that nobody looks at the copy. */
    void *(*volatile copier)(void *, const void *, size_t) = memcpy;

    copier(out, in, sizeof in);
    return sizeof in;
}

static const struct mode {
    const char *name;
    int crlf;
    size_t (*run)(void);
} modes[] = { { "clean", 1, clean }, { "expand", 0, expand }, { "memcpy", 1, copy } };

static int measure(const struct mode *mode, long megabytes)
{
    long rounds = megabytes * (1000000 / BLOCK + 1), i;
    double start, cpu;
    size_t bytes = 0;

    fill(mode->crlf);
    if (mode->run() != sizeof in) {
        fputs("scan: not all was read\n", stderr);
        return 1;
    }
    start = now(CLOCK_MONOTONIC);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (i = 0; i < rounds; i++)
        bytes += mode->run();
    printf("count=%zu seconds=%.6f cpu=%.6f before_kb=0 peak_kb=0\n", bytes,
        now(CLOCK_MONOTONIC) - start, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}

int main(int argc, char **argv)
{
    size_t i;

    for (i = 0; argc == 3 && i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            return measure(&modes[i], atol(argv[2]));
    fputs("usage: scan clean|expand|memcpy MEGABYTES\n", stderr);
    return 64;
}
