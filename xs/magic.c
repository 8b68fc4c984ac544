/* magic.c - see magic.h. */
#include "magic.h"

static MAGIC *find(pTHX_ SV *ref, const MGVTBL *table)
{
    return SvROK(ref) && SvTYPE(SvRV(ref)) >= SVt_PVMG ? mg_findext(SvRV(ref), PERL_MAGIC_ext, (MGVTBL *)table) : NULL;
}

void *mwx_magic_find(pTHX_ SV *ref, const MGVTBL *table)
{
    MAGIC *mg = find(aTHX_ ref, table);

    return mg ? mg->mg_ptr : NULL;
}

int mwx_magic_is_clone(pTHX_ SV *ref, const MGVTBL *table)
{
    MAGIC *mg = find(aTHX_ ref, table);

    return mg && !mg->mg_ptr;
}

void mwx_magic_attach(pTHX_ SV *ref, const MGVTBL *table, void *handle)
{
    MAGIC *mg = find(aTHX_ ref, table);

    if (!mg)
        mg = sv_magicext(SvRV(ref), NULL, PERL_MAGIC_ext, (MGVTBL *)table, NULL, 0);
    mg->mg_ptr = (char *)handle;
    mg->mg_flags |= MGf_DUP;
}

#ifdef USE_ITHREADS
int mwx_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(param);
    mg->mg_ptr = NULL;
    return 0;
}
#endif
