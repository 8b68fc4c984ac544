/* parameter.h: each form, with values that can be sent and others. */
#include "tap.h"

#include <string.h>
#include "../../c/parameter.h"

static mw_slice slice_of(const char *text)
{
    mw_slice s;

    s.base = text;
    s.len = strlen(text);
    return s;
}

static const struct {
    mw_kind command;
    const char *option, *value;
    unsigned offered;
    const char *lacks, *out;    /* out NULL: it cannot be sent */
} cases[] = {
    { MW_KIND_MAIL, "Size", "12", 1, NULL, " SIZE=12" },
    { MW_KIND_MAIL, "Size", "12", 0, "SIZE", "" },
    { MW_KIND_MAIL, "Return", "fUlL", 1, NULL, " RET=FULL" },
    { MW_KIND_MAIL, "Return", "FUL", 1, NULL, " RET=HDRS" },
    { MW_KIND_MAIL, "Return", "FULLY", 1, NULL, " RET=HDRS" },
    { MW_KIND_MAIL, "Return", "", 1, NULL, " RET=HDRS" },
    { MW_KIND_MAIL, "Bits", "8", 1, NULL, " BODY=8BITMIME" },
    { MW_KIND_MAIL, "Bits", "8", 6, "8BITMIME option", "" },
    { MW_KIND_MAIL, "Bits", "binary", 6, NULL, " BODY=BINARYMIME" },
    { MW_KIND_MAIL, "Bits", "binary", 3, "BINARYMIME option", "" },
    { MW_KIND_MAIL, "Bits", "binary", 5, "BINARYMIME option", "" },
    { MW_KIND_MAIL, "Bits", "8.0", 1, NULL, " BODY=7BIT" },
    { MW_KIND_MAIL, "Bits", "7", 2, NULL, " BODY=7BIT" },
    { MW_KIND_MAIL, "Bits", "7", 4, "8BITMIME and BINARYMIME options", "" },
    { MW_KIND_MAIL, "Transaction", "<a@x>", 1, NULL, " TRANSID=<a@x>" },
    { MW_KIND_MAIL, "Transaction", "<a\tb>", 1, NULL, NULL },
    { MW_KIND_MAIL, "Envelope", "a b=c+\n", 1, NULL, " ENVID=a+20b+3Dc+2B+0A" },
    { MW_KIND_MAIL, "Envelope", "", 1, NULL, " ENVID=" },
    { MW_KIND_MAIL, "ENVID", "a+20b", 1, NULL, " ENVID=a+20b" },
    { MW_KIND_MAIL, "ENVID", "a b", 1, NULL, NULL },
    { MW_KIND_MAIL, "ENVID", "a\r\nDATA", 1, NULL, NULL },
    { MW_KIND_MAIL, "ENVID", "a\x7f", 1, NULL, NULL },
    { MW_KIND_MAIL, "ENVID", "\xc3\xa4", 1, NULL, " ENVID=\xc3\xa4" },
    { MW_KIND_MAIL, "AUTH", "", 1, NULL, " AUTH=<>" },
    { MW_KIND_MAIL, "AUTH", "a@x", 1, NULL, " AUTH=a@x" },
    { MW_KIND_MAIL, "XVERP", "1", 1, NULL, " XVERP" },
    { MW_KIND_MAIL, "SMTPUTF8", "x y", 1, NULL, " SMTPUTF8" },
    { MW_KIND_MAIL, "SMTPUTF8", "1", 0, "SMTPUTF8", "" },
    { MW_KIND_RCPT, "Notify", "NEVER", 1, NULL, " NOTIFY=NEVER" },
    { MW_KIND_RCPT, "Notify", "SUCCESS,FAILURE,DELAY", 1, NULL, " NOTIFY=SUCCESS,FAILURE,DELAY" },
    { MW_KIND_RCPT, "Notify", "DELAY", 1, NULL, " NOTIFY=DELAY" },
    { MW_KIND_RCPT, "Notify", "", 1, NULL, "" },
    { MW_KIND_RCPT, "Notify", "NEVER,DELAY", 1, NULL, NULL },
    { MW_KIND_RCPT, "Notify", "DELAY,", 1, NULL, NULL },
    { MW_KIND_RCPT, "Notify", ",DELAY", 1, NULL, NULL },
    { MW_KIND_RCPT, "Notify", ",", 1, NULL, NULL },
    { MW_KIND_RCPT, "Notify", "delay", 1, NULL, NULL },
    { MW_KIND_RCPT, "ORcpt", "rfc822;a@x", 1, NULL, " ORCPT=rfc822;a@x" },
    { MW_KIND_RCPT, "ORcpt", "", 1, NULL, "" },
    { MW_KIND_RCPT, "ORcpt", "a b", 1, NULL, NULL }
};

static void test_forms(void)
{
    size_t i, len;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mw_slice value = slice_of(cases[i].value);
        size_t row = mw_parameter_find(cases[i].command, slice_of(cases[i].option));
        const mw_parameter *p = mw_parameter_row(row < MW_PARAMETER_COUNT ? row : 0);
        const char *lacks = mw_parameter_lacks(p, value, cases[i].offered);
        char out[MW_PARAMETER_MAX(64)];
        int ok;

        tap_ok(row < MW_PARAMETER_COUNT, "%s is an option", cases[i].option);
        tap_ok(lacks ? cases[i].lacks && strcmp(lacks, cases[i].lacks) == 0 : !cases[i].lacks, "... what the server lacks for it");
        if (lacks)
            continue;
        ok = mw_parameter_put(p, value, out, &len);
        tap_ok(ok ? cases[i].out && len == strlen(cases[i].out) && memcmp(out, cases[i].out, len) == 0 : !cases[i].out, "... %s",
            cases[i].value);
    }
}

static void test_names(void)
{
    tap_ok(mw_parameter_find(MW_KIND_MAIL, slice_of("size")) == MW_PARAMETER_COUNT, "an option's name has its case");
    tap_ok(mw_parameter_find(MW_KIND_MAIL, slice_of("")) == MW_PARAMETER_COUNT, "no name is none");
    tap_ok(mw_parameter_find(MW_KIND_RCPT, slice_of("Size")) == MW_PARAMETER_COUNT, "an option has its command");
    tap_ok(mw_parameter_must(mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice_of("Size")))) != NULL, "what a number must be");
    tap_ok(mw_parameter_must(mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice_of("ENVID")))) == NULL, "any text will do");
    tap_ok(mw_parameter_is_binary(mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice_of("Bits"))), slice_of("binary")), "binary is");
    tap_ok(!mw_parameter_is_binary(mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice_of("ENVID"))), slice_of("binary")), "... as Bits alone");
}

int main(void)
{
    test_forms();
    test_names();
    return tap_done();
}
