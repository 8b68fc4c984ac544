/* known.c - see known.h. */
#include "known.h"

#define STAGES (MW_STAGE_FINAL + 1)

#define MY_CXT_KEY "Mail::Wire::known" XS_VERSION

typedef struct {
    SV *keys[MWX_KEY_COUNT];    /* with their hashes */
    SV *stages[STAGES];
    HV *result, *delivery;      /* classes */
} my_cxt_t;

START_MY_CXT

static const char *const key_names[] = {
#define MWX_KEY(name, key) key,
    MWX_KEYS(MWX_KEY)
#undef MWX_KEY
};

static HV *class_held(pTHX_ const char *name)
{
    return (HV *)SvREFCNT_inc((SV *)gv_stashpv(name, GV_ADD));
}

static void fill(pTHX_ my_cxt_t *known)
{
    int i;

    for (i = 0; i < MWX_KEY_COUNT; i++)
        known->keys[i] = newSVpvn_share(key_names[i], (I32)strlen(key_names[i]), 0);
    for (i = 0; i < STAGES; i++) {
        known->stages[i] = newSVpv(mw_stage_text((mw_stage)i), 0);
        SvREADONLY_on(known->stages[i]);
    }
    known->result = class_held(aTHX_ "Mail::Wire::Result");
    known->delivery = class_held(aTHX_ "Mail::Wire::Delivery");
}

void mwx_known_boot(pTHX)
{
    MY_CXT_INIT;

    fill(aTHX_ &MY_CXT);
}

void mwx_known_clone(pTHX)
{
    MY_CXT_CLONE;

    fill(aTHX_ &MY_CXT);
}

HV *mwx_hash(SV *ref)
{
    return SvROK(ref) && SvTYPE(SvRV(ref)) == SVt_PVHV ? (HV *)SvRV(ref) : NULL;
}

SV *mwx_entry(pTHX_ HV *own, mwx_key key)
{
    dMY_CXT;
    SV *name = MY_CXT.keys[key];
    HE *he = hv_fetch_ent(own, name, 0, SvSHARED_HASH(name));

    return he ? HeVAL(he) : &PL_sv_undef;
}

HV *mwx_hash_in(pTHX_ HV *own, mwx_key key)
{
    return mwx_hash(mwx_entry(aTHX_ own, key));
}

void mwx_set_entry(pTHX_ HV *own, mwx_key key, SV *value)
{
    dMY_CXT;
    SV *name = MY_CXT.keys[key];

    if (!hv_store_ent(own, name, value, SvSHARED_HASH(name)))
        SvREFCNT_dec(value);
}

SV *mwx_stage(pTHX_ mw_stage stage)
{
    dMY_CXT;

    return SvREFCNT_inc_simple_NN(MY_CXT.stages[stage]);
}

SV *mwx_result_object(pTHX_ AV *fields)
{
    dMY_CXT;

    return sv_bless(newRV_noinc((SV *)fields), MY_CXT.result);
}

SV *mwx_delivery_object(pTHX_ AV *fields)
{
    dMY_CXT;

    return sv_bless(newRV_noinc((SV *)fields), MY_CXT.delivery);
}
