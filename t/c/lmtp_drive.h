/* lmtp_drive.h - an LMTP session as its tests use it: a script of calls and server bytes in; what was sent, what the
 * calls said, and every recipient's result out, as text.
 *
 * A script is a row of steps, separated by "|". The first character says what to do, the rest of the step, behind one
 * space, is what to do it with:
 *
 *   > line    command                     ? n    take n replies (1), having sent everything; from the server as needed
 *   < line    the server says line CRLF   H      mw_lmtp_reply_local
 *   = bytes   the server says bytes       p      what the server has said arrives now
 *   d bytes   data                        g      read a line by hand
 *   r bytes   raw                         G      read a line for mw_lmtp_reply_put, and put it
 *   e         data_end                    u line put a line back
 *   o         content_open                q n    settle, quiet or not
 *   s n       send n bytes, or all        w      waive_finals
 *   v         verdict                     R      refusal
 *   l n       lost, for error -n          h      settle_hand
 *   c         log the content's state     i      log what is true: idle, in transaction, closing, stage
 *
 * The log has a word for each reply taken (its code, "-": none there, "E..." an error; "/2": may be several) and for each
 * other call that did not return 0.
 */
#ifndef LMTP_DRIVE_H
#define LMTP_DRIVE_H

#include "../../c/error.h"
#include "../../c/lmtp.h"
#include "slices.h"

#define DRIVE_TEXT 8192

/* What most scripts begin with, and what that puts on the wire. */
#define MAIL "> MAIL FROM:<s>|< 250 ok|?|"
#define RCPT(x) "> RCPT TO:<" x ">|< 250 ok|?|"
#define NO_RCPT(x, reply) "> RCPT TO:<" x ">|< " reply "|?|"
#define DATA "> DATA|< 354 go|?|"
#define BODY "d hi\n|e|"
#define W_MAIL "MAIL FROM:<s>\r\n"
#define W_RCPT(x) "RCPT TO:<" x ">\r\n"
#define W_DATA "DATA\r\n"
#define W_BODY "hi\r\n.\r\n"
/* The log of the above, and the two messages that most cases use. */
#define OPENED1 MAIL RCPT("a") DATA
#define OPENED2 MAIL RCPT("a") RCPT("b") DATA
#define W_OPENED1 W_MAIL W_RCPT("a") W_DATA
#define W_OPENED2 W_MAIL W_RCPT("a") W_RCPT("b") W_DATA
#define L_OPENED1 "250 250 354 "
#define L_OPENED2 "250 250 250 354 "

typedef struct drive {
    mw_lmtp *s;
    int cut;                    /* how server bytes arrive: tap_piece */
    char net[DRIVE_TEXT];       /* said by the server, not arrived */
    size_t net_len, net_at;
    char wire[DRIVE_TEXT];
    char log[DRIVE_TEXT];
    char results[DRIVE_TEXT];
} drive;

typedef struct drive_case {
    const char *name;
    const char *script;
    const char *wire;
    const char *log;
    const char *results;
} drive_case;

/* Room for any text of a test; more is a mistake in the test. */
static inline void add_text(char *to, const char *bytes, size_t len)
{
    size_t at = strlen(to);

    if (at + len >= DRIVE_TEXT)
        abort();
    memcpy(to + at, bytes, len);
    to[at + len] = '\0';
}

static inline void drive_log(drive *d, const char *format, long value)
{
    char word[64];

    snprintf(word, sizeof word, format, value);
    add_text(d->log, word, strlen(word));
    add_text(d->log, " ", 1);
}

/* ---- bytes */

static inline void drive_send(drive *d, size_t most)
{
    mw_slice v;
    size_t n;

    for (; most && mw_outq_peek(mw_lmtp_out(d->s), &v, 1); most -= n) {
        n = v.len < most ? v.len : most;
        add_text(d->wire, v.base, n);
        mw_outq_sent(mw_lmtp_out(d->s), n);
    }
}

static inline void drive_say(drive *d, const char *bytes, size_t len)
{
    if (d->net_len + len > sizeof d->net)
        abort();
    memcpy(d->net + d->net_len, bytes, len);
    d->net_len += len;
}

/* The next piece arrives. 0 when there is none. */
static inline int drive_arrive(drive *d)
{
    size_t left = d->net_len - d->net_at, n;

    if (!left)
        return 0;
    n = tap_piece(d->cut, left);
    if (mw_buf_append(mw_lmtp_in(d->s), d->net + d->net_at, n))
        return 0;
    d->net_at += n;
    return 1;
}

/* ---- calls */

