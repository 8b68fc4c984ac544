/* content.c - see content.h. */
#include "content.h"
#include "crlf.h"
#include "error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The most bytes that are looked through before they are lent: a processor's cache still holds them when they are sent. */
#define LEND_MAX (256 * 1024)

/* How much becomes one part. */
#define PART 65536

/* How much of a file is read at once. */
#define FILE_BLOCK 32768

/* Of eight octets. */
#define EACH_HIGH_BIT UINT64_C(0x8080808080808080)

/* Room for the system's words. */
#define WORDS_MAX 256

void mw_content_lend(mw_content *c, const char *bytes, size_t len)
{
    c->source = MW_SOURCE_LENT;
    c->bytes = bytes;
    c->left = c->size = len;
    c->in_lines = 0;
}

void mw_content_from_file(mw_content *c, const mw_file *file)
{
    c->source = MW_SOURCE_FILE;
    c->file = *file;
    c->start = file->offset;
    c->left = c->size = file->size;
}

void mw_content_in_pieces(mw_content *c)
{
    c->source = MW_SOURCE_PIECES;
}

void mw_content_expect(mw_content *c, uint64_t size)
{
    c->in_lines = size;
}

void mw_content_begin(mw_content *c, mw_encoding encoding)
{
    assert(c->source != MW_SOURCE_FILE || encoding != MW_ENCODE_LINES);
    c->encoding = encoding;
}

static uint64_t size_in_lines(mw_content *c)
{
    if (!c->in_lines)
        c->in_lines = mw_crlf_size(c->bytes, (size_t)c->left, &c->has_eight_bit);
    return c->in_lines;
}

/* Up to the first such octet. */
static int has_eight_bit(const mw_content *c)
{
    const char *p = c->bytes, *end = p + c->left;
    uint64_t eight;

    for (; end - p >= (ptrdiff_t)sizeof eight; p += sizeof eight) {
        memcpy(&eight, p, sizeof eight);
        if (eight & EACH_HIGH_BIT)
            return 1;
    }
    while (p < end && !(*p & 0x80))
        p++;
    return p < end;
}

int mw_content_is_eight_bit(mw_content *c)
{
    if (c->source != MW_SOURCE_LENT)
        return 0;
    if (c->size > PART)
        return has_eight_bit(c);
    (void)size_in_lines(c);
    return c->has_eight_bit;
}

uint64_t mw_content_declared_size(mw_content *c, int exactly)
{
    if (c->source == MW_SOURCE_LENT && (exactly || c->size <= PART))
        return size_in_lines(c);
    return c->source == MW_SOURCE_PIECES ? c->in_lines : c->size;
}

uint64_t mw_content_wire_size(mw_content *c)
{
    uint64_t size = c->encoding == MW_ENCODE_LINES ? size_in_lines(c) : c->left;

    if (size == c->left)
        c->encoding = MW_ENCODE_NOTHING;
    return size;
}

void mw_content_rewind(mw_content *c)
{
    const mw_dotstuff start = { 0 };

    if (c->source == MW_SOURCE_LENT)
        c->bytes -= c->size - c->left;
    c->file.offset = c->start;
    c->left = c->size;
    c->taken = 0;
    c->stuff = start;
    c->after_cr = 0;
}

int mw_content_wants_piece(const mw_content *c)
{
    return c->source == MW_SOURCE_PIECES && !c->whole;
}

int mw_content_is_queued(const mw_content *c)
{
    return !c->left && !mw_content_wants_piece(c);
}

size_t mw_content_end(mw_content *c, char end[MW_DOTSTUFF_END_MAX])
{
    return mw_dotstuff_end(&c->stuff, end);
}

/* ---- memory */

int mw_content_put(mw_outq *out, const char *bytes, size_t len)
{
    return len < MW_CONTENT_LEND_MIN ? mw_outq_copy(out, bytes, len) : mw_outq_lend(out, bytes, len);
}

/* Expands some of the bytes: in *used_r how many. */
static int expand(mw_content *c, mw_outq *out, const char *bytes, size_t len, size_t *used_r)
{
    size_t room;
    char *to;

    *used_r = len;
    if (c->encoding == MW_ENCODE_NOTHING)
        return mw_outq_copy(out, bytes, len);
    if (!(to = mw_outq_room(out, MW_DOTSTUFF_GROWTH * len, &room)))
        return MW_E_NOMEM;
    if (c->encoding == MW_ENCODE_LINES)
        mw_outq_wrote(out, mw_crlf_expand(&c->after_cr, bytes, len, to, room, used_r));
    else
        mw_outq_wrote(out, mw_dotstuff_expand(&c->stuff, bytes, len, to, room, used_r));
    return 0;
}

int mw_content_piece(mw_content *c, mw_outq *out, const char *bytes, size_t len)
{
    size_t used;
    int rc = 0;

    for (; len && !rc; bytes += used, len -= used) {
        rc = expand(c, out, bytes, len, &used);
        c->taken += used;
    }
    return rc;
}

