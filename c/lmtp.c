/* lmtp.c - the LMTP session's life, its states, and the commands that go into it. What comes back is
 * lmtp_reply.c's, the message's content lmtp_content.c's.
 *
 * States never go back inside a message: from the moment that the content is open there is no way to "no
 * message" but its end or the end of the link, because nothing else makes a server discard what it has.
 */
#include "lmtp_session.h"
#include "ascii.h"
#include "error.h"

#include <assert.h>
#include <string.h>

static const struct {
    char letter;
    mw_stage stage;
    int open;
    const char *next;
} states[] = {
#define MW_LMTP_STATE(name, stage, open, next) { #name[0], stage, open, next },
    MW_LMTP_STATES(MW_LMTP_STATE)
#undef MW_LMTP_STATE
};

void mw_lmtp_move(mw_lmtp *s, mw_lmtp_state to)
{
    assert(to == MW_STATE_BROKEN || to == s->state || strchr(states[s->state].next, states[to].letter));
    s->state = to;
}

/* ---- life */

/* Content that was asked for, or has begun, does not come to its end: mw_lmtp_content says MW_CONTENT_REFUSED from now on. */
static void refuse_broken(mw_lmtp *s, mw_text *words)
{
    if (s->refused_code || (s->state != MW_STATE_ASKED && s->state != MW_STATE_OPEN && s->state != MW_STATE_CHUNKS))
        return;
    s->refused_code = MW_LMTP_LOST;
    mw_text_drop(s->refused_text);
    s->refused_text = mw_text_hold(words);
}

/* Nothing that is queued is sent any more: it may hold the end of a message whose recipients just got deferrals. */
static void abandon(mw_lmtp *s, mw_text *words)
{
    mw_stage stage = mw_lmtp_stage(s);

    mw_transaction_abandon(&s->now, mw_lmtp_own_rcpts(s), stage, MW_LMTP_LOST, words, stage == MW_STAGE_FINAL);
    mw_transaction_abandon(&s->now, MW_RCPT_ALL, MW_STAGE_MAIL, MW_LMTP_LOST, words, 0);
    refuse_broken(s, words);
    s->cut = s->state == MW_STATE_OPEN || s->chunk_left || mw_outq_len(&s->dialogue.out);
}

static void broken(mw_party *self, int why, mw_text *words)
{
    mw_lmtp *s = (mw_lmtp *)self;

    (void)why;
    if (s->state != MW_STATE_BROKEN)
        abandon(s, words);
    s->auth = 0;
    s->joined_waits = 0;
    if (s->state != MW_STATE_BROKEN)
        s->over = s->over ? 1 : 2;
    s->over_rcpts = s->now.count;
    mw_lmtp_move(s, MW_STATE_BROKEN);
}

mw_lmtp *mw_lmtp_new(const mw_alloc *alloc)
{
    mw_lmtp *s = mw_alloc_zeroed(alloc, sizeof *s);

    if (!s)
        return NULL;
    mw_dialogue_init(&s->dialogue, alloc);
    s->party.broken = broken;
    mw_dialogue_join(&s->dialogue, &s->party);
    mw_transaction_init(&s->now, alloc);
    mw_reply_init(&s->hand.reply, alloc);
    mw_buf_init(&s->hand.line, alloc);
    mw_buf_init(&s->spoken, alloc);
    s->hand.reply.secrets = &s->dialogue.secrets;
    return s;
}

void mw_lmtp_free(mw_lmtp *s)
{
    const mw_alloc *alloc;

    if (!s)
        return;
    alloc = s->dialogue.alloc;
    mw_transaction_free(&s->now);
    mw_reply_free(&s->hand.reply);
    mw_buf_free(&s->hand.line);
    mw_buf_free(&s->spoken);
    mw_text_drop(s->refused_text);
    mw_dialogue_free(&s->dialogue);
    alloc->release(alloc->ctx, s);
}

mw_dialogue *mw_lmtp_dialogue(mw_lmtp *s)
{
    return &s->dialogue;
}

void mw_lmtp_limits(mw_lmtp *s, size_t line_max, size_t reply_max)
{
    if (line_max)
        s->dialogue.lines.max = line_max;
    if (reply_max)
        s->dialogue.gathering.max = s->dialogue.last.max = s->dialogue.keywords.reply.max = s->hand.reply.max = reply_max;
}

void mw_lmtp_joined(mw_lmtp *s, int joined)
{
    s->dialogue.joined = joined;
}

mw_outq *mw_lmtp_out(mw_lmtp *s)
{
    return &s->dialogue.out;
}

mw_buf *mw_lmtp_in(mw_lmtp *s)
{
    return &s->dialogue.lines.in;
}

int mw_lmtp_greet(mw_lmtp *s)
{
    int rc = mw_commands_reserve(&s->dialogue.commands, 1);

    if (!rc)
        mw_commands_push(&s->dialogue.commands, MW_KIND_GREETING, 1);
    return rc;
}

