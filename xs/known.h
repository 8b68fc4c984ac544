/* known.h - keys of our objects' hashes and words that each call needs, made once per interpreter. */
#ifndef MWX_KNOWN_H
#define MWX_KNOWN_H

#include "perlglue.h"
#include "../c/result.h"

/* X(name, key) */
#define MWX_KEYS(X)               \
    X(DEBUG, "debug")             \
    X(EOL, "eol")                 \
    X(ERROR, "error")             \
    X(FLIGHT, "flight")           \
    X(JOBS, "jobs")               \
    X(LINK, "link")               \
    X(MAIL_WIRE, "mail_wire")     \
    X(NET_QMTP, "net_qmtp")       \
    X(NONBLOCKING, "nonblocking") \
    X(RESULTS, "results")         \
    X(SENDING, "sending")

#define MWX_KEY(name, key) MWX_KEY_##name,
typedef enum mwx_key { MWX_KEYS(MWX_KEY) MWX_KEY_COUNT } mwx_key;
#undef MWX_KEY

/* Makes them: when the module is loaded, and again in the clone of an interpreter (where whoever needs them earlier, in another
 * package's CLONE, makes them). */
void mwx_known_boot(pTHX);
void mwx_known_clone(pTHX);

/* The hash that ref is a reference to; NULL: none. */
HV *mwx_hash(SV *ref);

/* The same for an entry of own. */
HV *mwx_hash_in(pTHX_ HV *own, mwx_key key);

/* The entry of own; undef when there is none. */
SV *mwx_entry(pTHX_ HV *own, mwx_key key);

/* Sets it; value is taken over. */
void mwx_set_entry(pTHX_ HV *own, mwx_key key, SV *value);

/* The classes that our values have, of which there are many. */
#define MWX_CLASSES(X) X(DELIVERY, "Mail::Wire::Delivery") X(RESULT, "Mail::Wire::Result")

#define MWX_CLASS(name, class) MWX_CLASS_##name,
typedef enum mwx_class { MWX_CLASSES(MWX_CLASS) MWX_CLASS_COUNT } mwx_class;
#undef MWX_CLASS

/* A new object of the class: a reference to fields, which it takes over. */
SV *mwx_object(pTHX_ mwx_class class, AV *fields);

/* A stage's name: a new scalar. */
SV *mwx_stage(pTHX_ mw_stage stage);

#endif
