/* What of a login is recognized in what a server says. */
#include "../../c/secrets.h"
#include "failing.h"

static mw_slice slice(const char *text)
{
    mw_slice s = { text, strlen(text) };

    return s;
}

static const struct {
    const char *text;
    int far, near;
} cases[] = {
    { "S3cret&Password", 1, 1 },
    { "you said s3CRET&password, didn't you", 1, 1 },
    { "S 3 c r e t & P a s s", 1, 1 },
    { "S3cret-Password", 1, 1 },
    { "Password", 1, 1 },
    { "&Passwor", 1, 1 },
    { "assword", 0, 1 },
    { "&Pass", 0, 1 },
    { "word", 0, 1 },
    { "wor", 0, 0 },
    { "5333637265742650617373776f7264", 1, 1 },
    { "xx 7265742650", 1, 1 },
    { "UzNjcmV0JlBhc3N3b3Jk", 1, 1 },               /* base64 of the secret, */
    { "QVMzY3JldCZQYXNzd29yZA==", 1, 1 },           /* and behind one octet, */
    { "QUJTM2NyZXQmUGFzc3dvcmQ=", 1, 1 },           /* and behind two */
    { "no such luck", 0, 0 },
    { "", 0, 0 }
};

static int tells(mw_secrets *s, const char *text, int near)
{
    s->near = near;
    return mw_secrets_tell(s, slice(text));
}

static void test_cases(void)
{
    mw_secrets s;
    size_t i;

    mw_secrets_init(&s, mw_alloc_default());
    tap_ok(!tells(&s, "anything", 1), "nothing is secret at first");
    mw_secrets_add(&s, slice("S3cret&Password"));
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        tap_ok(tells(&s, cases[i].text, 0) == cases[i].far, "'%s'", cases[i].text);
        tap_ok(tells(&s, cases[i].text, 1) == cases[i].near, "... near");
    }
    mw_secrets_free(&s);
    tap_ok(!tells(&s, "S3cret&Password", 1), "forgotten");
}

/* A text in pieces. */
static void test_pieces(void)
{
    static const char text[] = "it is S3cret&Password";
    mw_secrets s;
    mw_secrets_look look;
    size_t cut;
    int found = 0;

    mw_secrets_init(&s, mw_alloc_default());
    mw_secrets_add(&s, slice("S3cret&Password"));
    for (cut = 0; cut < sizeof text; cut++) {
        mw_slice front = { text, cut }, rest = { text + cut, sizeof text - 1 - cut };

        mw_secrets_begin(&look, &s, MW_SECRETS_FAR);
        if (cut < sizeof text)
            found += mw_secrets_see(&look, front) || mw_secrets_see(&look, rest);
    }
    tap_ok(found == (int)sizeof text, "cut anywhere");
    mw_secrets_free(&s);
}

static void test_short(void)
{
    mw_secrets s;

    mw_secrets_init(&s, mw_alloc_default());
    mw_secrets_add(&s, slice("ab"));
    tap_ok(tells(&s, "xAbx", 1) && !tells(&s, "xabx", 0) && !tells(&s, "a", 1), "of two octets: near only");
    mw_secrets_free(&s);
    mw_secrets_add(&s, slice("abc-5"));
    tap_ok(tells(&s, "(abc-5)", 0) && tells(&s, "abc5", 0) && !tells(&s, "abc-", 0) && tells(&s, "xbc-5", 1), "of five: whole, or four of them near");
    mw_secrets_free(&s);
    mw_secrets_add(&s, slice("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"));
    tap_ok(tells(&s, "'\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f'", 0), "octets beyond ASCII");
    mw_secrets_free(&s);
}

static void test_encoded(void)
{
    mw_secrets s;

    mw_secrets_init(&s, mw_alloc_default());
    mw_secrets_add_encoded(&s, slice("AGFubgBTM2NyZXQ="));
    tap_ok(tells(&s, "unknown: AGFubgBTM2NyZXQ=", 0) && !tells(&s, "S3cret", 1), "base64 as it is");
    tap_ok(!tells(&s, "not mqgbtm2", 1) && tells(&s, "not fubgbtm2", 1), "of what was sent eight octets, also near");
    mw_secrets_free(&s);
    mw_secrets_add_decoded(&s, slice("AGFubgBTM2NyZXQ="));
    tap_ok(tells(&s, "not S3cret", 0) && !tells(&s, "not ann", 1), "its last part");
    mw_secrets_free(&s);
    mw_secrets_add_decoded(&s, slice("bj0BYXV0aD1CZWFyZXIgeHl6enkBAQ=="));
    tap_ok(tells(&s, "bearer xyzzy", 0) && !tells(&s, "n=", 1), "in front of control characters");
    mw_secrets_free(&s);
    mw_secrets_add_decoded(&s, slice("no base64"));
    mw_secrets_add_decoded(&s, slice("===="));
    mw_secrets_add_decoded(&s, slice("AAAA"));
    mw_secrets_add_decoded(&s, slice(""));
    tap_ok(!s.parts.count && !s.sent.count && !s.all, "none");
    mw_secrets_free(&s);
}

static void test_memory(void)
{
    failing f;
    mw_secrets s;
    long at;
    int kept = 1, blocks = 0;

    for (at = 1; at < 20; at++) {
        failing_init(&f, at);
        mw_secrets_init(&s, &f.table);
        mw_secrets_add(&s, slice("S3cret&Password"));
        mw_secrets_add(&s, slice("short"));
        kept &= tells(&s, "S3cret&Password", 0) && s.all == (f.calls >= at);
        mw_secrets_free(&s);
        blocks |= f.blocks != 0;
    }
    tap_ok(kept, "without memory all texts are hidden");
    tap_ok(!blocks, "... and none is left");
}

static void test_limit(void)
{
    static char long_one[MW_SECRETS_MAX], many[30000];
    uint32_t number = 1;
    mw_secrets s;
    size_t i;

    mw_secrets_init(&s, mw_alloc_default());
    for (i = 0; i < 200 && !s.all; i++)
        mw_secrets_add(&s, slice("0123456789012345678901234567890123456789"));
    tap_ok(s.parts.count < 400 && !s.all, "the same once more is nothing more");
    for (i = 0; i < 2 * sizeof many; i++) {
        number = number * 1103515245 + 12345;
        many[i % sizeof many] = (char)('!' + (number >> 16) % 90);
        if (i % sizeof many == sizeof many - 1)
            mw_secrets_add(&s, (mw_slice){ many, sizeof many });
    }
    tap_ok(s.all && s.parts.count <= MW_SECRETS_MAX, "more than can be known");
    tap_ok(tells(&s, "anything", 0), "... all texts are hidden");
    mw_secrets_free(&s);
    memset(long_one, 'x', sizeof long_one);
    mw_secrets_add(&s, (mw_slice){ long_one, sizeof long_one });
    tap_ok(s.all, "... also as one");
    mw_secrets_free(&s);
}

int main(void)
{
    test_cases();
    test_pieces();
    test_short();
    test_encoded();
    test_memory();
    test_limit();
    return tap_done();
}
