/* parameter.h: each form, with values that can be sent and others. */
#include "../../c/parameter.h"
#include "slices.h"

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
    { MW_KIND_RCPT, "ORcpt", "a b", 1, NULL, NULL },
    { MW_KIND_MAIL, "Size", "a", 1, NULL, NULL },
    { MW_KIND_MAIL, "DeliverBy", "60;RT", 1, NULL, " BY=60;RT" },
    { MW_KIND_MAIL, "DeliverBy", "", 1, NULL, NULL },
    { MW_KIND_MAIL, "DeliverBy", "60;R", 0, "DELIVERBY", "" },
    { MW_KIND_MAIL, "MTPriority", "-9", 1, NULL, " MT-PRIORITY=-9" },
    { MW_KIND_MAIL, "MTPriority", "-9", 0, "MT-PRIORITY", "" },
    { MW_KIND_MAIL, "HoldFor", "60", 1, NULL, " HOLDFOR=60" },
    { MW_KIND_MAIL, "HoldUntil", "2030-12-24T18:00:00Z", 1, NULL, " HOLDUNTIL=2030-12-24T18:00:00Z" },
    { MW_KIND_MAIL, "HoldUntil", "2030-12-24T18:00:00Z", 0, "FUTURERELEASE", "" },
    { MW_KIND_MAIL, "RequireTLS", "1", 1, NULL, " REQUIRETLS" },
    { MW_KIND_RCPT, "OriginalRecipient", "ann=x@x", 1, NULL, " ORCPT=rfc822;ann+3Dx@x" },
    { MW_KIND_RCPT, "OriginalRecipient", "", 1, NULL, "" },
    { MW_KIND_RCPT, "RRVS", "2030-12-24T18:00:00Z;C", 1, NULL, " RRVS=2030-12-24T18:00:00Z;C" },
    { MW_KIND_RCPT, "RRVS", "2030-12-24", 1, NULL, NULL },
    { MW_KIND_RCPT, "IgnoreQuota", "1", 1, NULL, " IGNOREQUOTA" },
    { MW_KIND_RCPT, "XRcptForward", "a=1", 1, NULL, " XRCPTFORWARD=a+3D1" },
    { MW_KIND_RCPT, "XRcptForward", "", 1, NULL, "" }
};

static void test_forms(void)
{
    size_t i, len;

    for (i = 0; i < COUNT(cases); i++) {
        mw_slice value = slice(cases[i].value);
        size_t row = mw_parameter_find(cases[i].command, slice(cases[i].option));
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
    tap_ok(mw_parameter_find(MW_KIND_MAIL, slice("size")) == MW_PARAMETER_COUNT, "an option's name has its case");
    tap_ok(mw_parameter_find(MW_KIND_MAIL, slice("")) == MW_PARAMETER_COUNT, "no name is none");
    tap_ok(mw_parameter_find(MW_KIND_RCPT, slice("Size")) == MW_PARAMETER_COUNT, "an option has its command");
    tap_ok(mw_form_must(MW_FORM_SIZE) != NULL, "what a number must be");
    tap_ok(mw_form_must(MW_FORM_TEXT) == NULL, "any text will do");
    tap_ok(mw_parameter_is_binary(mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice("Bits"))), slice("binary")), "binary is");
    tap_ok(!mw_parameter_is_binary(mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice("ENVID"))), slice("binary")), "... as Bits alone");
}

/* What the server says, NULL: nothing; and the code of the refusal, 0: none. */
static const struct {
    const char *option, *value, *params;
    int secure;
    unsigned code;
} refusals[] = {
    { "Size", "11", "10", 0, 552 }, { "Size", "10", "10", 0, 0 }, { "Size", "11", NULL, 0, 0 }, { "Size", "x", "10", 0, 0 },
    { "DeliverBy", "59;R", "60", 0, 555 }, { "HoldFor", "61", "60 2030-12-24T18:00:00Z", 0, 555 },
    { "HoldUntil", "2031-12-24T18:00:00Z", "60 2030-12-24T18:00:00Z", 0, 555 }, { "HoldUntil", "x", "60 2030-12-24T18:00:00Z", 0, 0 },
    { "RequireTLS", "1", "", 1, 0 }, { "RequireTLS", "1", NULL, 1, 550 }, { "RequireTLS", "1", "", 0, 550 }, { "RequireTLS", "1", NULL, 0, 550 }
};

static void test_refusals(void)
{
    size_t i;

    for (i = 0; i < COUNT(refusals); i++) {
        mw_slice params = { NULL, 0 };
        const mw_parameter *p = mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice(refusals[i].option)));
        const mw_refusal *r;

        if (refusals[i].params)
            params = slice(refusals[i].params);
        r = mw_parameter_refusal(p, slice(refusals[i].value), params, refusals[i].secure);
        tap_ok((r ? r->code : 0) == refusals[i].code, "%s %s: %u", refusals[i].option, refusals[i].value, refusals[i].code);
    }
}

static const mw_parameter *mail_row(const char *option)
{
    return mw_parameter_row(mw_parameter_find(MW_KIND_MAIL, slice(option)));
}

static void test_excludes(void)
{
    tap_ok(mw_parameter_excludes(mail_row("HoldFor"), mail_row("HoldUntil")), "a message is held for some time, or until one");
    tap_ok(mw_parameter_excludes(mail_row("Envelope"), mail_row("ENVID")), "one word is said once");
    tap_ok(!mw_parameter_excludes(mail_row("Return"), mail_row("ENVID")), "others go together");
}

static const struct {
    const char *word, *value, *out;
} others[] = {
    { "X-A1", "b=c", " X-A1=b=c" }, { "X", "", " X" }, { "1", "2", " 1=2" }, { "", "2", NULL }, { "-X", "2", NULL }, { "X Y", "2", NULL },
    { "X=Y", "2", NULL }, { "X", "a b", NULL }, { "X", "a\rb", NULL }, { "X\n", "", NULL }
};

static void test_others(void)
{
    size_t i, len;
    char out[MW_PARAMETER_MAX(32)];

    for (i = 0; i < COUNT(others); i++) {
        int ok = mw_parameter_put_any(slice(others[i].word), slice(others[i].value), out, &len);

        tap_ok(ok ? others[i].out && len == strlen(others[i].out) && memcmp(out, others[i].out, len) == 0 : !others[i].out, "Params, %s=%s",
            others[i].word, others[i].value);
    }
}

static void test_fields(void)
{
    static const char wire[] = "a=1\tb\0011=\001t\001r\001n\0010=";
    const mw_slice special = { "\t\r\n\0=", 5 };
    char out[64];
    size_t len = mw_field_put(1, slice("a"), slice("1"), out);

    len += mw_field_put(0, slice("b\001"), special, out + len);
    tap_ok(len == sizeof wire - 1 && memcmp(out, wire, len) == 0, "fields are escaped");
}

int main(void)
{
    test_forms();
    test_names();
    test_refusals();
    test_excludes();
    test_others();
    test_fields();
    return tap_done();
}
