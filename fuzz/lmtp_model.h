/* lmtp_model.h - what an LMTP session may believe, found by counting alone: lines, replies, who is owed the next
 * one. It knows nothing of the session's inside; fuzz_lmtp.c tells it what was queued and what was taken.
 *
 * Replies have no name. The n-th reply belongs to the n-th thing that is owed one, and the j-th of the replies to a
 * message's end to the j-th recipient that was accepted (RFC 2033 4.2). So whoever has a success must have been the
 * one whose turn it was when a 2xx reply came.
 */
#ifndef LMTP_MODEL_H
#define LMTP_MODEL_H

#include "target.h"

/* Inputs are no longer; nothing in the model can be more than a few per byte of them. */
#define MODEL_INPUT_MAX 4096
#define MODEL_SAID_MAX (3 * MODEL_INPUT_MAX)

typedef enum model_kind { MODEL_OTHER, MODEL_GREETING, MODEL_MAIL, MODEL_RSET, MODEL_RCPT, MODEL_CHUNK, MODEL_AUTH, MODEL_FINAL } model_kind;

typedef struct model_owed {
    model_kind kind;
    size_t replies, rcpt;
    int counts_later;       /* how many replies is known when those to RCPT have come */
} model_owed;

typedef struct model_rcpt {
    int accepted;
    int settled;            /* by something else than a final reply */
    unsigned final;         /* the code of its final reply */
    int doubtful;           /* the session may have refused to believe it */
} model_rcpt;

typedef struct model_reply {
    size_t count;
    mw_slice first;         /* the first line's text */
    unsigned bad, last;
    int mixed;
    unsigned codes[MODEL_SAID_MAX];
} model_reply;

typedef struct model {
    char said[MODEL_SAID_MAX];      /* by the peer: given to the session so far, and eaten by it */
    size_t said_len, given, eaten;
    mw_slice back[MODEL_INPUT_MAX]; /* lines put back, the last one on top */
    size_t backs;

    model_owed owed[MODEL_INPUT_MAX + 1];
    size_t head, tail;
    model_rcpt rcpts[MODEL_INPUT_MAX];
    size_t count;
    uint64_t transaction;           /* the session's number of it */
    int begun;                      /* MAIL or RSET was accepted, and the session has not begun one yet */
    int auth, joined, banner;
    size_t asked;                   /* the tail behind the last DATA */

    model_reply reply;              /* being gathered */
    model_reply hand;               /* the same from lines that the caller reads past the session */
    mw_slice hand_line;
    int hand_held;

    uint64_t end;                   /* out.queued behind the message's last byte */
    int ends, late_rcpt;            /* ends in this transaction; a RCPT was queued behind the first */
    unsigned long long chunk_left;
    int chunk_last;

    size_t positive;                /* digits 2 ever given */
    int unsure;                     /* the caller took lines that the session cannot count */
    int frozen;                     /* the session is broken: nobody is credited any more */
    int doubtful;                   /* what is credited now may not be believed */
    int end_left;                   /* the message's last byte has been sent */
} model;

static inline void model_init(model *m)
{
    m->said_len = m->given = m->eaten = m->backs = m->head = m->tail = m->count = 0;
    m->transaction = m->end = m->chunk_left = 0;
    m->begun = m->auth = m->banner = m->hand_held = m->ends = m->late_rcpt = m->chunk_last = 0;
    m->unsure = m->frozen = m->doubtful = m->end_left = 0;
    m->reply.count = m->hand.count = m->positive = m->asked = 0;
    m->joined = -1;
}

/* ---- who is owed what */

static inline void model_owe(model *m, model_kind kind, size_t replies)
{
    model_owed *o = &m->owed[m->tail++];

    o->kind = kind;
    o->replies = replies;
    o->rcpt = m->count - 1;
    o->counts_later = 0;
}

static inline int model_is_open(const model_rcpt *r)
{
    return r->accepted && !r->settled && !r->final;
}

/* The session has begun a transaction that has the last of the recipients only. Nobody who is owed a final reply is forgotten but by
 * a MAIL or RSET that was accepted. */
static inline void model_begin(model *m, uint64_t transaction, size_t kept, int broken)
{
    size_t i, gone = m->count - kept;

    FUZZ_CHECK(kept <= m->count);
    for (i = 0; i < gone; i++)
        FUZZ_CHECK(m->begun || broken || !model_is_open(&m->rcpts[i]));
    memmove(m->rcpts, m->rcpts + gone, kept * sizeof *m->rcpts);
    for (i = m->head; i < m->tail; i++)
        m->owed[i].rcpt -= m->owed[i].rcpt < gone ? 0 : gone;
    m->late_rcpt = m->head < m->tail && m->ends;
    m->ends = m->late_rcpt;
    m->transaction = transaction;
    m->count = kept;
    m->begun = 0;
}

