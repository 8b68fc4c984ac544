/* Content on its way into a queue: each source by each encoding, files that change at each read, and no memory. */
#include "../../c/content.h"
#include "../../c/error.h"
#include "failing.h"

#define HIGH_WATER 65536
#define LARGE 200000

static char text[LARGE + 1], expected[3 * LARGE], got[3 * LARGE];

/* ---- a file that is none: its bytes are text's, and it changes before a read */

static struct {
    size_t size;
    int64_t stamp;
    int reads, change_at, fails;
    size_t changed_size;
    int64_t changed_stamp;
} disk;

static int disk_read(int fd, uint64_t offset, char *to, int max)
{
    size_t n;

    (void)fd;
    if (++disk.reads == disk.change_at) {
        disk.size = disk.changed_size;
        disk.stamp = disk.changed_stamp;
        if (disk.fails)
            return -1;
    }
    n = offset < disk.size ? disk.size - (size_t)offset : 0;
    n = n < (size_t)max ? n : (size_t)max;
    memcpy(to, text + offset, n);
    return (int)n;
}

static int64_t disk_stamp(int fd)
{
    (void)fd;
    return disk.stamp;
}

static void disk_words(char *words, size_t size)
{
    (void)snprintf(words, size, "bad block");
}

static mw_file disk_file(size_t offset, size_t size)
{
    static const mw_file_calls calls = { disk_read, disk_stamp, disk_words };
    mw_file file = { &calls, 7, offset, size, 0, 1 };

    memset(&disk, 0, sizeof disk);
    disk.size = offset + size;
    disk.stamp = 1;
    return file;
}

/* ---- what comes out */

/* What the content becomes, by the byte. Returns the length. */
static size_t expect(mw_encoding encoding, const char *in, size_t len)
{
    mw_dotstuff stuff = { 0 };
    size_t i, o = 0, used;

    for (i = 0; i < len; i++) {
        if (encoding == MW_ENCODE_DOTS) {
            o += mw_dotstuff_expand(&stuff, in + i, 1, expected + o, sizeof expected - o, &used);
            continue;
        }
        if (encoding == MW_ENCODE_LINES && in[i] == '\n' && !(i && in[i - 1] == '\r'))
            expected[o++] = '\r';
        expected[o++] = in[i];
    }
    if (encoding == MW_ENCODE_LINES && len && in[len - 1] != '\n') {
        memcpy(expected + o, "\r\n", 2);
        o += 2;
    }
    return o;
}

/* Empties the queue into got, as a transport would. */
static size_t take(mw_outq *out, size_t at)
{
    mw_outq_stretch stretch;
    mw_slice v;

    while (mw_outq_len(out)) {
        if (mw_outq_peek_file(out, &stretch)) {
            memcpy(got + at, text + stretch.offset, (size_t)stretch.left);
            v.len = (size_t)stretch.left;
        } else if (mw_outq_peek(out, &v, 1)) {
            memcpy(got + at, v.base, v.len);
        }
        at += v.len;
        mw_outq_sent(out, v.len);
    }
    return at;
}

/* All of it, or the error. */
static int write_all(mw_content *c, const mw_alloc *alloc, size_t *len_r)
{
    mw_outq out;
    int rc = 0;

    mw_outq_init(&out, alloc);
    *len_r = 0;
    while (!rc && !mw_content_is_queued(c)) {
        rc = mw_content_write(c, &out, HIGH_WATER);
        *len_r = take(&out, *len_r);
    }
    mw_outq_free(&out);
    return rc;
}

static int is_expected(size_t len, size_t wanted)
{
    return len == wanted && memcmp(got, expected, len) == 0;
}

static const struct {
    const char *name, *line;
} texts[] = {
    { "LF", "a line of some words\n" },
    { "CRLF", "a line of some words\r\n" },
    { "dots", ".\n..\r\n.\r.\nx" },
    { "no line", "xxxxxxxxx" },
    { "CRs", "\r\r\nx\n\r\n" },
};

static const size_t sizes[] = { 0, 1, 2, 3, 100, 16384, 32767, 32768, 32769, 65536, 65537, LARGE };

static void fill(const char *line)
{
    size_t i, n = strlen(line);

    for (i = 0; i < LARGE; i++)
        text[i] = line[i % n];
}

static void test_lent(const char *name, mw_encoding encoding, size_t size)
{
    mw_content c = { 0 };
    size_t len, wanted = expect(encoding, text, size);
    int sized = 1;

    mw_content_lend(&c, text, size);
    mw_content_begin(&c, encoding);
    if (encoding != MW_ENCODE_DOTS)
        sized = mw_content_wire_size(&c) == wanted;
    tap_ok(sized && write_all(&c, mw_alloc_default(), &len) == 0 && is_expected(len, wanted) && c.taken == size,
        "lent: %s, %lu, encoding %d", name, (unsigned long)size, (int)encoding);
}

