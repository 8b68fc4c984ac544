/* convert.h - values between Perl and the core. */
#ifndef MWX_CONVERT_H
#define MWX_CONVERT_H

#include "perlglue.h"
#include "../c/buf.h"
#include "../c/result.h"

/* True for a string without magic that is no reference. */
int mwx_is_plain(SV *sv);

/* sv, or an object's string, or an empty string for undef. undef is warned of, if the caller's warnings are on. The warning is not fatal,
 * also where the caller's are: a call would be left in the middle. */
SV *mwx_defined(pTHX_ SV *sv);

/* The octets of sv, which must not change while they are used. A string flagged as utf8 whose characters all fit a byte is those bytes.
 * For a string with a wider character: with wide_as_utf8 the whole string's UTF-8, else croaks, naming where. */
mw_slice mwx_octets(pTHX_ SV *sv, int wide_as_utf8, const char *where);

/* The octets as a text of the core's, wide characters as UTF-8. NULL: no memory. */
mw_text *mwx_text_of(pTHX_ SV *sv);

/* The same for a name: octets with a NUL behind them, a copy; NULL for undef. Wide characters are UTF-8. */
const char *mwx_text(pTHX_ SV *sv);

/* The path in what a caller gives for an address (mw_address_path), in octets. If all characters fit bytes, and these bytes are UTF-8, the
 * path is these bytes; else its characters are encoded as UTF-8. perl's inner form of the string makes no difference. The octets are valid
 * until address changes or temporaries are freed. */
mw_slice mwx_address_octets(pTHX_ SV *address, int exact, int *bracketed_r);

/* Which address cannot stand in a command, and why (mw_address_fault): a mortal. bracketed: with its brackets. */
SV *mwx_address_words(pTHX_ mw_slice bracketed, const char *fault);

/* The octets of count values, joined with separator, in a mortal or in the caller's scalar itself. One value that is a reference to an array
 * stands for its elements. All values are read before this returns. */
SV *mwx_joined(pTHX_ SV **values, int count, const char *separator);

/* Sorts names; they in one string, a mortal, with spaces between. */
SV *mwx_names(pTHX_ AV *names);

/* True for a reference to an object with a string's form. */
int mwx_says_text(pTHX_ SV *sv);

/* sv as a string: sv itself when it is plain, else a mortal copy; undef for undef. */
SV *mwx_string(pTHX_ SV *sv);

/* Whether sv is a number as an option has one, and which: finite, without white space around it (for perl "1\r\n" is a number, too). An
 * object that says what string it is may be one. */
int mwx_number(pTHX_ SV *sv, NV *number_r);

/* The array behind a reference that is no object; NULL: sv is no such reference. */
AV *mwx_plain_list(SV *sv);

/* A mortal copy of a list as it is now: code of the caller's that runs as one element is read may change the list. */
AV *mwx_list_copy(pTHX_ AV *list);

/* A mortal list of copies of count values: code of the caller's that runs as one is read may free or change another. */
AV *mwx_values(pTHX_ SV **values, int count);

/* Croaks when an address is a reference, but not to an object with a string's form. */
void mwx_check_address(pTHX_ const char *where, SV *address);

/* True when one of count values (or of the elements, if there is one and it is a reference to a list) is a handle, or a reference that
 * is no object with a string's form. */
int mwx_has_references(pTHX_ SV **values, int count);

/* What came from a server, as a new string: tainted where perl looks for that. */
SV *mwx_of_wire(pTHX_ const char *bytes, size_t len);
SV *mwx_code_of_wire(pTHX_ unsigned code);

/* Croaks, as perl's own connect does, when one of count values that say where to connect to is tainted. */
void mwx_refuse_tainted(pTHX_ SV **values, int count);

/* Where a Mail::Wire::Result has its message. */
#define MWX_RESULT_MESSAGE 3

/* What a Mail::Wire::Result notes where it has maybe_delivered, which is its 1. */
#define MWX_RESULT_ANSWERED 2   /* it is a reply of the server's */
#define MWX_RESULT_CHUNKED 4    /* the content went by BDAT */
#define MWX_RESULT_QMTP 8

/* A Mail::Wire::Result: a new reference. index counts from 0. notes: those that hold. */
SV *mwx_result(pTHX_ const mw_result *result, size_t index, int notes);

/* The command line that it answers, where the glue knows it: it is the seventh field. */
void mwx_result_command(pTHX_ SV *result, mw_slice line);

/* The same, of a message that was not sent: stage 'body', not delivered. */
SV *mwx_deferral(pTHX_ SV *recipient, size_t index, unsigned code, const char *words);

/* Whether the code in a Mail::Wire::Result's fields is 2xx (RFC 5321 4.2.1). */
int mwx_is_success(pTHX_ AV *result);

/* A Mail::Wire::Delivery: a new reference, which takes over the results. */
SV *mwx_delivery(pTHX_ IV id, AV *results);

/* Whether every result is a success, of what a Mail::Wire::Delivery refers to. */
int mwx_all_succeeded(pTHX_ SV *fields);

/* The enhanced status code in a reply's text (RFC 3463), also from QMTP's "(#5.1.1)": a new string; undef when there is none. */
SV *mwx_enhanced(pTHX_ SV *words);

#endif
