/* known.c - see known.h. The clone of an interpreter has its parent's values until it has made its own, and CLONE subs are called in any
 * order. So each use looks whose values they are. */
#include "known.h"

#define STAGES (MW_STAGE_FINAL + 1)

#define MY_CXT_KEY "Mail::Wire::known" XS_VERSION

typedef struct {
    void *owner;                /* the interpreter */
    SV *keys[MWX_KEY_COUNT];    /* with their hashes */
    SV *stages[STAGES];
    HV *classes[MWX_CLASS_COUNT];
} my_cxt_t;

START_MY_CXT

static const char *const key_names[] = {
#define MWX_KEY(name, key) key,
    MWX_KEYS(MWX_KEY)
#undef MWX_KEY
};

static const char *const class_names[] = {
#define MWX_CLASS(name, class) class,
    MWX_CLASSES(MWX_CLASS)
#undef MWX_CLASS
};

static void *interpreter(pTHX)
{
#ifdef MULTIPLICITY
    return aTHX;
#else
    return NULL;
#endif
}

/* With their strings in perl's table of them, so that copies share those. */
static SV *shared(pTHX_ const char *text)
{
    return newSVpvn_share(text, (I32)strlen(text), 0);
}

static my_cxt_t *fill(pTHX_ my_cxt_t *known)
{
    int i;

    for (i = 0; i < MWX_KEY_COUNT; i++)
        known->keys[i] = shared(aTHX_ key_names[i]);
    for (i = 0; i < STAGES; i++)
        known->stages[i] = shared(aTHX_ mw_stage_text((mw_stage)i));
    for (i = 0; i < MWX_CLASS_COUNT; i++)
        known->classes[i] = (HV *)SvREFCNT_inc((SV *)gv_stashpv(class_names[i], GV_ADD));
    known->owner = interpreter(aTHX);
    return known;
}

void mwx_known_boot(pTHX)
{
    MY_CXT_INIT;

    fill(aTHX_ &MY_CXT);
}

static my_cxt_t *make_own(pTHX)
{
    MY_CXT_CLONE;

    return fill(aTHX_ &MY_CXT);
}

static my_cxt_t *known(pTHX)
{
    dMY_CXT;

    return MY_CXT.owner == interpreter(aTHX) ? &MY_CXT : make_own(aTHX);
}

void mwx_known_clone(pTHX)
{
    known(aTHX);
}

HV *mwx_hash(SV *ref)
{
    return SvROK(ref) && SvTYPE(SvRV(ref)) == SVt_PVHV ? (HV *)SvRV(ref) : NULL;
}

SV *mwx_entry(pTHX_ HV *own, mwx_key key)
{
    SV *name = known(aTHX)->keys[key];
    HE *he = hv_fetch_ent(own, name, 0, SvSHARED_HASH(name));

    return he ? HeVAL(he) : &PL_sv_undef;
}

HV *mwx_hash_in(pTHX_ HV *own, mwx_key key)
{
    return mwx_hash(mwx_entry(aTHX_ own, key));
}

void mwx_set_entry(pTHX_ HV *own, mwx_key key, SV *value)
{
    SV *name = known(aTHX)->keys[key];

    if (!hv_store_ent(own, name, value, SvSHARED_HASH(name)))
        SvREFCNT_dec(value);
}

void mwx_local_entry(pTHX_ HV *own, mwx_key key, IV value)
{
    SV *name = known(aTHX)->keys[key];
    HE *he = hv_fetch_ent(own, name, 1, SvSHARED_HASH(name));

    save_helem(own, name, &HeVAL(he));
    sv_setiv(HeVAL(he), value);
}

HV *mwx_hash_made(pTHX_ HV *own, mwx_key key)
{
    HV *hash = mwx_hash_in(aTHX_ own, key);

    if (!hash) {
        hash = newHV();
        mwx_set_entry(aTHX_ own, key, newRV_noinc((SV *)hash));
    }
    return hash;
}

HV *mwx_facts(pTHX_ SV *ref)
{
    return mwx_hash_made(aTHX_ GvHVn((GV *)SvRV(ref)), MWX_KEY_MAIL_WIRE);
}

SV *mwx_object(pTHX_ mwx_class class, SV *fields)
{
    return sv_bless(newRV_noinc(fields), known(aTHX)->classes[class]);
}

SV *mwx_stage(pTHX_ mw_stage stage)
{
    return mwx_shared_copy(aTHX_ known(aTHX)->stages[stage]);
}