int mw_lmtp_idle(const mw_lmtp *s)
{
    return s->state == MW_STATE_IDLE && !mw_commands_head(&s->dialogue.commands);
}

int mw_lmtp_is_open(const mw_lmtp *s)
{
    return states[s->state].open;
}

mw_stage mw_lmtp_stage(const mw_lmtp *s)
{
    const mw_command *command = mw_commands_head(&s->dialogue.commands);

    /* The end is queued, but its last byte may not have left. */
    if (s->state == MW_STATE_WAIT)
        return mw_lmtp_end_left(s) ? MW_STAGE_FINAL : MW_STAGE_BODY;
    if (command && command->kind == MW_KIND_MAIL)
        return MW_STAGE_MAIL;
    return states[s->state].stage;
}

/* ---- commands */

/* Queues the answer to a command that is not sent. */
static int refuse(mw_lmtp *s, unsigned code, int why)
{
    mw_command *e;
    int rc = mw_commands_reserve(&s->dialogue.commands, 1);

    if (rc)
        return rc;
    e = mw_commands_push(&s->dialogue.commands, MW_KIND_LOCAL, 1);
    e->code = code;
    e->error = why;
    return 0;
}

static int queue_line(mw_lmtp *s, mw_slice line, mw_kind kind, size_t owed)
{
    char whole[MW_COMMAND_MAX + 2];
    mw_command *command;
    int rc;

    /* The line and its end in one copy: half a command must never be queued. */
    memcpy(whole, line.base, line.len);
    memcpy(whole + line.len, "\r\n", 2);
    command = mw_dialogue_send(&s->dialogue, whole, line.len + 2, kind, owed, &rc);
    if (!command)
        return rc;
    command->transaction = s->now.id;
    mw_commands_note(&s->dialogue.commands, (mw_slice){ line.base, s->public });
    if (s->public < line.len)
        mw_commands_note(&s->dialogue.commands, mw_slice_of(MW_HIDDEN));
    return 0;
}

/* MAIL and RSET begin a new transaction when they are accepted. Until then, and when they are refused, the server has the transaction that
 * was open. The recipients named so far are that one's; those named later wait for the reply. */
static int queue_boundary(mw_lmtp *s, mw_slice line, mw_kind kind)
{
    int rc = queue_line(s, line, kind, 1);

    if (!rc)
        mw_commands_tail(&s->dialogue.commands)->rcpt = s->now.count;
    return rc;
}

static int queue_rcpt(mw_lmtp *s, mw_slice line)
{
    int rc = mw_commands_reserve(&s->dialogue.commands, 1);

    mw_lmtp_leave_message(s);
    if (!rc)
        rc = mw_transaction_add(&s->now, mw_command_address(line));
    if (!rc && (rc = queue_line(s, line, MW_KIND_RCPT, 1)))
        mw_transaction_drop_last(&s->now);
    if (rc)
        return rc;
    mw_commands_tail(&s->dialogue.commands)->rcpt = s->now.count - 1;
    /* A later MAIL than the refused one decides about this recipient. */
    if (mw_lmtp_boundary(s))
        mw_transaction_mail_stands(&s->now, s->now.count - 1);
    return 0;
}

static int queue_data(mw_lmtp *s, mw_slice line)
{
    int rc = queue_line(s, line, MW_KIND_DATA, 1);

    if (rc)
        return rc;
    if (s->state == MW_STATE_REFUSED)
        mw_transaction_reopen(&s->now);
    s->refused_code = s->withheld = s->chunked = 0;
    mw_lmtp_move(s, MW_STATE_ASKED);
    return 0;
}

static int queue_bdat(mw_lmtp *s, mw_slice line, int last)
{
    unsigned long long size = 0;
    size_t owed = mw_transaction_owed(&s->now);
    int rc;

    mw_command_bdat_size(line, &size);
    mw_lmtp_leave_message(s);
    rc = queue_line(s, line, last ? MW_KIND_END : MW_KIND_BDAT, last ? owed : 1);
    if (rc)
        return rc;
    mw_commands_tail(&s->dialogue.commands)->counts_later = last && mw_lmtp_rcpts_owed(s);
    s->chunk_left = size;
    s->chunk_last = last;
    s->chunked = 1;
    mw_lmtp_move(s, MW_STATE_CHUNKS);
    if (last && !size) {
        s->end = s->dialogue.out.queued;
        mw_lmtp_move(s, MW_STATE_WAIT);
    }
    return 0;
}

/* The line is kept: deliveries send it again as a fence (trust.h). */
static int queue_hello(mw_lmtp *s, mw_slice line)
{
    int inside = mw_lmtp_has_message(s);
    int rc = queue_line(s, line, MW_KIND_LHLO, 1);

    if (!rc) {
        s->dialogue.lapsed |= inside;
        mw_text_drop(s->dialogue.hello);
        s->dialogue.hello = mw_text_new(s->dialogue.alloc, line.base, line.len);
    }
    return rc;
}

