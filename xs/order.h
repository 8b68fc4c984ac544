/* order.h - what deliver and submit are given, for both protocols: the arguments that both know, and the others. */
#ifndef MWX_ORDER_H
#define MWX_ORDER_H

#include "perlglue.h"
#include "../c/io.h"

/* Copies of the caller's values: code of his that runs later does not change them. NULL: not given. */
typedef struct mwx_order {
    const char *method;             /* for words */
    SV *from, *to, *data, *file, *deadline, *progress;
    AV *others;                     /* names and values of all else, in turn */
    AV *rcpts;                      /* To, when it was checked */
    int64_t until;                  /* Deadline, from when the arguments were read on; MW_IO_NEVER: none */
} mwx_order;

/* Reads the arguments. Croaks when their number is odd. */
void mwx_order_read(pTHX_ mwx_order *o, const char *method, SV **arguments, int count);

/* Croaks unless To, Progress and Deadline are what they must be. may_act: code of the caller's may run before the recipients were all
 * used; then their list is a copy. */
void mwx_order_check(pTHX_ mwx_order *o, int may_act);

/* True for a list that is not tied, of plain strings: no code of the caller's runs while it is used. */
int mwx_order_is_plain_list(pTHX_ AV *list);

/* A Mail::Wire::Delivery: a new reference, which takes over the results. */
SV *mwx_delivery(pTHX_ IV id, AV *results);

/* Whether every result in a Mail::Wire::Delivery's fields is a success. */
int mwx_all_succeeded(pTHX_ AV *delivery);

/* For Net::QMTP: what collect cannot do quickly, done by Perl: waits, if that may be, for the oldest delivery. Its id once it is finished; 0.
 * It is taken by the XSUB alone, at its very end: between that and the caller no handler may run, die and lose it. */
IV mwx_ripe(pTHX_ SV *self);

#endif
