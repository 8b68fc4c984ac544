/* file.h - a stretch of a file, and how the core reads it: by functions of the I/O ring, as the core makes no system call itself.
 */
#ifndef MW_FILE_H
#define MW_FILE_H

#include <stddef.h>
#include <stdint.h>

typedef struct mw_file_calls {
    /* Reads from offset on: how many bytes, at most max; 0 at the file's end; negative: it cannot be read. */
    int (*read)(int fd, uint64_t offset, char *to, int max);
    /* When the file was last changed; 0: not known. */
    int64_t (*stamp)(int fd);
    /* The system's words for why the last read failed. */
    void (*words)(char *words, size_t size);
} mw_file_calls;

/* A stretch of a file: size bytes from offset on, up to the file's end, or, with is_part, anywhere in it. The owner keeps fd open until the
 * stretch is sent. */
typedef struct mw_file {
    const mw_file_calls *calls;
    int fd;
    uint64_t offset, size;
    int is_part;        /* whether the file has more bytes behind the stretch does not matter */
    int64_t stamp;      /* when it was last changed, before anything of it was read; 0: not known */
} mw_file;

#endif
