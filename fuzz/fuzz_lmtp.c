/* fuzz_lmtp.c - the LMTP session as a whole, between a caller and a peer who both do as the input says. What it
 * believes is compared with lmtp_model.h's counting after every call.
 *
 * The input is lines, each a letter and an argument. Text is taken as it is, without the LF; numbers are decimal.
 *
 *   <text   the peer says text CRLF        >text   mw_lmtp_command
 *   =text   the same, LF                   r  R    the next reply; all that are there
 *   {text   the same, no end               p       the next line, by mw_lmtp_reply_put
 *   f       the session receives all       P text  mw_lmtp_reply_put, "code-text" or "code text"
 *   f12     ... 12 bytes                   l  u    a line by hand; it is put back
 *   s  s12  all, 12 bytes are sent         Utext   text is put back
 *   o  e    content open, end              v  a    verdict, finals waived
 *   dtext   mw_lmtp_data text LF           h  y    hand settled, refusal shown
 *   Dtext   the same without LF            jN      joined: 0, 1, else by the banner
 *   wtext   mw_lmtp_raw text CRLF          mN      limits of N bytes
 *   Wtext   the same without CRLF          ktext   keyword
 *   BN      N times 1000 bytes of data     !N      the N-th allocation from now fails
 *   xtext   the link is lost
 */
#include "lmtp_check.h"

/* What a session may hold at any time: its queue's chunks, and copies of what it was given. */
#define MEMORY_MAX (1024 * 1024)

/* ---- the peer */

static void say(run *h, mw_slice text, const char *end)
{
    model *m = h->m;

    memcpy(m->said + m->said_len, text.base, text.len);
    m->said_len += text.len;
    memcpy(m->said + m->said_len, end, strlen(end));
    m->said_len += strlen(end);
}

static void receive(run *h, size_t n)
{
    model *m = h->m;
    size_t i;

    if (n > m->said_len - m->given)
        n = m->said_len - m->given;
    if (mw_buf_append(mw_lmtp_in(h->s), m->said + m->given, n))
        return;
    for (i = m->given; i < m->given + n; i++)
        m->positive += m->said[i] == '2';
    m->given += n;
}

static void send_bytes(run *h, size_t n)
{
    mw_outq *out = mw_lmtp_out(h->s);

    mw_outq_sent(out, n < mw_outq_len(out) ? n : (size_t)mw_outq_len(out));
}

/* ---- commands */

/* Before the line counts here: the session may have begun a transaction with it, and have its recipient already. */
static void follow(run *h, int has_rcpt)
{
    const mw_transaction *t = mw_lmtp_transaction(h->s);

    if (t->id != h->m->transaction && !h->m->unsure && !fuzz_memory_has_failed(&h->memory))
        model_begin(h->m, t->id, t->count - (size_t)has_rcpt, mw_lmtp_error(h->s) != 0);
}

/* What was read by hand counts, on both sides. */
static void settle(run *h)
{
    mw_lmtp_settle_hand(h->s);
    model_settle_hand(h->m);
    follow(h, 0);
}

static int is_verb(mw_slice line, const char *verb)
{
    size_t len = strlen(verb), i;

    if (line.len < len || (line.len > len && line.base[len] != ' '))
        return 0;
    for (i = 0; i < len; i++)
        if ((line.base[i] & 0xdf) != verb[i])
            return 0;
    return 1;
}

static void queued_bdat(run *h, mw_slice line)
{
    mw_slice word = { "", 0 }, words[3];
    int n = 0;

    while (n < 3 && fuzz_field(&line, ' ', &word))
        if (word.len)
            words[n++] = word;
    FUZZ_CHECK(n >= 2);
    h->m->chunk_left = strtoull(words[1].base, NULL, 10);
    h->m->chunk_last = n == 3 && is_verb(words[2], "LAST");
    if (h->m->chunk_last)
        model_owe_finals(h->m);
    else
        model_owe(h->m, MODEL_CHUNK, 1);
    if (h->m->chunk_last && !h->m->chunk_left)
        model_end(h->m, mw_lmtp_out(h->s)->queued);
}

static void queued(run *h, mw_slice line)
{
    model *m = h->m;

    if (m->auth || is_verb(line, "AUTH"))
        model_owe(m, MODEL_AUTH, 1);
    else if (is_verb(line, "MAIL") || is_verb(line, "SEND") || is_verb(line, "SOML") || is_verb(line, "SAML"))
        model_owe(m, MODEL_MAIL, 1);
    else if (is_verb(line, "RSET"))
        model_owe(m, MODEL_RSET, 1);
    else if (is_verb(line, "RCPT"))
        model_add_rcpt(m);
    else if (is_verb(line, "BDAT"))
        queued_bdat(h, line);
    else
        model_owe(m, MODEL_OTHER, 1);
    if (!m->auth && is_verb(line, "DATA")) {
        m->asked = m->tail;
        if (h->content == MW_CONTENT_REFUSED)
            model_asked_again(m);
    }
}

