/* magic.h - C structures behind Perl objects.
 *
 * A handle hangs on the object itself (its glob or hash) as ext magic with a table of our own: a reference
 * that somebody else blessed into our class has none, and nothing is ever cast from an integer. The table's
 * free function runs when the object goes. A thread's clone of an object comes without the handle and is told
 * apart from one that never had any. (CLONE_SKIP would be simpler, but perl panics at its end after it has
 * skipped a blessed glob.)
 */
#ifndef MWX_MAGIC_H
#define MWX_MAGIC_H

#include "perlglue.h"

/* A table of ours: what frees the handle, and nothing else. */
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

/* Hangs a handle on it. */
void mwx_magic_attach(pTHX_ SV *ref, const MGVTBL *table, void *handle);

#endif
