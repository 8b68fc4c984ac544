/* fuzz_command.c - command lines, addresses, xtext, parameters, keywords. The input is taken for each of them in turn. */
#include "../c/command.h"
#include "../c/parameter.h"
#include "../c/keywords.h"
#include "../c/error.h"
#include "target.h"

static int has(mw_slice s, char c)
{
    return s.len && memchr(s.base, c, s.len);
}

static int within(mw_slice part, mw_slice whole)
{
    return part.base >= whole.base && part.len <= whole.len && part.base - whole.base <= (long)(whole.len - part.len);
}

static void check_line(mw_slice line)
{
    int bad = has(line, '\r') || has(line, '\n') || has(line, '\0');
    int wanted = bad ? MW_E_ARG_BYTES : line.len > MW_COMMAND_MAX ? MW_E_COMMAND_LIMIT : MW_OK;

    FUZZ_CHECK(mw_command_check(line) == wanted);
    FUZZ_CHECK(within(mw_command_address(line), line));
}

/* The case of letters changes nothing. */
static void check_verb(mw_slice line)
{
    char *copy = fuzz_block(line.base, line.len);
    mw_slice other = { copy, line.len };
    size_t i;

    for (i = 0; i < line.len; i++)
        if ((copy[i] >= 'a' && copy[i] <= 'z') || (copy[i] >= 'A' && copy[i] <= 'Z'))
            copy[i] ^= 0x20;
    FUZZ_CHECK(mw_command_kind(line) == mw_command_kind(other));
    free(copy);
}

/* The second word, by the C library. */
static void check_bdat(mw_slice line)
{
    unsigned long long size = 0;
    char text[32], *end;
    mw_slice rest = line, word = { "", 0 };
    int words = 0;

    while (words < 2 && fuzz_field(&rest, ' ', &word))
        words += word.len > 0;
    if (!mw_command_bdat_size(line, &size))
        return;
    FUZZ_CHECK(words == 2 && word.len && word.len < sizeof text);
    memcpy(text, word.base, word.len);
    text[word.len] = '\0';
    FUZZ_CHECK(strspn(text, "0123456789") == word.len && strtoull(text, &end, 10) == size);
}

/* Where a server finds the end of the path: the ">" that no quoted string and, with pairs, no backslash outside of them
 * hides; a.len when it finds none. White space before it, outside of quotes, would start a parameter. */
static size_t path_end(mw_slice a, int pairs, int *blank_r)
{
    int quoted = 0;
    size_t i;

    *blank_r = 0;
    for (i = 1; i < a.len; i++) {
        if (a.base[i] == '\\' && (quoted || pairs))
            i++;
        else if (a.base[i] == '"')
            quoted = !quoted;
        else if (a.base[i] == '>' && !quoted)
            return i;
        else if ((a.base[i] == ' ' || a.base[i] == '\t') && !quoted)
            *blank_r = 1;
    }
    return a.len;
}

/* An accepted address is one path to its last byte, to a server of RFC 5321 and to one of RFC 821. */
static void check_address(mw_slice a)
{
    char *line;
    mw_slice whole, inner;
    size_t i, end;
    int pairs, blank;

    if (mw_address_check(a) != MW_OK)
        return;
    FUZZ_CHECK(a.len >= 2 && a.base[0] == '<' && a.base[a.len - 1] == '>');
    for (i = 0; i < a.len; i++)
        FUZZ_CHECK(((unsigned char)a.base[i] >= ' ' || a.base[i] == '\t') && a.base[i] != 0x7f);
    for (pairs = 0; pairs <= 1; pairs++) {
        end = path_end(a, pairs, &blank);
        FUZZ_CHECK(!blank && (end == a.len - 1 || (pairs && end == a.len)));
    }
    line = malloc(a.len + 16);
    if (!line)
        exit(1);
    memcpy(line, "RCPT TO:", 8);
    memcpy(line + 8, a.base, a.len);
    memcpy(line + 8 + a.len, " X=<>", 5);
    whole.base = line;
    whole.len = 8 + a.len + 5;
    inner = mw_command_address(whole);
    FUZZ_CHECK(inner.base == line + 9 && inner.len == a.len - 2 && mw_command_kind(whole) == MW_KIND_RCPT);
    free(line);
}

