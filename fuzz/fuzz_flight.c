/* fuzz_flight.c - deliveries in flight: what results say is compared with what the server at the other end of the link
 * (lmtp_server.h) really did with each recipient.
 *
 * The first line is the server: "S", its fault (0 none, 1 a final reply too few, 2 one too many, 3 joined), a digit for the shapes
 * that have it (1 one, 2 several, 4 mixed, or sums of them; 0 now and then), then letters: p PIPELINING, b CHUNKING, n it answers when nobody was
 * accepted, t it takes content for nobody. The second line is its decisions, see server_answer and server_deliver. The others are
 * what happens, a letter and a number each:
 *
 *   mR,N  a message for R recipients with N bytes of content     t     the wait is over
 *   lR,N  the same, pulled                                       c     the link is lost
 *   s12   at most 12 bytes reach the server (none: all)          !N    the N-th allocation from now fails
 *   f12   at most 12 bytes reach the client                      EN    eager up to N bytes
 *   r     everything moves until nothing does                    + -   more to submit, or not
 *   x     the oldest delivery that waits is cancelled            k     what is done is taken
 */
#include "../c/error.h"
#include "../c/flight.h"
#include "../c/lmtp.h"
#include "lmtp_server.h"

#define INPUT_MAX 2048
#define CONTENT_MAX 3000
#define MEMORY_MAX (4 * 1024 * 1024)
#define STEPS_MAX (4 * SERVER_MESSAGES * CONTENT_MAX)   /* a byte a step */

typedef struct message {
    mw_delivery *d;             /* NULL: taken */
    size_t rcpts, len, given;
    char content[CONTENT_MAX];
} message;

typedef struct run {
    fuzz_memory memory;
    mw_lmtp *s;
    mw_flight *deliveries;
    message messages[SERVER_MESSAGES];
    size_t count;               /* the first is number 1 */
    uint32_t piece;             /* bytes that move at once, at the most */
} run;

static server peer;
static run h;

/* ---- what must hold */

/* Line ends of any kind, as they go over the wire: a bare LF is CRLF, and the last line has an end. */
static inline void server_check_content(const server *v)
{
    const message *m = &h.messages[v->message];
    size_t i, at = 0;

    FUZZ_CHECK(v->message > 0 && (size_t)v->message <= h.count && !v->ended[v->message]);
    for (i = 0; i < m->len; i++) {
        if (m->content[i] == '\n')
            FUZZ_CHECK(v->content[at++] == '\r');
        FUZZ_CHECK(v->content[at++] == m->content[i]);
    }
    if (m->len && m->content[m->len - 1] != '\n') {
        FUZZ_CHECK(v->content[at] == '\r' && v->content[at + 1] == '\n');
        at += 2;
    }
    FUZZ_CHECK(at == v->content_len);
}

/* Nobody is told of a success that was none, and of none that the server took that it surely is not delivered. */
static void check_recipient(int number, size_t i, const mw_result *r)
{
    int accepted = peer.truth[number][i] / 100 == 2;
    char address[32];

    sprintf(address, "r%lu.d%d@x", (unsigned long)i, number);
    FUZZ_CHECK(strcmp(r->recipient->bytes, address) == 0);
    FUZZ_CHECK(r->code >= 100 && r->code <= 599);
    FUZZ_CHECK(r->code / 100 != 2 || (accepted && !r->maybe_delivered && r->stage == MW_STAGE_FINAL));
    FUZZ_CHECK(r->code / 100 == 2 || !accepted || r->maybe_delivered);
    FUZZ_CHECK(!r->maybe_delivered || r->code == MW_LMTP_LOST);
}

static void take_done(void)
{
    size_t n, i;

    for (n = 1; n <= h.count; n++) {
        message *m = &h.messages[n];

        if (!m->d || m->d->state != MW_DELIVERY_DONE)
            continue;
        FUZZ_CHECK(m->d->to.count == m->rcpts);
        for (i = 0; i < m->rcpts; i++)
            check_recipient((int)n, i, &m->d->to.rcpts[i].result);
        mw_queue_take(mw_flight_deliveries(h.deliveries), m->d);
        mw_delivery_free(m->d);
        m->d = NULL;
    }
}

static void check(void)
{
    size_t n, open = 0;

    for (n = 1; n <= h.count; n++)
        open += h.messages[n].d && h.messages[n].d->state != MW_DELIVERY_DONE;
    FUZZ_CHECK(open == mw_flight_deliveries(h.deliveries)->unanswered);
    FUZZ_CHECK(!mw_lmtp_error(h.s) || !open);
    if (fuzz_memory_has_failed(&h.memory))
        h.memory.counter.fail_at = 0;
}

