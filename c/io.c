/* io.c - see io.h: the clock, files, and the pump. */
#include "io_private.h"
#include "error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* How much of a file is read at once. */
#define FILE_BLOCK 32768

/* Numbers of errors are below it, addresses above. */
#define ERROR_MAX 65535

/* Makefile.PL says MW_IO_NO_CLOCK where there is no clock_gettime: in macOS before 10.12. */
#if defined(CLOCK_MONOTONIC) && !defined(MW_IO_NO_CLOCK)
#define HAS_MONOTONIC
#endif

/* It says which member of struct stat has the fraction, too; these have this one in any case. */
#if !defined(MW_IO_STAMP) && (defined(__linux__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__sun))
#define MW_IO_STAMP st_mtim.tv_nsec
#elif !defined(MW_IO_STAMP) && defined(__APPLE__)
#define MW_IO_STAMP st_mtimespec.tv_nsec
#endif

/* The wall clock jumps when it is set, which makes a wait shorter or longer. Where there is no other that is the best. */
static int64_t wall_clock(void)
{
    struct timeval tv = { 0, 0 };

    gettimeofday(&tv, NULL);
    return (int64_t)tv.tv_sec * MW_NANO + (int64_t)tv.tv_usec * 1000;
}

int64_t mw_io_now(void)
{
#ifdef HAS_MONOTONIC
    struct timespec ts;

    if (!clock_gettime(CLOCK_MONOTONIC, &ts))
        return (int64_t)ts.tv_sec * MW_NANO + ts.tv_nsec;
#endif
    return wall_clock();
}

int64_t mw_io_after(double seconds)
{
    return mw_clock_from(mw_io_now(), seconds);
}

/* Bytes read (> 0), 0 when none are there, or an error. */
static int read_some(mw_transport *t, mw_buf *in)
{
    size_t got = 0;
    char *to;
    int rc;

    if (mw_buf_len(in) >= MW_IO_INPUT_MAX)
        return MW_E_INPUT_LIMIT;
    if (!(to = mw_buf_room(in, MW_IO_READ)))
        return MW_E_NOMEM;
    rc = t->calls->read(t, to, MW_IO_READ, &got);
    if (rc)
        return rc == MW_E_AGAIN ? 0 : rc;
    if (got == 0)
        return MW_E_CLOSED;
    mw_buf_wrote(in, got);
    return (int)got;
}

/* The caller's errno stays what it was, unless something failed. */
static int with_errno(int rc, int errno_before)
{
    if (rc >= 0 || rc == MW_E_INTR || rc == MW_E_TIMEOUT)
        errno = errno_before;
    return rc;
}

int mw_io_poll(mw_transport *t, mw_buf *in)
{
    int before = errno;

    return t->reads_unasked ? with_errno(read_some(t, in), before) : 0;
}

static int file_failed(mw_transport *t)
{
    t->file_error = errno;
    return errno == EINTR ? MW_E_INTR : MW_E_SYS;
}

/* True when an offset fits the system's type. One that does not would become another, and read other bytes. */
static int is_offset(uint64_t offset)
{
    MW_IO_OFF_T there = (MW_IO_OFF_T)offset;

    if (there >= 0 && (uint64_t)there == offset)
        return 1;
    errno = EOVERFLOW;
    return 0;
}

