/* call.h - calls of Perl code from C that return also when the code dies.
 *
 * Each call runs on a stack of its own inside an eval. What the code died of is kept in *died_r, one reference, which is the caller's. The
 * XSUB frees what it holds and throws it then (mwx_rethrow). errno is as the code left it.
 */
#ifndef MWX_CALL_H
#define MWX_CALL_H

#include "perlglue.h"

/* Lets the handlers of pending signals run. 0, or -1 when one died. $@ stays as it was. */
int mwx_run_handlers(pTHX_ SV **died_r);

/* How many arguments a call can have. */
#define MWX_CALL_MAX 8

/* Calls $ref->method(arguments) in list context; arguments are count SVs. Results are copied into a new
 * mortal array; NULL when it died. */
AV *mwx_call(pTHX_ SV *ref, const char *method, SV **arguments, int count, SV **died_r);

/* Calls code in scalar context: a mortal; NULL when it died. */
SV *mwx_call_code(pTHX_ SV *code, SV **arguments, int count, SV **died_r);

/* Calls $ref->method(arguments) in scalar context: a mortal; NULL when it died. */
SV *mwx_call_scalar(pTHX_ SV *ref, const char *method, SV **arguments, int count, SV **died_r);

/* Calls a sub of the distribution by its full name, in scalar context: a mortal. Not in an eval: when the sub dies this does not return. */
SV *mwx_ask(pTHX_ const char *sub, SV **arguments, int count);

/* Carp's croak, which names the line of the caller's script. */
void mwx_croak(pTHX_ SV *words) __attribute__noreturn__;

/* Keeps in *died_r what croak would die of. */
void mwx_croak_later(pTHX_ SV *words, SV **died_r);

/* Its carp. */
void mwx_carp(pTHX_ SV *words);

/* Dies of *died, and sets it to NULL. Does nothing when it is NULL. */
void mwx_rethrow(pTHX_ SV **died);

#endif
