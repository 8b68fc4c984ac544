/* fuzz_qmtp.c - the QMTP session as a whole, between a caller and a peer who both do as the input says. Who has an
 * answer is found a second time, by counting; what was sent is compared with a package put together here.
 *
 * The input is lines, each a letter and an argument. Text is taken as it is, without the LF; numbers are decimal.
 *
 *   b c      a package is begun, forgotten     <text   the peer says text
 *   tADDR    a recipient                       [text   the peer says text as a netstring
 *   m  M     its lines end in LF, in CRLF      f  f12  the session receives all, 12 bytes, and reads
 *   wtext l  more of its message               s  s12  all, 12 bytes are sent
 *   BN       N bytes of it                     xtext   the link is lost
 *   eADDR    it is written, from this sender   k       the oldest one is taken
 *   !N       the N-th allocation from now fails
 */
#include "../c/error.h"
#include "../c/qmtp.h"
#include "target.h"

#define INPUT_MAX 4096
#define SAID_MAX (8 * INPUT_MAX)    /* a head for each line, and all twice */
#define WIRE_MAX (64 * INPUT_MAX)
#define TEXT_MAX (WIRE_MAX / 2)
#define ANSWER_MAX 100
#define MEMORY_MAX (1024 * 1024)
#define RCPTS_MAX 100

typedef struct package {
    mw_delivery *delivery;
    unsigned char eol;
    const char *content;
    size_t size;
    mw_slice rcpts[RCPTS_MAX];
    size_t count;
    char answers[RCPTS_MAX];    /* the letters that came, in order */
    size_t answered;
    uint64_t begin, end;        /* bytes sent in front of it, and when it is whole */
} package;

typedef struct run {
    fuzz_memory memory;
    mw_qmtp *q;
    mw_queue queue;
    char said[SAID_MAX], wire[WIRE_MAX], text[TEXT_MAX];
    size_t said_len, given, eaten;
    size_t wire_len, sent;      /* what should be sent; what was */
    package *packages[INPUT_MAX];
    size_t first, count;        /* packages not taken: first to count - 1 */
    package *begun;             /* one that is not written yet; NULL: none */
    size_t text_len;            /* of all messages together */
    int broken, unsure, counts;
} run;

/* ---- the counting */

static package *package_at(run *h, size_t i)
{
    return h->packages[i];
}

static int is_whole(const package *p)
{
    return p->count && p->answered == p->count;
}

/* The oldest package that waits for an answer; NULL when none does. */
static package *answering(run *h, size_t *others_r)
{
    package *found = NULL;
    size_t i;

    *others_r = 0;
    for (i = h->first; i < h->count; i++) {
        if (is_whole(package_at(h, i)))
            continue;
        if (found)
            ++*others_r;
        else
            found = package_at(h, i);
    }
    return found;
}

/* The next whole netstring that was received: its first byte, 0 when more is needed, -1 when it makes no sense. */
static int next_answer(run *h)
{
    mw_slice in, head;
    size_t n, i;

    in.base = h->said + h->eaten;
    in.len = h->given - h->eaten;
    if (!in.len || !memchr(in.base, ':', in.len))
        return 0;
    fuzz_field(&in, ':', &head);
    for (i = 0; i < head.len; i++)
        if (head.base[i] < '0' || head.base[i] > '9')
            return -1;
    n = fuzz_number(head, ANSWER_MAX + 1, 0);
    if (!head.len || n > ANSWER_MAX || (head.base[0] == '0' && head.len > 1))
        return -1;
    if (in.len <= n)
        return 0;
    h->eaten += head.len + n + 2;
    return n && in.base[n] == ',' && memchr("KZD", in.base[0], 3) ? in.base[0] : -1;
}

/* Takes the answers that are there, for packages that are sent to their ends. */
static void count_answers(run *h)
{
    package *p;
    size_t others;
    int answer;

    while (!h->broken && (p = answering(h, &others)) && p->end <= h->sent) {
        answer = next_answer(h);
        h->broken |= answer < 0;
        if (answer <= 0)
            return;
        p->answers[p->answered++] = (char)answer;
        h->counts |= p->answered == p->count && p->count > 1;
    }
}

/* ---- what must hold after every call */

