/* test_command.c - what may be in a command line, what it is, addresses, xtext. */
#include "../../c/command.h"
#include "../../c/error.h"
#include "slices.h"

static void test_check(void)
{
    static const struct { const char *name, *line; size_t len; int wanted; } checks[] = {
        { "empty", BYTES(""), MW_OK },
        { "a command", BYTES("MAIL FROM:<a@x>"), MW_OK },
        { "8-bit bytes and a tab", BYTES("VRFY \xc3\xa4\t\x7f"), MW_OK },
        { "a CR", BYTES("NOOP\rx"), MW_E_ARG_BYTES },
        { "an LF", BYTES("NOOP\nx"), MW_E_ARG_BYTES },
        { "a CRLF at the end", BYTES("NOOP\r\n"), MW_E_ARG_BYTES },
        { "a NUL", BYTES("NOOP\0x"), MW_E_ARG_BYTES },
        { "a NUL first", BYTES("\0"), MW_E_ARG_BYTES },
    };
    static char big[MW_COMMAND_MAX + 1];
    mw_slice line = { big, 0 };
    size_t i;

    for (i = 0; i < COUNT(checks); i++) {
        mw_slice v = slice_new(checks[i].line, checks[i].len);

        tap_ok(mw_command_check(v) == checks[i].wanted, "check: %s", checks[i].name);
        slice_free(v);
    }
    memset(big, 'x', sizeof big);
    line.len = MW_COMMAND_MAX - 1;
    tap_ok(mw_command_check(line) == MW_OK, "check: one below the limit");
    line.len = MW_COMMAND_MAX;
    tap_ok(mw_command_check(line) == MW_OK, "check: at the limit");
    line.len = MW_COMMAND_MAX + 1;
    tap_ok(mw_command_check(line) == MW_E_COMMAND_LIMIT, "check: one above the limit");
    big[MW_COMMAND_MAX] = '\n';
    tap_ok(mw_command_check(line) == MW_E_ARG_BYTES, "check: above the limit, with an LF");
}

static void test_verbs(void)
{
    static const struct { const char *line; mw_kind verb; } verbs[] = {
        { "LHLO me", MW_KIND_LHLO },
        { "EHLO me", MW_KIND_LHLO },
        { "HELO me", MW_KIND_LHLO },
        { "MAIL FROM:<a@x>", MW_KIND_MAIL },
        { "SEND FROM:<a@x>", MW_KIND_MAIL },
        { "SOML FROM:<a@x>", MW_KIND_MAIL },
        { "SAML FROM:<a@x>", MW_KIND_MAIL },
        { "RCPT TO:<a@x>", MW_KIND_RCPT },
        { "DATA", MW_KIND_DATA },
        { "data", MW_KIND_DATA },
        { "DaTa ", MW_KIND_DATA },
        { "BDAT 10", MW_KIND_BDAT },
        { "BDAT", MW_KIND_BDAT },
        { "BDAT 10 LAST", MW_KIND_END },
        { "bdat 10 last", MW_KIND_END },
        { "BDAT  0  Last ", MW_KIND_END },
        { "BDAT 10 LASTX", MW_KIND_BDAT },
        { "BDAT 10 LAS", MW_KIND_BDAT },
        { "BDAT 10LAST", MW_KIND_BDAT },
        { "BDAT LAST", MW_KIND_BDAT },
        { "RSET", MW_KIND_RSET },
        { "QUIT", MW_KIND_QUIT },
        { "AUTH PLAIN", MW_KIND_AUTH },
        { "STARTTLS", MW_KIND_STARTTLS },
        { "starttls", MW_KIND_STARTTLS },
        { "NOOP", MW_KIND_OTHER },
        { "VRFY a", MW_KIND_OTHER },
        { "", MW_KIND_OTHER },
        { " ", MW_KIND_OTHER },
        { " DATA", MW_KIND_OTHER },
        { "DAT", MW_KIND_OTHER },
        { "DATAX", MW_KIND_OTHER },
        { "DATA\t", MW_KIND_OTHER },
        { "MAIL:", MW_KIND_OTHER },
        { "STARTTL", MW_KIND_OTHER },
        { "STARTTLSX", MW_KIND_OTHER },
    };
    size_t i;

    for (i = 0; i < COUNT(verbs); i++) {
        mw_slice v = slice_new(verbs[i].line, strlen(verbs[i].line));

        tap_ok(mw_command_kind(v) == verbs[i].verb, "verb: %s", verbs[i].line);
        slice_free(v);
    }
}

