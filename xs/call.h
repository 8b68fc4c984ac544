/* call.h - calling Perl from the glue without ever being jumped over.
 *
 * Each call runs on a stack of its own inside an eval. What died is kept in *died_r (one reference, the
 * caller's) and thrown on by the XSUB when its own affairs are in order. errno is as the code left it.
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

/* The same for code, in scalar context: a mortal; NULL when it died. */
SV *mwx_call_code(pTHX_ SV *code, SV **arguments, int count, SV **died_r);

/* The same for one scalar: mortal; NULL when it died. */
SV *mwx_call_scalar(pTHX_ SV *ref, const char *method, SV **arguments, int count, SV **died_r);

/* Calls a sub of ours, by its full name, for a scalar: a mortal. What it dies of goes through the caller. */
SV *mwx_ask(pTHX_ const char *sub, SV **arguments, int count);

/* Carp's croak and carp, which name the line that called us. */
void mwx_croak(pTHX_ SV *words) __attribute__noreturn__;
void mwx_carp(pTHX_ SV *words);

/* Throws what died on, if anything did. */
void mwx_rethrow(pTHX_ SV **died);

#endif
