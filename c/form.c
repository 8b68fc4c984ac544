/* form.c - see form.h. */
#include "form.h"
#include "ascii.h"

#include <string.h>

static const char *const musts[] = {
#define MW_FORM(form, must) must,
    MW_FORMS(MW_FORM)
#undef MW_FORM
};

const char *mw_form_must(mw_form form)
{
    return musts[form];
}

int mw_form_is(mw_slice value, const char *text)
{
    return value.len == strlen(text) && memcmp(value.base, text, value.len) == 0;
}

/* ---- pieces, each taken off the front of a value */

static void drop(mw_slice *s, size_t n)
{
    s->base += n;
    s->len -= n;
}

/* One of these characters: 1, or 0 when there is none. */
static int take_one(mw_slice *s, const char *of)
{
    if (!s->len || !*s->base || !strchr(of, *s->base))
        return 0;
    drop(s, 1);
    return 1;
}

/* All digits, of which there are least to most; 0 when there are not, or a number would be above 64 bits. */
static int take_number(mw_slice *s, size_t least, size_t most, unsigned long long *number_r)
{
    unsigned long long n = 0;
    size_t i;

    for (i = 0; i < s->len && mw_is_digit(s->base[i]); i++) {
        unsigned digit = (unsigned)(s->base[i] - '0');

        if (i == most || n > (~0ULL - digit) / 10)
            return 0;
        n = n * 10 + digit;
    }
    drop(s, i);
    *number_r = n;
    return i >= least;
}

/* As many digits, for a number in a range, and behind it the character, if it is not NUL. */
static int take_part(mw_slice *s, size_t digits, unsigned least, unsigned most, char behind)
{
    const char mark[2] = { behind, '\0' };
    unsigned long long n;

    return take_number(s, digits, digits, &n) && n >= least && n <= most && (!behind || take_one(s, mark));
}

/* RFC 3339 5.6: time-offset = "Z" / ("+" / "-") time-hour ":" time-minute. */
static int take_offset(mw_slice *s, int utc)
{
    if (take_one(s, "Z"))
        return 1;
    return !utc && take_one(s, "+-") && take_part(s, 2, 0, 23, ':') && take_part(s, 2, 0, 59, '\0');
}

/* RFC 3339 5.6: date-time. */
static int take_time(mw_slice *s, int utc)
{
    unsigned long long fraction;

    if (!take_part(s, 4, 0, 9999, '-') || !take_part(s, 2, 1, 12, '-') || !take_part(s, 2, 1, 31, 'T')
        || !take_part(s, 2, 0, 23, ':') || !take_part(s, 2, 0, 59, ':') || !take_part(s, 2, 0, 60, '\0'))
        return 0;
    return (!take_one(s, ".") || take_number(s, 1, 9, &fraction)) && take_offset(s, utc);
}

/* RFC 2852 4: by-value = by-time ";" by-mode [by-trace]. */
typedef struct by_value {
    int negative;
    unsigned long long seconds;
    char mode;
} by_value;

static int read_by(mw_slice s, by_value *by_r)
{
    by_r->negative = s.len && *s.base == '-';
    take_one(&s, "+-");
    if (!take_number(&s, 1, 9, &by_r->seconds) || !take_one(&s, ";") || !s.len)
        return 0;
    by_r->mode = *s.base;
    return take_one(&s, "NR") && (take_one(&s, "T") || 1) && !s.len;
}

/* ---- whether a value fits */

/* RFC 3461 4.1: NEVER alone, or some of the others. */
static int is_notify(mw_slice value)
{
    static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
    mw_slice word;
    size_t i;

    if (mw_form_is(value, "NEVER"))
        return 1;
    for (;;) {
        const char *comma = memchr(value.base, ',', value.len);

        word.base = value.base;
        word.len = comma ? (size_t)(comma - value.base) : value.len;
        for (i = 0; i < 3 && !mw_form_is(word, words[i]); i++)
            ;
        if (i == 3 || !comma)
            return i < 3;
        drop(&value, word.len + 1);
    }
}

static int is_by(mw_slice value)
{
    by_value by;

    return read_by(value, &by) && (by.mode != 'R' || (!by.negative && by.seconds));
}

/* No sign in front of a nought, and no nought in front of a digit. */
static int is_priority(mw_slice s)
{
    int negative = take_one(&s, "-");

    return s.len == 1 && *s.base >= (negative ? '1' : '0') && *s.base <= '9';
}

