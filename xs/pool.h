/* pool.h - what Mail::Wire::Pool has of the glue: a look at what is submitted, and the wait for all links. */
#ifndef MWX_POOL_H
#define MWX_POOL_H

#include "perlglue.h"

/* Croaks for arguments of submit that are a mistake whatever the server offers: their number, unknown names, To, From, Deadline and Progress, and
 * that there is content.
 * encoding: the name of an argument that is known as well; NULL: none. */
void mwx_pool_check(pTHX_ SV **arguments, int count, const char *encoding);

/* Waits until a descriptor can be read or written, at most so many seconds (negative: as long as it takes) and at most for one slice of
 * io.h. places: descriptor and MW_IO_IN, MW_IO_OUT or both in turn. Returns a mortal list of the numbers, from 0, of those that can be: all
 * of them when the wait itself fails, as each one's own calls tell why. */
AV *mwx_pool_wait(pTHX_ NV seconds, SV **places, int count);

#endif