static void command(run *h, mw_slice line)
{
    mw_outq *out = mw_lmtp_out(h->s);
    uint64_t before = out->queued;
    int rc, is_rcpt, is_refused, broken, goes;

    settle(h);
    h->content = mw_lmtp_content(h->s);
    broken = mw_lmtp_error(h->s) != 0;
    is_rcpt = (broken || !h->m->auth) && is_verb(line, "RCPT");
    goes = mw_lmtp_goes(h->s, line);
    before = out->queued;
    rc = mw_lmtp_command(h->s, line);
    FUZZ_CHECK(rc == MW_E_NOMEM || goes == (out->queued > before));
    FUZZ_CHECK(rc == 0 || out->queued <= before);
    /* A recipient that is not sent has its result all the same. */
    is_refused = is_rcpt && (rc == MW_E_ARG_BYTES || rc == MW_E_COMMAND_LIMIT || (rc == 0 && out->queued <= before));
    follow(h, is_refused || (out->queued > before && is_rcpt));
    if (is_refused && !h->m->unsure)
        model_refuse_rcpt(h->m);
    if (out->queued <= before)
        return;
    FUZZ_CHECK(out->queued - before == line.len + 2);
    FUZZ_CHECK(!memchr(line.base, '\r', line.len) && !memchr(line.base, '\0', line.len));
    if (!mw_lmtp_error(h->s) && !h->m->unsure)
        queued(h, line);
    (void)mw_lmtp_public(h->s, line);
}

/* ---- replies */

/* The session has taken a reply. */
static void taken(run *h, int rc)
{
    int quiet = h->m->given == h->m->said_len && !mw_buf_len(mw_lmtp_in(h->s));

    if (rc == 2)
        mw_lmtp_settle(h->s, quiet);
    if (rc > 0) {
        h->m->doubtful = mw_lmtp_error(h->s) != 0;
        h->m->end_left = mw_lmtp_out(h->s)->sent >= h->m->end;
        model_apply(h->m, &h->m->reply, quiet);
        h->m->doubtful = 0;
        h->m->reply.count = 0;
    }
}

/* As a caller waits for a reply: reading piece by piece. Returns what came of it. */
static int reply(run *h)
{
    int rc, wanted;

    settle(h);
    if (mw_lmtp_reply_local(h->s))
        return 1;
    model_hand_over(h->m);
    for (;;) {
        rc = mw_lmtp_reply(h->s);
        wanted = model_gather(h->m);
        check_reply(h, rc, wanted);
        if (rc || h->m->given == h->m->said_len)
            break;
        receive(h, tap_piece(h->cut, h->m->said_len - h->m->given));
    }
    taken(h, rc);
    return rc;
}

/* The line that the session has handed out, as the model has it. */
static mw_slice model_line(run *h, mw_slice line)
{
    static const mw_slice any = { "250 any", 7 };
    mw_slice wanted;
    int is_there = model_next(h->m, &wanted);

    if (h->m->unsure || h->m->frozen || fuzz_memory_has_failed(&h->memory))
        return is_there ? wanted : any;
    FUZZ_CHECK(is_there && wanted.len == line.len && memcmp(wanted.base, line.base, line.len) == 0);
    return wanted;
}

/* The same, the caller taking the lines apart. */
static void put(run *h, mw_slice text)
{
    unsigned code = (unsigned)fuzz_number(text, 100000, 250);
    int more = text.len && memchr(text.base, '-', text.len), rc;

    settle(h);
    if (mw_lmtp_reply_local(h->s))
        return;
    model_hand_over(h->m);
    h->m->positive++;
    rc = mw_lmtp_reply_put(h->s, code, text, more);
    if (code < 100 || code > 599)
        h->m->reply.count = 0;
    else if (model_add(&h->m->reply, code, text, more) == 1)
        taken(h, rc);
}

