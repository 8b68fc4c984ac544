/* command.c - see command.h. */
#include "command.h"

#include <string.h>
#include "error.h"

static int has_byte(mw_slice s, char c)
{
    return s.len > 0 && memchr(s.base, c, s.len) != NULL;
}

/* The bytes that end a line for some server, or a string for some filter. */
static int has_line_bytes(mw_slice s)
{
    return has_byte(s, '\r') || has_byte(s, '\n') || has_byte(s, '\0');
}

int mw_command_check(mw_slice line)
{
    if (has_line_bytes(line))
        return MW_E_ARG_BYTES;
    return line.len > MW_COMMAND_MAX ? MW_E_COMMAND_LIMIT : MW_OK;
}

/* ctype.h follows the locale; the protocol is ASCII. */
static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_alnum(char c)
{
    return is_digit(c) || (upper(c) >= 'A' && upper(c) <= 'Z');
}

/* Perl's \s, as the classes before this one trimmed by it. */
static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether s is word, which is upper-case, in any case. */
static int is_word(mw_slice s, const char *word)
{
    size_t i;

    for (i = 0; i < s.len; i++)
        if (word[i] == '\0' || upper(s.base[i]) != word[i])
            return 0;
    return word[i] == '\0';
}

static mw_slice skip(mw_slice s, size_t n)
{
    if (n > 0) {
        s.base += n;
        s.len -= n;
    }
    return s;
}

/* Takes the next word, which ends at a space or the end, off the front of rest. */
static mw_slice next_word(mw_slice *rest)
{
    mw_slice word;
    size_t n = 0;

    while (n < rest->len && rest->base[n] == ' ')
        n++;
    word = skip(*rest, n);
    n = 0;
    while (n < word.len && word.base[n] != ' ')
        n++;
    *rest = skip(word, n);
    word.len = n;
    return word;
}

static const struct {
    const char *word;
    mw_verb verb;
} verbs[] = {
    { "LHLO", MW_VERB_LHLO },
    { "EHLO", MW_VERB_LHLO },       /* both begin a session the same way */
    { "HELO", MW_VERB_LHLO },
    { "MAIL", MW_VERB_MAIL },
    { "SEND", MW_VERB_MAIL },
    { "SOML", MW_VERB_MAIL },
    { "SAML", MW_VERB_MAIL },
    { "RCPT", MW_VERB_RCPT },
    { "DATA", MW_VERB_DATA },
    { "BDAT", MW_VERB_BDAT },
    { "RSET", MW_VERB_RSET },
    { "QUIT", MW_VERB_QUIT },
    { "AUTH", MW_VERB_AUTH },
    { "STARTTLS", MW_VERB_STARTTLS }
};

/* RFC 3030 2: bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CR LF; end-marker = "LAST". */
static mw_verb bdat_verb(mw_slice args)
{
    next_word(&args);
    return is_word(next_word(&args), "LAST") ? MW_VERB_BDAT_LAST : MW_VERB_BDAT;
}

mw_verb mw_command_verb(mw_slice line)
{
    mw_slice word;
    char first;
    size_t i;

    if (line.len == 0 || line.base[0] == ' ')
        return MW_VERB_OTHER;
    first = upper(line.base[0]);
    word = next_word(&line);
    for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (verbs[i].word[0] == first && is_word(word, verbs[i].word))
            return verbs[i].verb == MW_VERB_BDAT ? bdat_verb(line) : verbs[i].verb;
    return MW_VERB_OTHER;
}

int mw_command_is_transaction(mw_verb verb)
{
    return verb == MW_VERB_MAIL || verb == MW_VERB_RCPT || verb == MW_VERB_DATA || verb == MW_VERB_BDAT || verb == MW_VERB_BDAT_LAST;
}

int mw_command_bdat_size(mw_slice line, unsigned long long *size_r)
{
    unsigned long long size = 0;
    mw_slice word;
    size_t i;

    next_word(&line);
    word = next_word(&line);
    if (word.len == 0 || word.len > 19)     /* 19 nines are below 2^64 */
        return 0;
    for (i = 0; i < word.len; i++) {
        if (!is_digit(word.base[i]))
            return 0;
        size = size * 10 + (unsigned)(word.base[i] - '0');
    }
    *size_r = size;
    return 1;
}

