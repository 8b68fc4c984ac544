/* order.h - what deliver and submit are asked for, as most callers ask for it. */
#ifndef MWX_ORDER_H
#define MWX_ORDER_H

#include "perlglue.h"

typedef struct mwx_order {
    SV *sender, *content;   /* plain strings, content of octets */
    AV *rcpts;              /* of plain strings, one or more */
} mwx_order;

/* Whether the arguments are From, To and Data, each once and plain (Data may be a reference to a string), and nothing
 * else. */
int mwx_order_read(pTHX_ mwx_order *o, SV **arguments, int count);

/* The hash that ref is a reference to; NULL: none. */
HV *mwx_hash(SV *ref);

/* The same for an entry of own. */
HV *mwx_hash_in(pTHX_ HV *own, const char *key);

/* The entry of own; undef when there is none. */
SV *mwx_entry(pTHX_ HV *own, const char *key);

/* A Mail::Wire::Delivery: a new reference, which takes over the results. */
SV *mwx_delivery_object(pTHX_ IV id, AV *results);

#endif
