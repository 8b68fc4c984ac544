/* known.h - the keys of the objects' hashes, stages' names and classes: made once per interpreter, as each call needs them. */
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
    X(IN_CALLBACK, "in_callback") \
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

/* Makes them: when the module is loaded, and in the clone of an interpreter. If another package's CLONE needs them before that, they are
 * made then. */
void mwx_known_boot(pTHX);
void mwx_known_clone(pTHX);

/* The hash that ref is a reference to; NULL: ref is none. */
HV *mwx_hash(SV *ref);

/* The hash that an entry of own is a reference to; NULL: it is none. */
HV *mwx_hash_in(pTHX_ HV *own, mwx_key key);

/* The entry of own; undef when there is none. */
SV *mwx_entry(pTHX_ HV *own, mwx_key key);

/* Sets the entry of own. value is taken over. */
void mwx_set_entry(pTHX_ HV *own, mwx_key key, SV *value);

/* The classes of which many objects are made. */
#define MWX_CLASSES(X) X(DELIVERY, "Mail::Wire::Delivery") X(RESULT, "Mail::Wire::Result")

#define MWX_CLASS(name, class) MWX_CLASS_##name,
typedef enum mwx_class { MWX_CLASSES(MWX_CLASS) MWX_CLASS_COUNT } mwx_class;
#undef MWX_CLASS

/* A new object of the class: a reference to fields, which it takes over. */
SV *mwx_object(pTHX_ mwx_class class, SV *fields);

/* Sets the entry of own, until the scope that the caller has entered is left. */
void mwx_local_entry(pTHX_ HV *own, mwx_key key, IV value);

/* The hash that an entry of own is a reference to; it is made if there is none. */
HV *mwx_hash_made(pTHX_ HV *own, mwx_key key);

/* What Perl knows of a Net::LMTP: its _facts. */
HV *mwx_facts(pTHX_ SV *ref);

/* A stage's name: a new scalar. */
SV *mwx_stage(pTHX_ mw_stage stage);

#endif