static void check_package(const package *p, const mw_delivery *d, int unsure)
{
    size_t i;

    for (i = 0; i < p->count; i++) {
        const mw_result *r = &d->to.rcpts[i].result;
        char answer = i < p->answered ? p->answers[i] : 0;
        unsigned wanted = answer == 'K' ? MW_QMTP_ACCEPTED : answer == 'D' ? MW_QMTP_REFUSED : MW_QMTP_DEFERRED;

        FUZZ_CHECK(r->recipient->len == p->rcpts[i].len);
        FUZZ_CHECK(memcmp(r->recipient->bytes, p->rcpts[i].base, p->rcpts[i].len) == 0);
        if (r->code == MW_QMTP_ACCEPTED)
            FUZZ_CHECK(answer == 'K' && r->stage == MW_STAGE_FINAL && !r->maybe_delivered);
        if (answer && !unsure)
            FUZZ_CHECK(r->code == wanted && !r->maybe_delivered);
        if (!answer)
            FUZZ_CHECK(r->code == 0 || r->code == MW_QMTP_DEFERRED);
    }
}

static void check(run *h)
{
    size_t i, n;

    h->unsure |= fuzz_memory_has_failed(&h->memory);
    if (fuzz_memory_has_failed(&h->memory))
        h->memory.counter.fail_at = 0;
    h->broken |= mw_qmtp_error(h->q) != 0;
    for (i = h->first; i < h->count; i++) {
        const mw_delivery *d = package_at(h, i)->delivery;
        int is_done = d->state == MW_DELIVERY_DONE;

        FUZZ_CHECK(d->rcpts == package_at(h, i)->count && d->to.count == d->rcpts);
        check_package(package_at(h, i), d, h->unsure);
        for (n = 0; n < d->rcpts; n++)
            FUZZ_CHECK((d->to.rcpts[n].result.code != 0) == (is_done || n < d->to.next));
        /* Of what waits for the next link nothing has left; all else is over. */
        if (h->broken)
            FUZZ_CHECK(is_done ? package_at(h, i)->begin < h->sent : d->state == MW_DELIVERY_WAITING && package_at(h, i)->begin >= h->sent);
        else
            FUZZ_CHECK(is_done ? d->to.next == d->rcpts : d->state == MW_DELIVERY_ENDED);
    }
    FUZZ_CHECK(!h->broken || (mw_qmtp_in_flight(h->q) == 0 && mw_outq_len(mw_qmtp_out(h->q)) == 0));
}

/* ---- the wire */

static void wire_add(run *h, const char *bytes, size_t n)
{
    FUZZ_CHECK(n <= WIRE_MAX - h->wire_len);
    memcpy(h->wire + h->wire_len, bytes, n);
    h->wire_len += n;
}

static void wire_number(run *h, uint64_t n)
{
    char text[24];

    wire_add(h, text, (size_t)sprintf(text, "%llu:", (unsigned long long)n));
}

static void wire_netstring(run *h, mw_slice s)
{
    wire_number(h, s.len);
    wire_add(h, s.base, s.len);
    wire_add(h, ",", 1);
}

static void send_bytes(run *h, size_t most)
{
    mw_outq *out = mw_qmtp_out(h->q);
    mw_slice v;
    size_t n;

    for (; most && mw_outq_peek(out, &v, 1); most -= n) {
        n = v.len < most ? v.len : most;
        FUZZ_CHECK(n <= h->wire_len - h->sent && memcmp(v.base, h->wire + h->sent, n) == 0);
        h->sent += n;
        mw_outq_sent(out, n);
    }
    FUZZ_CHECK(out->sent == h->sent);
}

/* ---- calls */

static void begin(run *h)
{
    free(h->begun);
    h->begun = calloc(1, sizeof *h->begun);
    if (!h->begun)
        exit(1);
    h->begun->eol = MW_QMTP_LF;
    h->begun->content = h->text + h->text_len;
}

static void forget(run *h)
{
    free(h->begun);
    h->begun = NULL;
}

static void rcpt(run *h, mw_slice address)
{
    if (h->begun && h->begun->count < RCPTS_MAX)
        h->begun->rcpts[h->begun->count++] = address;
}

