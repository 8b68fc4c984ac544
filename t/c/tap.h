/* tap.h - what the C tests share: TAP on standard output, tables, and ways to cut input into pieces. */
#ifndef TAP_H
#define TAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define BYTES(s) s, sizeof (s) - 1

static int tap_count, tap_failed;

/* One test point. name is a printf format. Returns ok. */
#define tap_ok(ok, ...) tap_point((ok) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static int tap_point(int ok, const char *file, int line, const char *name, ...);

#include <stdarg.h>

static int tap_point(int ok, const char *file, int line, const char *name, ...)
{
    va_list args;

    printf("%sok %d - ", ok ? "" : "not ", ++tap_count);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    putchar('\n');
    if (!ok) {
        tap_failed++;
        printf("#   failed at %s line %d\n", file, line);
    }
    fflush(stdout);
    return ok;
}

/* The plan, and main's return value. */
static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

/* A small generator of its own, so that a failure shows again on every machine. Seeded by the test. */
static uint64_t tap_seed = 0x9e3779b97f4a7c15u;

static inline uint32_t tap_random(uint32_t below)
{
    tap_seed ^= tap_seed << 13;
    tap_seed ^= tap_seed >> 7;
    tap_seed ^= tap_seed << 17;
    return (uint32_t)(tap_seed >> 32) % below;
}

/* A copy in a block of its own size, so that a sanitizer sees a step beside it. */
static inline char *block_new(const char *bytes, size_t len)
{
    char *block = malloc(len > 0 ? len : 1);

    if (block == NULL)
        exit(1);
    if (len > 0)
        memcpy(block, bytes, len);
    return block;
}

/* How to cut an input: whole, byte by byte, or at random places. Tables are run once for each. */
enum tap_cut { TAP_WHOLE, TAP_BYTES, TAP_RANDOM, TAP_CUTS = TAP_RANDOM + 8 };

/* The length of the next piece when left bytes are left (> 0). cut above TAP_RANDOM is random again. */
static inline size_t tap_piece(int cut, size_t left)
{
    if (cut == TAP_WHOLE)
        return left;
    if (cut == TAP_BYTES)
        return 1;
    return 1 + tap_random((uint32_t)(left < 16 ? left : 16));
}

#endif
