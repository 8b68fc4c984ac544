/* hooks.c - see hooks.h. */
#include "hooks.h"

static const char *const methods[] = {
#define MWX_HOOK(name, method) method,
    MWX_HOOKS(MWX_HOOK)
#undef MWX_HOOK
};

static XSUBADDR_t ours[MWX_HOOK_COUNT];

void mwx_hooks_boot(pTHX)
{
    int i;

    for (i = 0; i < MWX_HOOK_COUNT; i++) {
        CV *cv = get_cv(SvPV_nolen(sv_2mortal(newSVpvf("Net::LMTP::%s", methods[i]))), 0);

        ours[i] = cv ? CvXSUB(cv) : NULL;
    }
}

/* A method that is no XSUB is told by its package. IO::Socket's own timeout counts as the distribution's. */
static int is_at_home(pTHX_ CV *cv, mwx_hook hook)
{
    HV *home = CvSTASH(cv);

    return home == gv_stashpvs("Net::LMTP", 0) || (hook == MWX_HOOK_TIMEOUT && home == gv_stashpvs("IO::Socket", 0));
}

/* A class that inherits from IO::Socket::SSL first has a getline that reads without the session and its waits. It inherits for TLS, and
 * does not mean to override getline. */
static int is_of_layer(pTHX_ CV *cv)
{
    HV *layer = gv_stashpvs("IO::Socket::SSL", 0);

    return layer && CvSTASH(cv) == layer;
}

static int look_up(pTHX_ HV *stash, mwx_hook hook)
{
    GV *gv = gv_fetchmeth(stash, methods[hook], strlen(methods[hook]), 0);
    CV *cv = gv ? GvCV(gv) : NULL;

    if (cv && is_of_layer(aTHX_ cv))
        return 0;
    if (cv && (hook == MWX_HOOK_TIMEOUT || hook == MWX_HOOK_SUPPORTS || hook == MWX_HOOK_DEBUG))
        return !is_at_home(aTHX_ cv, hook);
    return !cv || !ours[hook] || CvXSUB(cv) != ours[hook];
}

#ifndef HvHasAUX
#define HvHasAUX(hv) SvOOK(hv)
#endif

/* Sets perl's counts. False when it keeps none for this class. */
static int counts(pTHX_ HV *stash, mwx_hooks *now)
{
    const struct mro_meta *meta = HvHasAUX(stash) ? HvAUX(stash)->xhv_mro_meta : NULL;

    if (!meta)
        return 0;
    now->stash = stash;
    now->everywhere = PL_sub_generation;
    now->inherited = meta->cache_gen;
    now->here = meta->pkg_gen;
    return 1;
}

static int is_current(const mwx_hooks *h, const mwx_hooks *now)
{
    return h->stash == now->stash && h->everywhere == now->everywhere && h->inherited == now->inherited && h->here == now->here;
}

int mwx_hooks_own(pTHX_ mwx_hooks *h, SV *ref, mwx_hook hook)
{
    HV *stash = SvSTASH(SvRV(ref));
    mwx_hooks now;
    int i;

    if (!counts(aTHX_ stash, &now))
        return look_up(aTHX_ stash, hook);
    if (!is_current(h, &now)) {
        now.own = 0;
        for (i = 0; i < MWX_HOOK_COUNT; i++)
            now.own |= (unsigned)look_up(aTHX_ stash, (mwx_hook)i) << i;
        *h = now;
        /* To look a method up may make perl count for the first time. */
        counts(aTHX_ stash, h);
    }
    return h->own >> hook & 1;
}
