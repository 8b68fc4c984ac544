/* The QMTP session: packages byte for byte, answers in all pieces, limits, what may follow what. */
#include "qmtp_drive.h"

static const package one = { "hi\n", "s@x", { "a" } };
static const package two = { "hi\n", "s@x", { "a", "b" } };
static const package three = { "hi\n", "", { "a", "b", "a" } };

/* ---- what goes out ---- */

static const struct { const char *name; package p; const char *wire; } wires[] = {
    { "one recipient", { "Hi!\n", "s@x.org", { "a@x.org" } },
        "5:\nHi!\n,7:s@x.org,10:7:a@x.org,," },
    { "two recipients", { "Hi!\n", "s", { "a@x.org", "b" } },
        "5:\nHi!\n,1:s,14:7:a@x.org,1:b,," },
    { "equal recipients", { "m", "s", { "a", "a", "a" } }, "2:\nm,1:s,12:1:a,1:a,1:a,," },
    { "an empty sender", { "m", "", { "a" } }, "2:\nm,0:,4:1:a,," },
    { "an empty message", { "", "s", { "a" } }, "1:\n,1:s,4:1:a,," },
    { "an empty recipient", { "m", "s", { "" } }, "2:\nm,1:s,3:0:,," },
    { "a partial last line", { "a\nb", "s", { "r" } }, "4:\na\nb,1:s,4:1:r,," },
    { "line ends are nobody's business", { "a\r\nb\r.\n.\r\n", "s", { "r" } },
        "11:\na\r\nb\r.\n.\r\n,1:s,4:1:r,," },
    { "8-bit and commas", { "\xc3\xa9,\xff,", "\xe9,", { "\xc3,\n" } },
        "6:\n\xc3\xa9,\xff,,2:\xe9,,6:3:\xc3,\n,," },
    { "ten bytes of address make two digits", { "m", "0123456789", { "abcdefghij" } },
        "2:\nm,10:0123456789,14:10:abcdefghij,," },
};

static void test_wires(void)
{
    size_t i;

    for (i = 0; i < COUNT(wires); i++) {
        mw_qmtp *q = session_new();
        char wire[512] = "";

        package_write(q, &wires[i].p);
        session_send(q, sizeof wire, wire);
        tap_ok(strcmp(wire, wires[i].wire) == 0, "wire: %s", wires[i].name);
        session_end(q);
    }
}

static void test_octets(void)
{
    mw_qmtp *q = session_new();
    static const char body[] = "a\0b", address[] = "r\0t";
    mw_slice s = { address, 3 }, v;
    mw_delivery *d = mw_qmtp_delivery_new(mw_alloc_default(), s, MW_QMTP_CRLF);

    mw_qmtp_delivery_rcpt(d, s);
    mw_content_lend(&d->content, body, 3);
    delivery_write(q, d);
    tap_ok(mw_outq_peek(mw_qmtp_out(q), &v, 1) == 1 && v.len == 22
        && memcmp(v.base, "4:\ra\0b,3:r\0t,6:3:r\0t,,", 22) == 0, "wire: NUL bytes, and CRLF's byte");
    session_end(q);
}

/* Content is copied up to a limit, lent above it. */
static void test_long_content(void)
{
    static char content[MW_CONTENT_LEND_MIN + 1];
    package p = { content, "s", { "a" } };
    char wire[128];
    size_t size;
    mw_slice v[3];
    int count;

    memset(content, 'x', sizeof content - 1);
    for (size = MW_CONTENT_LEND_MIN; size >= MW_CONTENT_LEND_MIN - 1; size--) {
        mw_qmtp *q = session_new();

        content[size] = '\0';
        package_write(q, &p);
        count = mw_outq_peek(mw_qmtp_out(q), v, 3);
        tap_ok(size >= MW_CONTENT_LEND_MIN ? count == 3 && v[1].base == content && v[1].len == size : count >= 1 && v[0].base != content,
            "wire: content of %d bytes", (int)size);
        sprintf(wire, "%d:\n", (int)size + 1);
        tap_ok(strncmp(v[0].base, wire, strlen(wire)) == 0, "wire: ... announced with its line end");
        session_end(q);
    }
}

