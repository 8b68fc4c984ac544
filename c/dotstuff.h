/* dotstuff.h - a message's content as DATA wants it: every line ended by CRLF, every dot that begins
 * a line doubled (RFC 5321 2.3.8, 4.5.2).
 *
 *   bare LF                  -> CRLF
 *   CRLF                     -> as it is
 *   bare CR                  -> as it is, but directly before a dot it is completed to CRLF
 *   dot at a line's start    -> doubled
 *
 * So no reading of the output that takes any of CR, LF or CRLF for a line end finds a line of one
 * dot before the real end: a message's author cannot end it early (SMTP smuggling). The output
 * depends on the input alone, not on how it was cut into calls.
 */
#ifndef MW_DOTSTUFF_H
#define MW_DOTSTUFF_H

#include <stddef.h>

/* What the next byte's change depends on. A zeroed one is a valid start: the beginning of a line. */
typedef struct mw_dotstuff {
    unsigned char state;
} mw_dotstuff;

/* The most that one byte of input can become. */
#define MW_DOTSTUFF_GROWTH 3

/* How many bytes at the front of in go out unchanged. Moves the state past them. */
size_t mw_dotstuff_clean(mw_dotstuff *d, const char *in, size_t len);

/* Expands as much of in as fits into out (cap at least MW_DOTSTUFF_GROWTH). Returns how many bytes
 * were written, in *used_r how many were read: all of len, unless out is full. */
size_t mw_dotstuff_expand(mw_dotstuff *d, const char *in, size_t len, char *out, size_t cap, size_t *used_r);

/* Moves the state past bytes that went out as they are: the caller has made line ends and dots right. If the last of them is a bare LF, it
 * may be a line end or not. A dot that comes next is doubled, in case it is; mw_dotstuff_end writes a CRLF first, in case it is not. */
void mw_dotstuff_pass(mw_dotstuff *d, const char *in, size_t len);

/* The longest end. */
#define MW_DOTSTUFF_END_MAX 5

/* Writes what ends the content: CRLF if the last line has no end (a bare CR is no end), then "." CRLF. Returns the length, 3 or 5. The
 * state is at the start again. */
size_t mw_dotstuff_end(mw_dotstuff *d, char out[MW_DOTSTUFF_END_MAX]);

#endif
