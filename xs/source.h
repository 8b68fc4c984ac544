/* source.h - the content of a delivery, from what a caller gives for it.
 *
 * There are two steps: mwx_source_take finds out what kind of content it is, and mwx_source_read reads it when the delivery is to be handed
 * over. Content that can be read whole becomes a string.
 */
#ifndef MWX_SOURCE_H
#define MWX_SOURCE_H

#include "perlglue.h"
#include "../c/file.h"

/* Zeroed, a valid start. All SVs are mortals or the caller's own. */
typedef struct mwx_source {
    SV *text;               /* all content, in octets; */
    SV *code;               /* or a sub that returns pieces of it; */
    SV *handle;             /* or stretch of this plain file, which is small and is read here; */
    int is_opened;          /* or of one that was opened here; */
    SV *object;             /* or a Mail::Wire::Source, for every other kind */
    NV size;                /* how many octets it has; negative: not known */
    SV *file;               /* from mwx_source_read on: stretch of this plain file is to be sent from there */
    mw_file stretch;
    SV *fault;              /* why it cannot be read, in words */

    /* to be set before it is read */
    size_t ahead;           /* of content of unknown size so much is read, */
    int whole;              /* or, with this, all: what is long, into a temporary file */
    int64_t until;          /* code of the caller's gives no more pieces behind this moment */
    SV **died;              /* what such code died of */
} mwx_source;

/* Finds out what Data, File or Range is; a NULL or undef was not given. Croaks for what is no content, and unless one was given. */
void mwx_source_take(pTHX_ mwx_source *s, SV *data, SV *file, SV *range);

/* True when code of the caller's may run while the content is read. */
int mwx_source_acts(const mwx_source *s);

/* Reads the content: afterwards text has it, or file, or fault says why it cannot be had; or, of content that was not to be read whole,
 * object has the first piece and gives the others. */
void mwx_source_read(pTHX_ mwx_source *s);

/* Closes what mwx_source_take opened. */
void mwx_source_close(pTHX_ mwx_source *s);

/* Appends what a file has from offset on to a string of octets, at most size of them: how many; negative: it cannot be read. */
IV mwx_append_file(pTHX_ SV *text, int fd, uint64_t offset, int size);

#endif
