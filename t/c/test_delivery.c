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

/* What is offered, what may be said, the content; what MAIL says, NULL: nobody is sent to. */
static const struct {
    const char *offered;
    int declares;
    const char *content, *mail;
} declared[] = {
    { "250 mx", MW_DECLARE_SIZE | MW_DECLARE_BODY, "\x80\n", "" },
    { "250-mx\n250-SIZE\n250 8BITMIME", MW_DECLARE_SIZE | MW_DECLARE_BODY, "\x80\n", " BODY=8BITMIME SIZE=3" },
    { "250-mx\n250-SIZE 3\n250 8BITMIME", MW_DECLARE_SIZE, "\x80\n", " SIZE=3" },
    { "250-mx\n250-SIZE 3\n250 8BITMIME", MW_DECLARE_BODY, "\x80\n", " BODY=8BITMIME" },
    { "250-mx\n250-SIZE 3\n250 8BITMIME", MW_DECLARE_SIZE | MW_DECLARE_BODY, "x\n", " SIZE=3" },
    { "250-mx\n250-SIZE 2\n250 8BITMIME", 0, "x\n", NULL },
    { "250-mx\n250-SIZE 2\n250 8BITMIME", MW_DECLARE_SIZE, "x\n", NULL }
};

static void offer(mw_keywords *k, const char *lines)
{
    mw_reply r;
    const char *end;

    mw_reply_init(&r, mw_alloc_default());
    for (; *lines; lines = *end ? end + 1 : end) {
        end = strchr(lines, '\n') ? strchr(lines, '\n') : lines + strlen(lines);
        mw_reply_put(&r, 250, slice(lines + 4, (size_t)(end - lines) - 4), lines[3] == '-');
    }
    mw_keywords_take(k, &r);
    mw_reply_free(&r);
}

static mw_delivery *make_for_two(const mw_alloc *a)
{
    mw_delivery *d = mw_delivery_new(a);

    if (d && (mw_delivery_mail(d, slice("MAIL FROM:<>", 12)) || mw_delivery_rcpt(d, slice("a", 1), slice("RCPT TO:<a>", 11))
        || mw_delivery_rcpt(d, slice("b", 1), slice("RCPT TO:<b>", 11)))) {
        mw_delivery_free(d);
        d = NULL;
    }
    return d;
}

static int has_lines(const mw_delivery *d, const char *said)
{
    char wanted[200];
    mw_slice lines = mw_buf_view(&d->lines);
    int mail = snprintf(wanted, sizeof wanted, "MAIL FROM:<>%s\r\n", said);
    int all = mail + snprintf(wanted + mail, sizeof wanted - (size_t)mail, "RCPT TO:<a>\r\nRCPT TO:<b>\r\n");

    return d->mail_len == (size_t)mail && lines.len == (size_t)all && memcmp(lines.base, wanted, lines.len) == 0;
}

static void test_declare(void)
{
    mw_keywords k;
    size_t i;

    mw_keywords_init(&k, mw_alloc_default());
    for (i = 0; i < sizeof declared / sizeof *declared; i++) {
        mw_delivery *d = make_for_two(mw_alloc_default());

        offer(&k, declared[i].offered);
        d->declares = declared[i].declares;
        mw_content_lend(&d->content, declared[i].content, strlen(declared[i].content));
        mw_delivery_declare(d, &k);
        if (declared[i].mail)
            tap_ok(has_lines(d, declared[i].mail), "declared, %d", (int)i);
        else
            tap_ok(!d->rcpts && d->to.rcpts[1].result.code == 552 && d->to.rcpts[1].result.stage == MW_STAGE_MAIL, "too large, %d", (int)i);
        mw_delivery_free(d);
    }
    mw_keywords_free(&k);
}

static int say_one(const mw_alloc *a)
{
    mw_delivery *d = make_for_two(a);
    int rc = 0, i, good, said = 0;
    char wanted[200] = "";

    for (i = 0; i < 10 && d && !rc; i++)
        if (!(rc = mw_delivery_mail_says(d, MW_PARAMETER_SMTPUTF8, slice("1", 1))))
            said += snprintf(wanted + said, sizeof wanted - (size_t)said, " SMTPUTF8");
    good = d ? has_lines(d, wanted) && rc == (failing_has_failed(a) ? MW_E_NOMEM : 0) : failing_has_failed(a);
    mw_delivery_free(d);
    return good;
}

static int64_t now_stamped;

static int64_t stamp(int fd)
{
    (void)fd;
    return now_stamped;
}

