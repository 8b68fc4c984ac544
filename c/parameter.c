/* parameter.c - see parameter.h. */
#include "parameter.h"
#include "ascii.h"

#include <string.h>

#define MW_OFFERS_ANYTHING      { NULL }
#define MW_OFFERS_SIZE          { "SIZE" }
#define MW_OFFERS_DSN           { "DSN" }
#define MW_OFFERS_CHECKPOINT    { "CHECKPOINT" }
#define MW_OFFERS_AUTH          { "AUTH" }
#define MW_OFFERS_XVERP         { "XVERP" }
#define MW_OFFERS_SMTPUTF8      { "SMTPUTF8" }
#define MW_OFFERS_BODY          { "8BITMIME", "BINARYMIME", "CHUNKING" }
#define MW_OFFERS_DELIVERBY     { "DELIVERBY" }
#define MW_OFFERS_MT_PRIORITY   { "MT-PRIORITY" }
#define MW_OFFERS_FUTURERELEASE { "FUTURERELEASE" }
#define MW_OFFERS_REQUIRETLS    { "REQUIRETLS" }
#define MW_OFFERS_RRVS          { "RRVS" }
#define MW_OFFERS_IGNOREQUOTA   { "IGNOREQUOTA" }
#define MW_OFFERS_FORWARD       { "XRCPTFORWARD" }

/* The bits of MW_OFFERS_BODY. */
enum { EIGHT = 1, BINARY = 2, CHUNKS = 4 };

static const mw_parameter rows[] = {
#define MW_PARAMETER(name, option, command, keywords, word, form, empty) \
    { option, MW_KIND_##command, keywords, word, MW_FORM_##form, empty },
    MW_PARAMETERS(MW_PARAMETER)
#undef MW_PARAMETER
};

const mw_parameter *mw_parameter_row(size_t i)
{
    return &rows[i];
}

size_t mw_parameter_find(mw_kind command, mw_slice option)
{
    size_t i = 0;

    while (i < MW_PARAMETER_COUNT && (rows[i].command != command || !mw_form_is(option, rows[i].option)))
        i++;
    return i;
}

int mw_parameter_excludes(const mw_parameter *p, const mw_parameter *other)
{
    /* RFC 4865 4.1: HOLDFOR or HOLDUNTIL. */
    return strcmp(p->word, other->word) == 0 || (p->form == MW_FORM_HOLD && other->form == MW_FORM_UNTIL);
}

int mw_parameter_is_binary(const mw_parameter *p, mw_slice value)
{
    return p->form == MW_FORM_BODY && mw_form_is(value, "binary");
}

/* ---- what the server offers */

static const char *body_lacks(mw_slice value, unsigned offered)
{
    if (mw_form_is(value, "8"))
        return offered & EIGHT ? NULL : "8BITMIME option";
    if (mw_form_is(value, "binary"))
        return (offered & (BINARY | CHUNKS)) == (BINARY | CHUNKS) ? NULL : "BINARYMIME option";
    return offered & (EIGHT | BINARY) ? NULL : "8BITMIME and BINARYMIME options";
}

const char *mw_parameter_lacks(const mw_parameter *p, mw_slice value, unsigned offered)
{
    if (p->form == MW_FORM_BODY)
        return body_lacks(value, offered);
    return offered ? NULL : p->keywords[0];
}

/* RFC 8689 4.2.1: without it in the server's offer, or without TLS, the message must not be sent. */
static const mw_refusal *tls_refusal(mw_slice params, int secure)
{
    static const mw_refusal not_offered = { 550, "5.7.30 REQUIRETLS is not offered by the server" };
    static const mw_refusal not_secure = { 550, "5.7.30 REQUIRETLS needs TLS with a server whose name was checked" };

    if (!secure)
        return &not_secure;
    return params.base ? NULL : &not_offered;
}

/* RFC 5321 4.1.1.11: 555 is for a parameter that the server "cannot implement". */
const mw_refusal *mw_parameter_refusal(const mw_parameter *p, mw_slice value, mw_slice params, int secure)
{
    static const mw_refusal too_large = { 552, "5.3.4 the message is larger than the server takes" };
    static const mw_refusal too_late = { 555, "5.5.4 the server does not hold messages so long" };
    static const mw_refusal too_soon = { 555, "5.5.4 the server cannot promise to deliver so soon" };

    if (p == &rows[MW_PARAMETER_REQUIRETLS])
        return tls_refusal(params, secure);
    if (!params.base || !mw_form_fits(p->form, value) || !mw_form_beyond(p->form, value, params))
        return NULL;
    if (p->form == MW_FORM_SIZE)
        return &too_large;
    return p->form == MW_FORM_BY ? &too_soon : &too_late;
}

/* ---- the parameter */

static size_t put(char *out, size_t at, mw_slice text)
{
    memcpy(out + at, text.base, text.len);
    return at + text.len;
}

int mw_parameter_put(const mw_parameter *p, mw_slice value, char *out, size_t *len_r)
{
    size_t at;

    *len_r = 0;
    if (!value.len && !p->empty)
        return 1;
    if (!value.len)
        value = mw_slice_of(p->empty);
    if (!mw_form_fits(p->form, value))
        return 0;
    out[0] = ' ';
    at = put(out, 1, mw_slice_of(p->word));
    if (p->form != MW_FORM_FLAG) {
        out[at++] = '=';
        at += mw_form_put(p->form, value, out + at);
    }
    *len_r = at;
    return 1;
}

/* RFC 5321 4.1.2: esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-"). */
static int is_word(mw_slice s)
{
    static const char may[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t i;

    for (i = 0; i < s.len; i++)
        if (!s.base[i] || !strchr(may, s.base[i]))
            return 0;
    return s.len && s.base[0] != '-';
}

int mw_parameter_put_any(mw_slice word, mw_slice value, char *out, size_t *len_r)
{
    size_t at;

    if (!is_word(word) || !mw_form_fits(MW_FORM_ANY, value))
        return 0;
    out[0] = ' ';
    at = put(out, 1, word);
    if (value.len) {
        out[at++] = '=';
        at = put(out, at, value);
    }
    *len_r = at;
    return 1;
}

/* ---- fields */

static size_t escape(char *out, size_t at, mw_slice text)
{
    static const char plain[] = "\0\001\t\r\n", named[] = "01trn";
    size_t i;

    for (i = 0; i < text.len; i++) {
        const char *special = memchr(plain, text.base[i], sizeof plain - 1);

        if (special)
            out[at++] = '\001';
        out[at++] = special ? named[special - plain] : text.base[i];
    }
    return at;
}

size_t mw_field_put(int first, mw_slice name, mw_slice value, char *out)
{
    size_t at = 0;

    if (!first)
        out[at++] = '\t';
    at = escape(out, at, name);
    out[at++] = '=';
    return escape(out, at, value);
}
