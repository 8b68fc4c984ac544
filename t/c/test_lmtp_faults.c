/* The LMTP session when things break: links that die at every byte, no memory, and servers and callers that do anything
 * at all.
 *
 * MW_STEPS in the environment is how many calls the last of these makes.
 */
#include "failing.h"
#include "lmtp_drive.h"
#include "lmtp_server.h"

/* ---- a session with a server, up to a number of bytes each way */

typedef struct link {
    mw_lmtp *s;
    server v;
    char net[8192];
    size_t net_len, net_at;
    size_t may_send, may_arrive;    /* bytes before the link dies */
    size_t sent, arrived;
    size_t queued;                  /* RCPTs of the message that were queued */
    int next;                       /* the last recipient's number */
    int cut;
    int error;                      /* the first one */
} link;

static void hear(void *ctx, const char *bytes, size_t len)
{
    link *l = ctx;

    if (l->net_len + len > sizeof l->net)
        abort();
    memcpy(l->net + l->net_len, bytes, len);
    l->net_len += len;
}

static int link_open(link *l, const mw_alloc *a, int cut)
{
    memset(l, 0, sizeof *l);
    l->v.say = hear;
    l->v.ctx = l;
    l->may_send = l->may_arrive = SIZE_MAX;
    l->cut = cut;
    l->s = mw_lmtp_new(a);
    return l->s != NULL;
}

static void note(link *l, int rc)
{
    if (!l->error && rc < 0)
        l->error = rc;
}

static void flush(link *l)
{
    mw_slice v;
    size_t n;

    while (!l->error && mw_outq_peek(mw_lmtp_out(l->s), &v, 1)) {
        n = v.len < l->may_send - l->sent ? v.len : l->may_send - l->sent;
        server_takes(&l->v, v.base, n);
        mw_outq_sent(mw_lmtp_out(l->s), n);
        l->sent += n;
        if (n < v.len)
            note(l, MW_E_CLOSED);
    }
}

static int arrive(link *l)
{
    size_t n = l->net_len - l->net_at;

    if (n)
        n = tap_piece(l->cut, n);
    if (n > l->may_arrive - l->arrived)
        n = l->may_arrive - l->arrived;
    if (!n)
        return MW_E_CLOSED;
    if (mw_buf_append(mw_lmtp_in(l->s), l->net + l->net_at, n))
        return MW_E_NOMEM;
    l->net_at += n;
    l->arrived += n;
    return 0;
}

static void reply(link *l)
{
    int rc = 0;

    flush(l);
    while (!l->error && (rc = mw_lmtp_reply_local(l->s)) == 0 && (rc = mw_lmtp_reply(l->s)) == 0)
        note(l, arrive(l));
    note(l, rc);
}

static void say(link *l, const char *line)
{
    if (l->error)
        return;
    note(l, mw_lmtp_command(l->s, slice(line)));
    reply(l);
}

static void rcpts(link *l, int count)
{
    char line[32];
    size_t before;

    while (count-- > 0 && !l->error) {
        snprintf(line, sizeof line, "RCPT TO:<u%d>", ++l->next);
        before = mw_lmtp_transaction(l->s)->count;
        note(l, mw_lmtp_command(l->s, slice(line)));
        l->queued += mw_lmtp_transaction(l->s)->count - before;
        reply(l);
    }
}

static void finals(link *l)
{
    while (!l->error && mw_lmtp_finals_owed(l->s))
        reply(l);
    if (!l->error)
        mw_lmtp_verdict(l->s);
}

static void put(link *l, const char *text, int (*by)(mw_lmtp *, const char *, size_t, size_t *))
{
    size_t used;

    if (!l->error)
        note(l, by(l->s, text, strlen(text), &used));
}

static void message(link *l, int by_bdat)
{
    if (!l->error)
        l->queued = 0;
    say(l, "MAIL FROM:<s>");
    rcpts(l, 5);
    if (by_bdat) {
        if (!l->error)
            note(l, mw_lmtp_command(l->s, slice("BDAT 4")));
        put(l, "one\n", mw_lmtp_raw);
        reply(l);
        if (!l->error)
            note(l, mw_lmtp_command(l->s, slice("BDAT 4 LAST")));
        put(l, "two\n", mw_lmtp_raw);
    } else {
        say(l, "DATA");
        put(l, "one\n.two", mw_lmtp_data);
        if (!l->error)
            note(l, mw_lmtp_data_end(l->s));
    }
    reply(l);
    finals(l);
}