static int queue_verb(mw_lmtp *s, mw_kind kind, mw_slice line)
{
    switch (kind) {
    case MW_KIND_MAIL:
        return queue_boundary(s, line, MW_KIND_MAIL);
    case MW_KIND_RSET:
        return queue_boundary(s, line, MW_KIND_RSET);
    case MW_KIND_RCPT:
        return queue_rcpt(s, line);
    case MW_KIND_DATA:
        return queue_data(s, line);
    case MW_KIND_BDAT:
    case MW_KIND_END:
        return queue_bdat(s, line, kind == MW_KIND_END);
    case MW_KIND_LHLO:
        return queue_hello(s, line);
    default:
        return queue_line(s, line, kind, 1);
    }
}

/* Bytes wait that no command asked for: each reply from now on could be another command's. A 421 among them is the server's farewell. */
static int desync(mw_lmtp *s, mw_kind kind)
{
    unsigned code;
    mw_slice text;

    if (mw_dialogue_peek(&s->dialogue, 0, &code, &text) && code == MW_LMTP_LOST)
        mw_dialogue_part_line(&s->dialogue, text);
    /* The last message's results are forgotten, though this message does not begin: the successes would be read as this one's. */
    if (kind == MW_KIND_MAIL)
        mw_lmtp_begin(s, s->now.count);
    mw_dialogue_break(&s->dialogue, MW_E_REPLY_EXTRA, NULL);
    return MW_E_REPLY_EXTRA;
}

/* ---- what goes, and what is answered here */

/* The command's recipient, or those that follow it, have the answer for a result; not on a broken session, whose recipients have theirs. */
static int answer_here(mw_lmtp *s, mw_kind kind, mw_slice line, mw_refused no)
{
    int is_argument = no.why == MW_E_ARG_BYTES || no.why == MW_E_COMMAND_LIMIT || no.why == MW_E_RCPT_LIMIT, rc;

    if (no.code != MW_LMTP_LOST && no.why != MW_E_RCPT_LIMIT && mw_lmtp_refuse_line(s, kind, line, no.code, no.why))
        return MW_E_NOMEM;
    rc = refuse(s, no.code, no.why);
    if (is_argument)
        return rc ? MW_E_NOMEM : no.why;
    return rc;
}

/* What the check found breaks the session. */
static int break_off(mw_lmtp *s, mw_kind kind, int why)
{
    if (why == MW_E_REPLY_EXTRA)
        return desync(s, kind);
    mw_dialogue_break(&s->dialogue, why, NULL);
    return why;
}

int mw_lmtp_command(mw_lmtp *s, mw_slice line)
{
    mw_kind kind;
    mw_refused no;

    mw_lmtp_leave_replies(s);
    kind = mw_lmtp_kind(s, line);
    s->public = s->answers || kind == MW_KIND_AUTH ? mw_lmtp_public(s, line) : line.len;
    mw_lmtp_learn(s, line);
    if (s->state != MW_STATE_ASKED && (mw_kind_facts(kind) & MW_FORGETS))
        s->withheld = 0;
    no = mw_lmtp_check(s, kind, line);
    if (s->state == MW_STATE_BROKEN && no.code != MW_LMTP_REFUSED) {
        if (kind == MW_KIND_MAIL)
            mw_lmtp_leave_message(s);
        if (mw_lmtp_rcpt_lost(s, line) == MW_E_NOMEM)
            return MW_E_NOMEM;
    }
    if (no.code)
        return answer_here(s, kind, line, no);
    if (no.why == MW_E_STATE)
        return no.why;
    s->dialogue.secrets.near |= kind == MW_KIND_AUTH;
    if (no.why)
        return break_off(s, kind, no.why);
    s->stray |= mw_lmtp_has_unasked(s);
    return queue_verb(s, kind, line);
}

int mw_lmtp_discards(mw_slice line)
{
    return mw_command_kind(line) == MW_KIND_RSET;
}

/* ---- the end */

void mw_lmtp_lost(mw_lmtp *s, int why, mw_text *words)
{
    mw_lmtp_settle_hand(s);
    if (s->state != MW_STATE_BROKEN)
        mw_lmtp_salvage(s);
    mw_dialogue_lost(&s->dialogue, why, words);
    s->hand.is_held = 0;
    s->chunk_left = 0;
}

int mw_lmtp_error(const mw_lmtp *s)
{
    return s->dialogue.error;
}

int mw_lmtp_closing(const mw_lmtp *s)
{
    return s->dialogue.parted && !mw_lmtp_finals_owed(s);
}

const mw_text *mw_lmtp_parting(const mw_lmtp *s)
{
    return s->dialogue.farewell;
}

const mw_transaction *mw_lmtp_transaction(const mw_lmtp *s)
{
    return &s->now;
}

int mw_lmtp_keyword(const mw_lmtp *s, mw_slice name, mw_slice *params_r)
{
    const mw_keyword *found = mw_keywords_find(&s->dialogue.keywords, name);

    if (found)
        *params_r = found->params;
    return found != NULL;
}