/* A NUL is no end of a word, neither of the line's nor of ours. */
static void test_verb_with_nul(void)
{
    static const char line[] = "DATA\0\0\0\0\0\0\0\0";
    mw_slice v = slice_new(line, sizeof line - 1);

    tap_ok(mw_command_kind(v) == MW_KIND_OTHER, "verb: NULs behind it");
    slice_free(v);
}

static void test_bdat_size(void)
{
    static const struct { const char *line; int taken; unsigned long long size; } sizes[] = {
        { "BDAT 0", 1, 0 },
        { "BDAT 10", 1, 10 },
        { "bdat 10 LAST", 1, 10 },
        { "BDAT  7 ", 1, 7 },
        { "BDAT 007", 1, 7 },
        { "BDAT 9999999999999999999", 1, 9999999999999999999u },
        { "BDAT 99999999999999999999", 0, 0 },
        { "BDAT 00000000000000000001", 0, 0 },
        { "BDAT", 0, 0 },
        { "BDAT ", 0, 0 },
        { "BDAT LAST", 0, 0 },
        { "BDAT -1", 0, 0 },
        { "BDAT +1", 0, 0 },
        { "BDAT 1x", 0, 0 },
        { "BDAT 0x10", 0, 0 },
        { "BDAT 1\t", 0, 0 },
        { "", 0, 0 },
    };
    size_t i;

    for (i = 0; i < COUNT(sizes); i++) {
        mw_slice v = slice_new(sizes[i].line, strlen(sizes[i].line));
        unsigned long long size = 0;

        tap_ok(mw_command_bdat_size(v, &size) == sizes[i].taken && size == sizes[i].size,
               "bdat size: %s", sizes[i].line);
        slice_free(v);
    }
}

static void test_addresses(void)
{
    static const struct { const char *line, *address; } lines[] = {
        { "MAIL FROM:<a@x>", "a@x" },
        { "MAIL FROM:<>", "" },
        { "MAIL FROM: <a@x> SIZE=10", "a@x" },
        { "RCPT TO:<a@x> ORCPT=rfc822;<b@x>", "a@x" },
        { "RCPT TO:<\"a>b\"@x> NOTIFY=NEVER", "\"a>b\"@x" },
        { "RCPT TO:<\"a\\\">b\"@x>", "\"a\\\">b\"@x" },
        { "RCPT TO:<\"a b\"@x>", "\"a b\"@x" },
        { "RCPT TO:<@a,@b:c@x>", "@a,@b:c@x" },
        { "RCPT TO:<a\\@x>", "a\\@x" },
        { "RCPT TO:\"<b>\" <a@x>", "a@x" },
        { "RCPT TO:a@x", "a@x" },
        { "RCPT TO:a@x NOTIFY=NEVER", "a@x" },
        { "RCPT TO:  a@x ", "a@x" },
        { "RCPT TO:\"a b\"@x NOTIFY=NEVER", "\"a b\"@x" },
        { "RCPT TO:<a@x", "<a@x" },
        { "RCPT TO:<\"a>", "<\"a>" },
        { "RCPT TO:", "" },
        { "RCPT TO: ", "" },
        { "RCPT <a@x>", "" },
        { "RCPT", "" },
        { "", "" },
    };
    size_t i;

    for (i = 0; i < COUNT(lines); i++) {
        mw_slice v = slice_new(lines[i].line, strlen(lines[i].line));

        tap_ok(same(mw_command_address(v), lines[i].address), "address: %s", lines[i].line);
        slice_free(v);
    }
}