/* The link goes; what is wrong with what is left? */
static const char *judged(link *l)
{
    const mw_transaction *t = mw_lmtp_transaction(l->s);
    const char *wrong = NULL;
    size_t i;

    if (l->error)
        mw_lmtp_lost(l->s, l->error, NULL);
    /* Those of the message before are there until the next MAIL is accepted. */
    if (t->count < l->queued)
        wrong = "a recipient is missing";
    for (i = 0; i < t->count && !wrong; i++) {
        wrong = server_judges(&l->v, &t->rcpts[i], mw_lmtp_error(l->s));
        if (!t->rcpts[i].result.code)
            wrong = "no result";
    }
    return wrong;
}

/* ---- links that die at every byte */

static const char *die_after(size_t out, size_t in, int by_bdat, size_t *sent_r, size_t *arrived_r)
{
    static link l;
    const char *wrong;

    if (!link_open(&l, mw_alloc_default(), TAP_RANDOM))
        exit(1);
    l.may_send = out;
    l.may_arrive = in;
    message(&l, by_bdat);
    message(&l, by_bdat);
    *sent_r = l.sent;
    *arrived_r = l.arrived;
    wrong = judged(&l);
    mw_lmtp_free(l.s);
    return wrong;
}

static void test_sweep(int by_bdat)
{
    size_t out, in, sent, arrived, total_out, total_in;
    const char *wrong = die_after(SIZE_MAX, SIZE_MAX, by_bdat, &total_out, &total_in);

    for (out = 0; out <= total_out && !wrong; out++)
        wrong = die_after(out, SIZE_MAX, by_bdat, &sent, &arrived);
    tap_ok(!wrong, "sweep: %s, the link dies after each byte out%s%s", by_bdat ? "BDAT" : "DATA", wrong ? ": " : "", wrong ? wrong : "");
    for (in = 0; in <= total_in && !wrong; in++)
        wrong = die_after(SIZE_MAX, in, by_bdat, &sent, &arrived);
    tap_ok(!wrong, "sweep: %s, the link dies after each byte in%s%s", by_bdat ? "BDAT" : "DATA", wrong ? ": " : "", wrong ? wrong : "");
    for (out = 0; out < 2000 && !wrong; out++)
        wrong = die_after(tap_random((uint32_t)total_out + 1), tap_random((uint32_t)total_in + 1), by_bdat, &sent, &arrived);
    tap_ok(!wrong && total_out > 200 && total_in > 200, "sweep: %s, both%s%s", by_bdat ? "BDAT" : "DATA", wrong ? ": " : "", wrong ? wrong : "");
}

/* ---- no memory */

static int starved(const mw_alloc *a, int by_bdat)
{
    static link l;
    const char *wrong;

    if (!link_open(&l, a, TAP_RANDOM))
        return failing_has_failed(a);
    note(&l, mw_lmtp_greet(l.s));
    hear(&l, "220 mx\r\n", 8);
    reply(&l);
    say(&l, "LHLO me");
    rcpts(&l, 1);
    message(&l, by_bdat);
    message(&l, !by_bdat);
    if (!l.error)
        note(&l, mw_lmtp_line_unget(l.s, slice("250 put back")));
    reply(&l);
    wrong = judged(&l);
    if (wrong)
        printf("# %s\n", wrong);
    mw_lmtp_free(l.s);
    return !wrong && (!l.error || failing_has_failed(a));
}

static int starved_data(const mw_alloc *a)
{
    return starved(a, 0);
}

static int starved_bdat(const mw_alloc *a)
{
    return starved(a, 1);
}

/* The one call fails that forgets the message before: nothing is forgotten. */
static void test_starved_mail(void)
{
    static drive d;
    failing f;
    int i, rc = 0;

    failing_init(&f, 0);
    drive_init(&d, &f.table, TAP_WHOLE);
    drive_script(&d, OPENED2 BODY "< 250 1|< 550 2|? 2");
    for (i = 0; i < 1000 && !rc; i++) {
        failing_next(&f);
        rc = mw_lmtp_command(d.s, slice("NOOP"));
    }
    tap_ok(rc == MW_E_NOMEM, "memory: none for a command");
    failing_next(&f);
    tap_ok(mw_lmtp_command(d.s, slice("MAIL FROM:<s>")) == MW_E_NOMEM, "memory: none for MAIL");
    drive_results(&d);
    tap_ok(strcmp(d.results, "a=250 final 1; b=550 final 2; ") == 0, "memory: the results before are still there");
    drive_free(&d);
    tap_ok(f.blocks == 0, "memory: no leak");
}

