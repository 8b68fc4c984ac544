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

/* The same for one scalar: mortal; NULL when it died. */
SV *mwx_call_scalar(pTHX_ SV *ref, const char *method, SV **arguments, int count, SV **died_r);

/* Throws what died on, if anything did. */
void mwx_rethrow(pTHX_ SV **died);

#endif