/* The input in brackets: many more are accepted. */
static void check_bracketed(mw_slice inner)
{
    char *text = malloc(inner.len + 2);
    mw_slice a = { text, inner.len + 2 };

    if (!text)
        exit(1);
    text[0] = '<';
    memcpy(text + 1, inner.base, inner.len);
    text[inner.len + 1] = '>';
    check_address(a);
    free(text);
}

static unsigned hex(char c)
{
    const char *digits = "0123456789ABCDEF", *at = strchr(digits, c);

    FUZZ_CHECK(c && at);
    return (unsigned)(at - digits);
}

/* RFC 3461 4: what was encoded is printable, and decodes to what went in. */
static void check_xtext(mw_slice in)
{
    char *out = malloc(MW_XTEXT_MAX(in.len) + 1);
    size_t n, i, to = 0;

    if (!out)
        exit(1);
    n = mw_xtext_encode(in, out);
    FUZZ_CHECK(n >= in.len && n <= MW_XTEXT_MAX(in.len));
    for (i = 0; i < n; i++, to++) {
        unsigned char c = (unsigned char)out[i];

        FUZZ_CHECK(c > ' ' && c < 0x7f && c != '=' && to < in.len);
        if (c == '+') {
            FUZZ_CHECK(i + 2 < n);
            c = (unsigned char)(hex(out[i + 1]) << 4 | hex(out[i + 2]));
            i += 2;
        }
        FUZZ_CHECK((char)c == in.base[to]);
    }
    FUZZ_CHECK(to == in.len);
    free(out);
}

static void check_keyword(mw_slice line)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    mw_keyword found;
    mw_slice keyword, params;
    size_t i;

    if (!mw_keyword_parse(line, &found))
        return;
    keyword = found.name;
    params = found.params;
    FUZZ_CHECK(keyword.len && keyword.base == line.base && within(params, line));
    for (i = 0; i < keyword.len; i++)
        FUZZ_CHECK(keyword.base[i] && strchr(letters, keyword.base[i]));
    FUZZ_CHECK(keyword.len == line.len || strchr(" \t=", line.base[keyword.len]));
    FUZZ_CHECK(!params.len || (!strchr(" \t", params.base[0]) && !strchr(" \t", params.base[params.len - 1]))
        || has(params, '\0'));
    FUZZ_CHECK(params.base >= keyword.base + keyword.len);
}

static int is_one_parameter(const char *out, size_t n, size_t from)
{
    size_t at = 1;

    while (at < n && (unsigned char)out[at] > ' ' && out[at] != 0x7f)
        at++;
    return n <= MW_PARAMETER_MAX(from) && (!n || (out[0] == ' ' && at == n));
}

/* What can be sent stays one parameter of one command. */
static void check_parameter(mw_slice value)
{
    char *out = malloc(MW_PARAMETER_MAX(value.len));
    size_t i, n;

    if (!out)
        exit(1);
    for (i = 0; i < MW_PARAMETER_COUNT; i++)
        if (mw_parameter_put(mw_parameter_row(i), value, out, &n))
            FUZZ_CHECK(is_one_parameter(out, n, value.len));
    free(out);
}

/* The first half of the input as a parameter's name and as what a server says behind a keyword, the other half as the value. */
static void check_halves(mw_slice in)
{
    mw_slice front = { in.base, in.len / 2 }, back = { in.base + in.len / 2, in.len - in.len / 2 };
    char *out = malloc(MW_PARAMETER_MAX(in.len));
    size_t i, n;

    if (!out)
        exit(1);
    if (mw_parameter_put_any(front, back, out, &n))
        FUZZ_CHECK(n > 1 && is_one_parameter(out, n, in.len));
    for (i = 0; i < MW_PARAMETER_COUNT; i++)
        FUZZ_CHECK(mw_form_fits(mw_parameter_row(i)->form, back) || !mw_parameter_refusal(mw_parameter_row(i), back, front, 1));
    n = mw_field_put(1, front, back, out);
    FUZZ_CHECK(n <= MW_FIELD_MAX(in.len) && !memchr(out, '\t', n));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *block = fuzz_block(data, size);
    mw_slice in = { block, size };

    check_line(in);
    check_verb(in);
    check_bdat(in);
    check_address(in);
    check_bracketed(in);
    check_xtext(in);
    check_parameter(in);
    check_halves(in);
    check_keyword(in);
    free(block);
    return 0;
}
