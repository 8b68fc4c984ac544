/* The LMTP session against a server that knows the truth: whatever a caller does, in whatever order, nobody gets another
 * recipient's result, nobody a success that was not theirs, "surely not delivered" is true, and every recipient has a
 * result when the link is gone.
 *
 * MW_STEPS in the environment is how many calls to make.
 */
#include "lmtp_drive.h"
#include "lmtp_server.h"

typedef struct world {
    mw_lmtp *s;
    server v;
    char net[1 << 16];          /* what the server said and has not arrived */
    size_t net_len, net_at;
    int next;                   /* the next recipient's number */
    size_t chunk;               /* bytes of BDAT still to be given */
    long gone, kept;            /* links that ended, results looked at */
    const char *wrong;          /* what was found */
} world;

static void hear(void *ctx, const char *bytes, size_t len)
{
    world *w = ctx;

    if (w->net_len + len > sizeof w->net)
        abort();
    memcpy(w->net + w->net_len, bytes, len);
    w->net_len += len;
}

static void connect_world(world *w)
{
    static const unsigned moods[][5] = { { 0, 0, 0, 0, 0 }, { 100, 500, 300, 0, 0 }, { 100, 500, 300, 30, 20 }, { 0, 0, 0, 100, 0 }, { 0, 0, 0, 0, 60 } };
    const unsigned *mood = moods[tap_random(COUNT(moods))];

    memset(&w->v, 0, sizeof w->v);
    w->v.refuses = mood[0];
    w->v.eager = mood[1];
    w->v.splits = mood[2];
    w->v.garbles = mood[3];
    w->v.parts = mood[4];
    w->v.keeps = (int)tap_random(2);
    w->v.say = hear;
    w->v.ctx = w;
    w->net_len = w->net_at = 0;
    w->next = 0;
    w->chunk = 0;
    w->s = mw_lmtp_new(mw_alloc_default());
}

/* ---- the truth */

static void look(world *w, int all)
{
    const mw_transaction *t = mw_lmtp_transaction(w->s);
    const char *wrong;
    size_t i;

    for (i = 0; i < t->count; i++, w->kept++) {
        wrong = server_judges(&w->v, &t->rcpts[i], mw_lmtp_error(w->s));
        if (!wrong && all && !t->rcpts[i].result.code)
            wrong = "no result";
        if (wrong && !w->wrong) {
            w->wrong = wrong;
            printf("# %s: %s, %u at %s: %s\n", wrong, t->rcpts[i].result.recipient->bytes, t->rcpts[i].result.code,
                mw_stage_text(t->rcpts[i].result.stage), t->rcpts[i].result.text ? t->rcpts[i].result.text->bytes : "");
        }
    }
}

/* ---- what a caller may do */

static void send_some(world *w, size_t most)
{
    mw_slice v;

    if (!mw_outq_peek(mw_lmtp_out(w->s), &v, 1))
        return;
    if (v.len > most)
        v.len = most;
    server_takes(&w->v, v.base, v.len);
    mw_outq_sent(mw_lmtp_out(w->s), v.len);
}

static void send_all(world *w)
{
    while (mw_outq_len(mw_lmtp_out(w->s)))
        send_some(w, SIZE_MAX);
}

static void arrive(world *w, size_t most)
{
    size_t n = w->net_len - w->net_at;

    if (n > most)
        n = most;
    if (mw_buf_append(mw_lmtp_in(w->s), w->net + w->net_at, n))
        abort();
    w->net_at += n;
}

static void command(world *w, const char *line)
{
    look(w, 0);
    mw_lmtp_command(w->s, slice(line));
}

static void rcpt(world *w)
{
    char line[64];

    if (w->next == SERVER_RCPTS - 1)
        return;
    snprintf(line, sizeof line, "RCPT TO:<u%d>", ++w->next);
    command(w, line);
}

static void chunk(world *w)
{
    char line[64];
    size_t size = tap_random(5);

    snprintf(line, sizeof line, "BDAT %d%s", (int)size, tap_random(2) ? " LAST" : "");
    command(w, line);
}

static void content(world *w)
{
    static const char bytes[] = "NOOP\r\n.\r\nx";
    size_t used, n = tap_random(sizeof bytes);

    mw_lmtp_data(w->s, bytes, n, &used);
    if (mw_lmtp_content(w->s) == MW_CONTENT_CHUNK)
        mw_lmtp_raw(w->s, bytes, 1 + tap_random(2), &used);
}

static void read_reply(world *w)
{
    if (mw_lmtp_reply_local(w->s))
        return;
    if (mw_lmtp_reply(w->s) == 2)
        abort();
}

/* Not a line that is no reply: whether it stands in place of one, only its reader can tell. */
static void by_hand(world *w)
{
    mw_slice line;

    if (w->v.garbles)
        return;
    if (mw_lmtp_line(w->s, 1, &line) == 1 && tap_random(8) == 0)
        mw_lmtp_line_unget(w->s, line);
    if (tap_random(2))
        mw_lmtp_settle_hand(w->s);
}

/* Only where the server has said 354, which nobody has read. */
static void force_open(world *w)
{
    if (w->v.mode == SERVER_DATA && mw_lmtp_content(w->s) == MW_CONTENT_ASKED && !mw_outq_len(mw_lmtp_out(w->s)))
        mw_lmtp_content_open(w->s);
}

static void end(world *w)
{
    if (tap_random(2))
        arrive(w, SIZE_MAX);
    mw_lmtp_lost(w->s, tap_random(2) ? MW_E_CLOSED : MW_E_TIMEOUT, NULL);
    look(w, 1);
    mw_lmtp_free(w->s);
    w->gone++;
    connect_world(w);
}

static void step(world *w)
{
    static const char *const others[] = { "NOOP", "RSET", "N\nOP", "XYZZY", "QUIT", "LHLO me" };

    switch (tap_random(32)) {
    case 0: case 1: command(w, "MAIL FROM:<s>"); break;
    case 2: case 3: case 4: case 5: rcpt(w); break;
    case 6: case 7: command(w, "DATA"); break;
    case 8: chunk(w); break;
    case 9: case 10: content(w); break;
    case 11: case 12: mw_lmtp_data_end(w->s); break;
    case 13: case 14: case 15: send_some(w, 1 + tap_random(40)); break;
    case 16: case 17: case 18: arrive(w, 1 + tap_random(40)); break;
    case 19: case 20: case 21: case 22: send_all(w); arrive(w, SIZE_MAX); read_reply(w); break;
    case 23: case 24: read_reply(w); break;
    case 25: by_hand(w); break;
    case 26: mw_lmtp_verdict(w->s); break;
    case 27: force_open(w); break;
    case 28: if (tap_random(4) == 0) command(w, others[tap_random(COUNT(others))]); break;
    case 29: mw_lmtp_refusal(w->s); mw_lmtp_stage(w->s); break;
    case 30: if (tap_random(10) == 0 || w->v.closed || mw_lmtp_error(w->s)) end(w); break;
    default: look(w, 0);
    }
}

int main(void)
{
    static world w;
    const char *given = getenv("MW_STEPS");
    long steps = given ? atol(given) : 1000000, i;

    connect_world(&w);
    for (i = 0; i < steps && !w.wrong; i++)
        step(&w);
    tap_ok(!w.wrong, "model: %ld calls", i);
    tap_ok(w.gone > 100 && w.kept > 1000, "model: %ld links, %ld results looked at", w.gone, w.kept);
    mw_lmtp_free(w.s);
    return tap_done();
}