/* The head of a netstring grows with the address. */
static void test_long_addresses(void)
{
    static char address[300], wire[1024], expected[1024];
    package p = { "m", address, { address } };
    size_t len;

    for (len = 255; len <= 258; len++) {
        mw_qmtp *q = session_new();

        memset(address, 'a', len);
        address[len] = *wire = '\0';
        package_write(q, &p);
        session_send(q, sizeof wire, wire);
        sprintf(expected, "2:\nm,%d:%s,%d:%d:%s,,", (int)len, address, (int)len + 5, (int)len, address);
        tap_ok(strcmp(wire, expected) == 0, "wire: addresses of %d bytes", (int)len);
        session_end(q);
    }
}

/* ---- what comes back ---- */

static const struct { const char *name; const package *p; const char *in; int error; const char *results; } answers[] = {
    { "accepted", &one, "3:Kok,", 1, "1 a=250:ok; " },
    { "try later", &one, "6:Z busy,", 1, "1 a=450: busy; " },
    { "refused", &one, "12:Dno (#5.1.1),", 1, "1 a=550:no (#5.1.1); " },
    { "no text", &one, "1:K,", 1, "1 a=250:; " },
    { "a text with colons, commas and line ends", &one, "9:Ka:,1:K,\n,", 1, "1 a=250:a:,1:K,\n; " },
    { "one each", &two, "2:K1,2:D2,", 1, "1 a=250:1 b=550:2; " },
    { "equal recipients keep their own", &three, "2:K1,2:D2,2:Z3,", 1, "1 a=250:1 b=550:2 a=450:3; " },
    { "the same answer again is the next recipient's", &two, "1:K,1:K,", 1, "1 a=250: b=250:; " },
    { "not all yet", &two, "2:K1,", 1, "1 a=250:1 b=-; " },
    { "a part of one", &two, "2:K1,2:K", 0, "1 a=250:1 b=-; " },
    { "none yet", &two, "", 0, "1 a=- b=-; " },
    { "an empty answer", &one, "0:,", MW_E_ANSWER, "1 a=450?:E; " },
    { "an empty answer behind a good one", &three, "1:K,0:,1:K,", MW_E_ANSWER, "1 a=250: b=450?:E a=450?:E; " },
    { "a letter that is none of the three", &three, "1:D,2:Xx,1:K,", MW_E_ANSWER, "1 a=550: b=450?:E a=450?:E; " },
    { "a small k", &one, "3:kok,", MW_E_ANSWER, "1 a=450?:E; " },
    { "a control character", &one, "1:\001,", MW_E_ANSWER, "1 a=450?:E; " },
    { "no netstring", &one, "250 ok\r\n", MW_E_NETSTRING, "1 a=450?:E; " },
    { "a leading zero", &one, "03:Kok,", MW_E_NETSTRING, "1 a=450?:E; " },
    { "no digits", &one, ":Kok,", MW_E_NETSTRING, "1 a=450?:E; " },
    { "a negative length", &one, "-3:Kok,", MW_E_NETSTRING, "1 a=450?:E; " },
    { "one byte more than declared (s/qmail)", &two, "2:K1,2:Kxx,", MW_E_NETSTRING, "1 a=250:1 b=450?:E; " },
    { "one byte less than declared", &two, "4:K1,2:K2,", MW_E_NETSTRING, "1 a=450?:E b=450?:E; " },
    { "a line end behind the comma", &two, "2:K1,\n2:K2,", MW_E_NETSTRING, "1 a=250:1 b=450?:E; " },
    { "a length over the limit", &two, "1:K,65537:K", MW_E_NETSTRING_LIMIT, "1 a=250: b=450?:E; " },
    { "a length of thirty digits", &one, "999999999999999999999999999999:K", MW_E_NETSTRING_LIMIT, "1 a=450?:E; " },
    { "an answer too many", &two, "2:K1,2:K2,2:K3,", MW_E_ANSWER_EXTRA, "1 a=250:1 b=250:2; " },
    { "a byte too many", &one, "2:D1,\n", MW_E_ANSWER_EXTRA, "1 a=550:1; " },
};

static int answers_match(size_t i, int cut)
{
    mw_qmtp *q = session_new();
    char seen[1024], expected[1024];
    int error = answers[i].error, good = package_write(q, answers[i].p) == 0;

    session_send(q, SIZE_MAX, NULL);
    session_receive(q, answers[i].in, strlen(answers[i].in), cut);
    good &= mw_qmtp_read(q) == (error < 0 ? error : 0);
    good &= mw_qmtp_error(q) == (error < 0 ? error : 0);
    session_results(seen);
    expand_text(expected, answers[i].results, error);
    good &= strcmp(seen, expected) == 0;
    session_end(q);
    return good;
}