static inline void model_refuse_rcpt(model *m)
{
    model_rcpt none = { 0, 0, 0, 0 };

    none.settled = 1;
    m->rcpts[m->count++] = none;
}

static inline void model_add_rcpt(model *m)
{
    model_rcpt none = { 0, 0, 0, 0 };

    m->rcpts[m->count++] = none;
    m->late_rcpt |= m->ends > 0;
    model_owe(m, MODEL_RCPT, 1);
}

/* Recipients to whom the next final replies belong. */
static inline size_t model_open(const model *m)
{
    size_t i, n = 0;

    for (i = 0; i < m->count; i++)
        n += (size_t)model_is_open(&m->rcpts[i]);
    return n;
}

/* The replies to a message's end: one at least. */
static inline void model_owe_finals(model *m)
{
    size_t open = model_open(m), i;
    int later = 0;

    for (i = m->head; i < m->tail; i++)
        later |= m->owed[i].kind == MODEL_RCPT;
    model_owe(m, MODEL_FINAL, open ? open : 1);
    m->owed[m->tail - 1].counts_later = later;
}

static inline void model_count_finals(model *m)
{
    model_owed *o = &m->owed[m->head];
    size_t open = model_open(m);

    if (m->head < m->tail && o->counts_later) {
        o->counts_later = 0;
        o->replies = open ? open : 1;
    }
}

static inline void model_end(model *m, uint64_t queued)
{
    m->end = queued;
    m->ends++;
}

/* The content was refused: its reply was everybody's, until it is asked for again. */
static inline void model_refused(model *m)
{
    size_t i;

    for (i = 0; i < m->count; i++)
        if (model_is_open(&m->rcpts[i]))
            m->rcpts[i].settled = 2;
}

static inline void model_asked_again(model *m)
{
    size_t i;

    for (i = 0; i < m->count; i++)
        if (m->rcpts[i].settled == 2)
            m->rcpts[i].settled = 0;
}

static inline void model_settle_all(model *m)
{
    size_t i;

    for (i = 0; i < m->count; i++)
        if (!m->rcpts[i].final)
            m->rcpts[i].settled = 1;
}

static inline void model_pop(model *m)
{
    if (m->head < m->tail && --m->owed[m->head].replies == 0)
        m->head++;
}

/* Those named behind the end wait for their own replies. */
static inline void model_waive(model *m)
{
    size_t i;

    if (m->head == m->tail || m->owed[m->head].kind != MODEL_FINAL)
        return;
    model_settle_all(m);
    m->head++;
    for (i = m->head; i < m->tail; i++)
        if (m->owed[i].kind == MODEL_RCPT && m->owed[i].rcpt < m->count)
            m->rcpts[m->owed[i].rcpt].settled = 0;
}

static inline void model_credit(model *m, unsigned code)
{
    size_t i = 0;

    while (i < m->count && !model_is_open(&m->rcpts[i]))
        i++;
    if (i < m->count) {
        m->rcpts[i].final = code;
        m->rcpts[i].doubtful = m->doubtful;
    }
    /* Nobody can have accepted what was not sent. */
    FUZZ_CHECK(code / 100 != 2 || m->end_left || m->doubtful);
    model_pop(m);
}

static inline int model_contains(mw_slice text, const char *word)
{
    size_t i, len = strlen(word);

    for (i = 0; i + len <= text.len; i++)
        if (memcmp(text.base + i, word, len) == 0)
            return 1;
    return 0;
}

/* The final reply that has come may be several recipients': how many are owed one, else 0. */
static inline size_t model_joins(const model *m)
{
    const model_owed *o = &m->owed[m->head];
    int joins = m->joined < 0 ? m->banner : m->joined;

    return m->head < m->tail && o->kind == MODEL_FINAL && o->replies > 1 && joins ? o->replies : 0;
}

static inline void model_apply_other(model *m, const model_owed *o, const model_reply *r)
{
    if (o->kind == MODEL_GREETING)
        m->banner |= model_contains(r->first, "Net::Server::Mail (Perl) Service ready");
    if (o->kind == MODEL_AUTH)
        m->auth = r->last / 100 == 3;
    m->begun |= (o->kind == MODEL_MAIL || o->kind == MODEL_RSET) && r->last / 100 == 2;
    /* A DATA behind the chunk asks again. */
    if (o->kind == MODEL_CHUNK && r->last / 100 != 2 && m->asked <= m->head)
        model_refused(m);
    if (o->kind != MODEL_RCPT || o->rcpt >= m->count)
        return;
    if (r->last / 100 == 2)
        m->rcpts[o->rcpt].accepted = !m->rcpts[o->rcpt].settled;
    else
        m->rcpts[o->rcpt].settled = 1;
}

