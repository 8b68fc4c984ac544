/* call.c - see call.h. */
#include "call.h"

/* Runs under ENTER, with $@ localised. Returns the number of results on the stack. */
static int call_protected(pTHX_ SV *code, SV **arguments, int count, I32 flags)
{
    dSP;
    int i;

    PUSHMARK(SP);
    EXTEND(SP, count);
    for (i = 0; i < count; i++)
        PUSHs(arguments[i]);
    PUTBACK;
    return (int)call_sv(code, flags | G_EVAL);
}

static AV *collect(pTHX_ int count)
{
    dSP;
    SV **base = SP - count;
    AV *results = newAV();
    int i;

    for (i = 1; i <= count; i++)
        av_push(results, newSVsv(base[i]));
    SP = base;
    PUTBACK;
    return results;
}

static AV *run(pTHX_ SV *code, SV **arguments, int count, I32 flags, SV **died_r)
{
    dSP;
    AV *results;
    int count_back, error;

    ENTER;
    SAVETMPS;
    save_scalar(PL_errgv);
    PUSHSTACKi(PERLSI_MAGIC);
    count_back = call_protected(aTHX_ code, arguments, count, flags);
    error = errno;
    results = collect(aTHX_ count_back);
    POPSTACK;
    if (SvTRUE(ERRSV)) {
        SvREFCNT_dec(*died_r);
        *died_r = newSVsv(ERRSV);
        SvREFCNT_dec((SV *)results);
        results = NULL;
    }
    FREETMPS;
    LEAVE;
    errno = error;
    return results ? (AV *)sv_2mortal((SV *)results) : NULL;
}

static AV *call_method_flags(pTHX_ SV *ref, const char *method, SV **arguments, int count, I32 flags, SV **died_r)
{
    SV *list[MWX_CALL_MAX + 1];
    SV *name = sv_2mortal(newSVpv(method, 0));
    int i;

    list[0] = ref;
    for (i = 0; i < count && i < MWX_CALL_MAX; i++)
        list[i + 1] = arguments[i];
    return run(aTHX_ name, list, i + 1, flags | G_METHOD, died_r);
}

AV *mwx_call(pTHX_ SV *ref, const char *method, SV **arguments, int count, SV **died_r)
{
    return call_method_flags(aTHX_ ref, method, arguments, count, G_ARRAY, died_r);
}

static SV *only(pTHX_ AV *results)
{
    SV **first = results ? av_fetch(results, 0, 0) : NULL;

    return results ? (first ? *first : &PL_sv_undef) : NULL;
}

SV *mwx_call_code(pTHX_ SV *code, SV **arguments, int count, SV **died_r)
{
    return only(aTHX_ run(aTHX_ code, arguments, count, G_SCALAR, died_r));
}

SV *mwx_call_scalar(pTHX_ SV *ref, const char *method, SV **arguments, int count, SV **died_r)
{
    return only(aTHX_ call_method_flags(aTHX_ ref, method, arguments, count, G_SCALAR, died_r));
}

int mwx_run_handlers(pTHX_ SV **died_r)
{
    CV *check = get_cv("Mail::Wire::_run_handlers", 0);

    return run(aTHX_ (SV *)check, NULL, 0, G_VOID, died_r) ? 0 : -1;
}

SV *mwx_ask(pTHX_ const char *sub, SV **arguments, int count)
{
    dSP;
    SV *result;
    int i;

    PUSHMARK(SP);
    EXTEND(SP, count);
    for (i = 0; i < count; i++)
        PUSHs(arguments[i]);
    PUTBACK;
    call_pv(sub, G_SCALAR);
    SPAGAIN;
    result = sv_mortalcopy(POPs);
    PUTBACK;
    return result;
}

void mwx_croak(pTHX_ SV *words)
{
    croak_sv(mwx_ask(aTHX_ "Mail::Wire::Client::_croak", &words, 1));
}

void mwx_croak_later(pTHX_ SV *words, SV **died_r)
{
    run(aTHX_ (SV *)get_cv("Mail::Wire::Client::_croak", 0), &words, 1, G_VOID, died_r);
}

void mwx_carp(pTHX_ SV *words)
{
    mwx_ask(aTHX_ "Mail::Wire::Client::_carp", &words, 1);
}

void mwx_rethrow(pTHX_ SV **died)
{
    SV *error = *died;

    if (!error)
        return;
    *died = NULL;
    croak_sv(sv_2mortal(error));
}