/* ---- submitting */

static void write_content(message *m, size_t number, size_t len)
{
    char pattern[64];
    size_t n = (size_t)sprintf(pattern, "d%lu\n.\n..dots\n.", (unsigned long)number), i;

    m->len = len;
    m->given = 0;
    for (i = 0; i < len; i++)
        m->content[i] = pattern[i % n];
}

static int write_envelope(mw_delivery *d, size_t number, size_t rcpts)
{
    char line[64];
    mw_slice address, whole;
    size_t i;
    int rc;

    whole.base = line;
    whole.len = (size_t)sprintf(line, "MAIL FROM:<d%lu@x>", (unsigned long)number);
    rc = mw_delivery_mail(d, whole);
    for (i = 0; i < rcpts && !rc; i++) {
        whole.len = (size_t)sprintf(line, "RCPT TO:<r%lu.d%lu@x>", (unsigned long)i, (unsigned long)number);
        address.base = line + 9;
        address.len = whole.len - 10;
        rc = mw_delivery_rcpt(d, address, whole);
    }
    return rc;
}

static void submit(mw_slice arg, int pulled)
{
    size_t number = h.count + 1, rcpts = fuzz_number(arg, SERVER_RCPTS, 1);
    mw_slice first;
    message *m;
    mw_delivery *d;

    fuzz_field(&arg, ',', &first);
    if (number == SERVER_MESSAGES || !(d = mw_delivery_new(&h.memory.counter.table)))
        return;
    if (write_envelope(d, number, rcpts)) {
        mw_delivery_free(d);
        return;
    }
    m = &h.messages[number];
    m->d = d;
    m->rcpts = rcpts;
    write_content(m, number, fuzz_number(arg, CONTENT_MAX, 10));
    if (pulled)
        mw_content_in_pieces(&d->content);
    else
        mw_content_lend(&d->content, m->content, m->len);
    h.count++;
    FUZZ_CHECK(mw_flight_submit(h.deliveries, d) == (int64_t)number);
}

/* ---- moving */

static size_t send_bytes(size_t most)
{
    mw_outq *out = mw_lmtp_out(h.s);
    size_t n, sent = 0;
    mw_slice v;

    /* Behind an error the caller closes the link. */
    for (; !mw_lmtp_error(h.s) && sent < most && mw_outq_peek(out, &v, 1); sent += n) {
        n = v.len < most - sent ? v.len : most - sent;
        server_eat(&peer, v.base, n);
        mw_outq_sent(out, n);
    }
    return sent;
}

static size_t hear(size_t most)
{
    size_t n = peer.said_len - peer.heard;

    if (n > most)
        n = most;
    if (!n || mw_lmtp_error(h.s) || mw_buf_append(mw_lmtp_in(h.s), peer.said + peer.heard, n))
        return 0;
    peer.heard += n;
    return n;
}

/* The peer has closed: nothing more can come. */
static void close_link(void)
{
    if (mw_flight_waits(h.deliveries) == MW_WAIT_QUIET)
        mw_flight_expired(h.deliveries);
    mw_lmtp_lost(h.s, MW_E_CLOSED, NULL);
}

static size_t receive(size_t most)
{
    size_t n = hear(most);

    if (!n)
        return 0;
    mw_flight_advance(h.deliveries);
    if (peer.mode == SERVER_CLOSED && peer.heard == peer.said_len)
        close_link();
    return n;
}

/* The next piece of a pulled content. */
static size_t give_piece(void)
{
    mw_delivery *d = mw_flight_wants(h.deliveries);
    message *m;
    size_t n;

    if (!d)
        return 0;
    m = &h.messages[d->id];
    FUZZ_CHECK(m->d == d);
    n = m->given < m->len ? tap_piece(TAP_RANDOM, m->len - m->given) : 0;
    if (n)
        mw_flight_piece(h.deliveries, m->content + m->given, n);
    else
        mw_flight_whole(h.deliveries);
    m->given += n;
    mw_flight_advance(h.deliveries);
    return 1;
}

/* Everything moves, in pieces, until nothing does. */
static void settle(void)
{
    size_t steps = 0, moved;

    do {
        mw_flight_advance(h.deliveries);
        moved = send_bytes(1 + tap_random(h.piece));
        moved += receive(1 + tap_random(h.piece));
        moved += give_piece();
        FUZZ_CHECK(++steps < STEPS_MAX);
    } while (moved);
}

