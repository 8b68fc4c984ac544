/* envelope.h - the command lines of a message's envelope, formed of what a caller gives: for the sync calls and for deliveries.
 *
 * Addresses and options may be objects, or be in tied variables: their code runs while a line is formed. So callers hand over
 * copies. If the class overrides _addr or supports, that method is called; when it dies, link->died is set, and the line must not be
 * used.
 */
#ifndef MWX_ENVELOPE_H
#define MWX_ENVELOPE_H

#include "link.h"
#include "../c/parameter.h"

/* A line. One can be used for one command after the other. */
typedef struct mwx_line {
    SV *text;           /* a mortal: octets */
    size_t path, len;   /* where in it the path is */
    int is_own;         /* an overriding _addr has made it: the path is not judged here */
    int binary;         /* a parameter says BODY=BINARYMIME */
} mwx_line;

/* The options of a command. Zeroed but for the first two, none is given. */
typedef struct mwx_options {
    mw_kind command;
    const char *method;                 /* for words: what takes the options */
    SV *value[MW_PARAMETER_COUNT];      /* mortals; NULL or undef: not given */
    AV *unknown;                        /* the names of others */
    SV *skip_bad;                       /* the option SkipBad, which is none of the command's */
} mwx_options;

void mwx_line_new(pTHX_ mwx_line *line);

/* Begins a line: head (MW_ENVELOPE_MAIL and its like), and the path of an address. NULL: it can be sent. Else a mortal with words for why
 * not, or undef when an overriding method refused the address; text has what cannot be sent. */
SV *mwx_line_begin(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const char *head, SV *address);

/* A delivery's further checks of an address. Returns as mwx_line_begin. refused: what that returned. utf8: the address need not be ASCII. */
SV *mwx_line_strict(pTHX_ const mwx_line *line, SV *address, SV *refused, int utf8);

/* The path, and the address in it, without brackets. */
mw_slice mwx_line_path(pTHX_ const mwx_line *line);
mw_slice mwx_line_address(pTHX_ const mwx_line *line);
mw_slice mwx_line_octets(pTHX_ const mwx_line *line);

/* The form in which results show an address that mwx_line_strict refused. */
mw_slice mwx_line_refused(pTHX_ const mwx_line *line, SV *address);

/* Appends the parameters of the options. NULL, or why one cannot be sent. Warns of what the server does not offer, and of names
 * that are no options. */
SV *mwx_line_parameters(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const mwx_options *options);

/* Notes one option, whose value is a copy of the caller's; or copies of all options of a hash. */
void mwx_options_set(pTHX_ mwx_options *options, SV *name, SV *value);
void mwx_options_hash(pTHX_ mwx_options *options, HV *hash);

/* Warns when name differs from an option of the command in case alone. what: the words for what name is taken for instead. */
void mwx_options_meant(pTHX_ const mwx_options *options, SV *name, const char *what);

/* The hash behind a reference that is no object; NULL: it is no such reference. */
HV *mwx_plain_hash(SV *sv);

/* True when the server offers the keyword, by the method supports. */
int mwx_link_offers(pTHX_ mwx_link *link, SV *ref, const char *keyword);

#endif