/* How many bytes at the front can be lent. 0: too few, and the state is as it was. */
static size_t lendable(mw_content *c, size_t len)
{
    mw_dotstuff before = c->stuff;
    size_t clean;

    if (c->encoding == MW_ENCODE_NOTHING)
        return len;
    if (c->encoding == MW_ENCODE_LINES || len < MW_CONTENT_LEND_MIN)
        return 0;
    clean = mw_dotstuff_clean(&c->stuff, c->bytes, len < LEND_MAX ? len : LEND_MAX);
    if (clean >= MW_CONTENT_LEND_MIN)
        return clean;
    c->stuff = before;
    return 0;
}

static int write_lent(mw_content *c, mw_outq *out)
{
    size_t left = (size_t)c->left, used = lendable(c, left);
    int rc = used ? mw_outq_lend(out, c->bytes, used) : expand(c, out, c->bytes, left < PART ? left : PART, &used);

    if (rc)
        return rc;
    c->bytes += used;
    c->left -= used;
    c->taken += used;
    if (!c->left && c->encoding == MW_ENCODE_LINES && mw_crlf_open(c->bytes - used, used))
        rc = mw_outq_copy(out, "\r\n", 2);
    return rc;
}

/* ---- files */

/* The next bytes of a file, at most size of them: how many (> 0), MW_E_CHANGED or MW_E_SYS. */
static int read_file(const mw_file *file, char *block, uint64_t size)
{
    int n = file->calls->read(file->fd, file->offset, block, size < FILE_BLOCK ? (int)size : FILE_BLOCK);

    return n > 0 ? n : n ? MW_E_SYS : MW_E_CHANGED;
}

static int scan_file(const mw_content *c)
{
    mw_file file = c->file;
    char block[FILE_BLOCK], last = '\n';
    int n, after_cr = 0;

    for (; file.size; file.size -= (uint64_t)n, file.offset += (uint64_t)n) {
        n = read_file(&file, block, file.size);
        if (n <= 0 || !mw_crlf_clean(&after_cr, block, (size_t)n))
            return 0;
        last = block[n - 1];
    }
    return last == '\n';
}

int mw_content_is_file_in_lines(mw_content *c)
{
    if (c->source == MW_SOURCE_FILE && !c->as_it_is)
        c->as_it_is = scan_file(c) ? 1 : -1;
    return c->as_it_is > 0;
}

/* 0 when the file still has the stretch's last byte, has no more behind it where it had none, and was not written to. */
static int check_end(const mw_file *file, uint64_t end)
{
    char last[2];
    int n = file->calls->read(file->fd, end - 1, last, file->is_part ? 1 : 2);

    if (n != 1)
        return n < 0 ? MW_E_SYS : MW_E_CHANGED;
    return !file->stamp || file->calls->stamp(file->fd) == file->stamp ? 0 : MW_E_CHANGED;
}

int mw_content_has_changed(const mw_content *c)
{
    return c->unread && c->file.stamp && c->file.calls->stamp(c->file.fd) != c->file.stamp;
}

int mw_content_stretch(mw_content *c, mw_outq *out, unsigned behind)
{
    mw_outq_stretch stretch = { c->file.fd, c->file.offset, c->left - behind, behind, c->file.is_part, c->file.stamp };

    c->unread = 1;
    return mw_outq_stretch_of(out, &stretch);
}

/* All but the last bytes goes unread. These are copied: they are sent when it is sure that the file is as it was. */
static int queue_unread(mw_content *c, mw_outq *out)
{
    char last[MW_OUTQ_BEHIND_MAX];
    int n = c->file.calls->read(c->file.fd, c->file.offset + c->left - sizeof last, last, sizeof last);

    if (n != (int)sizeof last)
        return n < 0 ? MW_E_SYS : MW_E_CHANGED;
    n = mw_content_stretch(c, out, sizeof last);
    c->taken += c->left;
    c->left = 0;
    return n ? n : mw_outq_copy(out, last, sizeof last);
}

static int write_file(mw_content *c, mw_outq *out)
{
    char block[FILE_BLOCK];
    int n, rc = 0;

    if (c->encoding == MW_ENCODE_NOTHING && c->left > sizeof block)
        return queue_unread(c, out);
    if ((n = read_file(&c->file, block, c->left)) < 0)
        return n;
    c->file.offset += (uint64_t)n;
    c->left -= (uint64_t)n;
    if (!c->left)
        rc = check_end(&c->file, c->file.offset);
    return rc ? rc : mw_content_piece(c, out, block, (size_t)n);
}

mw_text *mw_content_words(const mw_content *c, const mw_alloc *alloc, int why)
{
    char system[WORDS_MAX], words[2 * WORDS_MAX];

    if (c->source != MW_SOURCE_FILE || (why != MW_E_CHANGED && why != MW_E_SYS))
        return NULL;
    if (why == MW_E_CHANGED)
        return mw_text_of(alloc, mw_error_text(why));
    c->file.calls->words(system, sizeof system);
    (void)snprintf(words, sizeof words, "cannot read the file: %s", system);
    return mw_text_of(alloc, words);
}

int mw_content_write(mw_content *c, mw_outq *out, size_t high_water)
{
    int rc = 0;

    while (!rc && c->left && mw_outq_len(out) < high_water)
        rc = c->source == MW_SOURCE_FILE ? write_file(c, out) : write_lent(c, out);
    return rc;
}