static void put_line(run *h)
{
    mw_slice line, text, wanted;
    unsigned code;
    int more, rc;

    settle(h);
    if (mw_lmtp_reply_local(h->s) || (rc = mw_lmtp_line(h->s, 0, &line)) != 1)
        return;
    wanted = model_line(h, line);
    if (!mw_reply_scan(line, 0, &code, &more, &text)) {
        if (mw_lmtp_line_unget(h->s, line) == 0)
            model_unget(h->m, wanted);
        mw_lmtp_reply_garbled(h->s);
        h->m->reply.count = 0;
        return;
    }
    model_hand_over(h->m);
    rc = mw_lmtp_reply_put(h->s, code, text, more);
    if (model_add_line(&h->m->reply, wanted) == 1)
        taken(h, rc);
}

/* ---- lines by hand */

static void line_by_hand(run *h)
{
    mw_slice line, wanted;

    h->m->unsure |= h->small;
    settle(h);
    if (mw_lmtp_line(h->s, 1, &line) != 1)
        return;
    wanted = model_line(h, line);
    h->m->hand_line = wanted;
    h->m->hand_held = 1;
}

static void unget(run *h, mw_slice line)
{
    if (mw_lmtp_line_unget(h->s, line) == 0)
        model_unget(h->m, line);
}

/* A line that the caller made up counts as if the peer had said it. */
static void unget_any(run *h, mw_slice line)
{
    size_t i;

    for (i = 0; i < line.len; i++)
        h->m->positive += line.base[i] == '2';
    unget(h, line);
}

/* ---- content */

static void data(run *h, const char *bytes, size_t len)
{
    size_t used;
    int rc = mw_lmtp_data(h->s, bytes, len, &used);

    check_used(h, rc, used, len);
}

static void raw(run *h, const char *bytes, size_t len)
{
    size_t used;
    int was_chunk = mw_lmtp_content(h->s) == MW_CONTENT_CHUNK;
    int was_open = mw_lmtp_content(h->s) == MW_CONTENT_OPEN;
    int rc = mw_lmtp_raw(h->s, bytes, len, &used);

    check_used(h, rc, used, len);
    if (was_open && !rc && mw_lmtp_content(h->s) == MW_CONTENT_NONE && !h->m->unsure) {
        FUZZ_CHECK(used && bytes[used - 1] == '\n');
        model_owe_finals(h->m);
        model_end(h->m, mw_lmtp_out(h->s)->queued);
    }
    if (!was_chunk || !used || h->m->unsure)
        return;
    FUZZ_CHECK(used <= h->m->chunk_left);
    h->m->chunk_left -= used;
    if (!h->m->chunk_left && h->m->chunk_last)
        model_end(h->m, mw_lmtp_out(h->s)->queued);
}

static void with_end(run *h, void (*write)(run *, const char *, size_t), mw_slice text, const char *end)
{
    char *bytes = malloc(text.len + 2);

    if (!bytes)
        exit(1);
    memcpy(bytes, text.base, text.len);
    memcpy(bytes + text.len, end, strlen(end));
    write(h, bytes, text.len + strlen(end));
    free(bytes);
}

static void much_data(run *h, size_t times)
{
    static char block[1000];

    if (!block[0])
        memset(block, '\n', sizeof block);
    while (times--)
        data(h, block, sizeof block);
}

static void data_end(run *h)
{
    uint64_t before = mw_lmtp_out(h->s)->queued;
    int ends = mw_lmtp_data_ends(h->s), rc = mw_lmtp_data_end(h->s);

    FUZZ_CHECK(rc == MW_E_NOMEM || (!rc == !ends && !rc == (mw_lmtp_out(h->s)->queued > before)));
    if (rc || h->m->unsure)
        return;
    model_owe_finals(h->m);
    model_end(h->m, mw_lmtp_out(h->s)->queued);
}

/* ---- the rest */

static void verdict(run *h)
{
    const model *m = h->m;
    int good = mw_lmtp_verdict(h->s) == 1;
    size_t i;

    for (i = 0; good && !m->unsure && i < m->count; i++)
        FUZZ_CHECK(!m->rcpts[i].accepted || m->rcpts[i].final / 100 == 2);
}

static void keyword(run *h, mw_slice word)
{
    mw_slice params;

    if (mw_lmtp_keyword(h->s, word, &params) && params.len)
        FUZZ_CHECK(params.base[0] != ' ' && params.base[params.len - 1] != ' ');
}

static void lost(run *h, mw_slice words)
{
    mw_text *text = words.len ? mw_text_new(mw_lmtp_transaction(h->s)->alloc, words.base, words.len) : NULL;
    mw_transaction before;

    settle(h);
    before = *mw_lmtp_transaction(h->s);
    model_salvage(h->m);
    mw_lmtp_lost(h->s, MW_E_TIMEOUT, text);
    mw_text_drop(text);
    FUZZ_CHECK(mw_lmtp_transaction(h->s)->id == before.id && mw_lmtp_transaction(h->s)->count == before.count);
    FUZZ_CHECK(mw_lmtp_error(h->s) && !mw_lmtp_finals_owed(h->s) && !mw_outq_len(mw_lmtp_out(h->s)));
    h->m->said_len = h->m->given = h->m->eaten = h->m->backs = h->m->reply.count = h->m->hand_held = 0;
}

