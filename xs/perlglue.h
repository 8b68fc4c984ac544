/* perlglue.h - perl's headers, the same way in every file of the glue. */
#ifndef MWX_PERLGLUE_H
#define MWX_PERLGLUE_H

#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

#define NEED_mg_findext
#define NEED_sv_unmagicext
#define NEED_newRV_noinc
#define NEED_sv_2pv_flags
#include "ppport.h"

#ifndef croak_sv
#define croak_sv(sv) STMT_START { sv_setsv(ERRSV, sv); croak(NULL); } STMT_END
#endif

/* An object whose call may run Perl code (overriding methods, handlers of signals, a tied value's methods). That code may drop the object or
 * give the caller's variable another value, so the call has a reference of its own. The typemap makes it, for mwx_link * as well. */
typedef SV *mwx_held;

/* A new copy of sv. Where perl has copy on write, both share one string until either is changed: what newSVsv does in perl itself; outside, its
 * flags ask for a full copy. */
static inline SV *mwx_shared_copy(pTHX_ SV *sv)
{
    SV *copy = newSV(0);

#ifdef SV_COW_OTHER_PVS
    sv_setsv_flags(copy, sv, SV_GMAGIC | SV_NOSTEAL | SV_COW_SHARED_HASH_KEYS | SV_COW_OTHER_PVS);
#else
    sv_setsv(copy, sv);
#endif
    return copy;
}

/* In a PPCODE: calls a Perl sub in place of this XSUB, with the same arguments in the same context. */
#define MWX_LEAVE_TO(name) STMT_START { PUSHMARK(&ST(0) - 1); XSRETURN((int)call_pv(name, GIMME_V)); } STMT_END

#endif