static const struct {
    const char *name;
    const char *address;
    size_t len;
    int wanted;
} addresses[] = {
    { "an address", BYTES("<a@x>"), MW_OK },
    { "the null address", BYTES("<>"), MW_OK },
    { "a source route", BYTES("<@a,@b:c@x>"), MW_OK },
    { "8-bit bytes", BYTES("<\xc3\xa4@x>"), MW_OK },
    { "a quoted string", BYTES("<\"a b\"@x>"), MW_OK },
    { "a quoted tab", BYTES("<\"a\tb\"@x>"), MW_OK },
    { "a quoted bracket", BYTES("<\"a>b\"@x>"), MW_OK },
    { "a quoted bracket and parameter", BYTES("<\"a> NOTIFY=NEVER\"@x>"), MW_OK },
    { "a quoted quote", BYTES("<\"a\\\">b\"@x>"), MW_OK },
    { "a quoted backslash", BYTES("<\"a\\\\\"@x>"), MW_OK },
    { "a quoted pair of a space", BYTES("<\"a\\ b\"@x>"), MW_OK },
    { "an empty quoted string", BYTES("<\"\"@x>"), MW_OK },
    { "two quoted strings", BYTES("<\"a\".\"b\"@x>"), MW_OK },
    { "a backslash outside quotes", BYTES("<a\\b@x>"), MW_OK },
    { "a backslash before the end", BYTES("<a@x\\>"), MW_OK },
    { "a bracket opened twice", BYTES("<<a@x>"), MW_OK },
    { "a CR", BYTES("<a\r@x>"), MW_E_ARG_BYTES },
    { "an LF", BYTES("<a\n@x>"), MW_E_ARG_BYTES },
    { "a NUL", BYTES("<a\0@x>"), MW_E_ARG_BYTES },
    { "a quoted LF", BYTES("<\"a\nb\"@x>"), MW_E_ARG_BYTES },
    { "a quoted pair of a CR", BYTES("<\"a\\\rb\"@x>"), MW_E_ARG_BYTES },
    { "an LF behind the end", BYTES("<a@x>\n"), MW_E_ARG_BYTES },
    { "a parameter", BYTES("<a@x> NOTIFY=NEVER"), MW_E_ADDRESS },
    { "an injected parameter", BYTES("<a@x> NOTIFY=NEVER>"), MW_E_ADDRESS },
    { "a bracket inside", BYTES("<a>b@x>"), MW_E_ADDRESS },
    { "two ends", BYTES("<a@x>>"), MW_E_ADDRESS },
    { "a space behind the end", BYTES("<a@x> "), MW_E_ADDRESS },
    { "a space before the start", BYTES(" <a@x>"), MW_E_ADDRESS },
    { "a space inside", BYTES("<a b@x>"), MW_E_ADDRESS },
    { "a tab inside", BYTES("<a\tb@x>"), MW_E_ADDRESS },
    { "a vertical tab inside", BYTES("<a\vb@x>"), MW_E_ADDRESS },
    { "a form feed inside", BYTES("<a\fb@x>"), MW_E_ADDRESS },
    { "a control character", BYTES("<a\001b@x>"), MW_E_ADDRESS },
    { "a DEL", BYTES("<a\177b@x>"), MW_E_ADDRESS },
    { "a quoted control character", BYTES("<\"a\001b\"@x>"), MW_E_ADDRESS },
    { "a quoted pair of a control character", BYTES("<\"a\\\001b\"@x>"), MW_E_ADDRESS },
    { "a space behind a quoted string", BYTES("<\"a\" b@x>"), MW_E_ADDRESS },
    { "a bracket behind a quoted pair and the quote", BYTES("<\"a\\\\\">b@x>"), MW_E_ADDRESS },
    { "a quoted string without end", BYTES("<\"a@x>"), MW_E_ADDRESS },
    { "a quoted string that ends in a pair", BYTES("<\"a\\\">"), MW_E_ADDRESS },
    { "a backslash as the last byte", BYTES("<\"a\\"), MW_E_ADDRESS },
    { "a quote behind a backslash", BYTES("<a\\\"b@x>"), MW_E_ADDRESS },
    { "a parameter between quotes behind backslashes", BYTES("<a\\\"b> NOTIFY=NEVER X=\"c>"), MW_E_ADDRESS },
    { "no end", BYTES("<a@x"), MW_E_ADDRESS },
    { "no start", BYTES("a@x>"), MW_E_ADDRESS },
    { "no brackets", BYTES("a@x"), MW_E_ADDRESS },
    { "a start only", BYTES("<"), MW_E_ADDRESS },
    { "an end only", BYTES(">"), MW_E_ADDRESS },
    { "nothing", BYTES(""), MW_E_ADDRESS },
};

