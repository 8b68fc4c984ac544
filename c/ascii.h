/* ascii.h - characters and words as the protocols have them: ctype.h follows the locale. */
#ifndef MW_ASCII_H
#define MW_ASCII_H

#include <stdint.h>
#include <string.h>
#include "buf.h"

static inline char mw_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static inline int mw_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline int mw_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The most digits of a number. */
#define MW_DIGITS_MAX 20

/* Writes a number in digits: returns how many. */
static inline size_t mw_put_digits(uint64_t number, char *out)
{
    uint64_t rest = number;
    size_t len = 1, at;

    for (; rest >= 10; rest /= 10)
        len++;
    for (at = len; at > 0; number /= 10)
        out[--at] = (char)('0' + number % 10);
    return len;
}

/* A string without its NUL. */
static inline mw_slice mw_slice_of(const char *text)
{
    mw_slice s = { text, strlen(text) };

    return s;
}

/* Whether both are the same word, without regard to case. */
static inline int mw_is_same(mw_slice a, mw_slice b)
{
    size_t i = 0;

    if (a.len != b.len)
        return 0;
    while (i < a.len && mw_upper(a.base[i]) == mw_upper(b.base[i]))
        i++;
    return i == a.len;
}

#endif
