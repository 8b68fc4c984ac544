/* io_file.c - files by their names, and how the core reads one (file.h). */
#include "io.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

static void words(char *to, size_t size)
{
    mw_io_words(errno, to, size);
}

void mw_io_file(mw_file *file, int fd, uint64_t offset, uint64_t size, int is_part)
{
    static const mw_file_calls calls = { mw_io_read_file, mw_io_file_stamp, words };

    file->calls = &calls;
    file->fd = fd;
    file->offset = offset;
    file->size = size;
    file->is_part = is_part;
    file->stamp = mw_io_file_stamp(fd);
}

/* What is no plain file is not even opened: the writer at the other end of a FIFO would notice. */
int mw_io_open_file(mw_file *file, const char *name)
{
    struct stat facts;
    int fd = stat(name, &facts) == 0 && S_ISREG(facts.st_mode) ? open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;

    if (fd < 0)
        return -1;
    mw_io_file(file, fd, 0, (uint64_t)facts.st_size, 0);
    return 0;
}

int mw_io_read_stretch(const mw_file *file, char *to)
{
    int size = (int)file->size, n = mw_io_read_file(file->fd, file->offset, to, size + !file->is_part);

    if (n < 0)
        return MW_E_SYS;
    return n == size && file->stamp == mw_io_file_stamp(file->fd) ? n : MW_E_CHANGED;
}
