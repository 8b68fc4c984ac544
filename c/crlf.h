/* crlf.h - a message's content as BDAT wants it (RFC 3030 2): every line ended by CRLF, the last one as well; no dot is doubled, and a
 * bare CR stays. dotstuff.h does this for DATA.
 */
#ifndef MW_CRLF_H
#define MW_CRLF_H

#include <stddef.h>

/* How long the content becomes: len itself when nothing needs to be changed. *eight_bit_r: an octet of it is above 0x7F. */
size_t mw_crlf_size(const char *in, size_t len, int *eight_bit_r);

/* True when no LF in it is bare: for content in blocks. *after_cr as with mw_crlf_expand. */
int mw_crlf_clean(int *after_cr, const char *in, size_t len);

/* Expands as much of in as fits into out (cap at least 2); *after_cr carries whether the last byte was a CR
 * from call to call, 0 at the start. Returns how many bytes were written, in *used_r how many were read.
 * The last line's end is the caller's to add: see mw_crlf_open. */
size_t mw_crlf_expand(int *after_cr, const char *in, size_t len, char *out, size_t cap, size_t *used_r);

/* True when the content's last line has no end. */
int mw_crlf_open(const char *in, size_t len);

#endif
