/* flight.c - see flight.h: what is sent when. flight_reply.c has what comes back. */
#include "error.h"
#include "flight_private.h"

#include <string.h>

/* ---- life */

static void restarted(mw_party *self)
{
    mw_trust *t = &((mw_flight *)self)->trust;

    t->fence = MW_FENCE_UNKNOWN;
    t->probe.state = MW_PROBE_NONE;
    t->proven[0] = t->proven[1] = 0;
    ((mw_flight *)self)->rcpt_max = 0;
}

static mw_wait waits(const void *link)
{
    return mw_flight_waits(link);
}

static uint64_t replies(const void *link)
{
    return ((const mw_flight *)link)->replies;
}

static const mw_outq *out(const void *link)
{
    return &((const mw_flight *)link)->dialogue->out;
}

static const mw_protocol protocol = { MW_LMTP_LOST, waits, replies, out };

mw_flight *mw_flight_new(mw_dialogue *dialogue)
{
    mw_flight *f = mw_alloc_zeroed(dialogue->alloc, sizeof *f);

    if (!f)
        return NULL;
    f->dialogue = dialogue;
    f->party.broken = mw_flight_broken;
    f->party.restarted = restarted;
    mw_dialogue_join(dialogue, &f->party);
    mw_queue_init(&f->queue, &protocol, f);
    return f;
}

void mw_flight_free(mw_flight *f)
{
    if (!f)
        return;
    mw_dialogue_leave(f->dialogue, &f->party);
    mw_queue_clear(&f->queue);
    f->dialogue->alloc->release(f->dialogue->alloc->ctx, f);
}

mw_queue *mw_flight_deliveries(mw_flight *f)
{
    return &f->queue;
}

/* The link broke before, or has started over and waits for a LHLO that succeeds. */
static void never_sent(mw_flight *f)
{
    int why = f->dialogue->error ? f->dialogue->error : MW_E_STATE;
    mw_text *words = mw_dialogue_words(f->dialogue, why, NULL);

    mw_flight_broken(&f->party, why, words);
    mw_text_drop(words);
}

size_t mw_flight_rcpt_max(const mw_flight *f)
{
    size_t said = f->dialogue->keywords.rcpt_max;

    return said && (!f->rcpt_max || said < f->rcpt_max) ? said : f->rcpt_max;
}

int64_t mw_flight_submit(mw_flight *f, mw_delivery *d)
{
    int64_t id;

    mw_delivery_declare(d, &f->dialogue->keywords);
    mw_delivery_limit(d, mw_flight_rcpt_max(f));
    id = mw_queue_add(&f->queue, d);
    /* A LHLO may have left a transaction open: RSET goes in front of the delivery. */
    if (f->dialogue->lapsed)
        mw_trust_opened(f, f->trust.queued + 1);
    f->dialogue->lapsed = 0;
    if (f->dialogue->error || f->dialogue->forgotten)
        never_sent(f);
    return id;
}

void mw_flight_ended(mw_flight *f, mw_delivery *d)
{
    d->has_end = 1;
    d->end = f->dialogue->out.queued;
    d->state = MW_DELIVERY_ENDED;
}

void mw_flight_more(mw_flight *f, int more)
{
    f->more = more;
}

int mw_flight_streams(const mw_flight *f)
{
    return f->trust.proven[1] && !f->trust.fence_owed && !f->trust.must_fence;
}

void mw_flight_eager(mw_flight *f, size_t bytes)
{
    f->eager = bytes;
}

/* ---- sending */

static int failed(mw_flight *f, int rc)
{
    if (rc)
        mw_dialogue_break(f->dialogue, rc, NULL);
    return rc;
}

/* Gives the next number to what is queued. */
static void number(mw_flight *f, mw_kind kind, mw_delivery *d)
{
    uint64_t n = ++f->trust.queued;

    if (d)
        d->number = n;
    if (kind == MW_KIND_MAIL)
        f->trust.envelope = n;
    else if (kind == MW_KIND_RSET)
        f->trust.reset = n;
}

int mw_flight_queue(mw_flight *f, const char *bytes, size_t len, mw_kind kind, size_t owed, mw_delivery *d)
{
    int rc;
    mw_command *command = mw_dialogue_send(f->dialogue, bytes, len, kind, owed, &rc);

    if (!command)
        return failed(f, rc);
    number(f, kind, d);
    command->delivery = d;
    command->in_flight = 1;
    command->end = kind == MW_KIND_END || kind == MW_KIND_PROBE ? 0 : f->dialogue->out.queued;
    return 0;
}

int mw_flight_queue_hello(mw_flight *f, mw_kind kind)
{
    char line[MW_COMMAND_MAX + 2];
    const mw_text *hello = f->dialogue->hello;

    f->trust.fence_owed = 1;
    memcpy(line, hello->bytes, hello->len);
    memcpy(line + hello->len, "\r\n", 2);
    /* The probe's command is owed all replies up to this LHLO's, so this LHLO has no command of its own. */
    if (kind == MW_KIND_PROBE) {
        mw_trace_add(&f->dialogue->trace, MW_TRACE_OUT, line, hello->len);
        return failed(f, mw_outq_copy(&f->dialogue->out, line, hello->len + 2));
    }
    return mw_flight_queue(f, line, hello->len + 2, kind, 1, NULL);
}

