/* source.h - the content of a delivery, from what a caller gives for it.
 *
 * It is taken in two steps: first what it is, then, when it can be handed over, what is in it. Content that can be had whole is a string.
 */
#ifndef MWX_SOURCE_H
#define MWX_SOURCE_H

#include "link.h"

/* Zeroed but for the numbers. All SVs are mortals or the caller's own. */
typedef struct mwx_source {
    SV *text;               /* all of it, in octets */
    SV *code;               /* or what gives pieces of it, */
    SV *handle;             /* or a small plain file, as it is read by perl: */
    size_t left;            /* how much of it is left, */
    Off_t length;           /* how long it is, */
    int64_t stamp;          /* and when it was changed */
    SV *object;             /* or a Mail::Wire::Source, for all else */
    NV size;                /* octets; negative: not known */
    SV *file;               /* a stretch of this file can be sent from where it is: */
    NV offset;
    SV *fault;              /* it cannot be had, in words */
} mwx_source;

/* What it is, from the arguments Data and File, of which one is NULL or undef. Croaks for what is no content. */
void mwx_source_take(pTHX_ mwx_source *s, SV *data, SV *file);

/* What is in it: text, a file, or neither: then it comes in pieces, of which object has the first. Reads on up to the link's limit for
 * content that goes early, and all of it if whole. The caller's code runs, and may die (link->died). deadline: when that
 * must end. */
void mwx_source_read(pTHX_ mwx_source *s, mwx_link *link, SV *ref, int whole, int64_t deadline);

#endif