static void body(run *h, const char *bytes, size_t n)
{
    if (!h->begun || n > TEXT_MAX - h->text_len)
        return;
    memcpy(h->text + h->text_len, bytes, n);
    h->text_len += n;
    h->begun->size += n;
}

/* What should be on the wire. */
static void wire_package(run *h, const package *p, mw_slice sender)
{
    size_t inner = 0, i;
    char head[24], first = (char)p->eol;

    wire_number(h, (uint64_t)p->size + 1);
    wire_add(h, &first, 1);
    wire_add(h, p->content, p->size);
    wire_add(h, ",", 1);
    wire_netstring(h, sender);
    for (i = 0; i < p->count; i++)
        inner += (size_t)sprintf(head, "%lu:", (unsigned long)p->rcpts[i].len) + p->rcpts[i].len + 1;
    wire_number(h, inner);
    for (i = 0; i < p->count; i++)
        wire_netstring(h, p->rcpts[i]);
    wire_add(h, ",", 1);
}

/* NULL: no memory. */
static mw_delivery *delivery_of(run *h, const package *p, mw_slice sender)
{
    mw_delivery *d = mw_qmtp_delivery_new(&h->memory.counter.table, sender, p->eol);
    size_t i;

    for (i = 0; d && i < p->count; i++) {
        if (mw_qmtp_delivery_rcpt(d, p->rcpts[i])) {
            mw_delivery_free(d);
            return NULL;
        }
    }
    if (d)
        mw_content_lend(&d->content, p->content, p->size);
    return d;
}

/* A package of several recipients is never on its way together with another, until the peer has answered one in full. */
static int may_go(run *h, const package *p)
{
    size_t others;
    const package *oldest = answering(h, &others);

    return !h->broken && mw_outq_len(mw_qmtp_out(h->q)) < MW_QMTP_HIGH_WATER
        && (h->counts || !oldest || (p->count == 1 && oldest->count == 1));
}

static void judge_write(run *h, const package *p, int may, int rc)
{
    mw_delivery_state state = p->delivery->state;

    if (h->broken)
        FUZZ_CHECK(rc && rc == mw_qmtp_error(h->q) && state == MW_DELIVERY_WAITING);
    else if (rc)
        FUZZ_CHECK(may && rc == MW_E_NOMEM && fuzz_memory_has_failed(&h->memory) && state == MW_DELIVERY_WAITING);
    else
        FUZZ_CHECK(state == (!may ? MW_DELIVERY_WAITING : p->count ? MW_DELIVERY_ENDED : MW_DELIVERY_DONE));
}

static void discard(run *h, package *p)
{
    if (p->delivery) {
        mw_queue_cancel(&h->queue, p->delivery, MW_STAGE_CONNECT, NULL);
        mw_queue_take(&h->queue, p->delivery);
        mw_delivery_free(p->delivery);
    }
    free(p);
}

static void end(run *h, mw_slice sender)
{
    package *p = h->begun;
    int rc, may;

    if (!p)
        return;
    h->begun = NULL;
    p->delivery = delivery_of(h, p, sender);
    FUZZ_CHECK(p->delivery || fuzz_memory_has_failed(&h->memory));
    if (!p->delivery) {
        free(p);
        return;
    }
    may = may_go(h, p);
    mw_queue_add(&h->queue, p->delivery);
    rc = mw_qmtp_write(h->q, &h->queue);
    judge_write(h, p, may, rc);
    if (!may || !p->count) {
        discard(h, p);
        return;
    }
    p->begin = h->wire_len;
    p->end = UINT64_MAX;
    if (!rc) {
        wire_package(h, p, sender);
        p->end = h->wire_len;
    }
    h->packages[h->count++] = p;
}

static void take(run *h)
{
    package *p = h->first < h->count ? package_at(h, h->first) : NULL;

    if (!p || p->delivery->state != MW_DELIVERY_DONE)
        return;
    FUZZ_CHECK(h->broken || is_whole(p));
    discard(h, p);
    h->first++;
}

static void say(run *h, mw_slice text, int netstring)
{
    if (netstring)
        h->said_len += (size_t)sprintf(h->said + h->said_len, "%lu:", (unsigned long)text.len);
    memcpy(h->said + h->said_len, text.base, text.len);
    h->said_len += text.len;
    if (netstring)
        h->said[h->said_len++] = ',';
}