static void test_address_check(void)
{
    size_t i;

    for (i = 0; i < COUNT(addresses); i++) {
        mw_slice v = slice_new(addresses[i].address, addresses[i].len);

        tap_ok(mw_address_check(v) == addresses[i].wanted, "address check: %s", addresses[i].name);
        slice_free(v);
    }
}

/* An address that passes is the one that a command made with it is found to have. */
static void test_checked_is_read_back(void)
{
    static const char bytes[] = "<>\"\\ a:\t";
    static const char head[] = "RCPT TO:", tail[] = " X=<b>";
    int ok = 1, round, passed = 0;

    for (round = 0; ok && round < 200000; round++) {
        char line[40];
        size_t len = 2 + tap_random(8), at = sizeof head - 1, i;
        mw_slice address, command;

        memcpy(line, head, at);
        for (i = 0; i < len; i++)
            line[at + i] = i == 0 ? '<' : i + 1 == len ? '>' : bytes[tap_random(sizeof bytes - 1)];
        memcpy(line + at + len, tail, sizeof tail - 1);
        address = slice_new(line + at, len);
        command = slice_new(line, at + len + sizeof tail - 1);
        if (mw_address_check(address) == MW_OK) {
            mw_slice found = mw_command_address(command);

            passed++;
            ok = found.base == command.base + at + 1 && found.len == len - 2;
        }
        slice_free(address);
        slice_free(command);
    }
    tap_ok(ok && passed > 1000, "an address that passes is read back whole");
}

static const struct {
    const char *head, *path;
    int bracketed;
    const char *line;
} envelopes[] = {
    { MW_ENVELOPE_MAIL, "a@x", 0, "MAIL FROM:<a@x>" },
    { MW_ENVELOPE_RCPT, "<a@x>", 1, "RCPT TO:<a@x>" },
    { MW_ENVELOPE_MAIL, "", 0, "MAIL FROM:<>" },
    { MW_ENVELOPE_SAML, "\xc3\xa4@x", 0, "SAML FROM:<\xc3\xa4@x>" },
    { "", "a@x", 0, "<a@x>" },
};

static void test_envelopes(void)
{
    size_t i;

    for (i = 0; i < COUNT(envelopes); i++) {
        mw_slice path = slice_new(envelopes[i].path, strlen(envelopes[i].path)), got;
        char *out = malloc(MW_ENVELOPE_MAX(path.len));

        if (out == NULL)
            exit(1);
        got.base = out;
        got.len = mw_command_envelope(envelopes[i].head, path, envelopes[i].bracketed, out);
        tap_ok(same(got, envelopes[i].line), "the line of an envelope");
        free(out);
        slice_free(path);
    }
}

static void test_xtext(void)
{
    static const struct { const char *name, *in; size_t len; const char *out; } texts[] = {
        { "nothing", BYTES(""), "" },
        { "plain", BYTES("!abc~,\"\\"), "!abc~,\"\\" },
        { "plus and equals", BYTES("a+b=c"), "a+2Bb+3Dc" },
        { "a space", BYTES("a b"), "a+20b" },
        { "controls and 8-bit bytes", BYTES("\0\r\n\x1f\x7f\x80\xff"), "+00+0D+0A+1F+7F+80+FF" },
    };
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        mw_slice in = slice_new(texts[i].in, texts[i].len);
        char *out = malloc(MW_XTEXT_MAX(in.len) + 1);
        mw_slice got;

        if (out == NULL)
            exit(1);
        got.base = out;
        got.len = mw_xtext_encode(in, out);
        tap_ok(same(got, texts[i].out), "xtext: %s", texts[i].name);
        free(out);
        slice_free(in);
    }
}

