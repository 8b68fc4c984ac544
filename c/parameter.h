/* parameter.h - the parameters of MAIL and RCPT (RFC 5321 4.1.1.11): a row for each.
 *
 * A caller gives an option and a value. The server must offer the row's keyword. The row's form (form.h) says what the value becomes. To
 * add a parameter, add a row. What has no row is sent by the option Params.
 */
#ifndef MW_PARAMETER_H
#define MW_PARAMETER_H

#include "command.h"
#include "form.h"

/* X(name, option, command, keywords, word, form, what stands for an empty value; NULL: nothing is said) */
#define MW_PARAMETERS(X) \
    X(SIZE,        "Size",              MAIL, MW_OFFERS_SIZE,          "SIZE",         SIZE,     "") \
    X(RETURN,      "Return",            MAIL, MW_OFFERS_DSN,           "RET",          RETURN,   "") \
    X(BITS,        "Bits",              MAIL, MW_OFFERS_BODY,          "BODY",         BODY,     "") \
    X(TRANSACTION, "Transaction",       MAIL, MW_OFFERS_CHECKPOINT,    "TRANSID",      PATH,     "") \
    X(ENVELOPE,    "Envelope",          MAIL, MW_OFFERS_DSN,           "ENVID",        XTEXT,    "") \
    X(ENVID,       "ENVID",             MAIL, MW_OFFERS_DSN,           "ENVID",        TEXT,     "") \
    X(AUTH,        "AUTH",              MAIL, MW_OFFERS_AUTH,          "AUTH",         TEXT,     "<>") \
    X(XVERP,       "XVERP",             MAIL, MW_OFFERS_XVERP,         "XVERP",        FLAG,     "") \
    X(SMTPUTF8,    "SMTPUTF8",          MAIL, MW_OFFERS_SMTPUTF8,      "SMTPUTF8",     FLAG,     "") \
    X(DELIVERBY,   "DeliverBy",         MAIL, MW_OFFERS_DELIVERBY,     "BY",           BY,       "") \
    X(PRIORITY,    "MTPriority",        MAIL, MW_OFFERS_MT_PRIORITY,   "MT-PRIORITY",  PRIORITY, "") \
    X(HOLDFOR,     "HoldFor",           MAIL, MW_OFFERS_FUTURERELEASE, "HOLDFOR",      HOLD,     "") \
    X(HOLDUNTIL,   "HoldUntil",         MAIL, MW_OFFERS_FUTURERELEASE, "HOLDUNTIL",    UNTIL,    "") \
    X(REQUIRETLS,  "RequireTLS",        MAIL, MW_OFFERS_REQUIRETLS,    "REQUIRETLS",   FLAG,     "") \
    X(MAIL_PARAMS, "Params",            MAIL, MW_OFFERS_ANYTHING,      "",             ANY,      "") \
    X(NOTIFY,      "Notify",            RCPT, MW_OFFERS_DSN,           "NOTIFY",       NOTIFY,   NULL) \
    X(ORCPT,       "ORcpt",             RCPT, MW_OFFERS_DSN,           "ORCPT",        TEXT,     NULL) \
    X(ORIGINAL,    "OriginalRecipient", RCPT, MW_OFFERS_DSN,           "ORCPT",        RFC822,   NULL) \
    X(RRVS,        "RRVS",              RCPT, MW_OFFERS_RRVS,          "RRVS",         SINCE,    NULL) \
    X(IGNOREQUOTA, "IgnoreQuota",       RCPT, MW_OFFERS_IGNOREQUOTA,   "IGNOREQUOTA",  FLAG,     "") \
    X(FORWARD,     "XRcptForward",      RCPT, MW_OFFERS_FORWARD,       "XRCPTFORWARD", FIELDS,   NULL) \
    X(RCPT_PARAMS, "Params",            RCPT, MW_OFFERS_ANYTHING,      "",             ANY,      "")

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

/* A refusal of ours, made as a server would make it. */
typedef struct mw_refusal {
    unsigned code;
    const char *words;      /* the enhanced status code, and why */
} mw_refusal;

/* Why a message must not be sent here with this value; NULL: it may. params is what the server says behind the row's first keyword; its base
 * is NULL: the keyword is not offered. secure: the link is under TLS, and the server's name was checked. */
const mw_refusal *mw_parameter_refusal(const mw_parameter *p, mw_slice value, mw_slice params, int secure);

/* True for two rows of which a message can have one only. */
int mw_parameter_excludes(const mw_parameter *p, const mw_parameter *other);

/* True for a BODY that makes the content go as it is (RFC 3030 3). */
int mw_parameter_is_binary(const mw_parameter *p, mw_slice value);

/* The longest parameter that a value of n octets can become. */
#define MW_PARAMETER_MAX(n) (MW_FORM_MAX(n) + 32)

/* Writes a space and the parameter; out has room for MW_PARAMETER_MAX(value.len). The server lacks nothing for it. Returns 1 and the
 * length, which is 0 when nothing is said; 0 when the value does not fit the row's form. */
int mw_parameter_put(const mw_parameter *p, mw_slice value, char *out, size_t *len_r);

/* The same for a parameter that has no row: word is its keyword (RFC 5321 4.1.2: esmtp-keyword). A value without octets is none. out has room
 * for MW_PARAMETER_MAX(word.len + value.len). */
int mw_parameter_put_any(mw_slice word, mw_slice value, char *out, size_t *len_r);

/* Appends a field, as Dovecot has them: a tab between two of them, in name and value an escape before octets that could be taken for another field
 * or a line's end. out has room for MW_FIELD_MAX(name.len + value.len). Returns the length. */
#define MW_FIELD_MAX(n) (2 * (n) + 2)
size_t mw_field_put(int first, mw_slice name, mw_slice value, char *out);

#endif
