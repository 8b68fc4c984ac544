/* netstring.h - netstrings (cr.yp.to/proto/netstrings.txt): <length>:<bytes>,
 * The length is decimal without leading zeros; the empty string is "0:,".
 */
#ifndef MW_NETSTRING_H
#define MW_NETSTRING_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"

/* The longest netstring that is accepted from a peer. Stops one that announces, or sends, an answer
 * without end. */
#define MW_NETSTRING_MAX 65536

/* A zeroed one, with max set, is a valid start. */
typedef struct mw_netstring {
    size_t max;         /* the longest string to accept */
    size_t left;        /* bytes of the string still to come */
    unsigned char state;
    unsigned char digits;
} mw_netstring;

/* Eats bytes, appending the string's own to out. Returns 1 when the string is complete, 0 when more is
 * needed, MW_E_NETSTRING, MW_E_NETSTRING_LIMIT (at the digit that passes max: nothing is allocated for it)
 * or MW_E_NOMEM. *used_r is how many bytes were eaten; after 1 the reader stands at a new start. After an
 * error it stays broken: each later call returns MW_E_NETSTRING. */
int mw_netstring_feed(mw_netstring *n, const char *in, size_t len, size_t *used_r, mw_buf *out);

/* Enough for the digits of any 64-bit length and the colon. */
#define MW_NETSTRING_HEAD_MAX 21

/* Writes "<length>:". Returns its length. */
size_t mw_netstring_head(char out[MW_NETSTRING_HEAD_MAX], uint64_t length);

#endif