int mw_io_read_file(int fd, uint64_t offset, char *to, int max)
{
    ssize_t n;

    if (!is_offset(offset))
        return -1;
    do
        n = pread(fd, to, (size_t)max, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return (int)n;
}

/* Reads from the file and writes: that works with every transport. */
static int copy_file(mw_transport *t, const mw_outq_stretch *f, size_t *put_r)
{
    char block[FILE_BLOCK];
    mw_slice v;
    ssize_t n = pread(f->fd, block, f->left < sizeof block ? (size_t)f->left : sizeof block, (off_t)f->offset);

    if (n < 0)
        return file_failed(t);
    if (n == 0)
        return MW_E_CHANGED;
    v.base = block;
    v.len = (size_t)n;
    return t->calls->write(t, &v, 1, put_r);
}

/* strerror_r returns a number as POSIX has it, and the words elsewhere (glibc): its value tells which. */
void mw_io_words(int error, char *words, size_t size)
{
    intptr_t rc;

    (void)snprintf(words, size, "error %d", error);
    rc = (intptr_t)strerror_r(error, words, size);
    if (rc < -1 || rc > ERROR_MAX) {
        const char *found = (const char *)rc;

        if (found != words)
            (void)snprintf(words, size, "%s", found);
    }
}

int64_t mw_io_file_stamp(int fd)
{
    struct stat file;

    if (fstat(fd, &file))
        return 0;
#ifdef MW_IO_STAMP
    return (int64_t)((uint64_t)file.st_mtime * MW_NANO + (uint64_t)file.MW_IO_STAMP);
#else
    return (int64_t)file.st_mtime;
#endif
}

/* MW_OK when a file is what it was when it was queued: the stretch's last byte is there, and behind it as many as there were, or more where
 * that may be. */
static int check_end(mw_transport *t, const mw_outq_stretch *f)
{
    char bytes[2 + MW_OUTQ_BEHIND_MAX];
    ssize_t n = pread(f->fd, bytes, (f->is_part ? 1 : 2) + f->behind, (off_t)(f->offset + f->left - 1));

    if (n < 0)
        return file_failed(t);
    return n == 1 + (ssize_t)f->behind && (!f->stamp || f->stamp == mw_io_file_stamp(f->fd)) ? MW_OK : MW_E_CHANGED;
}

/* Sends from a file. What is queued behind it is held back until it is sure that the file is as it was. */
static int write_file(mw_transport *t, mw_outq *out, const mw_outq_stretch *f, size_t *put_r)
{
    int rc;

    if (f->left > UINT64_MAX - f->offset - f->behind || !is_offset(f->offset + f->left + f->behind)) {
        errno = EOVERFLOW;
        return file_failed(t);
    }
    rc = t->calls->send_file ? t->calls->send_file(t, f, put_r) : MW_E_STATE;

    if (rc == MW_E_STATE)
        rc = copy_file(t, f, put_r);
    else if (!rc && !*put_r)
        rc = MW_E_CHANGED;
    else if (!rc)
        out->shares = 1;
    return rc || *put_r < f->left ? rc : check_end(t, f);
}

static int write_next(mw_transport *t, mw_outq *out, size_t *put_r)
{
    mw_slice v[MW_IO_SLICES];
    mw_outq_stretch f;

    t->file_error = 0;
    if (mw_outq_peek_file(out, &f))
        return write_file(t, out, &f, put_r);
    return t->calls->write(t, v, mw_outq_peek(out, v, MW_IO_SLICES), put_r);
}

/* Bytes written (> 0), 0 when none can be, or an error. A peer that is gone may have said why: that is read
 * first. */
static int write_some(mw_transport *t, mw_outq *out, mw_buf *in)
{
    size_t put = 0;
    int rc = write_next(t, out, &put);

    if (rc == MW_E_CLOSED) {
        while (read_some(t, in) > 0)
            continue;
        return rc;
    }
    if (rc)
        return rc == MW_E_AGAIN ? 0 : rc;
    mw_outq_sent(out, put);
    return put > INT_MAX ? INT_MAX : (int)put;
}

static void asked_in_vain(mw_transport *t)
{
    if (1u << t->misses < MW_IO_PAUSE_MAX)
        t->misses++;
    t->pause = 1u << t->misses;
}

/* See MW_IO_ASK. Returns as read_some. */
static int ask(mw_transport *t, mw_buf *in)
{
    int64_t end;
    int rc;

    if (!t->reads_cheaply || t->pause) {
        t->pause -= t->pause > 0;
        return 0;
    }
    end = mw_io_now() + MW_IO_ASK;
    do {
        if ((rc = read_some(t, in))) {
            t->misses -= t->misses > 0;
            return rc;
        }
    } while (t->reads_cheaply && mw_io_now() < end);
    asked_in_vain(t);
    return 0;
}

/* A transport may be ready and move no byte, again and again (a part of a TLS record): the deadline ends that, too. */
static int moved_nothing(int64_t deadline)
{
    return deadline != MW_IO_NEVER && mw_io_now() >= deadline ? MW_E_TIMEOUT : 0;
}

static int pump(mw_transport *t, mw_outq *out, mw_buf *in, int events, int64_t deadline)
{
    mw_io_wait wait = { t, events & MW_IO_IN, 0, { -1, 0, 0, 0 } };
    int rc;

    if (mw_outq_len(out)) {
        if ((rc = write_some(t, out, in)))
            return rc;
        wait.events = MW_IO_IN | MW_IO_OUT;
    } else if (!wait.events) {
        return 0;
    } else if (deadline && (rc = ask(t, in))) {
        return rc;
    }
    rc = mw_io_wait_many(&wait, 1, deadline);
    if (rc <= 0 || wait.ready < 0)
        return rc <= 0 ? rc : wait.ready;
    if ((wait.ready & MW_IO_IN) && (rc = read_some(t, in)))
        return rc;
    if ((wait.ready & MW_IO_OUT) && (rc = write_some(t, out, in)))
        return rc;
    return moved_nothing(deadline);
}

int mw_io_pump(mw_transport *t, mw_outq *out, mw_buf *in, int events, int64_t deadline)
{
    int before = errno;

    return with_errno(pump(t, out, in, events, deadline), before);
}