static inline int drive_reply(drive *d)
{
    int rc = mw_lmtp_reply_local(d->s);

    if (rc)
        return rc;
    while ((rc = mw_lmtp_reply(d->s)) == 0 && drive_arrive(d))
        continue;
    return rc;
}

static inline void log_reply(drive *d, int rc)
{
    if (rc > 0)
        drive_log(d, rc == 2 ? "%ld/2" : "%ld", (long)mw_lmtp_last(d->s)->code);
    else if (rc)
        drive_log(d, "E%ld", -rc);
    else
        add_text(d->log, "- ", 2);
}

/* What mw_lmtp_goes said must be so. */
static inline void drive_command(drive *d, mw_slice line)
{
    int goes = mw_lmtp_goes(d->s, line);
    uint64_t before = mw_lmtp_out(d->s)->queued;
    int rc = mw_lmtp_command(d->s, line);

    if (rc)
        drive_log(d, "E%ld", -rc);
    if (rc != MW_E_NOMEM && goes != (mw_lmtp_out(d->s)->queued > before))
        drive_log(d, "goes:%ld", goes);
}

static inline void log_error(drive *d, int rc)
{
    if (rc)
        drive_log(d, "E%ld", -rc);
}

/* data or raw: all of it, sent as it goes. */
static inline int drive_write(drive *d, mw_slice bytes, int (*put)(mw_lmtp *, const char *, size_t, size_t *))
{
    size_t used, n;
    int rc = 0;

    do {
        n = bytes.len ? tap_piece(d->cut, bytes.len) : 0;
        if ((rc = put(d->s, bytes.base, n, &used)))
            return rc;
        bytes.base += used;
        bytes.len -= used;
    } while (bytes.len);
    return 0;
}

static inline int drive_line(drive *d, int by_hand, mw_slice *line_r)
{
    int rc;

    while ((rc = mw_lmtp_line(d->s, by_hand, line_r)) == 0 && drive_arrive(d))
        continue;
    return rc;
}

static inline void drive_by_hand(drive *d)
{
    mw_slice line;
    int rc = drive_line(d, 1, &line);

    if (rc == 1) {
        add_text(d->log, "\"", 1);
        add_text(d->log, line.base, line.len);
        add_text(d->log, "\" ", 2);
    } else {
        log_reply(d, rc);
    }
}

static inline int drive_put(drive *d)
{
    mw_slice line, text;
    unsigned code;
    int more, rc;

    while ((rc = drive_line(d, 0, &line)) == 1) {
        if (!mw_reply_scan(line, 0, &code, &more, &text)) {
            mw_lmtp_line_unget(d->s, line);
            mw_lmtp_reply_garbled(d->s);
            return MW_E_REPLY_SYNTAX;
        }
        if ((rc = mw_lmtp_reply_put(d->s, code, text, more)))
            return rc;
    }
    return rc;
}

static inline void drive_facts(drive *d)
{
    add_text(d->log, mw_lmtp_idle(d->s) ? "idle," : "", mw_lmtp_idle(d->s) ? 5 : 0);
    add_text(d->log, mw_lmtp_in_transaction(d->s) ? "in," : "", mw_lmtp_in_transaction(d->s) ? 3 : 0);
    add_text(d->log, mw_lmtp_closing(d->s) ? "closing," : "", mw_lmtp_closing(d->s) ? 8 : 0);
    add_text(d->log, mw_stage_text(mw_lmtp_stage(d->s)), strlen(mw_stage_text(mw_lmtp_stage(d->s))));
    drive_log(d, ",%ld", mw_lmtp_error(d->s));
}

static inline void drive_state_step(drive *d, char op, mw_slice arg, long n)
{
    static const char *const contents[] = { "none ", "asked ", "open ", "refused ", "chunk " };
    const char *word;

    switch (op) {
    case 'v': drive_log(d, "v%ld", mw_lmtp_verdict(d->s)); drive_log(d, "%ld", (long)mw_lmtp_last(d->s)->code); break;
    case 'l': mw_lmtp_lost(d->s, n ? -(int)n : MW_E_CLOSED, NULL); break;
    case 'q': mw_lmtp_settle(d->s, (int)n); break;
    case 'w': mw_lmtp_waive_finals(d->s); break;
    case 'h': mw_lmtp_settle_hand(d->s); break;
    case 'R': mw_lmtp_refusal(d->s); drive_log(d, "%ld", (long)mw_lmtp_last(d->s)->code); break;
    case 'i': drive_facts(d); break;
    case 'c': word = contents[mw_lmtp_content(d->s)]; add_text(d->log, word, strlen(word)); break;
    default: printf("# no such step: %c %.*s\n", op, (int)arg.len, arg.base); abort();
    }
}

