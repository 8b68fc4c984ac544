/* command.c - see command.h. */
#include "command.h"
#include "ascii.h"

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

/* Perl's \s, as the classes before this one trimmed by it. */
static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
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
    const char *words;
    mw_wait wait;
    int facts;
} kinds[] = {
#define MW_KIND(kind, words, wait, facts) { words, MW_WAIT_##wait, facts },
    MW_COMMAND_TABLE(MW_KIND)
#undef MW_KIND
};

int mw_kind_facts(mw_kind kind)
{
    return kinds[kind].facts;
}

mw_wait mw_kind_wait(mw_kind kind)
{
    return kinds[kind].wait;
}

/* Whether word, in any case, is one of those in a list of upper-case ones. */
static int is_among(mw_slice word, const char *list)
{
    mw_slice rest = mw_slice_of(list), one;

    while ((one = next_word(&rest)).len)
        if (mw_is_same(word, one))
            return 1;
    return 0;
}

#define MW_MECHANISMS \
    "PLAIN LOGIN EXTERNAL XOAUTH2 OAUTHBEARER CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 ANONYMOUS GSSAPI GS2-KRB5 NTLM"

/* RFC 3030 2: bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CR LF; end-marker = "LAST". */
static mw_kind bdat_kind(mw_slice args)
{
    next_word(&args);
    return mw_is_same(next_word(&args), mw_slice_of("LAST")) ? MW_KIND_END : MW_KIND_BDAT;
}

/* Where the run of blanks, or of anything else, that line has at i ends. */
static size_t run_end(mw_slice line, size_t i, int blank)
{
    while (i < line.len && (line.base[i] == ' ' || line.base[i] == '\t') == blank)
        i++;
    return i;
}

/* Where the arguments of AUTH begin; 0 for another command. */
static size_t auth_arguments(mw_slice line)
{
    size_t from = run_end(line, 0, 1), to = run_end(line, from, 0);
    mw_slice verb = { line.base + from, to - from };

    return mw_is_same(verb, mw_slice_of("AUTH")) ? run_end(line, to, 1) : 0;
}

static mw_slice stretch(mw_slice line, size_t from, size_t to)
{
    mw_slice s = { line.base + from, to - from };

    return s;
}

void mw_command_auth(mw_slice line, mw_slice *mechanism_r, mw_slice *response_r)
{
    size_t from = auth_arguments(line), to = run_end(line, from, 0), end = line.len;

    *mechanism_r = stretch(line, from, to);
    if (!from)
        to = end;
    if (!from || !is_among(*mechanism_r, MW_MECHANISMS)) {
        mechanism_r->len = 0;
        to = from ? from : end;
    }
    to = run_end(line, to, 1);
    while (end > to && (mw_is_blank(line.base[end - 1]) || line.base[end - 1] == '\r'))
        end--;
    *response_r = stretch(line, to, end);
}

size_t mw_command_public(mw_slice line)
{
    size_t from = auth_arguments(line), to = run_end(line, from, 0);
    mw_slice mechanism = { line.base + from, to - from };

    if (!from)
        return line.len;
    if (!is_among(mechanism, MW_MECHANISMS))
        return from;
    return to < line.len ? to + 1 : to;
}

mw_kind mw_command_kind(mw_slice line)
{
    mw_slice word;
    int kind;

    if (auth_arguments(line))
        return MW_KIND_AUTH;
    if (line.len == 0 || line.base[0] == ' ')
        return MW_KIND_OTHER;
    word = next_word(&line);
    for (kind = 0; kind < MW_KIND_COUNT; kind++)
        if (is_among(word, kinds[kind].words))
            return kind == MW_KIND_BDAT ? bdat_kind(line) : (mw_kind)kind;
    return MW_KIND_OTHER;
}

int mw_command_is_known(mw_slice line)
{
    return is_among(next_word(&line), "NOOP VRFY EXPN HELP ETRN TURN XFORWARD TRACE EHLO HELO");
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
        if (!mw_is_digit(word.base[i]))
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

    return (quoted && mw_is_blank(c)) || (u > ' ' && u != 0x7f);
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

/* The same, whatever its bytes are: they belong to the quoted string in any case. */
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
    /* Some servers read \" outside quotes as a pair (RFC 821): for them quoted strings begin elsewhere. */
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
            return mw_is_blank(c) ? "white space outside quotes" : "a control character";
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

/* An octet of an atom, a dot or an at sign. */
static int is_simple(char c)
{
    switch (c) {
    case '"': case '(': case ')': case ',': case ':': case ';': case '<': case '>': case '[': case '\\': case ']':
        return 0;
    default:
        return c > ' ' && c < 0x7f;
    }
}

int mw_address_is_simple(mw_slice text)
{
    size_t i = 0;

    while (i < text.len && is_simple(text.base[i]))
        i++;
    return text.len && i == text.len;
}

mw_slice mw_address_domain(mw_slice bracketed)
{
    size_t at = bracketed.len;

    while (at && bracketed.base[at - 1] != '@')
        at--;
    bracketed = skip(bracketed, at ? at : bracketed.len);
    bracketed.len -= bracketed.len && bracketed.base[bracketed.len - 1] == '>';
    return bracketed;
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

/* The text from the next "<" on that is in no quoted string (RFC 5322 3.2.4); empty when there is none. */
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