/* LHLO should end a transaction (RFC 5321 4.1.4); Cyrus 3.6 leaves it open. */
static int queue_fence(mw_flight *f)
{
    const mw_command *ahead = mw_commands_tail(&f->dialogue->commands);
    int by_bdat = ahead && ahead->delivery && ahead->delivery->by_bdat;

    f->trust.must_fence = 0;
    if ((by_bdat || mw_trust_is_open(f)) && mw_flight_queue_reset(f))
        return -1;
    return mw_flight_queue_hello(f, MW_KIND_LHLO);
}

int mw_flight_queue_reset(mw_flight *f)
{
    return mw_flight_queue(f, "RSET\r\n", 6, MW_KIND_RSET, 1, NULL);
}

int mw_flight_owes(const mw_flight *f)
{
    return mw_commands_head(&f->dialogue->commands) && mw_commands_head(&f->dialogue->commands)->in_flight;
}

int mw_flight_reset(mw_flight *f)
{
    return mw_trust_is_open(f) && !f->dialogue->error && !mw_flight_queue_reset(f);
}

static int queue_mail(mw_flight *f, mw_delivery *d)
{
    mw_slice lines = mw_buf_view(&d->lines);
    int rc;

    d->begin = f->dialogue->out.queued;
    rc = mw_flight_queue(f, lines.base, d->mail_len, MW_KIND_MAIL, 1, d);
    if (rc)
        return rc;
    d->line = d->mail_len;
    d->state = MW_DELIVERY_ENVELOPE;
    /* Not before: a probe or RSET may go in front of it, and another that waits would take its place for good. */
    f->queue.again -= d->again != 0;
    d->again = 0;
    return 0;
}

static int queue_rcpt(mw_flight *f, mw_delivery *d)
{
    mw_slice lines = mw_buf_view(&d->lines);
    const char *line = lines.base + d->line;
    size_t len = (size_t)((const char *)memchr(line, '\n', lines.len - d->line) - line) + 1;
    int rc = mw_flight_queue(f, line, len, MW_KIND_RCPT, 1, d);

    if (rc)
        return rc;
    mw_commands_tail(&f->dialogue->commands)->rcpt = d->index[d->asked++];
    d->line += len;
    return 0;
}

static int queue_data(mw_flight *f, mw_delivery *d)
{
    d->state = MW_DELIVERY_ASKED;
    return mw_flight_queue(f, "DATA\r\n", 6, MW_KIND_DATA, 1, d);
}

/* The whole envelope in one group (RFC 2920 3.1: DATA may only end one). */
static int queue_group(mw_flight *f, mw_delivery *d)
{
    int rc = mw_trust_is_open(f) ? mw_flight_queue_reset(f) : 0;

    d->grouped = 1;
    if (!rc)
        rc = queue_mail(f, d);
    while (!rc && d->asked < d->rcpts)
        rc = queue_rcpt(f, d);
    if (rc || (d->by_bdat && !d->eager))
        return rc;
    if (!d->by_bdat)
        return queue_data(f, d);
    mw_flight_queue_bdat(f, d);
    return 0;
}

/* Queues the next command, one at a time. When all RCPTs were refused, nothing more is sent. */
static int queue_next(mw_flight *f, mw_delivery *d)
{
    if (mw_trust_is_open(f))
        return mw_flight_queue_reset(f);
    if (d->state == MW_DELIVERY_WAITING)
        return queue_mail(f, d);
    if (d->asked < d->rcpts && !d->to.mail_code)
        return queue_rcpt(f, d);
    if (!mw_transaction_owed(&d->to))
        mw_trust_answered(f, d);
    else if (d->by_bdat)
        mw_flight_queue_bdat(f, d);
    else
        return queue_data(f, d);
    return 0;
}

/* ---- content */

mw_delivery *mw_flight_wants(const mw_flight *f)
{
    mw_delivery *d = f->queue.current;

    if (!d || d->state != MW_DELIVERY_CONTENT || !mw_content_wants_piece(&d->content) || f->dialogue->parted)
        return NULL;
    return mw_outq_len(&f->dialogue->out) < MW_LMTP_HIGH_WATER ? d : NULL;
}

uint64_t mw_flight_sent(const mw_flight *f, const mw_delivery *d)
{
    uint64_t queued = mw_outq_len(&f->dialogue->out), taken = d->content.taken;

    if (d->has_end && f->dialogue->out.sent >= d->end)
        return taken;
    return d->state != MW_DELIVERY_DONE && taken > queued ? taken - queued : 0;
}

int mw_flight_piece(mw_flight *f, const char *bytes, size_t len)
{
    return failed(f, mw_content_piece(&f->queue.current->content, &f->dialogue->out, bytes, len));
}

void mw_flight_whole(mw_flight *f)
{
    f->queue.current->content.whole = 1;
}