static int is_hold(mw_slice s)
{
    unsigned long long n;

    return s.len && *s.base != '0' && take_number(&s, 1, 9, &n) && !s.len;
}

static int is_size(mw_slice s)
{
    unsigned long long n;

    return take_number(&s, 1, 20, &n) && !s.len;
}

static int is_until(mw_slice s)
{
    return take_time(&s, 1) && !s.len;
}

static int is_since(mw_slice s)
{
    return take_time(&s, 0) && (!s.len || (take_one(&s, ";") && take_one(&s, "CR") && !s.len));
}

static int is_sendable(mw_slice s)
{
    size_t i;

    for (i = 0; i < s.len; i++)
        if ((unsigned char)s.base[i] <= ' ' || s.base[i] == 0x7f)
            return 0;
    return 1;
}

int mw_form_fits(mw_form form, mw_slice value)
{
    switch (form) {
    case MW_FORM_SIZE: return is_size(value);
    case MW_FORM_NOTIFY: return is_notify(value);
    case MW_FORM_BY: return is_by(value);
    case MW_FORM_PRIORITY: return is_priority(value);
    case MW_FORM_HOLD: return is_hold(value);
    case MW_FORM_UNTIL: return is_until(value);
    case MW_FORM_SINCE: return is_since(value);
    case MW_FORM_PATH:
    case MW_FORM_TEXT:
    case MW_FORM_ANY: return is_sendable(value);
    default: return 1;
    }
}

/* ---- how it is sent */

/* What is taken for ASCII letters is. */
static int is_full(mw_slice value)
{
    static const char full[] = "FULL";
    size_t i = 0;

    while (i < value.len && i < sizeof full - 1 && (value.base[i] & ~0x20) == full[i])
        i++;
    return i == value.len && i == sizeof full - 1;
}

static const char *body_of(mw_slice value)
{
    if (mw_form_is(value, "8"))
        return "8BITMIME";
    return mw_form_is(value, "binary") ? "BINARYMIME" : "7BIT";
}

static size_t copy(mw_slice text, char *out)
{
    if (text.len)
        memcpy(out, text.base, text.len);
    return text.len;
}

static size_t copy_word(const char *word, char *out)
{
    return copy(mw_slice_of(word), out);
}

size_t mw_form_put(mw_form form, mw_slice value, char *out)
{
    size_t len = 0;

    switch (form) {
    case MW_FORM_FLAG: return 0;
    case MW_FORM_RETURN: return copy_word(is_full(value) ? "FULL" : "HDRS", out);
    case MW_FORM_BODY: return copy_word(body_of(value), out);
    case MW_FORM_RFC822:
        len = copy_word("rfc822;", out);
        return len + mw_xtext_encode(value, out + len);
    case MW_FORM_XTEXT:
    case MW_FORM_FIELDS: return mw_xtext_encode(value, out);
    default: return copy(value, out);
    }
}

/* ---- what a server takes */

/* The word at the front of s, which ends at a space. */
static mw_slice take_word(mw_slice *s)
{
    mw_slice word = *s;

    word.len = 0;
    while (word.len < s->len && s->base[word.len] != ' ')
        word.len++;
    drop(s, word.len);
    while (take_one(s, " "))
        continue;
    return word;
}

/* A number alone; 0: there is none. */
static unsigned long long number_of(mw_slice s)
{
    unsigned long long n;

    return take_number(&s, 1, 20, &n) && !s.len ? n : 0;
}

static int is_hasty(mw_slice value, unsigned long long least)
{
    by_value by;

    return read_by(value, &by) && by.mode == 'R' && by.seconds < least;
}

/* Times in UTC are in the order of their octets, but for their fractions. */
static int is_later(mw_slice value, mw_slice limit)
{
    const size_t seconds = strlen("2030-12-24T18:00:00");

    return is_until(limit) && memcmp(value.base, limit.base, seconds) > 0;
}

int mw_form_beyond(mw_form form, mw_slice value, mw_slice params)
{
    mw_slice first = take_word(&params);
    unsigned long long limit = number_of(first);

    switch (form) {
    case MW_FORM_SIZE:
    case MW_FORM_HOLD: return limit && number_of(value) > limit;
    case MW_FORM_BY: return is_hasty(value, limit);
    case MW_FORM_UNTIL: return is_later(value, take_word(&params));
    default: return 0;
    }
}
