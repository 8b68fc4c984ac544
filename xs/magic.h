/* magic.h - C structures behind Perl objects.
 *
 * A structure, the handle, hangs on the object itself (its glob or hash) as ext magic with a table of the distribution's own. A reference
 * that other code blessed into the class has no handle, and no integer is ever cast to a pointer. The table's free function runs
 * when the object goes. The clone of an object in another thread has no handle, but is told apart from an object that never had one.
 * (CLONE_SKIP would be simpler, but perl panics after it has skipped a blessed glob, or anything that a weak reference refers to.)
 */
#ifndef MWX_MAGIC_H
#define MWX_MAGIC_H

#include "perlglue.h"

/* A table with the function that frees the handle, and no other. */
#ifdef USE_ITHREADS
#define MWX_MAGIC_TABLE(free) { 0, 0, 0, 0, free, 0, mwx_magic_dup, 0 }
int mwx_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param);
#else
#define MWX_MAGIC_TABLE(free) { 0, 0, 0, 0, free, 0, 0, 0 }
#endif

/* The handle of the object that ref refers to; NULL when it has none. */
void *mwx_magic_find(pTHX_ SV *ref, const MGVTBL *table);

/* True for the clone of an object in another thread than the one that made it. */
int mwx_magic_is_clone(pTHX_ SV *ref, const MGVTBL *table);

/* Hangs a handle on the object that ref refers to. */
void mwx_magic_attach(pTHX_ SV *ref, const MGVTBL *table, void *handle);

#endif