/* The end of the content: owed one reply per accepted recipient (RFC 2033 4.2). */
static int queue_end(mw_flight *f, mw_delivery *d)
{
    char end[MW_DOTSTUFF_END_MAX];

    mw_trace_content(&f->dialogue->trace, d->content.taken);
    if (mw_flight_queue(f, end, mw_content_end(&d->content, end), MW_KIND_END, mw_transaction_owed(&d->to), d))
        return -1;
    mw_flight_ended(f, d);
    d->shape = mw_trust_shape(d);
    mw_queue_pass(&f->queue);
    return 0;
}

static int write_content(mw_flight *f, mw_delivery *d)
{
    if (mw_flight_write(f, d) || !mw_content_is_queued(&d->content))
        return -1;
    return queue_end(f, d);
}

/* ---- what may go now */

/* RFC 9422: the server takes no more transactions in this session. */
static void refuse_over_limit(mw_delivery *d)
{
    static const char why[] = "the server takes no more messages on this connection (LIMITS MAILMAX)";
    mw_text *words = mw_text_new(d->alloc, why, sizeof why - 1);

    mw_delivery_refuse(d, MW_STAGE_CONNECT, MW_LMTP_LOST, words);
    mw_text_drop(words);
}

static int begin(mw_flight *f, mw_delivery *d)
{
    if (f->dialogue->keywords.mail_max && f->dialogue->mails >= f->dialogue->keywords.mail_max)
        refuse_over_limit(d);
    if (!d->rcpts)
        mw_trust_answered(f, d);
    else if (f->dialogue->keywords.pipelining)
        return !queue_group(f, d);
    else
        return !queue_next(f, d);
    return 1;
}

/* Starts the next delivery on a quiet link: 1 something was queued. */
static int start(mw_flight *f, mw_delivery *d)
{
    mw_flight_choose(f, d);
    return mw_probe_is_due(f, d) ? !mw_probe_queue(f) : begin(f, d);
}

/* Behind an end of a proven shape the next envelope may go: by DATA, as its 354 will be an anchor; or a whole message by BDAT, in a stream
 * that a fence ends. */
static int follow(mw_flight *f, mw_delivery *before, mw_delivery *d)
{
    mw_flight_choose(f, d);
    if (d->by_bdat != before->by_bdat || (d->by_bdat && !(d->eager && mw_trust_is_proven(f, d) && !mw_probe_is_due(f, d))))
        return before->by_bdat ? !queue_fence(f) : 0;
    /* The end may be refused, and then Cyrus 3.6 leaves the transaction open. */
    mw_trust_opened(f, f->trust.queued + 1);
    return begin(f, d);
}

/* before's end is the last thing that was queued. */
static int go_behind(mw_flight *f, mw_delivery *before, mw_delivery *d)
{
    if (!mw_trust_may_follow(f))
        return 0;
    if (mw_trust_must_fence(f, before))
        return !queue_fence(f);
    if (d)
        return d->state == MW_DELIVERY_WAITING && follow(f, before, d);
    return before->by_bdat && !f->more && !queue_fence(f);
}

/* What is sent next, or being sent. A delivery that waits for another transaction goes first, and when nothing else is on its way: what was
 * sent before it is behind it in the queue, where trust.h's rules do not look. */
static mw_delivery *next(mw_flight *f)
{
    mw_delivery *d = f->queue.current;

    if (!f->queue.again || (d && d->state != MW_DELIVERY_WAITING))
        return d;
    if (mw_commands_tail(&f->dialogue->commands) || mw_trust_needs_fence(f))
        return NULL;
    for (d = f->queue.oldest; !d->again; d = d->next)
        ;
    return f->queue.current = d;
}

/* One thing that may be sent now: 1 it was queued, 0 there is none. */
static int advance_one(mw_flight *f)
{
    mw_delivery *d = next(f);
    const mw_command *ahead = mw_commands_tail(&f->dialogue->commands);

    if (ahead && ahead->kind == MW_KIND_END && ahead->delivery->has_end)
        return go_behind(f, ahead->delivery, d);
    if (d && d->state == MW_DELIVERY_CHUNK)
        return 0;
    if (!ahead && mw_trust_needs_fence(f) && !(d && d->state == MW_DELIVERY_CONTENT))
        return !queue_fence(f);
    if (!d)
        return 0;
    if (d->state == MW_DELIVERY_CONTENT)
        return d->by_bdat ? mw_flight_write_chunk(f, d) : !write_content(f, d);
    if (ahead)
        return 0;
    /* Bytes that have begun to come cannot be the reply to what is sent now. */
    if (mw_buf_len(&f->dialogue->lines.in) || f->dialogue->gathering.count)
        return !failed(f, MW_E_REPLY_EXTRA);
    return d->state == MW_DELIVERY_WAITING ? start(f, d) : d->state == MW_DELIVERY_ENVELOPE && !queue_next(f, d);
}

void mw_flight_advance(mw_flight *f)
{
    mw_flight_read(f);
    while (!f->dialogue->error && !f->trust.fence_owed && !f->dialogue->parted && !f->trust.quiet && advance_one(f))
        mw_flight_read(f);
}
