/* A message on its way, as it is made up: lines, recipients that cannot be sent, no memory. */
#include "../../c/command.h"
#include "../../c/delivery.h"
#include "../../c/error.h"
#include "failing.h"

static mw_slice slice(const char *bytes, size_t len)
{
    mw_slice s = { bytes, len };

    return s;
}

static const struct {
    const char *name, *line;
    size_t len;
    int mail;               /* what it is as the MAIL line */
    unsigned code;          /* of the recipient with such an RCPT line; 0: it will be sent */
} lines[] = {
    { "a plain line", "RCPT TO:<a@x>", 13, 0, 0 },
    { "nothing", "", 0, 0, 0 },
    { "a CR", "RCPT TO:<a\r@x>", 14, MW_E_ARG_BYTES, 553 },
    { "an LF", "RCPT TO:<a\n@x>", 14, MW_E_ARG_BYTES, 553 },
    { "a NUL", "RCPT TO:<a\0@x>", 14, MW_E_ARG_BYTES, 553 },
    { "an LF at the end", "RCPT TO:<a@x>\n", 14, MW_E_ARG_BYTES, 553 },
};

static void test_lines(void)
{
    size_t i;

    for (i = 0; i < sizeof lines / sizeof *lines; i++) {
        mw_delivery *d = mw_delivery_new(mw_alloc_default());
        mw_slice line = slice(lines[i].line, lines[i].len);
        int mail = mw_delivery_mail(d, line);
        size_t sent = mw_buf_len(&d->lines);
        int rcpt = mw_delivery_rcpt(d, slice("a@x", 3), line);
        const mw_recipient *r = &d->to.rcpts[0];

        tap_ok(mail == lines[i].mail && sent == (mail ? 0 : line.len + 2) && d->mail_len == sent, "%s as MAIL", lines[i].name);
        tap_ok(rcpt == 0 && d->to.count == 1 && r->result.code == lines[i].code && r->settled == (lines[i].code != 0)
                && d->rcpts == (lines[i].code ? 0u : 1u), "%s as RCPT", lines[i].name);
        mw_delivery_free(d);
    }
}

static void test_limit(void)
{
    static char line[MW_COMMAND_MAX + 2];
    mw_delivery *d = mw_delivery_new(mw_alloc_default());
    size_t n;

    memset(line, 'x', sizeof line);
    for (n = MW_COMMAND_MAX - 1; n <= MW_COMMAND_MAX + 1; n++)
        mw_delivery_rcpt(d, slice("a", 1), slice(line, n));
    tap_ok(d->rcpts == 2 && d->to.rcpts[2].result.code == 553, "a line below, at and above the limit");
    tap_ok(mw_delivery_mail(d, slice(line, MW_COMMAND_MAX + 1)) == MW_E_COMMAND_LIMIT, "the same as MAIL");
    mw_delivery_free(d);
}

/* The places of those that are sent, among those that are not. */
static void test_refuse(void)
{
    mw_delivery *d = mw_delivery_new(mw_alloc_default());

    mw_delivery_mail(d, slice("MAIL FROM:<>", 12));
    mw_delivery_rcpt(d, slice("a@x", 3), slice("RCPT TO:<a@x>", 13));
    mw_delivery_unsendable(d, slice("b", 1), MW_STAGE_RCPT, 553, NULL);
    mw_delivery_refuse(d, MW_STAGE_BODY, 421, NULL);
    tap_ok(d->to.rcpts[0].settled && d->to.rcpts[0].result.code == 421 && d->to.rcpts[0].result.stage == MW_STAGE_BODY, "refused: everybody is");
    tap_ok(d->to.rcpts[1].result.code == 553 && d->to.rcpts[1].result.stage == MW_STAGE_RCPT, "... but who was before");
    tap_ok(!mw_buf_len(&d->lines) && !d->mail_len && !d->rcpts, "... and nothing is left to send");
    mw_delivery_free(d);
}

static void test_places(void)
{
    static const char kinds[] = "sussuus";
    mw_delivery *d = mw_delivery_new(mw_alloc_default());
    size_t i, sent = 0, good = 1;

    for (i = 0; kinds[i]; i++) {
        if (kinds[i] == 's')
            mw_delivery_rcpt(d, slice(kinds + i, 1), slice("RCPT TO:<a>", 11));
        else
            mw_delivery_unsendable(d, slice(kinds + i, 1), MW_STAGE_MAIL, 553, NULL);
    }
    for (i = 0; kinds[i]; i++) {
        const mw_recipient *r = &d->to.rcpts[i];

        good &= r->result.recipient->bytes[0] == kinds[i] && r->settled == (kinds[i] == 'u');
        if (kinds[i] == 's')
            good &= d->index[sent++] == i;
        else
            good &= r->result.stage == MW_STAGE_MAIL && r->local;
    }
    tap_ok(good && d->rcpts == sent && d->to.count == strlen(kinds), "recipients that are sent, between others");
    mw_delivery_free(d);
}

static int make_one(const mw_alloc *a)
{
    mw_delivery *d = mw_delivery_new(a);
    int rc, i, good = 1;

    if (!d)
        return failing_has_failed(a);
    rc = mw_delivery_mail(d, slice("MAIL FROM:<>", 12));
    for (i = 0; i < 40 && !rc; i++)
        rc = i % 3 ? mw_delivery_rcpt(d, slice("a", 1), slice("RCPT TO:<a>", 11)) : mw_delivery_rcpt(d, slice("\n", 1), slice("RCPT TO:<\n>", 11));
    good &= rc ? rc == MW_E_NOMEM : i == 40;
    mw_delivery_free(d);
    return good;
}

int main(void)
{
    test_lines();
    test_limit();
    test_places();
    test_refuse();
    failing_every("a delivery", make_one);
    return tap_done();
}
