/* fuzz_qmtp.c - the QMTP session as a whole, between a caller and a peer who both do as the input says. Who has an
 * answer is found a second time, by counting; what was sent is compared with a package put together here.
 *
 * The input is lines, each a letter and an argument. Text is taken as it is, without the LF; numbers are decimal.
 *
 *   b c      a package is begun, cancelled     <text   the peer says text
 *   tADDR    a recipient                       [text   the peer says text as a netstring
 *   mN  MN   its message of N bytes, LF, CRLF  f  f12  the session receives all, 12 bytes, and reads
 *   wtext    more of it, copied                s  s12  all, 12 bytes are sent
 *   ltext    ... lent                          xtext   the link is lost
 *   BN       N bytes of it                     k       the oldest package is taken
 *   eADDR    its end, and the sender           !N      the N-th allocation from now fails
 */
#include "../c/error.h"
#include "../c/qmtp.h"
#include "target.h"

#define INPUT_MAX 4096
#define SAID_MAX (8 * INPUT_MAX)    /* a head for each line, and all twice */
#define WIRE_MAX (64 * INPUT_MAX)
#define ANSWER_MAX 100
#define MEMORY_MAX (1024 * 1024)
#define RCPTS_MAX 100

typedef struct package {
    mw_slice rcpts[RCPTS_MAX];
    size_t count;
    char answers[RCPTS_MAX];    /* the letters that came, in order */
    size_t answered;
    uint64_t end;               /* bytes sent when it is whole; 0: not yet */
    int begun_message;
} package;

typedef struct run {
    fuzz_memory memory;
    mw_qmtp *q;
    char said[SAID_MAX], wire[WIRE_MAX];
    size_t said_len, given, eaten;
    size_t wire_len, sent;      /* what should be sent; what was */
    package *packages[INPUT_MAX];
    size_t first, count;        /* packages not taken: first to count - 1 */
    uint64_t left;              /* of the message being written */
    size_t text_left;           /* that messages may have together */
    int writing, broken, unsure, counts;
} run;

/* ---- the counting */

static package *package_at(run *h, size_t i)
{
    return h->packages[i];
}

static package *writing(run *h)
{
    return h->writing ? package_at(h, h->count - 1) : NULL;
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

    while (!h->broken && (p = answering(h, &others)) && p->end && p->end <= h->sent) {
        answer = next_answer(h);
        h->broken |= answer < 0;
        if (answer <= 0)
            return;
        p->answers[p->answered++] = (char)answer;
        h->counts |= p->answered == p->count && p->count > 1;
    }
}

/* ---- what must hold after every call */

static void check_package(const package *p, const mw_result *r, int unsure)
{
    size_t i;

    for (i = 0; i < p->count; i++) {
        char answer = i < p->answered ? p->answers[i] : 0;
        unsigned wanted = answer == 'K' ? MW_QMTP_ACCEPTED : answer == 'D' ? MW_QMTP_REFUSED : MW_QMTP_DEFERRED;

        FUZZ_CHECK(r[i].recipient->len == p->rcpts[i].len);
        FUZZ_CHECK(memcmp(r[i].recipient->bytes, p->rcpts[i].base, p->rcpts[i].len) == 0);
        if (r[i].code == MW_QMTP_ACCEPTED)
            FUZZ_CHECK(answer == 'K' && r[i].stage == MW_STAGE_FINAL && !r[i].maybe_delivered);
        if (answer && !unsure)
            FUZZ_CHECK(r[i].code == wanted && !r[i].maybe_delivered);
        if (!answer)
            FUZZ_CHECK(r[i].code == 0 || r[i].code == MW_QMTP_DEFERRED);
    }
}

static void check(run *h)
{
    const mw_result *r;
    int64_t number;
    size_t count, i;

    h->unsure |= fuzz_memory_has_failed(&h->memory);
    if (fuzz_memory_has_failed(&h->memory))
        h->memory.counter.fail_at = 0;
    r = mw_qmtp_results(h->q, &number, &count);
    FUZZ_CHECK((number == 0) == (h->first == h->count));
    if (number) {
        FUZZ_CHECK(count == package_at(h, h->first)->count);
        check_package(package_at(h, h->first), r, h->unsure);
    }
    for (i = 0; number && i < count; i++)
        FUZZ_CHECK(r[i].code || !mw_qmtp_complete(h->q));
    FUZZ_CHECK(!mw_qmtp_error(h->q) || !number || mw_qmtp_complete(h->q));
    FUZZ_CHECK(!mw_qmtp_error(h->q) || (mw_qmtp_in_flight(h->q) == 0 && mw_outq_len(mw_qmtp_out(h->q)) == 0));
    h->broken |= mw_qmtp_error(h->q) != 0;
    if (h->broken)
        h->writing = 0;
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
    int64_t number = mw_qmtp_begin(h->q);
    package *p;

    FUZZ_CHECK(number > 0 || h->writing || h->broken || fuzz_memory_has_failed(&h->memory));
    if (number <= 0)
        return;
    p = malloc(sizeof *p);
    if (!p)
        exit(1);
    p->count = p->answered = 0;
    p->end = 0;
    p->begun_message = 0;
    h->packages[h->count++] = p;
    h->writing = 1;
}