/* Where the first c outside quoted strings is; s.len when there is none. A backslash inside a
 * quoted string takes the next byte with it (RFC 5321 4.1.2: quoted-pairSMTP). */
static size_t find_unquoted(mw_slice s, char c)
{
    int quoted = 0;
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!quoted && s.base[i] == c)
            return i;
        if (s.base[i] == '"')
            quoted = !quoted;
        else if (quoted && s.base[i] == '\\')
            i++;
    }
    return s.len;
}

/* What is inside the first <...> of s. 1 or 0. */
static int inside_brackets(mw_slice s, mw_slice *inner_r)
{
    size_t open = find_unquoted(s, '<'), close;

    if (open == s.len)
        return 0;
    s = skip(s, open + 1);
    close = find_unquoted(s, '>');
    if (close == s.len)
        return 0;
    s.len = close;
    *inner_r = s;
    return 1;
}

mw_slice mw_command_address(mw_slice line)
{
    const char *colon = line.len > 0 ? memchr(line.base, ':', line.len) : NULL;
    mw_slice rest, inner;

    if (colon == NULL)
        return skip(line, line.len);
    rest = skip(line, (size_t)(colon - line.base) + 1);
    if (inside_brackets(rest, &inner))
        return inner;
    while (rest.len > 0 && rest.base[0] == ' ')
        rest = skip(rest, 1);
    rest.len = find_unquoted(rest, ' ');
    return rest;
}

/* Whether c may stand in an address: no control character, and white space only in quotes. */
static int is_address_byte(char c, int quoted)
{
    unsigned char u = (unsigned char)c;

    return (quoted && is_blank(c)) || (u > ' ' && u != 0x7f);
}

/* The length of the quoted string that s begins with, both quotes counted; 0 when it does not end or
 * a byte of it may not stand in an address. */
static size_t quoted_length(mw_slice s)
{
    size_t i;

    for (i = 1; i < s.len; i++) {
        if (s.base[i] == '"')
            return i + 1;
        if (s.base[i] == '\\' && ++i == s.len)
            return 0;
        if (!is_address_byte(s.base[i], 1))
            return 0;
    }
    return 0;
}

/* The same, whatever its bytes are: what is inside belongs to it in any case. */
static size_t quoted_anyhow(mw_slice s)
{
    size_t i;

    for (i = 1; i < s.len; i++) {
        if (s.base[i] == '"')
            return i + 1;
        if (s.base[i] == '\\')
            i++;
    }
    return 0;
}

/* What is wrong at the quotation mark at s[i]; NULL: nothing, and *length_r is the quoted string's. */
static const char *quoted_fault(mw_slice s, size_t i, size_t *length_r)
{
    /* Where \" outside quotes is a pair, as in RFC 821, the quotes lie otherwise than here. */
    if (s.base[i - 1] == '\\')
        return "a quotation mark behind a backslash, outside quotes";
    *length_r = quoted_length(skip(s, i));
    if (*length_r)
        return NULL;
    return quoted_anyhow(skip(s, i)) ? "a control character in quotes" : "a quoted string that does not end";
}

const char *mw_address_fault(mw_slice bracketed)
{
    size_t i = 1, n;
    const char *fault;

    if (has_line_bytes(bracketed))
        return mw_error_text(MW_E_ARG_BYTES);
    if (bracketed.len == 0 || bracketed.base[0] != '<')
        return "no brackets around it";
    for (; i < bracketed.len && bracketed.base[i] != '>'; i += n) {
        char c = bracketed.base[i];

        n = 1;
        if (c == '"' && (fault = quoted_fault(bracketed, i, &n)))
            return fault;
        if (c != '"' && !is_address_byte(c, 0))
            return is_blank(c) ? "white space outside quotes" : "a control character";
    }
    if (i >= bracketed.len)
        return "no bracket at its end";
    return i + 1 == bracketed.len ? NULL : "a closing bracket outside quotes";
}

int mw_address_check(mw_slice bracketed)
{
    if (!mw_address_fault(bracketed))
        return MW_OK;
    return has_line_bytes(bracketed) ? MW_E_ARG_BYTES : MW_E_ADDRESS;
}

