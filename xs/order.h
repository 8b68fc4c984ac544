/* order.h - what deliver and submit are given, for both protocols: the arguments that both know, and the others. */
#ifndef MWX_ORDER_H
#define MWX_ORDER_H

#include "perlglue.h"
#include "../c/io.h"

/* Copies of the caller's values: code of his that runs later does not change them. NULL: not given. */
typedef struct mwx_order {
    const char *method;             /* for words */
    SV *from, *to, *data, *file, *deadline, *progress;
    AV *others;                     /* all other arguments, name and value in turn */
    AV *rcpts;                      /* To as a list, from mwx_order_check on */
    int64_t until;                  /* when Deadline, counted from when the arguments were read, ends; MW_IO_NEVER: none */
} mwx_order;

/* Reads the arguments. Croaks when their number is odd. */
void mwx_order_read(pTHX_ mwx_order *o, const char *method, SV **arguments, int count);

/* Croaks unless To, Progress and Deadline are of the right kind. may_act: code of the caller's may run before all recipients were used, so
 * their list is copied. */
void mwx_order_check(pTHX_ mwx_order *o, int may_act);

/* True for a list of plain strings that is not tied: no code of the caller's runs while the list is used. */
int mwx_order_is_plain_list(pTHX_ AV *list);

/* A Mail::Wire::Delivery: a new reference, which takes over the results. */
SV *mwx_delivery(pTHX_ IV id, AV *results);

/* Whether every result in a Mail::Wire::Delivery's fields is a success. */
int mwx_all_succeeded(pTHX_ AV *delivery);

/* For Net::QMTP's collect, by Perl: waits for the oldest delivery, if waiting is allowed. Its id when it is finished, else 0. The XSUB
 * takes the delivery at its very end: a signal's handler that ran and died behind that would lose the results. */
IV mwx_ripe(pTHX_ SV *self);

#endif