static void test_answers(void)
{
    size_t i;
    int cut, good;

    for (i = 0; i < COUNT(answers); i++) {
        for (good = 1, cut = 0; cut < TAP_CUTS; cut++)
            good &= answers_match(i, cut);
        tap_ok(good, "answer: %s", answers[i].name);
    }
}

static void test_read_tells(void)
{
    mw_qmtp *q = session_new();

    package_write(q, &two);
    session_send(q, SIZE_MAX, NULL);
    deliveries.link = q;
    tap_ok(mw_queue_waits(&deliveries) == MW_WAIT_FINAL, "before the first answer the long wait counts");
    tap_ok(session_receive(q, "1:K", 3, TAP_WHOLE) == 0, "read: 0 for a part");
    tap_ok(mw_queue_waits(&deliveries) == MW_WAIT_FINAL, "a part of an answer is none");
    tap_ok(session_receive(q, ",", 1, TAP_WHOLE) == 1, "read: 1 for an answer");
    tap_ok(mw_queue_waits(&deliveries) == MW_WAIT_NEXT && mw_qmtp_in_flight(q) == 1, "then the short wait counts");
    tap_ok(deliveries.unanswered == 1, "one of two answers does not complete the package");
    tap_ok(session_receive(q, "1:D,", 4, TAP_WHOLE) == 1 && deliveries.unanswered == 0, "two do");
    tap_ok(mw_queue_waits(&deliveries) == MW_WAIT_NONE && mw_qmtp_in_flight(q) == 0, "and nothing is waited for");
    session_end(q);
}

/* ---- limits ---- */

static void test_limits(void)
{
    static const struct { size_t max; const char *in; int error; } cases[] = {
        { 5, "4:K123,", 0 }, { 5, "5:K1234,", 0 }, { 5, "6:K12345,", MW_E_NETSTRING_LIMIT },
        { 1, "1:K,", 0 }, { 1, "2:K1,", MW_E_NETSTRING_LIMIT },
    };
    static char large[MW_NETSTRING_MAX + 16];
    size_t i, len;

    for (i = 0; i < COUNT(cases); i++) {
        mw_qmtp *q = mw_qmtp_new(mw_alloc_default(), cases[i].max);

        package_write(q, &one);
        session_send(q, SIZE_MAX, NULL);
        session_receive(q, cases[i].in, strlen(cases[i].in), TAP_BYTES);
        tap_ok(mw_qmtp_error(q) == cases[i].error, "limit of %d: %s", (int)cases[i].max, cases[i].in);
        session_end(q);
    }
    for (i = MW_NETSTRING_MAX - 1; i <= MW_NETSTRING_MAX + 1; i++) {
        mw_qmtp *q = session_new();

        package_write(q, &one);
        session_send(q, SIZE_MAX, NULL);
        len = (size_t)sprintf(large, "%d:", (int)i);
        memset(large + len, 'K', i);
        large[len + i] = ',';
        session_receive(q, large, len + i + 1, TAP_WHOLE);
        tap_ok(mw_qmtp_error(q) == (i > MW_NETSTRING_MAX ? MW_E_NETSTRING_LIMIT : 0), "an answer of %d bytes", (int)i);
        session_end(q);
    }
}

static void test_many_recipients(void)
{
    enum { MANY = 10000 };
    mw_qmtp *q = session_new();
    mw_delivery *d = mw_qmtp_delivery_new(mw_alloc_default(), slice("s"), MW_QMTP_LF);
    char address[16];
    size_t i;
    int good = 1;

    for (i = 0; i < MANY; i++) {
        sprintf(address, "r%05d", (int)i);
        good &= mw_qmtp_delivery_rcpt(d, slice(address)) == 0;
    }
    good &= delivery_write(q, d) == 0;
    good &= session_send(q, SIZE_MAX, NULL) == strlen("1:\n,1:s,90000:,") + MANY * strlen("6:r00000,");
    for (i = 0; i < MANY; i++)
        good &= session_receive(q, i % 2 ? "1:K," : "1:D,", 4, TAP_WHOLE) == 1;
    for (i = 0; i < MANY; i++)
        good &= d->to.rcpts[i].result.code == (i % 2 ? MW_QMTP_ACCEPTED : MW_QMTP_REFUSED)
            && (size_t)atoi(d->to.rcpts[i].result.recipient->bytes + 1) == i;
    tap_ok(good, "ten thousand recipients, each with its own answer");
    session_end(q);
}