size_t mw_address_shown(mw_slice address, char *out)
{
    static const char hex[] = "0123456789abcdef";
    size_t i, o = 0, all = address.len <= MW_ADDRESS_SHOWN;

    for (i = 0; i < address.len && i < MW_ADDRESS_SHOWN; i++) {
        unsigned char c = (unsigned char)address.base[i];

        if (c >= ' ' && c != 0x7f) {
            out[o++] = (char)c;
            continue;
        }
        out[o++] = '\\';
        out[o++] = 'x';
        out[o++] = hex[c >> 4];
        out[o++] = hex[c & 15];
    }
    for (i = 0; !all && i < 3; i++)
        out[o++] = '.';
    return o;
}

static mw_slice trim_space(mw_slice s)
{
    while (s.len && is_space(s.base[0]))
        s = skip(s, 1);
    while (s.len && is_space(s.base[s.len - 1]))
        s.len--;
    return s;
}

/* The length of the <...> at the start of s, brackets included; 0 when it does not end. */
static size_t bracketed_length(mw_slice s)
{
    size_t i = 1, quoted;

    while (i < s.len && s.base[i] != '>') {
        if (s.base[i] != '"') {
            i++;
            continue;
        }
        if (!(quoted = quoted_anyhow(skip(s, i))))
            return 0;
        i += quoted;
    }
    return i < s.len ? i + 1 : 0;
}

/* From the next "<" on that no quoted string has in it (RFC 5322 3.2.4); empty when there is none. */
static mw_slice to_bracket(mw_slice s)
{
    size_t n;

    while (s.len && s.base[0] != '<') {
        n = s.base[0] == '"' ? quoted_anyhow(s) : 0;
        s = skip(s, n ? n : 1);
    }
    return s;
}

mw_slice mw_address_path(mw_slice text, int exact, int *bracketed_r)
{
    mw_slice trimmed = trim_space(text), at = text;
    size_t n;

    *bracketed_r = 1;
    if (exact && trimmed.len > 1 && trimmed.base[0] == '<' && trimmed.base[trimmed.len - 1] == '>')
        return trimmed;
    /* What is too long for a command is not searched: each "<" in it could be a start. */
    while (!exact && text.len <= MW_COMMAND_MAX && (at = to_bracket(at)).len) {
        if ((n = bracketed_length(at))) {
            at.len = n;
            return at;
        }
        at = skip(at, 1);
    }
    *bracketed_r = 0;
    return trimmed;
}

size_t mw_command_envelope(const char *head, mw_slice path, int bracketed, char *out)
{
    size_t len = strlen(head);

    memcpy(out, head, len);
    if (!bracketed)
        out[len++] = '<';
    if (path.len)
        memcpy(out + len, path.base, path.len);
    len += path.len;
    if (!bracketed)
        out[len++] = '>';
    return len;
}

mw_slice mw_command_data(void)
{
    static const mw_slice data = { "DATA", 4 };

    return data;
}

size_t mw_xtext_encode(mw_slice in, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t i, o = 0;

    for (i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.base[i];

        if (c >= '!' && c <= '~' && c != '+' && c != '=') {
            out[o++] = (char)c;
        } else {
            out[o++] = '+';
            out[o++] = hex[c >> 4];
            out[o++] = hex[c & 15];
        }
    }
    return o;
}

/* RFC 5321 4.1.1.1: ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-"); and the underscore that
 * some servers use. Returns its length. */
static size_t keyword_length(mw_slice s)
{
    size_t n = 0;

    while (n < s.len && (is_alnum(s.base[n]) || (n > 0 && (s.base[n] == '-' || s.base[n] == '_'))))
        n++;
    return n;
}

static mw_slice trim(mw_slice s)
{
    while (s.len > 0 && is_blank(s.base[0]))
        s = skip(s, 1);
    while (s.len > 0 && is_blank(s.base[s.len - 1]))
        s.len--;
    return s;
}

int mw_keyword_parse(mw_slice line, mw_slice *keyword_r, mw_slice *params_r)
{
    mw_slice keyword = line, params;

    keyword.len = keyword_length(line);
    if (keyword.len == 0 || is_word(keyword, "OK"))
        return 0;
    params = skip(line, keyword.len);
    if (params.len > 0 && params.base[0] == '=')
        params = skip(params, 1);
    else if (params.len > 0 && !is_blank(params.base[0]))
        return 0;
    *keyword_r = keyword;
    *params_r = trim(params);
    return 1;
}