static void cancel(run *h)
{
    package *p = writing(h);

    if (mw_qmtp_cancel(h->q)) {
        FUZZ_CHECK(!p || p->begun_message);
        return;
    }
    FUZZ_CHECK(p && !p->begun_message);
    free(p);
    h->count--;
    h->writing = 0;
}

static void rcpt(run *h, mw_slice address)
{
    package *p = writing(h);

    if (p && p->count == RCPTS_MAX)
        return;
    if (mw_qmtp_rcpt(h->q, address) == 0) {
        FUZZ_CHECK(p && !p->begun_message);
        p->rcpts[p->count++] = address;
    }
}

/* A package of several recipients is never on its way together with another, until the peer has answered one in full. */
static void message(run *h, unsigned char eol, size_t size)
{
    package *p = writing(h), *oldest;
    size_t others;
    char first = (char)eol;

    if (size > h->text_left || mw_qmtp_message(h->q, eol, size))
        return;
    FUZZ_CHECK(p && p->count && !p->begun_message);
    oldest = answering(h, &others);
    if (!h->counts)
        FUZZ_CHECK(oldest == p || (p->count == 1 && oldest->count == 1));
    p->begun_message = 1;
    h->left = size;
    h->text_left -= size;
    wire_number(h, (uint64_t)size + 1);
    wire_add(h, &first, 1);
}

static void body(run *h, const char *bytes, size_t n, int lend)
{
    package *p = writing(h);
    int rc = mw_qmtp_body(h->q, bytes, n, lend);

    if (p && p->begun_message && !h->broken)
        FUZZ_CHECK(rc == MW_E_NOMEM || rc == (n > h->left ? MW_E_SIZE : 0));
    if (rc || !n)
        return;
    wire_add(h, bytes, n);
    h->left -= n;
}

static void end(run *h, mw_slice sender)
{
    package *p = writing(h);
    size_t before = h->wire_len, inner = 0, i;
    char head[24];

    if (p && p->begun_message) {
        wire_add(h, ",", 1);
        wire_netstring(h, sender);
        for (i = 0; i < p->count; i++)
            inner += (size_t)sprintf(head, "%lu:", (unsigned long)p->rcpts[i].len) + p->rcpts[i].len + 1;
        wire_number(h, inner);
        for (i = 0; i < p->count; i++)
            wire_netstring(h, p->rcpts[i]);
        wire_add(h, ",", 1);
    }
    if (mw_qmtp_end(h->q, sender)) {
        h->wire_len = before;
        return;
    }
    FUZZ_CHECK(p && p->begun_message && h->left == 0);
    p->end = h->wire_len;
    h->writing = 0;
}

static void take(run *h)
{
    int complete = mw_qmtp_complete(h->q);
    package *p = h->first < h->count ? package_at(h, h->first) : NULL;

    mw_qmtp_take(h->q);
    if (!complete)
        return;
    FUZZ_CHECK(p && (h->broken || is_whole(p)));
    free(p);
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

/* Afterwards everybody has one result, in doubt when the package had left whole. */
static void lost(run *h, mw_slice words)
{
    mw_text *text = words.len ? mw_text_new(mw_alloc_default(), words.base, words.len) : NULL;
    int was_broken = mw_qmtp_error(h->q) != 0;
    const mw_result *r;
    int64_t number;
    size_t count, i;

    mw_qmtp_lost(h->q, MW_E_CLOSED, text);
    mw_text_drop(text);
    FUZZ_CHECK(mw_qmtp_error(h->q));
    r = mw_qmtp_results(h->q, &number, &count);
    for (i = 0; number && !was_broken && i < count; i++) {
        const package *p = package_at(h, h->first);
        int doubt = i >= p->answered && p->end && p->end <= h->sent;

        FUZZ_CHECK(r[i].code && (h->unsure || !r[i].maybe_delivered == !doubt));
    }
}

static void call(run *h, char op, mw_slice arg)
{
    static const char zeros[1000];

    switch (op) {
    case 'b': begin(h); break;
    case 'c': cancel(h); break;
    case 't': rcpt(h, arg); break;
    case 'm': message(h, MW_QMTP_LF, fuzz_number(arg, WIRE_MAX, 0)); break;
    case 'M': message(h, MW_QMTP_CRLF, fuzz_number(arg, WIRE_MAX, 0)); break;
    case 'w': body(h, arg.base, arg.len, 0); break;
    case 'l': body(h, arg.base, arg.len, 1); break;
    case 'B': body(h, zeros, fuzz_number(arg, sizeof zeros, 1), 0); break;
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
    h->writing = h->broken = h->unsure = h->counts = 0;
    h->text_left = WIRE_MAX / 2;
    h->q = mw_qmtp_new(fuzz_memory_init(&h->memory, MEMORY_MAX), ANSWER_MAX);
    if (!h->q)
        exit(1);
}

static void run_end(run *h)
{
    static const mw_slice no_words = { "", 0 };

    lost(h, no_words);
    check(h);
    while (h->first < h->count) {
        take(h);
        check(h);
    }
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