/* ---- packages behind each other ---- */

static const struct { const char *name; const package *p[3]; const char *in; int error; const char *results; } pipelines[] = {
    { "three packages of one", { &one, &one, &one }, "2:K1,2:D2,2:Z3,", 0, "1 a=250:1; 2 a=550:2; 3 a=450:3; " },
    { "answered in part", { &one, &one, &one }, "2:K1,2:D2,", 0, "1 a=250:1; 2 a=550:2; 3 a=-; " },
    { "the second answer is bad", { &one, &one, &one }, "2:K1,2:X2,2:K3,", MW_E_ANSWER, "1 a=250:1; 2 a=450?:E; 3 a=450?:E; " },
    { "one answer too many", { &one, &one, NULL }, "1:K,1:K,1:K,", MW_E_ANSWER_EXTRA, "1 a=250:; 2 a=250:; " },
};

static int pipelines_match(size_t i, int cut)
{
    mw_qmtp *q = session_new();
    char seen[1024], expected[1024];
    int good = 1, n;

    for (n = 0; n < 3 && pipelines[i].p[n]; n++)
        good &= package_write(q, pipelines[i].p[n]) == 0;
    good &= mw_qmtp_in_flight(q) == (size_t)n;
    session_send(q, SIZE_MAX, NULL);
    session_receive(q, pipelines[i].in, strlen(pipelines[i].in), cut);
    good &= mw_qmtp_error(q) == pipelines[i].error;
    session_results(seen);
    expand_text(expected, pipelines[i].results, pipelines[i].error);
    good &= strcmp(seen, expected) == 0;
    session_end(q);
    return good;
}

static void test_pipelines(void)
{
    size_t i;
    int cut, good;

    for (i = 0; i < COUNT(pipelines); i++) {
        for (good = 1, cut = 0; cut < TAP_CUTS; cut++)
            good &= pipelines_match(i, cut);
        tap_ok(good, "pipeline: %s", pipelines[i].name);
    }
}

/* mailfront answers once per package: two packages of two, and its second K would be credited to the
 * second recipient of the first. */
static void test_counting_servers(void)
{
    mw_qmtp *q = session_new();

    tap_ok(package_write(q, &two) == 0, "on an idle link a package of two may go");
    tap_ok(package_write(q, &one) == MW_E_STATE && mw_qmtp_in_flight(q) == 1, "nothing goes behind it");
    session_send(q, SIZE_MAX, NULL);
    session_receive(q, "1:K,", 4, TAP_WHOLE);
    tap_ok(package_write(q, &one) == MW_E_STATE, "one answer of two shows nothing");
    session_receive(q, "1:D,", 4, TAP_WHOLE);
    tap_ok(package_write(q, &two) == 0 && package_write(q, &two) == 0, "the second shows that the server counts: they follow each other");
    session_end(q);

    q = session_new();
    tap_ok(package_write(q, &one) == 0 && package_write(q, &one) == 0, "packages of one follow each other at once");
    tap_ok(package_write(q, &two) == MW_E_STATE, "one of two does not follow them");
    session_send(q, SIZE_MAX, NULL);
    session_receive(q, "1:K,1:K,", 8, TAP_WHOLE);
    tap_ok(package_write(q, &two) == 0 && package_write(q, &one) == MW_E_STATE, "once alone, it may go; packages of one have shown nothing");
    session_end(q);
}

static void test_usage(void)
{
    static const package none = { "hi\n", "s", { NULL } };
    mw_qmtp *q = session_new();

    tap_ok(package_write(q, &none) == 0 && deliveries.unanswered == 0, "usage: nobody to deliver to");
    tap_ok(mw_outq_len(mw_qmtp_out(q)) == 0 && mw_qmtp_in_flight(q) == 0, "usage: nothing was queued");
    session_end(q);
    mw_qmtp_free(NULL);
    mw_delivery_free(NULL);
}

int main(void)
{
    test_wires();
    test_octets();
    test_long_content();
    test_long_addresses();
    test_answers();
    test_read_tells();
    test_limits();
    test_many_recipients();
    test_pipelines();
    test_counting_servers();
    test_usage();
    return tap_done();
}
