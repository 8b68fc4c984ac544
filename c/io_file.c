/* io_file.c - how the core reads a file, see file.h. */
#include "io.h"

#include <errno.h>

static void words(char *to, size_t size)
{
    mw_io_words(errno, to, size);
}

void mw_io_file(mw_file *file, int fd, uint64_t offset, uint64_t size)
{
    static const mw_file_calls calls = { mw_io_read_file, mw_io_file_stamp, words };

    file->calls = &calls;
    file->fd = fd;
    file->offset = offset;
    file->size = size;
    file->stamp = mw_io_file_stamp(fd);
}
