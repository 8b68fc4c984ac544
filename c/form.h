/* form.h - the forms that values of parameters have: what a value must be, and how it is sent.
 */
#ifndef MW_FORM_H
#define MW_FORM_H

#include "command.h"

/* X(form, what a value must be, in words; NULL: any text without white space and control characters) */
#define MW_FORMS(X) \
    X(FLAG,     NULL)       /* no value: the option's is whether to say it */ \
    X(SIZE,     "must be a number of bytes")                                    /* RFC 1870 4: 1*20DIGIT */ \
    X(RETURN,   NULL)       /* FULL, anything else is HDRS */ \
    X(BODY,     NULL)       /* "8", "binary", anything else is 7 bits */ \
    X(PATH,     NULL)       /* a path in brackets */ \
    X(XTEXT,    NULL)       /* octets, which become xtext */ \
    X(RFC822,   NULL)       /* an address, which becomes xtext behind "rfc822;" (RFC 3461 4.2) */ \
    X(TEXT,     NULL)       /* as it is */ \
    X(NOTIFY,   "must be NEVER, or some of SUCCESS, FAILURE and DELAY")         /* upper-case, with commas between; RFC 3461 4.1 */ \
    X(BY,       "must be seconds of at most 9 digits and a mode, as in 120;R or -60;NT, and above 0 for R")    /* RFC 2852 4 */ \
    X(PRIORITY, "must be a whole number from -9 to 9")                          /* RFC 6710 5 */ \
    X(HOLD,     "must be a number of seconds from 1 to 999999999")              /* RFC 4865 4.1 */ \
    X(UNTIL,    "must be a time in UTC, as in 2030-12-24T18:00:00Z")            /* RFC 4865 4.1, RFC 3339 5.6 */ \
    X(SINCE,    "must be a time, as in 2030-12-24T18:00:00+01:00, with ;C or ;R behind it or nothing")     /* RFC 7293 3.2 */ \
    X(FIELDS,   "must be a reference to a hash")    /* mw_field_put has made it of names and values; becomes xtext */ \
    X(ANY,      "must be a reference to a hash")    /* other parameters: mw_parameter_put_any */

typedef enum mw_form {
#define MW_FORM(form, must) MW_FORM_##form,
    MW_FORMS(MW_FORM)
#undef MW_FORM
    MW_FORM_COUNT
} mw_form;

/* What a value must be, in words; NULL: any text without white space and control characters. */
const char *mw_form_must(mw_form form);

/* True for a value that the form can send: white space would begin another parameter, a line end another command. */
int mw_form_fits(mw_form form, mw_slice value);

/* The longest that a value of n octets can become, as its form sends it. */
#define MW_FORM_MAX(n) (MW_XTEXT_MAX(n) + 16)

/* Writes a value as its form sends it; it fits. out has room for MW_FORM_MAX(value.len). Returns the length. */
size_t mw_form_put(mw_form form, mw_slice value, char *out);

/* True for an upper- or lower-case "FULL", "binary" and so on: what the forms RETURN and BODY tell apart. */
int mw_form_is(mw_slice value, const char *text);

/* True for a value beyond what a server says that it takes. params is what stands behind the keyword in its reply to LHLO. A form that
 * has no such limit, and a limit that cannot be read, is none:
 *   SIZE   above the server's number, which is no limit when it is 0 (RFC 1870 4)
 *   BY     with mode R and less time than the server's minimum (RFC 2852 3)
 *   HOLD   above the first number (RFC 4865 3)
 *   UNTIL  later than the time behind it */
int mw_form_beyond(mw_form form, mw_slice value, mw_slice params);

#endif