static inline void drive_step(drive *d, char op, mw_slice arg)
{
    long n = arg.len ? strtol(arg.base, NULL, 10) : 0;

    switch (op) {
    case '>': drive_command(d, arg); break;
    case '<': drive_say(d, arg.base, arg.len); drive_say(d, "\r\n", 2); break;
    case '=': drive_say(d, arg.base, arg.len); break;
    case 'p': while (drive_arrive(d)) continue; break;
    case 's': drive_send(d, arg.len ? (size_t)n : SIZE_MAX); break;
    case 'd': log_error(d, drive_write(d, arg, mw_lmtp_data)); break;
    case 'r': log_error(d, drive_write(d, arg, mw_lmtp_raw)); break;
    case 'e': log_error(d, mw_lmtp_data_end(d->s)); break;
    case 'o': log_error(d, mw_lmtp_content_open(d->s)); break;
    case 'H': log_reply(d, mw_lmtp_reply_local(d->s)); break;
    case 'g': drive_by_hand(d); break;
    case 'G': log_reply(d, drive_put(d)); break;
    case 'u': log_error(d, mw_lmtp_line_unget(d->s, arg)); break;
    case '?':
        drive_send(d, SIZE_MAX);
        for (n = n ? n : 1; n > 0; n--)
            log_reply(d, drive_reply(d));
        break;
    default: drive_state_step(d, op, arg, n);
    }
}

static inline void drive_script(drive *d, const char *script)
{
    const char *end;
    mw_slice arg;
    char op;

    for (; *script; script = *end ? end + 1 : end) {
        end = strchr(script, '|');
        if (!end)
            end = script + strlen(script);
        op = *script++;
        arg.base = script < end ? script + 1 : end;
        arg.len = (size_t)(end - arg.base);
        drive_step(d, op, arg);
    }
}

/* ---- outcome */

/* "a=250 final ok; b=421? body connection closed; ": "?" is maybe_delivered, "=-" no result yet. */
static inline void drive_results(drive *d)
{
    const mw_transaction *t = mw_lmtp_transaction(d->s);
    const mw_result *r;
    char line[256];
    size_t i;

    *d->results = '\0';
    for (i = 0; i < t->count; i++) {
        r = &t->rcpts[i].result;
        snprintf(line, sizeof line, r->code ? "%s=%u%s %s %s; " : "%s=-; ", r->recipient->bytes, r->code,
            r->maybe_delivered ? "?" : "", mw_stage_text(r->stage), r->text ? r->text->bytes : "(none)");
        add_text(d->results, line, strlen(line));
    }
}

static inline void drive_init(drive *d, const mw_alloc *alloc, int cut)
{
    d->s = mw_lmtp_new(alloc);
    d->cut = cut;
    d->net_len = d->net_at = 0;
    d->wire[0] = d->log[0] = d->results[0] = '\0';
}

static inline void drive_free(drive *d)
{
    mw_lmtp_free(d->s);
}

static inline void show(const char *what, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) == 0)
        return;
    printf("# %s:\n", what);
    for (; *got; got++)
        printf(*got == '\n' ? "\\n" : *got == '\r' ? "\\r" : "%c", *got);
    printf("\n# wanted:\n");
    for (; *wanted; wanted++)
        printf(*wanted == '\n' ? "\\n" : *wanted == '\r' ? "\\r" : "%c", *wanted);
    putchar('\n');
}

/* One run of a case; setup may be NULL. */
static inline int drive_once(const drive_case *c, int cut, void (*setup)(mw_lmtp *))
{
    static drive d;
    int good;

    drive_init(&d, mw_alloc_default(), cut);
    if (!d.s)
        exit(1);
    if (setup)
        setup(d.s);
    drive_script(&d, c->script);
    drive_send(&d, SIZE_MAX);
    drive_results(&d);
    good = strcmp(d.wire, c->wire) == 0 && strcmp(d.log, c->log) == 0 && strcmp(d.results, c->results) == 0;
    if (!good) {
        show("wire", d.wire, c->wire);
        show("log", d.log, c->log);
        show("results", d.results, c->results);
    }
    drive_free(&d);
    return good;
}

/* Each case of a table, whole, byte by byte and at random splits. */
static inline void drive_table(const char *theme, const drive_case *cases, size_t count, void (*setup)(mw_lmtp *))
{
    size_t i;
    int cut, good;

    for (i = 0; i < count; i++) {
        for (good = 1, cut = 0; good && cut < TAP_CUTS; cut++)
            good = drive_once(&cases[i], cut, setup);
        tap_ok(good, "%s: %s", theme, cases[i].name);
        if (!good)
            printf("# cut %d of: %s\n", cut - 1, cases[i].script);
    }
}

#endif
