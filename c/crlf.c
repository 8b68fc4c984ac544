/* crlf.c - see crlf.h. */
#include "crlf.h"
#include "wide.h"

#include <string.h>

int mw_crlf_open(const char *in, size_t len)
{
    return len && in[len - 1] != '\n';
}

size_t mw_crlf_size(const char *in, size_t len, int *eight_bit_r)
{
    size_t bare = len && in[0] == '\n', i = len > 0;

    *eight_bit_r = len && (in[0] & 0x80);
    if (len)
        i += mw_crlf_count_wide(in + 1, len - 1, &bare, eight_bit_r);
    for (; i < len; i++) {
        bare += in[i] == '\n' && in[i - 1] != '\r';
        *eight_bit_r |= (in[i] & 0x80) != 0;
    }
    return len + bare + (mw_crlf_open(in, len) ? 2 : 0);
}

int mw_crlf_clean(int *after_cr, const char *in, size_t len)
{
    const char *end = in + len, *p = in, *lf;

    while (p < end && (lf = memchr(p, '\n', (size_t)(end - p)))) {
        if (lf == in ? !*after_cr : lf[-1] != '\r')
            return 0;
        p = lf + 1;
    }
    if (len)
        *after_cr = end[-1] == '\r';
    return 1;
}

/* The stretch up to the next line's end, as far as it fits. */
static size_t copy_line(int *after_cr, const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    const char *lf = memchr(in, '\n', len < cap ? len : cap);
    size_t n = lf ? (size_t)(lf - in) : (len < cap ? len : cap), wrote = n;

    memcpy(out, in, n);
    if (n)
        *after_cr = in[n - 1] == '\r';
    *used_r = n;
    if (!lf || cap - n < 2)
        return wrote;
    if (!*after_cr)
        out[wrote++] = '\r';
    out[wrote++] = '\n';
    *after_cr = 0;
    *used_r = n + 1;
    return wrote;
}

size_t mw_crlf_expand(int *after_cr, const char *in, size_t len, char *out, size_t cap, size_t *used_r)
{
    size_t total = 0, used, wrote;

    *used_r = 0;
    while (*used_r < len && cap - total >= 2) {
        wrote = copy_line(after_cr, in + *used_r, len - *used_r, out + total, cap - total, &used);
        total += wrote;
        *used_r += used;
        if (len - *used_r >= MW_WIDE_MIN && *used_r) {
            total += mw_crlf_expand_wide(in + *used_r, len - *used_r, out + total, cap - total, &used);
            *used_r += used;
            *after_cr = in[*used_r - 1] == '\r';
        }
    }
    return total;
}