static int is_within(mw_slice part, mw_slice whole)
{
    return part.base >= whole.base && part.base + part.len <= whole.base + whole.len;
}

/* Any bytes may come here: what is found lies within the line. */
static void test_garbage(void)
{
    static const char bytes[] = "BDATLASTbdat 01:<>\"\\=-_\r\n\t\0\x80";
    int ok = 1, round;

    for (round = 0; ok && round < 100000; round++) {
        char line[16];
        size_t len = tap_random(sizeof line + 1), i;
        unsigned long long size;
        mw_slice v;

        for (i = 0; i < len; i++)
            line[i] = bytes[tap_random(sizeof bytes - 1)];
        v = slice_new(line, len);
        mw_command_check(v);
        mw_command_kind(v);
        mw_command_bdat_size(v, &size);
        mw_address_check(v);
        ok = is_within(mw_command_address(v), v);
        slice_free(v);
    }
    tap_ok(ok, "garbage");
}

/* What is said of a simple address is what the long way finds out. */
static int is_as_said(mw_slice v)
{
    char bracketed[32] = "<";
    int has_brackets;
    size_t i;

    memcpy(bracketed + 1, v.base, v.len);
    bracketed[v.len + 1] = '>';
    for (i = 0; i < v.len; i++)
        if (v.base[i] & 0x80)
            return 0;
    return mw_address_path(v, 0, &has_brackets).len == v.len && !has_brackets && mw_address_path(v, 1, &has_brackets).len == v.len
        && !mw_address_fault((mw_slice){ bracketed, v.len + 2 }) && mw_command_check(v) == MW_OK;
}

static void test_simple(void)
{
    static const char others[] = "\"(),:;<>[\\] \t\r\n\x7f\x80\xff";
    char address[] = "a.b+c@d-e";
    size_t i, wrong = 0, round;

    for (round = 0; round < 100000; round++) {
        char text[4];
        mw_slice v = { text, tap_random(sizeof text + 1) };

        for (i = 0; i < v.len; i++)
            text[i] = (char)tap_random(256);
        wrong += mw_address_is_simple(v) && !is_as_said(v);
    }
    tap_ok(!wrong, "a simple address is its own path");
    tap_ok(mw_address_is_simple(slice(address)) && !mw_address_is_simple(slice("")), "an address is simple, nothing is not");
    for (i = 0; i < sizeof others; i++) {
        address[3] = others[i];
        wrong += mw_address_is_simple((mw_slice){ address, sizeof address - 1 });
    }
    tap_ok(!wrong, "one with a character that is no atom's is not");
}

static void test_domain(void)
{
    static const struct { const char *path, *domain; } cases[] = {
        { "<a@x>", "x" }, { "<\"a@b\"@x.y>", "x.y" }, { "<a>", "" }, { "<>", "" }, { "", "" }, { "<a@>", "" }, { "a@x", "x" }, { "@", "" }
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        mw_slice path = { cases[i].path, strlen(cases[i].path) }, domain = mw_address_domain(path);

        tap_ok(domain.len == strlen(cases[i].domain) && domain.base >= path.base && domain.base + domain.len <= path.base + path.len
            && memcmp(domain.base, cases[i].domain, domain.len) == 0, "the domain of %s", cases[i].path);
    }
}

int main(void)
{
    test_check();
    test_verbs();
    test_verb_with_nul();
    test_bdat_size();
    test_envelopes();
    test_addresses();
    test_address_check();
    test_domain();
    test_simple();
    test_checked_is_read_back();
    test_xtext();
    test_garbage();
    return tap_done();
}
