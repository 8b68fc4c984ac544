/* parameter.c - see parameter.h. */
#include "parameter.h"

#include <string.h>

#define MW_OFFERS_SIZE       { "SIZE" }
#define MW_OFFERS_DSN        { "DSN" }
#define MW_OFFERS_CHECKPOINT { "CHECKPOINT" }
#define MW_OFFERS_AUTH       { "AUTH" }
#define MW_OFFERS_XVERP      { "XVERP" }
#define MW_OFFERS_SMTPUTF8   { "SMTPUTF8" }
#define MW_OFFERS_BODY       { "8BITMIME", "BINARYMIME", "CHUNKING" }

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

static int is_text(mw_slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.base, text, s.len) == 0;
}

size_t mw_parameter_find(mw_kind command, mw_slice option)
{
    size_t i = 0;

    while (i < MW_PARAMETER_COUNT && (rows[i].command != command || !is_text(option, rows[i].option)))
        i++;
    return i;
}

int mw_parameter_is_binary(const mw_parameter *p, mw_slice value)
{
    return p->form == MW_FORM_BODY && is_text(value, "binary");
}

static const char *body_lacks(mw_slice value, unsigned offered)
{
    if (is_text(value, "8"))
        return offered & EIGHT ? NULL : "8BITMIME option";
    if (is_text(value, "binary"))
        return (offered & (BINARY | CHUNKS)) == (BINARY | CHUNKS) ? NULL : "BINARYMIME option";
    return offered & (EIGHT | BINARY) ? NULL : "8BITMIME and BINARYMIME options";
}

const char *mw_parameter_lacks(const mw_parameter *p, mw_slice value, unsigned offered)
{
    if (p->form == MW_FORM_BODY)
        return body_lacks(value, offered);
    return offered ? NULL : p->keywords[0];
}

static const char *body_of(mw_slice value)
{
    if (is_text(value, "8"))
        return "8BITMIME";
    return is_text(value, "binary") ? "BINARYMIME" : "7BIT";
}

/* What is taken for ASCII letters is. */
static int is_full(mw_slice value)
{
    static const char full[] = "FULL";
    size_t i = 0;

    while (i < value.len && i < sizeof full - 1 && (value.base[i] & ~0x20) == full[i])
        i++;
    return i == value.len && i == sizeof full - 1;
}

/* RFC 3461 4.1: NEVER alone, or some of the others. */
static int is_notify(mw_slice value)
{
    static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
    mw_slice word;
    size_t i;

    if (is_text(value, "NEVER"))
        return 1;
    for (;;) {
        const char *comma = memchr(value.base, ',', value.len);

        word.base = value.base;
        word.len = comma ? (size_t)(comma - value.base) : value.len;
        for (i = 0; i < 3 && !is_text(word, words[i]); i++)
            ;
        if (i == 3 || !comma)
            return i < 3;
        value.base += word.len + 1;
        value.len -= word.len + 1;
    }
}

static int is_sendable(mw_slice value)
{
    size_t i;

    for (i = 0; i < value.len; i++)
        if ((unsigned char)value.base[i] <= ' ' || value.base[i] == 0x7f)
            return 0;
    return 1;
}

static mw_slice slice_of(const char *text)
{
    mw_slice s;

    s.base = text;
    s.len = strlen(text);
    return s;
}

/* The value as it is sent, but for xtext. */
static mw_slice value_of(const mw_parameter *p, mw_slice value)
{
    if (p->form == MW_FORM_BODY)
        return slice_of(body_of(value));
    if (p->form == MW_FORM_RETURN)
        return slice_of(is_full(value) ? "FULL" : "HDRS");
    return value.len || !p->empty ? value : slice_of(p->empty);
}

static size_t put(char *out, size_t at, mw_slice text)
{
    memcpy(out + at, text.base, text.len);
    return at + text.len;
}

int mw_parameter_put(const mw_parameter *p, mw_slice value, char *out, size_t *len_r)
{
    size_t at = 1;

    value = value_of(p, value);
    *len_r = 0;
    if (!value.len && !p->empty)
        return 1;
    if (p->form == MW_FORM_NOTIFY ? !is_notify(value) : p->form != MW_FORM_XTEXT && p->form != MW_FORM_FLAG && !is_sendable(value))
        return 0;
    out[0] = ' ';
    at = put(out, at, slice_of(p->word));
    if (p->form != MW_FORM_FLAG) {
        out[at++] = '=';
        at = p->form == MW_FORM_XTEXT ? at + mw_xtext_encode(value, out + at) : put(out, at, value);
    }
    *len_r = at;
    return 1;
}

const char *mw_parameter_must(const mw_parameter *p)
{
    if (p->form == MW_FORM_NUMBER)
        return "must be a number of bytes";
    return p->form == MW_FORM_NOTIFY ? "must be NEVER, or some of SUCCESS, FAILURE and DELAY" : NULL;
}
