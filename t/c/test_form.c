/* form.h: values that fit each form and others, how they are sent, and servers' limits. */
#include "tap.h"

#include <string.h>
#include "../../c/form.h"

static mw_slice slice_of(const char *text)
{
    mw_slice s;

    s.base = text;
    s.len = strlen(text);
    return s;
}

#define DAY "2030-12-24"
#define TIME DAY "T18:00:00"

static const struct {
    mw_form form;
    const char *value;
    int fits;
} fits[] = {
    { MW_FORM_SIZE, "0", 1 }, { MW_FORM_SIZE, "18446744073709551615", 1 }, { MW_FORM_SIZE, "18446744073709551616", 0 },
    { MW_FORM_SIZE, "000000000000000000001", 0 }, { MW_FORM_SIZE, "", 0 }, { MW_FORM_SIZE, "-1", 0 }, { MW_FORM_SIZE, "1 ", 0 },
    { MW_FORM_SIZE, "1e3", 0 },
    { MW_FORM_BY, "120;R", 1 }, { MW_FORM_BY, "120;N", 1 }, { MW_FORM_BY, "120;RT", 1 }, { MW_FORM_BY, "-120;NT", 1 },
    { MW_FORM_BY, "+1;R", 1 }, { MW_FORM_BY, "999999999;R", 1 }, { MW_FORM_BY, "1000000000;R", 0 }, { MW_FORM_BY, "-999999999;N", 1 },
    { MW_FORM_BY, "0;N", 1 }, { MW_FORM_BY, "0;R", 0 }, { MW_FORM_BY, "-1;R", 0 }, { MW_FORM_BY, "-1;RT", 0 }, { MW_FORM_BY, ";R", 0 },
    { MW_FORM_BY, "1", 0 }, { MW_FORM_BY, "1;", 0 }, { MW_FORM_BY, "1;T", 0 }, { MW_FORM_BY, "1;RTT", 0 }, { MW_FORM_BY, "1;R T", 0 },
    { MW_FORM_BY, "--1;N", 0 }, { MW_FORM_BY, "", 0 }, { MW_FORM_BY, "1;r", 0 },
    { MW_FORM_PRIORITY, "0", 1 }, { MW_FORM_PRIORITY, "9", 1 }, { MW_FORM_PRIORITY, "-9", 1 }, { MW_FORM_PRIORITY, "10", 0 },
    { MW_FORM_PRIORITY, "-10", 0 }, { MW_FORM_PRIORITY, "-0", 0 }, { MW_FORM_PRIORITY, "+1", 0 }, { MW_FORM_PRIORITY, "", 0 },
    { MW_FORM_PRIORITY, "-", 0 }, { MW_FORM_PRIORITY, "01", 0 }, { MW_FORM_PRIORITY, "1.5", 0 },
    { MW_FORM_HOLD, "1", 1 }, { MW_FORM_HOLD, "999999999", 1 }, { MW_FORM_HOLD, "1000000000", 0 }, { MW_FORM_HOLD, "0", 0 },
    { MW_FORM_HOLD, "01", 0 }, { MW_FORM_HOLD, "", 0 }, { MW_FORM_HOLD, "-1", 0 }, { MW_FORM_HOLD, "1\r\nDATA", 0 },
    { MW_FORM_UNTIL, TIME "Z", 1 }, { MW_FORM_UNTIL, TIME ".25Z", 1 }, { MW_FORM_UNTIL, TIME ".Z", 0 },
    { MW_FORM_UNTIL, TIME ".0123456789Z", 0 }, { MW_FORM_UNTIL, TIME "+00:00", 0 }, { MW_FORM_UNTIL, TIME, 0 },
    { MW_FORM_UNTIL, TIME "Z ", 0 }, { MW_FORM_UNTIL, TIME "z", 0 }, { MW_FORM_UNTIL, DAY, 0 }, { MW_FORM_UNTIL, DAY " 18:00:00Z", 0 },
    { MW_FORM_UNTIL, "2030-13-24T18:00:00Z", 0 }, { MW_FORM_UNTIL, "2030-00-24T18:00:00Z", 0 },
    { MW_FORM_UNTIL, "2030-12-32T18:00:00Z", 0 }, { MW_FORM_UNTIL, "2030-12-00T18:00:00Z", 0 },
    { MW_FORM_UNTIL, DAY "T24:00:00Z", 0 }, { MW_FORM_UNTIL, DAY "T23:60:00Z", 0 }, { MW_FORM_UNTIL, DAY "T23:59:60Z", 1 },
    { MW_FORM_UNTIL, DAY "T23:59:61Z", 0 }, { MW_FORM_UNTIL, "", 0 }, { MW_FORM_UNTIL, "30-12-24T18:00:00Z", 0 },
    { MW_FORM_SINCE, TIME "Z", 1 }, { MW_FORM_SINCE, TIME "-23:59", 1 }, { MW_FORM_SINCE, TIME "+24:00", 0 },
    { MW_FORM_SINCE, TIME "+01:60", 0 }, { MW_FORM_SINCE, TIME "+01:00;C", 1 }, { MW_FORM_SINCE, TIME "Z;R", 1 },
    { MW_FORM_SINCE, TIME "Z;", 0 }, { MW_FORM_SINCE, TIME "Z;X", 0 }, { MW_FORM_SINCE, TIME "Z;CR", 0 }, { MW_FORM_SINCE, "", 0 },
    { MW_FORM_TEXT, "a=b", 1 }, { MW_FORM_TEXT, "a b", 0 }, { MW_FORM_TEXT, "a\n", 0 }, { MW_FORM_TEXT, "a\x7f", 0 },
    { MW_FORM_ANY, "a\tb", 0 }, { MW_FORM_PATH, "<a b>", 0 }, { MW_FORM_XTEXT, "a b\r\n", 1 }, { MW_FORM_FIELDS, "a=1\tb=2", 1 }
};

