/* dial.c - see dial.h. */
#include "dial.h"
#include "call.h"
#include "magic.h"
#include "wait.h"
#include "../c/error.h"

typedef struct dialling {
    mw_dial *dial;
    int64_t deadline;
    SV *place;      /* for messages */
} dialling;

static int free_dialling(pTHX_ SV *object, MAGIC *mg)
{
    dialling *d = (dialling *)mg->mg_ptr;

    PERL_UNUSED_ARG(object);
    if (d) {
        mw_dial_free(d->dial);
        SvREFCNT_dec(d->place);
        Safefree(d);
    }
    return 0;
}

static const MGVTBL table = MWX_MAGIC_TABLE(free_dialling);

static dialling *dialling_of(pTHX_ SV *ref)
{
    dialling *d = (dialling *)mwx_magic_find(aTHX_ ref, &table);

    if (!d)
        croak("Not a Mail::Wire::Dial object");
    return d;
}

void mwx_dial_attach(pTHX_ SV *ref, const mw_dial_to *to, NV timeout)
{
    dialling *d;
    mw_dial *dial;
    int rc = mw_dial_start(mw_alloc_default(), &dial, to);

    if (!dial)
        croak("%s", mw_error_text(rc));
    Newxz(d, 1, dialling);
    d->dial = dial;
    d->deadline = mw_io_after(timeout);
    d->place = newSVpvf("%s%s%s", to->host, to->port ? " port " : "", to->port ? to->port : "");
    mwx_magic_attach(aTHX_ ref, &table, d);
}

/* As mw_dial_step; where it may wait, that is done behind it. */
static int step(pTHX_ dialling *d, int may_wait, SV **died)
{
    int rc;

    if (may_wait && mwx_signals(aTHX_ NULL, died))
        return MWX_E_DIED;
    rc = mw_dial_step(d->dial, d->deadline);
    return rc == 0 && may_wait ? mw_dial_wait(d->dial, d->deadline) : rc;
}

int mwx_dial_go(pTHX_ SV *ref, int may_wait)
{
    dialling *d = dialling_of(aTHX_ ref);
    SV *died = NULL;
    int rc;

    do
        rc = step(aTHX_ d, may_wait, &died);
    while (may_wait && (rc == 0 || rc == MW_E_INTR));
    mwx_rethrow(aTHX_ &died);
    if (rc == 1)
        return mw_dial_take(d->dial);
    if (rc == 0 || rc == MW_E_INTR)
        return -1;
    sv_setpvf(ERRSV, "connect to %s: %s", SvPV_nolen(d->place), mw_dial_error(d->dial));
    errno = mw_dial_errno(d->dial);
    return -2;
}

int mwx_dial_fd(pTHX_ SV *ref)
{
    return mw_dial_fd(dialling_of(aTHX_ ref)->dial);
}

int mwx_dial_family(pTHX_ SV *ref)
{
    return mw_dial_family(dialling_of(aTHX_ ref)->dial);
}

NV mwx_dial_timeout(pTHX_ SV *ref)
{
    const dialling *d = dialling_of(aTHX_ ref);
    int64_t now = mw_io_now();

    if (d->deadline == MW_IO_NEVER)
        return -1;
    return d->deadline > now ? (NV)(d->deadline - now) / 1e9 : 0;
}