/* A reply's text may be lost, what it says never. */
static void test_starved_text(void)
{
    static drive d;
    failing f;

    failing_init(&f, 0);
    drive_init(&d, &f.table, TAP_WHOLE);
    drive_script(&d, OPENED2 BODY "s|< 550 1|< 250 2|p");
    failing_next(&f);
    tap_ok(mw_lmtp_reply(d.s) == 1 && failing_has_failed(&f.table), "memory: none for a final reply's text");
    drive_script(&d, "?");
    drive_results(&d);
    tap_ok(strcmp(d.results, "a=550 final (none); b=250 final 2; ") == 0, "memory: its code is there all the same");
    failing_next(&f);
    mw_lmtp_verdict(d.s);
    tap_ok(mw_lmtp_last(d.s)->code == 550, "memory: and in the verdict");
    drive_free(&d);
    tap_ok(f.blocks == 0, "memory: no leak");
}

static void test_starved_loss(void)
{
    static drive d;
    failing f;

    failing_init(&f, 0);
    drive_init(&d, &f.table, TAP_WHOLE);
    drive_script(&d, OPENED2 BODY "s");
    failing_next(&f);
    mw_lmtp_lost(d.s, MW_E_CLOSED, NULL);
    drive_results(&d);
    tap_ok(strcmp(d.results, "a=421? final (none); b=421? final (none); ") == 0, "memory: a lost link needs none");
    drive_free(&d);
    tap_ok(f.blocks == 0, "memory: no leak");
}

/* ---- anything at all */

/* A settled result is final: what it was when it was first seen, by its transaction and index. */
typedef struct seen {
    uint64_t transaction;
    size_t count;
    unsigned codes[16];
} seen;

static int keeps(seen *k, const mw_transaction *t)
{
    size_t i;
    int good = 1;

    if (k->transaction != t->id)
        memset(k, 0, sizeof *k);
    k->transaction = t->id;
    for (i = 0; i < t->count && i < COUNT(k->codes); i++) {
        if (k->codes[i] && t->rcpts[i].result.code != k->codes[i])
            good = 0;
        /* A refused DATA may be tried again; MAIL's refusal gives way to RCPT's acceptance. */
        if (t->rcpts[i].settled && (t->rcpts[i].result.stage == MW_STAGE_FINAL || t->rcpts[i].result.stage == MW_STAGE_RCPT))
            k->codes[i] = t->rcpts[i].result.code;
    }
    return good;
}

static void any_bytes(mw_lmtp *s)
{
    static const char *const pieces[] = { "250 ok\r\n", "250-a\r\n", "250 ", "550 no\r\n", "354 go\r\n", "421 bye\r\n", "what\r\n", "\r\n", "\n", "-", " ",
        "250-a\r\n550 b\r\n", "334 x\r\n", "235 ok\r\n", "100 x\r\n", "452 full\n", "220 Net::Server::Mail (Perl) Service ready\r\n" };
    const char *piece = pieces[tap_random(COUNT(pieces))];
    char byte = (char)tap_random(256);

    if (tap_random(50) == 0)
        mw_buf_append(mw_lmtp_in(s), &byte, 1);
    else
        mw_buf_append(mw_lmtp_in(s), piece, strlen(piece));
}

static void any_command(mw_lmtp *s)
{
    static const char *const lines[] = { "MAIL FROM:<s>", "RCPT TO:<a>", "RCPT TO:<b>", "DATA", "BDAT 2", "BDAT 3 LAST", "BDAT 0 LAST", "BDAT x", "RSET",
        "LHLO me", "NOOP", "QUIT", "AUTH LOGIN", "STARTTLS", "N\nOP", "", " ", "RCPT TO:<a>", "MAIL FROM:<s>", "DATA" };
    const char *line = lines[tap_random(COUNT(lines))];

    mw_lmtp_public(s, slice(line));
    mw_lmtp_command(s, slice(line));
}

static void any_content(mw_lmtp *s)
{
    static const char bytes[] = "a\r\n.\nb.";
    size_t used, n = tap_random(sizeof bytes);

    switch (tap_random(6)) {
    case 0: mw_lmtp_data_end(s); break;
    case 1: mw_lmtp_content_open(s); break;
    case 2: mw_lmtp_refusal(s); break;
    case 3: case 4: mw_lmtp_raw(s, bytes, n, &used); break;
    default: mw_lmtp_data(s, bytes, n, &used);
    }
}

