/* order.h - what deliver and submit are asked for, as most callers ask for it. */
#ifndef MWX_ORDER_H
#define MWX_ORDER_H

#include "perlglue.h"

typedef struct mwx_order {
    SV *sender, *content;   /* plain strings, content of octets */
    SV *given;              /* what Data is when content is NULL: nothing plain */
    AV *rcpts;              /* of plain strings, one or more */
    NV deadline;            /* seconds; 0: none was given */
    SV *size, *bits, *encoding;     /* plain, or NULL: not given */
} mwx_order;

/* Whether the arguments are From, To and Data, plain (but for Data: see given; it may be a reference to a string), and perhaps
 * Deadline, Size, Bits and Encoding, plain or undef, and nothing else. */
int mwx_order_read(pTHX_ mwx_order *o, SV **arguments, int count);

/* The list that sv refers to, of one plain string or more, if it is no object's. NULL: it is none. */
AV *mwx_order_list(pTHX_ SV *sv);

/* Whether sv is a number, plain: *value_r. */
int mwx_order_number(pTHX_ SV *sv, NV *value_r);

/* A Mail::Wire::Delivery: a new reference, which takes over the results. */
SV *mwx_delivery(pTHX_ IV id, AV *results);

/* Whether every result in a Mail::Wire::Delivery's fields is a success. */
int mwx_all_succeeded(pTHX_ AV *delivery);

/* What collect cannot do quickly, done by Perl: waits, if that may be, for the oldest delivery. Its id once it is finished; 0. It is taken by
 * the XSUB alone, at its very end: between that and the caller no handler may run, die and lose it. */
IV mwx_ripe(pTHX_ SV *self);

#endif
