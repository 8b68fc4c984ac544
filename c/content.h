/* content.h - a message's content on its way into a queue: where it comes from, and what is made of it.
 *
 * The source is memory that is lent, a stretch of a file, or pieces, which the caller gives when they can be sent. The encoding is what
 * the command wants: for DATA line ends and dots are made right (dotstuff.h), for BDAT line ends (crlf.h), or nothing is changed.
 *
 * In the order of use: one of the three sources; mw_content_begin; mw_content_write, or mw_content_piece, until mw_content_is_queued;
 * mw_content_end.
 *
 * A file that is not what it was when it was taken (shorter, longer, written to) is found out before its last bytes are queued, or, where
 * it is sent without being read, before they are sent (io.h). In this case it is looked at again when the answer comes.
 */
#ifndef MW_CONTENT_H
#define MW_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include "dotstuff.h"
#include "file.h"
#include "outq.h"
#include "text.h"

/* Shorter stretches are copied into the queue, not lent: that costs less. */
#define MW_CONTENT_LEND_MIN 32768

typedef enum mw_source { MW_SOURCE_LENT, MW_SOURCE_FILE, MW_SOURCE_PIECES } mw_source;

typedef enum mw_encoding {
    MW_ENCODE_DOTS,     /* for DATA */
    MW_ENCODE_LINES,    /* for BDAT; not for files, whose size it would change */
    MW_ENCODE_NOTHING
} mw_encoding;

typedef struct mw_content {
    mw_source source;
    mw_encoding encoding;
    const char *bytes;  /* MW_SOURCE_LENT: the bytes that are not queued yet */
    mw_file file;       /* MW_SOURCE_FILE: what is not queued yet begins at file.offset */
    uint64_t start;     /* where all of it begins */
    uint64_t size;      /* how many bytes are lent, or in the file; 0 for pieces */
    uint64_t left;      /* how many of them are not queued yet */
    uint64_t taken;     /* how many of the caller's bytes are queued */
    uint64_t in_lines;  /* how many bytes there are with their line ends made right, as far as that is known; 0: it is not */
    int has_eight_bit;  /* where in_lines is known: an octet is above 0x7F */
    int whole;          /* MW_SOURCE_PIECES: there are no more */
    int unread;         /* MW_SOURCE_FILE: it was queued without being read */
    int as_it_is;       /* MW_SOURCE_FILE: whether every line ends in CRLF: 0 not known, 1 yes, -1 no */
    mw_dotstuff stuff;  /* the state of MW_ENCODE_DOTS */
    int after_cr;       /* the state of MW_ENCODE_LINES: the last byte was a CR */
} mw_content;

/* The content is these bytes. The caller owns them, and keeps them unchanged until all that was queued of them is sent, or the queue is
 * dropped. */
void mw_content_lend(mw_content *c, const char *bytes, size_t len);

/* The content is this stretch of a file. */
void mw_content_from_file(mw_content *c, const mw_file *file);

/* The content comes in pieces. */
void mw_content_in_pieces(mw_content *c);

/* So many bytes may be expected of the pieces, more or less. */
void mw_content_expect(mw_content *c, uint64_t size);

/* True when the content is in a file, and every line, the last one as well, ends in CRLF. The first call reads the file, up to the
 * first line that does not. */
int mw_content_is_file_in_lines(mw_content *c);

/* True when the content is lent, and an octet of it is above 0x7F. Before the first byte is queued. */
int mw_content_is_eight_bit(mw_content *c);

/* How many octets the content has with its line ends made right, as a message's size is declared (RFC 1870 5): of what is lent the number
 * itself, if it is asked for exactly or is not large; else how many there are as they stand, or are expected; 0: not known. Before the first
 * byte is queued. */
uint64_t mw_content_declared_size(mw_content *c, int exactly);

/* Sets the encoding, before the first byte is queued. */
void mw_content_begin(mw_content *c, mw_encoding encoding);

/* How many bytes the content becomes in the queue. Not for MW_ENCODE_DOTS, and not for pieces. */
uint64_t mw_content_wire_size(mw_content *c);

/* Queues content that is lent or in a file, part by part, until at least high_water bytes wait in the queue. Returns 0, MW_E_NOMEM,
 * MW_E_CHANGED (the file has changed) or MW_E_SYS (it cannot be read). After an error the content cannot be sent. */
int mw_content_write(mw_content *c, mw_outq *out, size_t high_water);

/* Queues a piece, all of it: pieces should be of moderate size. 0 or MW_E_NOMEM. */
int mw_content_piece(mw_content *c, mw_outq *out, const char *bytes, size_t len);

/* Content that is lent or in a file can be queued again: it is as before the first byte. */
void mw_content_rewind(mw_content *c);

/* True while pieces are to come. */
int mw_content_wants_piece(const mw_content *c);

/* True when all of it is queued. */
int mw_content_is_queued(const mw_content *c);

/* Writes what ends the content with MW_ENCODE_DOTS, see mw_dotstuff_end. Returns the length. */
size_t mw_content_end(mw_content *c, char end[MW_DOTSTUFF_END_MAX]);

/* True when the content is a file that is not read but sent from where it is, and the file has been written to since it was taken. The peer
 * may have got what was written, up to the moment when it answers: it reads the file's own pages. */
int mw_content_has_changed(const mw_content *c);

/* Queues content that is in a file as it is, unread, but for its last bytes: the file has so many of them behind what is queued. They are the
 * caller's to queue. 0 or MW_E_NOMEM. */
int mw_content_stretch(mw_content *c, mw_outq *out, unsigned behind);

/* Why mw_content_write failed: words that the caller drops, or NULL where mw_error_text has them. */
mw_text *mw_content_words(const mw_content *c, const mw_alloc *alloc, int why);

/* Queues bytes as they are, whole or not at all: lent if they are MW_CONTENT_LEND_MIN or more. */
int mw_content_put(mw_outq *out, const char *bytes, size_t len);

#endif
