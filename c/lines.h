/* lines.h - what the peer sent, as lines; and lines put back.
 *
 * A line ends in LF, with or without a CR before it (RFC 5321 2.3.8 asks for CRLF; real servers
 * also send a bare LF). Lines are handed out without their end.
 */
#ifndef MW_LINES_H
#define MW_LINES_H

#include <stddef.h>
#include "buf.h"

/* The longest line, without its end. RFC 5321 4.5.3.1.5 says 512; real replies are longer, and the longest are those that AUTH gets:
 * "334 " and 12288 octets (RFC 4954 4). Stops a peer that never ends its line. */
#define MW_LINE_MAX 12292

typedef struct mw_lines {
    mw_buf in;          /* received, not yet handed out; the pump appends here, and nobody consumes */
    mw_buf back;        /* lines put back, as records, the last one on top */
    mw_buf held;        /* the line put back that was handed out last */
    size_t scanned;     /* bytes of in known to hold no LF */
    size_t max;         /* MW_LINE_MAX, or the caller's */
} mw_lines;

void mw_lines_init(mw_lines *l, const mw_alloc *alloc);
void mw_lines_free(mw_lines *l);

/* The next line. Returns 1 and the line (valid until the next call on l or append to l->in),
 * 0 when no whole line is there yet, MW_E_LINE_LIMIT when it is longer than max: the stream is
 * then useless. Each byte is looked at once, however it arrives. */
int mw_lines_next(mw_lines *l, mw_slice *line_r);

/* As mw_lines_next, but the line stays where it is. */
int mw_lines_peek(mw_lines *l, mw_slice *line_r);

/* Puts a line (without its end; any bytes) back in front of everything else: the next
 * mw_lines_next returns it. Returns 0 or MW_E_NOMEM. */
int mw_lines_unget(mw_lines *l, const char *line, size_t len);

/* True while bytes are there that have not been handed out: a part of a line or more. */
int mw_lines_waiting(const mw_lines *l);

/* Forgets everything. */
void mw_lines_clear(mw_lines *l);

#endif