static void test_file(const char *name, mw_encoding encoding, size_t size)
{
    mw_content c = { 0 };
    size_t len, offset = size < LARGE ? 1 : 0, wanted = expect(encoding, text + offset, size);
    mw_file file = disk_file(offset, size);

    mw_content_from_file(&c, &file);
    mw_content_begin(&c, encoding);
    tap_ok(write_all(&c, mw_alloc_default(), &len) == 0 && is_expected(len, wanted) && c.taken == size,
        "file: %s, %lu, encoding %d", name, (unsigned long)size, (int)encoding);
}

static void test_pieces(const char *name, size_t size)
{
    mw_content c = { 0 };
    mw_outq out;
    size_t at, n, len = 0, wanted = expect(MW_ENCODE_DOTS, text, size);
    int rc = 0, wants;

    mw_outq_init(&out, mw_alloc_default());
    mw_content_in_pieces(&c);
    for (at = 0; at < size && !rc; at += n, len = take(&out, len)) {
        n = 1 + tap_random(40000);
        n = n < size - at ? n : size - at;
        rc = mw_content_piece(&c, &out, text + at, n);
    }
    wants = mw_content_wants_piece(&c) && !mw_content_is_queued(&c);
    c.whole = 1;
    tap_ok(!rc && wants && is_expected(len, wanted) && mw_content_is_queued(&c), "pieces: %s, %lu", name, (unsigned long)size);
    mw_outq_free(&out);
}

static void test_ways(void)
{
    size_t t, i;

    for (t = 0; t < sizeof texts / sizeof *texts; t++) {
        fill(texts[t].line);
        for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            test_lent(texts[t].name, MW_ENCODE_DOTS, sizes[i]);
            test_lent(texts[t].name, MW_ENCODE_LINES, sizes[i]);
            test_lent(texts[t].name, MW_ENCODE_NOTHING, sizes[i]);
            test_file(texts[t].name, MW_ENCODE_DOTS, sizes[i]);
            test_file(texts[t].name, MW_ENCODE_NOTHING, sizes[i]);
            test_pieces(texts[t].name, sizes[i]);
        }
    }
}

/* ---- lines */

static void test_in_lines(const char *name, const char *line, size_t size, int wanted)
{
    mw_content c = { 0 };
    mw_file file = disk_file(0, size);
    int first, reads;

    fill(line);
    mw_content_from_file(&c, &file);
    first = mw_content_is_file_in_lines(&c);
    reads = disk.reads;
    tap_ok(first == wanted && mw_content_is_file_in_lines(&c) == wanted && disk.reads == reads, "in lines: %s", name);
}

/* ---- a file that changes */

static const struct {
    const char *name;
    long longer;
    int64_t stamp;
    int fails;
    int why;
} changes[] = {
    { "shorter", -1, 1, 0, MW_E_CHANGED },
    { "longer", 1, 1, 0, MW_E_CHANGED },
    { "emptied", -LARGE, 2, 0, MW_E_CHANGED },
    { "written to", 0, 2, 0, MW_E_CHANGED },
    { "out of order", 0, 1, 1, MW_E_SYS },
};

/* How many reads it takes when nothing changes. */
static int reads_of(mw_encoding encoding, size_t size)
{
    mw_content c = { 0 };
    mw_file file = disk_file(0, size);
    size_t len;

    mw_content_from_file(&c, &file);
    mw_content_begin(&c, encoding);
    (void)write_all(&c, mw_alloc_default(), &len);
    return disk.reads;
}

static void test_change(size_t which, mw_encoding encoding, size_t size)
{
    size_t len, most = expect(encoding, text, size);
    int at, good = 1, reads = reads_of(encoding, size);

    for (at = 1; at <= reads; at++) {
        mw_content c = { 0 };
        mw_file file = disk_file(0, size);
        mw_text *words;
        int rc;

        disk.change_at = at;
        disk.changed_size = changes[which].longer + (long)size > 0 ? (size_t)(changes[which].longer + (long)size) : 0;
        disk.changed_stamp = changes[which].stamp;
        disk.fails = changes[which].fails;
        mw_content_from_file(&c, &file);
        mw_content_begin(&c, encoding);
        rc = write_all(&c, mw_alloc_default(), &len);
        words = mw_content_words(&c, mw_alloc_default(), rc);
        good &= rc == changes[which].why && len < most && words
            && strcmp(words->bytes, rc == MW_E_SYS ? "cannot read the file: bad block" : "the file changed while it was read") == 0;
        mw_text_drop(words);
    }
    tap_ok(good && reads > 0, "a file that is %s at any of %d reads, encoding %d, %lu", changes[which].name, reads, (int)encoding,
        (unsigned long)size);
}

/* A stretch with more of the file behind it, and one that the file ends in. */
static void test_part(mw_encoding encoding, size_t size)
{
    size_t len, wanted = expect(encoding, text + 1, size);
    mw_file file = disk_file(1, size);
    int more;

    file.is_part = 1;
    for (more = 5; more >= -1; more -= 6) {
        mw_content c = { 0 };
        int rc;

        disk.size = (size_t)(1 + (long)size + more);
        mw_content_from_file(&c, &file);
        mw_content_begin(&c, encoding);
        rc = write_all(&c, mw_alloc_default(), &len);
        tap_ok(more > 0 ? !rc && is_expected(len, wanted) : rc == MW_E_CHANGED, "part: encoding %d, %lu, the file has %d behind", (int)encoding,
            (unsigned long)size, more);
    }
}

