/* parameters.h - the options of mail, recipient and deliveries, and the parameters of MAIL and RCPT that become of them.
 *
 * Options may be objects, or be in tied variables: their code runs while a line is formed. So callers hand over copies. If the class
 * overrides supports, that method is called; when it dies, link->died is set, and the line must not be used.
 */
#ifndef MWX_PARAMETERS_H
#define MWX_PARAMETERS_H

#include "envelope.h"
#include "../c/parameter.h"

/* The options of a command. Zeroed but for the first two, none is given. */
typedef struct mwx_options {
    mw_kind command;
    const char *method;                 /* for words: what takes the options */
    SV *value[MW_PARAMETER_COUNT];      /* mortals; NULL or undef: not given */
    AV *unknown;                        /* the names of others */
    SV *skip_bad;                       /* the option SkipBad, which is none of the command's */
    int count;                          /* how many were given, of any name */
} mwx_options;

/* Appends the parameters of the options. NULL, or why one cannot be sent: line->code is MW_LMTP_REFUSED when that is the caller's mistake, else
 * the code with which the message is refused here. Warns of what the server does not offer, and of names that are no options. */
SV *mwx_line_parameters(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const mwx_options *options);

/* Notes one option, whose value is a copy of the caller's; or copies of all options of a hash. */
void mwx_options_set(pTHX_ mwx_options *options, SV *name, SV *value);
void mwx_options_hash(pTHX_ mwx_options *options, HV *hash);

/* Warns when name differs from an option of the command in case alone. what: the words for what name is taken for instead. */
void mwx_options_meant(pTHX_ const mwx_options *options, SV *name, const char *what);

/* The hash behind a reference that is no object; NULL: it is no such reference. */
HV *mwx_plain_hash(SV *sv);

/* True when the option of row i was given. */
int mwx_options_has(const mwx_options *options, size_t i);

/* True when MAIL's parameter of row i is said for the caller: by its option, or by Params. */
int mwx_options_says(pTHX_ const mwx_options *options, size_t i);

/* True when the option takes a hash for its value. */
int mwx_options_takes_hash(pTHX_ const mwx_options *options, SV *name);

/* True when the server offers the keyword, by the method supports. params_r: what it says behind it, set only then. */
int mwx_link_offers(pTHX_ mwx_link *link, SV *ref, const char *keyword, mw_slice *params_r);

#endif