static void test_fits(void)
{
    size_t i;

    for (i = 0; i < sizeof fits / sizeof fits[0]; i++)
        tap_ok(mw_form_fits(fits[i].form, slice_of(fits[i].value)) == fits[i].fits, "form %d, '%s': %d", (int)fits[i].form, fits[i].value,
            fits[i].fits);
}

static const struct {
    mw_form form;
    const char *value, *out;
} sent[] = {
    { MW_FORM_RFC822, "Ann+x@x", "rfc822;Ann+2Bx@x" }, { MW_FORM_RFC822, "", "rfc822;" }, { MW_FORM_FIELDS, "a=1\tb=2", "a+3D1+09b+3D2" },
    { MW_FORM_BY, "1;R", "1;R" }, { MW_FORM_FLAG, "1", "" }, { MW_FORM_BODY, "binary", "BINARYMIME" }, { MW_FORM_RETURN, "full", "FULL" }
};

static void test_sent(void)
{
    size_t i, len;
    char out[MW_FORM_MAX(32)];

    for (i = 0; i < sizeof sent / sizeof sent[0]; i++) {
        len = mw_form_put(sent[i].form, slice_of(sent[i].value), out);
        tap_ok(len == strlen(sent[i].out) && memcmp(out, sent[i].out, len) == 0, "'%s' is sent as '%s'", sent[i].value, sent[i].out);
    }
}

static const struct {
    mw_form form;
    const char *params, *value;
    int beyond;
} limits[] = {
    { MW_FORM_SIZE, "1000", "1000", 0 }, { MW_FORM_SIZE, "1000", "1001", 1 }, { MW_FORM_SIZE, "0", "1001", 0 }, { MW_FORM_SIZE, "", "1001", 0 },
    { MW_FORM_SIZE, "many", "1001", 0 }, { MW_FORM_SIZE, "1000 more", "1001", 1 }, { MW_FORM_SIZE, "10x", "1001", 0 },
    { MW_FORM_SIZE, "18446744073709551616", "1001", 0 },
    { MW_FORM_BY, "60", "59;R", 1 }, { MW_FORM_BY, "60", "60;R", 0 }, { MW_FORM_BY, "60", "59;N", 0 }, { MW_FORM_BY, "", "1;R", 0 },
    { MW_FORM_HOLD, "3600 " TIME "Z", "3600", 0 }, { MW_FORM_HOLD, "3600 " TIME "Z", "3601", 1 }, { MW_FORM_HOLD, "", "3601", 0 },
    { MW_FORM_UNTIL, "3600 " TIME "Z", TIME "Z", 0 }, { MW_FORM_UNTIL, "3600 " TIME "Z", DAY "T18:00:01Z", 1 },
    { MW_FORM_UNTIL, "3600  " TIME "Z", "2031-01-01T00:00:00Z", 1 }, { MW_FORM_UNTIL, "3600", DAY "T18:00:01Z", 0 },
    { MW_FORM_UNTIL, "3600 then", DAY "T18:00:01Z", 0 }, { MW_FORM_UNTIL, "3600 " TIME "+01:00", DAY "T18:00:01Z", 0 },
    { MW_FORM_PRIORITY, "1", "9", 0 }
};

static void test_limits(void)
{
    size_t i;

    for (i = 0; i < sizeof limits / sizeof limits[0]; i++)
        tap_ok(mw_form_beyond(limits[i].form, slice_of(limits[i].value), slice_of(limits[i].params)) == limits[i].beyond,
            "'%s' where the server says '%s': %d", limits[i].value, limits[i].params, limits[i].beyond);
}

int main(void)
{
    test_fits();
    test_sent();
    test_limits();
    return tap_done();
}