static void any_line(mw_lmtp *s)
{
    mw_slice line, text;
    unsigned code;
    int more, by_hand = (int)tap_random(2);

    if (mw_lmtp_line(s, by_hand, &line) != 1)
        return;
    if (tap_random(3) == 0)
        mw_lmtp_line_unget(s, line);
    else if (!by_hand && mw_reply_scan(line, 0, &code, &more, &text))
        mw_lmtp_reply_put(s, tap_random(9) ? code : tap_random(1000), text, more);
    else if (!by_hand)
        mw_lmtp_reply_garbled(s);
}

static void any_reply(mw_lmtp *s)
{
    switch (tap_random(10)) {
    case 0: mw_lmtp_verdict(s); break;
    case 6: mw_lmtp_forget(s); break;
    case 1: mw_lmtp_waive_finals(s); break;
    case 2: mw_lmtp_settle(s, (int)tap_random(2)); break;
    case 3: mw_lmtp_settle_hand(s); break;
    case 4: mw_lmtp_line_unget(s, slice("250 put back")); break;
    case 5: mw_lmtp_reply_local(s); break;
    default: mw_lmtp_reply(s);
    }
}

static void any_look(mw_lmtp *s)
{
    mw_slice params;

    mw_lmtp_stage(s);
    mw_lmtp_idle(s);
    mw_lmtp_in_transaction(s);
    mw_lmtp_closing(s);
    mw_lmtp_parting(s);
    mw_lmtp_content(s);
    mw_lmtp_finals_owed(s);
    mw_lmtp_keyword(s, slice("a"), &params);
    mw_lmtp_limits(s, tap_random(8) ? 0 : 20 + tap_random(100), tap_random(8) ? 0 : 20 + tap_random(200));
    mw_lmtp_joined(s, (int)tap_random(3) - 1);
}

static void any_send(mw_lmtp *s)
{
    size_t len = (size_t)mw_outq_len(mw_lmtp_out(s));

    if (len)
        mw_outq_sent(mw_lmtp_out(s), tap_random(2) ? len : tap_random((uint32_t)len) + 1);
}

static void any_step(mw_lmtp *s)
{
    switch (tap_random(16)) {
    case 0: case 1: case 2: any_bytes(s); break;
    case 3: case 4: case 5: case 6: any_command(s); break;
    case 7: case 8: any_content(s); break;
    case 9: case 10: any_send(s); break;
    case 11: any_line(s); break;
    case 12: if (tap_random(20) == 0) any_look(s); break;
    default: any_reply(s);
    }
}

/* Everybody has a result when the link is gone. */
static int ends_well(mw_lmtp *s)
{
    const mw_transaction *t = mw_lmtp_transaction(s);
    size_t i;
    int good = 1;

    mw_lmtp_lost(s, MW_E_CLOSED, NULL);
    for (i = 0; i < t->count; i++)
        good &= t->rcpts[i].settled && t->rcpts[i].result.code >= 100 && t->rcpts[i].result.code <= 599;
    mw_lmtp_free(s);
    return good;
}

static void test_anything(const char *name, long fail_one_in)
{
    const char *given = getenv("MW_STEPS");
    long steps = given ? atol(given) : 300000, i;
    failing f;
    seen k = { 0, 0, { 0 } };
    mw_lmtp *s = NULL;
    int good = 1;

    failing_init(&f, 0);
    for (i = 0; i < steps && good; i++) {
        if (s && tap_random(mw_lmtp_error(s) ? 20 : 300) == 0) {
            good = ends_well(s) && f.blocks == 0;
            memset(&k, 0, sizeof k);
            s = NULL;
        }
        f.fail_at = fail_one_in && tap_random((uint32_t)fail_one_in) == 0 ? f.calls + 1 + (long)tap_random(4) : 0;
        if (!s && !(s = mw_lmtp_new(&f.table)))
            continue;
        any_step(s);
        good &= keeps(&k, mw_lmtp_transaction(s));
    }
    mw_lmtp_free(s);
    tap_ok(good && f.blocks == 0, "anything: %s, %ld calls", name, i);
}

int main(void)
{
    test_sweep(0);
    test_sweep(1);
    failing_every("memory: DATA, then BDAT", starved_data);
    failing_every("memory: BDAT, then DATA", starved_bdat);
    test_starved_mail();
    test_starved_text();
    test_starved_loss();
    test_anything("with memory", 0);
    test_anything("without, now and then", 20);
    return tap_done();
}