static void test_changes(void)
{
    size_t i;

    fill(texts[0].line);
    for (i = 0; i < sizeof changes / sizeof *changes; i++) {
        test_change(i, MW_ENCODE_DOTS, LARGE);
        test_change(i, MW_ENCODE_DOTS, 100);
        test_change(i, MW_ENCODE_NOTHING, 32768);
    }
    test_part(MW_ENCODE_DOTS, LARGE - 10);
    test_part(MW_ENCODE_DOTS, 100);
    test_part(MW_ENCODE_NOTHING, 32768);
}

/* ---- what is declared */

static void test_declared(void)
{
    mw_content c = { 0 };
    mw_file file = disk_file(0, LARGE);
    size_t i, right = 0;

    memset(text, 'x', 100);
    for (i = 0; i < 100; i++) {
        text[i] = '\x80';
        mw_content_lend(&c, text + i / 2, i - i / 2 + 1);
        right += mw_content_is_eight_bit(&c);
        mw_content_lend(&c, text, i);
        right += !mw_content_is_eight_bit(&c);
        text[i] = 'x';
    }
    tap_ok(right == 200, "an octet above 0x7F, at each place");
    memset(text, '\n', LARGE);
    mw_content_lend(&c, text, 100);
    tap_ok(mw_content_declared_size(&c, 0) == 200, "a small size is counted");
    memset(&c, 0, sizeof c);
    mw_content_lend(&c, text, LARGE);
    tap_ok(mw_content_declared_size(&c, 0) == LARGE && mw_content_declared_size(&c, 1) == 2 * LARGE, "a large one if it is asked for");
    memset(&c, 0, sizeof c);
    mw_content_from_file(&c, &file);
    tap_ok(mw_content_declared_size(&c, 1) == LARGE && !mw_content_is_eight_bit(&c), "a file's is what it has, and it is not read");
    memset(&c, 0, sizeof c);
    mw_content_in_pieces(&c);
    tap_ok(mw_content_declared_size(&c, 1) == 0 && !mw_content_is_eight_bit(&c), "of pieces nothing is known");
    mw_content_expect(&c, 5);
    tap_ok(mw_content_declared_size(&c, 1) == 5, "... but what is expected");
}

/* ---- again */

static void test_rewind(void)
{
    mw_content lent = { 0 }, file = { 0 };
    mw_file on_disk = disk_file(10, LARGE - 10);
    size_t first, second, round;

    fill("0123456\n");
    mw_content_lend(&lent, text, LARGE);
    mw_content_from_file(&file, &on_disk);
    for (round = 0; round < 2; round++) {
        mw_content_begin(&lent, MW_ENCODE_DOTS);
        mw_content_begin(&file, MW_ENCODE_DOTS);
        tap_ok(!write_all(&lent, mw_alloc_default(), &first) && first == expect(MW_ENCODE_DOTS, text, LARGE) && is_expected(first, first),
            "lent, time %d", (int)round);
        tap_ok(!write_all(&file, mw_alloc_default(), &second) && second == expect(MW_ENCODE_DOTS, text + 10, LARGE - 10) && is_expected(second, second),
            "in a file, time %d", (int)round);
        mw_content_rewind(&lent);
        mw_content_rewind(&file);
    }
}

/* ---- no memory */

static int write_without(const mw_alloc *a, int in_file, mw_encoding encoding)
{
    mw_content c = { 0 };
    mw_file file = disk_file(0, LARGE);
    size_t len, wanted = expect(encoding, text, LARGE);
    int rc;

    if (in_file)
        mw_content_from_file(&c, &file);
    else
        mw_content_lend(&c, text, LARGE);
    mw_content_begin(&c, encoding);
    rc = write_all(&c, a, &len);
    return failing_has_failed(a) ? rc == MW_E_NOMEM : rc == 0 && is_expected(len, wanted);
}

static int lent_dots(const mw_alloc *a) { return write_without(a, 0, MW_ENCODE_DOTS); }
static int lent_lines(const mw_alloc *a) { return write_without(a, 0, MW_ENCODE_LINES); }
static int lent_as_is(const mw_alloc *a) { return write_without(a, 0, MW_ENCODE_NOTHING); }
static int file_dots(const mw_alloc *a) { return write_without(a, 1, MW_ENCODE_DOTS); }
static int file_as_is(const mw_alloc *a) { return write_without(a, 1, MW_ENCODE_NOTHING); }

int main(void)
{
    test_ways();
    test_in_lines("CRLF", "0123456\r\n", 90000, 1);
    test_in_lines("a last line without its end", "0123456\r\n", 90001, 0);
    test_in_lines("LF", "0123456\n", 80000, 0);
    test_in_lines("nothing", "x", 0, 1);
    test_changes();
    test_declared();
    test_rewind();
    failing_every("lent, DATA", lent_dots);
    failing_every("lent, BDAT", lent_lines);
    failing_every("lent, as it is", lent_as_is);
    failing_every("file, DATA", file_dots);
    failing_every("file, as it is", file_as_is);
    return tap_done();
}