static void waive(run *h)
{
    settle(h);
    mw_lmtp_waive_finals(h->s);
    if (!h->m->frozen)
        model_waive(h->m);
}

static void replies(run *h)
{
    size_t most = MODEL_SAID_MAX + MODEL_INPUT_MAX;

    while (reply(h) > 0) {
        check(h, mw_buf_len(mw_lmtp_in(h->s)) > 0);
        FUZZ_CHECK(most-- > 0);
    }
}

static void call(run *h, char op, mw_slice arg)
{
    switch (op) {
    case '>': command(h, arg); break;
    case 'r': reply(h); break;
    case 'R': replies(h); break;
    case 'p': put_line(h); break;
    case 'P': put(h, arg); break;
    case 'l': line_by_hand(h); break;
    case 'u': if (h->m->hand_held) unget(h, h->m->hand_line); break;
    case 'U': unget_any(h, arg); break;
    case 'v': verdict(h); break;
    case 'a': waive(h); break;
    case 'h': settle(h); break;
    case 'y': mw_lmtp_refusal(h->s); break;
    case 'o': mw_lmtp_content_open(h->s); break;
    case 'd': with_end(h, data, arg, "\n"); break;
    case 'D': data(h, arg.base, arg.len); break;
    case 'w': with_end(h, raw, arg, "\r\n"); break;
    case 'W': raw(h, arg.base, arg.len); break;
    case 'B': much_data(h, fuzz_number(arg, 200, 1)); break;
    case 'e': data_end(h); break;
    case 'k': keyword(h, arg); break;
    case 'x': lost(h, arg); break;
    default: break;
    }
}

/* What is not a call on the session. 1 when it was that. */
static int outside(run *h, char op, mw_slice arg)
{
    switch (op) {
    case '<': say(h, arg, "\r\n"); return 1;
    case '=': say(h, arg, "\n"); return 1;
    case '{': say(h, arg, ""); return 1;
    case 'f': receive(h, fuzz_number(arg, MODEL_SAID_MAX, MODEL_SAID_MAX)); return 1;
    case 's': send_bytes(h, fuzz_number(arg, 1000000, 1000000)); return 1;
    case '!': fuzz_memory_fail(&h->memory, (long)fuzz_number(arg, 50, 1)); return 1;
    case 'j':
        h->m->joined = (int)fuzz_number(arg, 2, 2) == 2 ? -1 : (int)fuzz_number(arg, 2, 2);
        mw_lmtp_joined(h->s, h->m->joined);
        return 1;
    case 'm':
        h->small = 1;
        mw_lmtp_limits(h->s, fuzz_number(arg, MW_LINE_MAX, 0), fuzz_number(arg, MW_REPLY_MAX, 0));
        return 1;
    }
    return 0;
}

static void play(run *h, mw_slice script)
{
    mw_slice line;

    while (fuzz_field(&script, '\n', &line)) {
        char op = line.len ? line.base[0] : ' ';
        int waiting = mw_buf_len(mw_lmtp_in(h->s)) > 0 || h->m->reply.count || h->m->backs;

        if (!line.len)
            continue;
        line.base++;
        line.len--;
        if (outside(h, op, line))
            continue;
        call(h, op, line);
        check(h, waiting || mw_buf_len(mw_lmtp_in(h->s)) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static model m;
    static const mw_slice no_words = { "", 0 };
    mw_slice script;
    run h;

    if (size > MODEL_INPUT_MAX)
        return 0;
    memset(&h, 0, sizeof h);
    fuzz_seed(bytes, size);
    h.m = &m;
    h.cut = (int)tap_random(TAP_RANDOM + 1);
    model_init(&m);
    h.s = mw_lmtp_new(fuzz_memory_init(&h.memory, MEMORY_MAX));
    if (!h.s || mw_lmtp_greet(h.s))
        exit(1);
    model_owe(&m, MODEL_GREETING, 1);
    script.base = (const char *)bytes;
    script.len = size;
    play(&h, script);
    lost(&h, no_words);
    check(&h, 1);
    mw_lmtp_free(h.s);
    fuzz_memory_end(&h.memory);
    return 0;
}
