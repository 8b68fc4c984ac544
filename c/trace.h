/* trace.h - the lines that pass over a session, kept for whoever wants to show them. Content is not: it is counted. */
#ifndef MW_TRACE_H
#define MW_TRACE_H

#include <stdint.h>
#include "buf.h"

/* Bytes of lines that are kept; further ones are left out until some were taken. Only a caller that never
 * takes them gets there. */
#define MW_TRACE_MAX 1048576

/* Each line in front of its LF, behind MW_TRACE_OUT or MW_TRACE_IN. */
typedef struct mw_trace {
    mw_buf lines;
    int on;
} mw_trace;

#define MW_TRACE_OUT '>'
#define MW_TRACE_IN '<'

void mw_trace_init(mw_trace *t, const mw_alloc *alloc);
void mw_trace_free(mw_trace *t);

/* Keeps each line of the text; empty ones are none. Nothing happens while it is off, or without memory. */
void mw_trace_add(mw_trace *t, char direction, const char *text, size_t len);

/* Keeps that so many bytes of content were sent. */
void mw_trace_content(mw_trace *t, uint64_t bytes);

/* Takes the oldest line, without direction and LF. The memory is the trace's, until the next call that adds one.
 * 1, or 0 when there is none. */
int mw_trace_take(mw_trace *t, char *direction_r, mw_slice *line_r);

#endif
