/* source.h - the content of a delivery, from what a caller gives for it.
 *
 * There are two steps: mwx_source_take finds out what kind of content it is, and mwx_source_read reads it when the delivery is to be handed
 * over. Content that can be read whole becomes a string.
 */
#ifndef MWX_SOURCE_H
#define MWX_SOURCE_H

#include "link.h"

/* Zeroed but for the numbers. All SVs are mortals or the caller's own. */
typedef struct mwx_source {
    SV *text;               /* all content, in octets; */
    SV *code;               /* or a sub that returns pieces of it; */
    SV *handle;             /* or a small plain file, which is read here: */
    size_t left;            /* how many octets are not read yet, */
    Off_t length;           /* how long the file is, */
    int64_t stamp;          /* and when it was changed; */
    SV *object;             /* or a Mail::Wire::Source, for every other kind */
    NV size;                /* how many octets it has; negative: not known */
    SV *file;               /* the content is in this plain file, and can be sent from there, */
    NV offset;              /* from this offset on */
    SV *fault;              /* why it cannot be read, in words */
} mwx_source;

/* Finds out what Data or File is; one of the two is NULL or undef. Croaks for what is no content. */
void mwx_source_take(pTHX_ mwx_source *s, SV *data, SV *file);

/* Reads the content: afterwards text has it, or file, or it comes in pieces, the first of which object has. Reads up to the link's limit for
 * content that goes early (link->eager), or, with whole, all of it. Code of the caller's runs until deadline at the most, and may die
 * (link->died). */
void mwx_source_read(pTHX_ mwx_source *s, mwx_link *link, SV *ref, int whole, int64_t deadline);

#endif
