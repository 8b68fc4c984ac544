/* netstring.c - see netstring.h. */
#include "netstring.h"

#include "ascii.h"
#include "error.h"

enum { LENGTH, BYTES, COMMA, BROKEN };

static int fail(mw_netstring *n, int error)
{
    n->state = BROKEN;
    return error;
}

/* One byte of the length or its colon. No leading zeros: "0" can only be followed by the colon. */
static int feed_length(mw_netstring *n, char c)
{
    size_t digit;

    if (c == ':' && n->digits > 0) {
        n->state = n->left > 0 ? BYTES : COMMA;
        return MW_OK;
    }
    if (c < '0' || c > '9' || (n->digits > 0 && n->left == 0))
        return fail(n, MW_E_NETSTRING);
    digit = (size_t)(c - '0');
    if (digit > n->max || n->left > (n->max - digit) / 10)
        return fail(n, MW_E_NETSTRING_LIMIT);
    n->left = n->left * 10 + digit;
    n->digits++;
    return MW_OK;
}

static int feed_comma(mw_netstring *n, char c)
{
    if (c != ',')
        return fail(n, MW_E_NETSTRING);
    n->state = LENGTH;
    n->digits = 0;
    return 1;
}

/* As many of the string's own bytes as are there; *got_r of them. */
static int feed_bytes(mw_netstring *n, const char *in, size_t len, size_t *got_r, mw_buf *out)
{
    size_t got = len < n->left ? len : n->left;

    if (mw_buf_append(out, in, got) != MW_OK)
        return fail(n, MW_E_NOMEM);
    n->left -= got;
    if (n->left == 0)
        n->state = COMMA;
    *got_r = got;
    return MW_OK;
}

int mw_netstring_feed(mw_netstring *n, const char *in, size_t len, size_t *used_r, mw_buf *out)
{
    int rc = n->state == BROKEN ? MW_E_NETSTRING : MW_OK;
    size_t used = 0;

    while (rc == MW_OK && used < len) {
        size_t got = 1;

        if (n->state == LENGTH)
            rc = feed_length(n, in[used]);
        else if (n->state == COMMA)
            rc = feed_comma(n, in[used]);
        else
            rc = feed_bytes(n, in + used, len - used, &got, out);
        if (rc >= 0)
            used += got;
    }
    *used_r = used;
    return rc;
}

size_t mw_netstring_head(char out[MW_NETSTRING_HEAD_MAX], uint64_t length)
{
    size_t len = mw_put_digits(length, out);

    out[len] = ':';
    return len + 1;
}
