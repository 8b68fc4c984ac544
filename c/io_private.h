/* io_private.h - what the files of the I/O share. Only for io*.c. */
#ifndef MW_IO_PRIVATE_H
#define MW_IO_PRIVATE_H

#include "io.h"

/* Nanoseconds in a second. */
#define MW_NANO 1000000000

/* What the system's type of offsets is. To test what perls built without large files have. */
#ifndef MW_IO_OFF_T
#define MW_IO_OFF_T off_t
#endif

/* The most stretches that a transport is given to write at once. */
#define MW_IO_SLICES 16

#endif