/* Half a second without a byte is only over when there is no byte; the other waits may be, whatever is on its way. */
static void expire(void)
{
    mw_wait wait = mw_flight_waits(h.deliveries);

    if (wait == MW_WAIT_NONE || wait == MW_WAIT_BODY || (wait == MW_WAIT_QUIET && peer.heard < peer.said_len))
        return;
    mw_flight_expired(h.deliveries);
}

static void cancel(void)
{
    mw_delivery *d = mw_flight_deliveries(h.deliveries)->oldest;

    while (d && d->state != MW_DELIVERY_WAITING)
        d = d->next;
    if (d)
        FUZZ_CHECK(mw_queue_cancel(mw_flight_deliveries(h.deliveries), d, MW_STAGE_CONNECT, NULL) == 0);
}

static void step(char op, mw_slice arg)
{
    switch (op) {
    case 'm': submit(arg, 0); break;
    case 'l': submit(arg, 1); break;
    case 's': send_bytes(fuzz_number(arg, SERVER_SAID_MAX, SERVER_SAID_MAX)); break;
    case 'f': receive(fuzz_number(arg, SERVER_SAID_MAX, SERVER_SAID_MAX)); break;
    case 'p': give_piece(); break;
    case 'r': settle(); break;
    case 't': expire(); break;
    case 'c': mw_lmtp_lost(h.s, MW_E_CLOSED, NULL); break;
    case 'x': cancel(); break;
    case 'k': take_done(); break;
    case 'E': mw_flight_eager(h.deliveries, fuzz_number(arg, 100000, 0)); break;
    case '+': mw_flight_more(h.deliveries, 1); break;
    case '-': mw_flight_more(h.deliveries, 0); break;
    case '!': fuzz_memory_fail(&h.memory, (long)fuzz_number(arg, 60, 1)); break;
    default: break;
    }
    mw_flight_advance(h.deliveries);
    check();
}

/* ---- the run */

static void server_setup(mw_slice *script)
{
    mw_slice line = { "", 0 };

    server_init(&peer);
    if (fuzz_field(script, '\n', &line) && line.len > 2) {
        peer.fault = (line.base[1] & 0xff) % SERVER_FAULTS;
        peer.shapes = (line.base[2] & 0xff) % 8;
        peer.pipelining = memchr(line.base, 'p', line.len) != NULL;
        peer.chunking = memchr(line.base, 'b', line.len) != NULL;
        peer.answers_nobody = memchr(line.base, 'n', line.len) != NULL;
        peer.takes_anything = memchr(line.base, 't', line.len) != NULL;
    }
    peer.decisions.len = 0;
    fuzz_field(script, '\n', &peer.decisions);
}

/* Greeting and LHLO. */
static void connect_link(void)
{
    static const mw_slice hello = { "LHLO client", 11 };

    h.s = mw_lmtp_new(fuzz_memory_init(&h.memory, MEMORY_MAX));
    h.deliveries = h.s ? mw_flight_new(mw_lmtp_dialogue(h.s)) : NULL;
    if (!h.deliveries || mw_lmtp_greet(h.s))
        exit(1);
    server_say(&peer, "220 %s\r\n", peer.fault == SERVER_JOINS ? "Net::Server::Mail (Perl) Service ready" : "ready");
    hear(SERVER_SAID_MAX);
    FUZZ_CHECK(mw_lmtp_reply(h.s) == 1 && mw_lmtp_command(h.s, hello) == 0);
    send_bytes(SERVER_SAID_MAX);
    hear(SERVER_SAID_MAX);
    FUZZ_CHECK(mw_lmtp_reply(h.s) == 1 && mw_lmtp_idle(h.s));
    mw_flight_eager(h.deliveries, 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    mw_slice script, line;

    if (size > INPUT_MAX)
        return 0;
    memset(&h.memory, 0, sizeof h.memory);
    h.count = 0;
    fuzz_seed(bytes, size);
    h.piece = 1 + tap_random(400);
    script.base = (const char *)bytes;
    script.len = size;
    server_setup(&script);
    connect_link();
    while (fuzz_field(&script, '\n', &line)) {
        if (!line.len)
            continue;
        line.base++;
        line.len--;
        step(line.base[-1], line);
    }
    mw_lmtp_lost(h.s, MW_E_TIMEOUT, NULL);
    check();
    take_done();
    FUZZ_CHECK(!mw_flight_deliveries(h.deliveries)->first);
    mw_flight_free(h.deliveries);
    mw_lmtp_free(h.s);
    fuzz_memory_end(&h.memory);
    return 0;
}