/* The last success for a file: when it was changed, whether its pages were shared, whether it was queued unread. */
static void test_final(int changed, int shares, int unread)
{
    static const mw_file_calls calls = { NULL, stamp, NULL };
    const mw_file file = { &calls, 3, 0, 70000, 0, 1 };
    mw_delivery *d = make_for_two(mw_alloc_default());
    const mw_result *first = &d->to.rcpts[0].result, *second = &d->to.rcpts[1].result;
    mw_outq out;

    mw_outq_init(&out, mw_alloc_default());
    out.shares = shares;
    mw_content_from_file(&d->content, &file);
    d->content.unread = unread;
    mw_transaction_rcpt(&d->to, 0, 250, NULL);
    mw_transaction_rcpt(&d->to, 1, 250, NULL);
    now_stamped = 1 + changed;
    mw_delivery_final(d, &out, 550, NULL, 421);
    mw_delivery_final(d, &out, 250, NULL, 421);
    tap_ok(first->code == 550 && first->stage == MW_STAGE_FINAL && !first->maybe_delivered, "final: a refusal is one");
    if (changed && shares && unread)
        tap_ok(second->code == 421 && second->stage == MW_STAGE_BODY && second->maybe_delivered && second->text, "final: not of what was given");
    else
        tap_ok(second->code == 250 && second->stage == MW_STAGE_FINAL && !second->maybe_delivered, "final: %d %d %d", changed, shares, unread);
    mw_delivery_free(d);
    mw_outq_free(&out);
}

static void test_finals(void)
{
    int i;

    for (i = 0; i < 8; i++)
        test_final(i & 1, i >> 1 & 1, i >> 2);
}

/* What became of five recipients, a letter each: "." unanswered, "a" accepted and delivered, "n" refused, "m" one too many (452), "M" 552 of
 * old, "f" full (452 4.2.2). The limit; which go again, the limit then, NULL: none. */
static const struct {
    const char *outcome;
    size_t most;
    const char *again;
    size_t learnt;
} rounds[] = {
    { "aaaaa", 0, NULL, 0 }, { "aammm", 0, "cde", 2 }, { "aaMMM", 0, "cde", 2 }, { "nammn", 0, "cd", 1 }, { "mmmmm", 0, NULL, 0 },
    { "mamaa", 0, "c", 3 }, { "affff", 0, NULL, 0 }, { "nnnnn", 0, NULL, 0 }, { "aa...", 2, "cde", 2 }, { "nn...", 2, "cde", 2 },
    { "am...", 2, "bcde", 1 }, { "aaa..", 3, "de", 3 }
};

static void answer(mw_delivery *d, size_t i, char how)
{
    static const char *const words[] = { "too many", "4.2.2 full", "5.1.1 unknown" };
    unsigned code = how == 'a' ? 250 : how == 'M' ? 552 : how == 'n' ? 550 : 452;
    const char *said = words[how == 'f' ? 1 : how == 'n' ? 2 : 0];
    mw_text *text = mw_text_new(mw_alloc_default(), said, strlen(said));

    mw_transaction_rcpt(&d->to, i, code, text);
    mw_text_drop(text);
}

static void test_rounds(void)
{
    static const char names[] = "abcde";
    size_t i, n, most;

    for (n = 0; n < sizeof rounds / sizeof *rounds; n++) {
        mw_delivery *d = mw_delivery_new(mw_alloc_default());
        char line[] = "RCPT TO:<x>", wanted[200] = "MAIL FROM:<>\r\n";
        const char *again = rounds[n].again ? rounds[n].again : "";
        mw_slice left;

        mw_delivery_mail(d, slice("MAIL FROM:<>", 12));
        for (i = 0; i < 5; i++) {
            line[9] = names[i];
            mw_delivery_rcpt(d, slice(names + i, 1), slice(line, 11));
        }
        most = rounds[n].most;
        mw_delivery_limit(d, most);
        tap_ok(d->rcpts == (most ? most : 5) && d->rest == 5 - d->rcpts, "%s: the first", rounds[n].outcome);
        for (i = 0; i < 5; i++)
            if (rounds[n].outcome[i] != '.')
                answer(d, i, rounds[n].outcome[i]);
        while (mw_transaction_final(&d->to, 250, NULL))
            continue;
        tap_ok(mw_delivery_next_round(d, &most) == (*again != '\0') && most == (*again ? rounds[n].learnt : rounds[n].most), "... go again: %s", again);
        for (i = 0; again[i]; i++) {
            sprintf(wanted + strlen(wanted), "RCPT TO:<%c>\r\n", again[i]);
            most = d->index[i];
            tap_ok(names[most] == again[i] && !d->to.rcpts[most].settled && !d->to.rcpts[most].closed, "... %c has no result", again[i]);
        }
        left = mw_buf_view(&d->lines);
        if (*again)
            tap_ok(left.len == strlen(wanted) && memcmp(left.base, wanted, left.len) == 0 && d->rcpts + d->rest == strlen(again)
                && d->rcpts <= rounds[n].learnt && d->state == MW_DELIVERY_WAITING && !d->to.accepted, "... and what is asked then");
        mw_delivery_free(d);
    }
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
    test_declare();
    test_finals();
    test_rounds();
    failing_every("a delivery", make_one);
    failing_every("what MAIL says", say_one);
    return tap_done();
}