/* A reply was taken. quiet: nothing came behind it. */
static inline void model_apply(model *m, const model_reply *r, int quiet)
{
    const model_owed *o = &m->owed[m->head];
    size_t joined, i;

    model_count_finals(m);
    joined = model_joins(m);
    if (m->frozen || m->unsure || m->head == m->tail)
        return;
    if (o->kind != MODEL_FINAL) {
        model_apply_other(m, o, r);
        model_pop(m);
    } else if (joined) {
        for (i = 0; i < (quiet && r->count == joined ? joined : 1); i++)
            model_credit(m, r->codes[i]);
    } else {
        model_credit(m, r->mixed && r->bad ? r->bad : r->last);
    }
}

/* ---- lines and replies */

/* The next line: 1 or 0. */
static inline int model_peek(const model *m, mw_slice *line_r)
{
    const char *at = m->said + m->eaten, *end;

    if (m->backs) {
        *line_r = m->back[m->backs - 1];
        return 1;
    }
    end = m->given > m->eaten ? memchr(at, '\n', m->given - m->eaten) : NULL;
    if (!end)
        return 0;
    line_r->base = at;
    line_r->len = (size_t)(end - at);
    return 1;
}

static inline int model_next(model *m, mw_slice *line_r)
{
    int is_back = m->backs > 0;

    if (!model_peek(m, line_r))
        return 0;
    if (is_back) {
        m->backs--;
        return 1;
    }
    m->eaten += line_r->len + 1;
    if (line_r->len && line_r->base[line_r->len - 1] == '\r')
        line_r->len--;
    return 1;
}

/* A line that is held and put back was not read. */
static inline void model_unget(model *m, mw_slice line)
{
    m->back[m->backs++] = line;
    if (m->hand_held && m->hand_line.len == line.len && memcmp(m->hand_line.base, line.base, line.len) == 0)
        m->hand_held = 0;
}

/* Adds what a line says. Returns 1 when the reply is complete. */
static inline int model_add(model_reply *r, unsigned code, mw_slice text, int more)
{
    if (!r->count) {
        r->first = text;
        r->bad = 0;
        r->mixed = 0;
    }
    r->codes[r->count++] = r->last = code;
    r->mixed |= code != r->codes[0];
    if (!r->bad && code / 100 != 2)
        r->bad = code;
    return !more;
}

/* A line as Net::Cmd takes it apart: 1 complete, 0 more, -1 no reply line. */
static inline int model_add_line(model_reply *r, mw_slice line)
{
    size_t head = line.len > 3 ? 4 : 3;
    mw_slice text;
    unsigned code = 0;
    size_t i;

    if (line.len < 3 || line.base[0] < '1' || line.base[0] > '5')
        return -1;
    for (i = 0; i < 3; i++) {
        if (line.base[i] < '0' || line.base[i] > '9')
            return -1;
        code = code * 10 + (unsigned)(line.base[i] - '0');
    }
    text.base = line.base + head;
    text.len = line.len - head;
    return model_add(r, code, text, head == 4 && line.base[3] == '-');
}

/* Gathers the next reply: 1, 0 more is needed, -1 the next line is no reply. */
static inline int model_gather(model *m)
{
    mw_slice line;
    int rc = 0;

    while (rc == 0 && model_peek(m, &line)) {
        model_next(m, &line);
        rc = model_add_line(&m->reply, line);
    }
    if (rc < 0) {
        m->back[m->backs++] = line;
        m->reply.count = 0;
    }
    return rc;
}

/* ---- lines read by hand: a whole reply counts once it cannot be put back any more */

static inline void model_settle_hand(model *m)
{
    int rc;

    if (!m->hand_held)
        return;
    m->hand_held = 0;
    rc = model_add_line(&m->hand, m->hand_line);
    if (rc < 0)
        m->unsure = 1;
    m->doubtful = 1;
    if (rc == 1)
        model_apply(m, &m->hand, 0);
    m->doubtful = 0;
    if (rc)
        m->hand.count = 0;
}

static inline void model_hand_over(model *m)
{
    model_settle_hand(m);
    m->hand.count = 0;
}

/* The link goes: final replies that were received and not read may count. */
static inline void model_salvage(model *m)
{
    model_hand_over(m);
    m->doubtful = 1;
    while (m->head < m->tail && m->owed[m->head].kind == MODEL_FINAL && model_gather(m) == 1) {
        model_apply(m, &m->reply, 0);
        m->reply.count = 0;
    }
    m->doubtful = 0;
}

#endif
