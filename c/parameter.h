/* parameter.h - the parameters of MAIL and RCPT (RFC 5321 4.1.1.11): a row for each.
 *
 * A caller gives an option and a value. The server must offer the row's keyword. The row's form says what the value becomes. To add a
 * parameter, add a row; a form of its own is a case in mw_parameter_put.
 */
#ifndef MW_PARAMETER_H
#define MW_PARAMETER_H

#include "command.h"

typedef enum mw_form {
    MW_FORM_FLAG,       /* no value: the option's is whether to say it */
    MW_FORM_NUMBER,     /* decimal digits */
    MW_FORM_RETURN,     /* FULL, anything else is HDRS */
    MW_FORM_BODY,       /* "8", "binary", anything else is 7 bits */
    MW_FORM_PATH,       /* a path in brackets */
    MW_FORM_XTEXT,      /* octets, which become xtext */
    MW_FORM_TEXT,       /* as it is */
    MW_FORM_NOTIFY      /* upper-case words with commas between */
} mw_form;

/* X(name, option, command, keywords, word, form, what stands for an empty value; NULL: nothing is said) */
#define MW_PARAMETERS(X) \
    X(SIZE,        "Size",        MAIL, MW_OFFERS_SIZE,       "SIZE",     NUMBER, "") \
    X(RETURN,      "Return",      MAIL, MW_OFFERS_DSN,        "RET",      RETURN, "") \
    X(BITS,        "Bits",        MAIL, MW_OFFERS_BODY,       "BODY",     BODY,   "") \
    X(TRANSACTION, "Transaction", MAIL, MW_OFFERS_CHECKPOINT, "TRANSID",  PATH,   "") \
    X(ENVELOPE,    "Envelope",    MAIL, MW_OFFERS_DSN,        "ENVID",    XTEXT,  "") \
    X(ENVID,       "ENVID",       MAIL, MW_OFFERS_DSN,        "ENVID",    TEXT,   "") \
    X(AUTH,        "AUTH",        MAIL, MW_OFFERS_AUTH,       "AUTH",     TEXT,   "<>") \
    X(XVERP,       "XVERP",       MAIL, MW_OFFERS_XVERP,      "XVERP",    FLAG,   "") \
    X(SMTPUTF8,    "SMTPUTF8",    MAIL, MW_OFFERS_SMTPUTF8,   "SMTPUTF8", FLAG,   "") \
    X(NOTIFY,      "Notify",      RCPT, MW_OFFERS_DSN,        "NOTIFY",   NOTIFY, NULL) \
    X(ORCPT,       "ORcpt",       RCPT, MW_OFFERS_DSN,        "ORCPT",    TEXT,   NULL)

#define MW_PARAMETER(name, option, command, keywords, word, form, empty) MW_PARAMETER_##name,
enum { MW_PARAMETERS(MW_PARAMETER) MW_PARAMETER_COUNT };
#undef MW_PARAMETER

/* Keywords that one row asks for, at the most. */
#define MW_PARAMETER_KEYWORDS 3

typedef struct mw_parameter {
    const char *option;
    mw_kind command;
    const char *keywords[MW_PARAMETER_KEYWORDS];    /* NULL behind the last one */
    const char *word;
    mw_form form;
    const char *empty;
} mw_parameter;

/* Row i, below MW_PARAMETER_COUNT, in the order in which parameters are said. */
const mw_parameter *mw_parameter_row(size_t i);

/* The row of an option of this command; MW_PARAMETER_COUNT: there is none. */
size_t mw_parameter_find(mw_kind command, mw_slice option);

/* What the server lacks for this value, in words; NULL: nothing. Bit i of offered says that it offers keywords[i]. */
const char *mw_parameter_lacks(const mw_parameter *p, mw_slice value, unsigned offered);

/* True for a BODY that makes the content go as it is (RFC 3030 3). */
int mw_parameter_is_binary(const mw_parameter *p, mw_slice value);

/* The longest parameter that a value of n octets can become. */
#define MW_PARAMETER_MAX(n) (MW_XTEXT_MAX(n) + 32)

/* Writes a space and the parameter; out has room for MW_PARAMETER_MAX(value.len). The server lacks nothing for it. Returns 1 and the
 * length, which is 0 when nothing is said; 0 when the value cannot be sent: white space would begin another parameter, a line end
 * another command. */
int mw_parameter_put(const mw_parameter *p, mw_slice value, char *out, size_t *len_r);

/* What a value must be, in words; NULL: any text without white space and control characters. */
const char *mw_parameter_must(const mw_parameter *p);

#endif