static void receive(run *h, size_t n)
{
    int rc;

    if (n > h->said_len - h->given)
        n = h->said_len - h->given;
    if (h->broken || mw_buf_append(mw_qmtp_in(h->q), h->said + h->given, n))
        return;
    h->given += n;
    rc = mw_qmtp_read(h->q);
    count_answers(h);
    FUZZ_CHECK((rc < 0) == (mw_qmtp_error(h->q) != 0) && (rc < 0 || !h->broken));
    /* All of it belonged to somebody, or the session is broken. */
    FUZZ_CHECK(rc < 0 || mw_buf_len(mw_qmtp_in(h->q)) == 0);
}

/* Afterwards everybody has one result, in doubt when the package had left whole; or waits, when none of it had left. */
static void lost(run *h, mw_slice words)
{
    mw_text *text = words.len ? mw_text_new(mw_alloc_default(), words.base, words.len) : NULL;
    int was_broken = mw_qmtp_error(h->q) != 0;
    size_t n, i;

    mw_qmtp_lost(h->q, MW_E_CLOSED, text);
    mw_text_drop(text);
    FUZZ_CHECK(mw_qmtp_error(h->q));
    for (n = h->first; n < h->count && !was_broken; n++) {
        const package *p = package_at(h, n);

        for (i = 0; i < p->count; i++) {
            int doubt = i >= p->answered && p->end <= h->sent;
            const mw_result *r = &p->delivery->to.rcpts[i].result;

            FUZZ_CHECK((r->code != 0) == (p->begin < h->sent) && (h->unsure || !r->maybe_delivered == !doubt));
        }
    }
}

static void call(run *h, char op, mw_slice arg)
{
    static const char zeros[1000];

    switch (op) {
    case 'b': begin(h); break;
    case 'c': forget(h); break;
    case 't': rcpt(h, arg); break;
    case 'm': case 'M':
        if (h->begun)
            h->begun->eol = op == 'm' ? MW_QMTP_LF : MW_QMTP_CRLF;
        break;
    case 'w': case 'l': body(h, arg.base, arg.len); break;
    case 'B': body(h, zeros, fuzz_number(arg, sizeof zeros, 1)); break;
    case 'e': end(h, arg); break;
    case '<': say(h, arg, 0); break;
    case '[': say(h, arg, 1); break;
    case 'f': receive(h, fuzz_number(arg, SAID_MAX, SAID_MAX)); break;
    case 's': send_bytes(h, fuzz_number(arg, WIRE_MAX, WIRE_MAX)); break;
    case 'x': lost(h, arg); break;
    case 'k': take(h); break;
    case '!': fuzz_memory_fail(&h->memory, (long)fuzz_number(arg, 50, 1)); break;
    default: break;
    }
}

static void run_init(run *h)
{
    memset(&h->memory, 0, sizeof h->memory);
    h->said_len = h->given = h->eaten = h->wire_len = h->sent = h->first = h->count = 0;
    h->broken = h->unsure = h->counts = 0;
    h->text_len = 0;
    h->begun = NULL;
    h->q = mw_qmtp_new(fuzz_memory_init(&h->memory, MEMORY_MAX), ANSWER_MAX);
    if (!h->q)
        exit(1);
    mw_queue_init(&h->queue, &mw_qmtp_protocol, NULL);
}

static void run_end(run *h)
{
    static const mw_slice no_words = { "", 0 };

    lost(h, no_words);
    check(h);
    while (h->first < h->count)
        discard(h, package_at(h, h->first++));
    forget(h);
    mw_qmtp_free(h->q);
    fuzz_memory_end(&h->memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static run h;
    mw_slice script, line;

    if (size > INPUT_MAX)
        return 0;
    run_init(&h);
    script.base = (const char *)bytes;
    script.len = size;
    while (fuzz_field(&script, '\n', &line)) {
        if (!line.len)
            continue;
        line.base++;
        line.len--;
        call(&h, line.base[-1], line);
        check(&h);
    }
    run_end(&h);
    return 0;
}
