/* order.h - what deliver and submit are given, for both protocols: the arguments that both know, and the others. */
#ifndef MWX_ORDER_H
#define MWX_ORDER_H

#include "parameters.h"
#include "../c/io.h"

/* Copies of the caller's values: code of his that runs later does not change them. NULL: not given. */
typedef struct mwx_order {
    const char *method;             /* for words */
    SV *from, *to, *data, *file, *range, *deadline, *progress;
    AV *others;                     /* all other arguments, name and value in turn */
    AV *rcpts;                      /* To as a list, from mwx_order_check on */
    int64_t until;                  /* when Deadline, counted from when the arguments were read, ends; MW_IO_NEVER: none */
} mwx_order;

/* Reads the arguments. Croaks when their number is odd. */
void mwx_order_read(pTHX_ mwx_order *o, const char *method, SV **arguments, int count);

/* Croaks unless To, From, Progress and Deadline are of the right kind. acts: code of the caller's may run before all recipients were used,
 * also if no argument has any, so their list is copied. */
void mwx_order_check(pTHX_ mwx_order *o, int acts);

/* The recipients that To names: a list, or one address. NULL: neither. */
AV *mwx_order_recipients(pTHX_ SV *to);

/* The address in an element of rcpts, as a string, and its options: NULL for none. Croaks when there is no address. */
SV *mwx_order_rcpt(pTHX_ const mwx_order *o, SV *entry, HV **options_r);

/* Takes the other arguments as options of the message, but the value of the one that is called own (NULL: none): it is returned, NULL when
 * it was not given. Croaks for unknown ones. */
SV *mwx_order_options(pTHX_ const mwx_order *o, mwx_options *options, const char *own);

#endif
