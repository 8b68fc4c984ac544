/* lmtp_reply.c - what a server's replies mean for an LMTP session.
 *
 * Replies carry no name of what they answer: only their order tells. So the oldest thing that is owed a
 * reply gets it, and whatever makes the order doubtful breaks the session instead of being guessed at: a
 * reply credited to the wrong command is mail lost or mail delivered twice.
 */
#include "lmtp_session.h"
#include "error.h"

#include <string.h>

/* The content is refused, and the session moves to state. A reply below 400 is no refusal, and no answer to content either: then the order
 * of the replies is in doubt. */
static void refuse_content(mw_lmtp *s, mw_stage stage, mw_reply *r, mw_lmtp_state state)
{
    mw_text_drop(s->refused_text);
    s->refused_text = mw_text_hold(mw_reply_words(r));
    s->refused_code = r->code;
    if (r->code < 400) {
        mw_dialogue_break(&s->dialogue, r->code / 100 == 2 ? MW_E_REPLY_EARLY : MW_E_REPLY_CLASS, NULL);
        return;
    }
    mw_transaction_refused(&s->now, stage, r->code, s->refused_text);
    mw_lmtp_move(s, state);
}

/* A caller that reads a reply for each recipient gets DATA's for each, unless another reply is owed. */
static void refuse_data(mw_lmtp *s, mw_reply *r)
{
    refuse_content(s, MW_STAGE_DATA, r, MW_STATE_REFUSED);
    if (s->state == MW_STATE_REFUSED && !mw_commands_head(&s->dialogue.commands))
        mw_lmtp_hand_out_rest(s);
}

/* True when a command was sent behind the one whose reply is taken now. */
static int is_followed(const mw_lmtp *s)
{
    return mw_commands_find(&s->dialogue.commands, 0, ~(MW_KIND_BIT(LOCAL) | MW_KIND_BIT(END))) < s->dialogue.commands.count;
}

/* RFC 2920 3.1: DATA may only end a group. What was sent behind DATA is content for a server that answers 354. And a reply that comes with
 * the 354, be it a refusal, is no answer to content that the server has not seen; which of the two replies it goes by cannot be told. */
static void start_content(mw_lmtp *s)
{
    unsigned code;

    if (is_followed(s))
        mw_dialogue_break(&s->dialogue, MW_E_REPLY_CLASS, NULL);
    else if (mw_dialogue_has_more(&s->dialogue, 0, &code))
        mw_dialogue_break(&s->dialogue, MW_E_REPLY_EXTRA, NULL);
    else
        mw_lmtp_content_open(s);
}

/* The caller opened the content without a 354, and DATA is refused: the server has taken the content for commands. If a command was sent
 * behind this DATA, the caller may have gone by the reply to another DATA. */
static void refuse_opened(mw_lmtp *s, mw_reply *r)
{
    if (!is_followed(s))
        mw_transaction_refused(&s->now, MW_STAGE_DATA, r->code, mw_reply_words(r));
    mw_dialogue_break(&s->dialogue, MW_E_STATE, NULL);
}

static void apply_data(mw_lmtp *s, int current, mw_reply *r)
{
    int wanted = r->code == 354;
    int opened = current && (s->state == MW_STATE_OPEN || s->state == MW_STATE_WAIT);

    if (current && s->state == MW_STATE_ASKED && wanted)
        start_content(s);
    else if (current && s->state == MW_STATE_ASKED)
        refuse_data(s, r);
    else if (r->code < 400 && (!opened || !wanted || is_followed(s)))
        mw_dialogue_break(&s->dialogue, MW_E_REPLY_CLASS, NULL);
    else if (opened && !wanted)
        refuse_opened(s, r);
}

/* A refused chunk refuses the message: the server refuses all later chunks, too. LAST may have been sent already. */
static void apply_chunk(mw_lmtp *s, mw_reply *r)
{
    if (r->code / 100 == 2)
        return;
    if (s->state == MW_STATE_CHUNKS || s->state == MW_STATE_WAIT)
        refuse_content(s, MW_STAGE_BODY, r, s->state == MW_STATE_WAIT ? s->state : MW_STATE_REFUSED);
}

static void apply_rcpt(mw_lmtp *s, size_t rcpt, mw_reply *r)
{
    if (r->code / 100 == 2)
        mw_transaction_mail_stands(&s->now, rcpt);
    mw_transaction_rcpt(&s->now, rcpt, r->code, mw_reply_refusal(r));
}

/* True when content of the transaction was sent behind the command whose reply is taken now. */
static int has_content_behind(const mw_lmtp *s)
{
    return s->chunk_left || mw_commands_find(&s->dialogue.commands, 0, MW_KIND_BIT(BDAT) | MW_KIND_BIT(END)) < s->dialogue.commands.count;
}

/* The reply to a LHLO inside a transaction. Servers differ in whether LHLO ends it: only RSET makes sure. */
static void lapse(mw_lmtp *s, const mw_reply *r)
{
    if (r->code / 100 != 2) {
        s->dialogue.lapsed = 0;
    } else if ((s->state == MW_STATE_ENVELOPE || s->state == MW_STATE_REFUSED || s->state == MW_STATE_CHUNKS) && !has_content_behind(s)) {
        mw_lmtp_move(s, MW_STATE_IDLE);
    }
}

/* A transaction begins. If its content was asked for, or has begun, behind the command, the state stays. */
static void begin(mw_lmtp *s, size_t first, mw_lmtp_state state)
{
    mw_lmtp_begin(s, first);
    if (s->state != MW_STATE_ASKED && s->state != MW_STATE_OPEN && s->state != MW_STATE_WAIT)
        mw_lmtp_move(s, state);
}

/* True for 1xx, for 3xx, and for lines that differ in code: what the server has made of the command cannot be told. */
static int is_no_answer(const mw_reply *r)
{
    return r->mixed || (r->code < 400 && r->code / 100 != 2);
}

/* The message has its results, and one of them is a refusal. */
static int was_refused(const mw_lmtp *s)
{
    size_t i;

    for (i = 0; s->over && i < s->over_rcpts; i++)
        if (s->now.rcpts[i].accepted && s->now.rcpts[i].result.code / 100 != 2)
            return 1;
    return 0;
}

/* A refused MAIL leaves the server with what it had: no transaction, or the one that was open (503: nested MAIL). Recipients that were
 * named behind the MAIL get its refusal for a result, but for those whose RCPT the server accepts all the same. Cyrus 3.6 keeps the
 * transaction of a message that it refused at its end, and would send the next message to that one's recipients, too. */
static void apply_mail(mw_lmtp *s, size_t first, mw_reply *r)
{
    int refused = was_refused(s);

    if (r->code / 100 == 2) {
        begin(s, first, MW_STATE_ENVELOPE);
        return;
    }
    /* A message that has its results is forgotten: here if something was sent behind the MAIL, else when something is sent. */
    if (s->over && (first < s->now.count || s->state == MW_STATE_ASKED)) {
        size_t over = first < s->over_rcpts ? first : s->over_rcpts;

        mw_lmtp_begin(s, over);
        first -= over;
    }
    mw_lmtp_mail_refused(s, first, r->code, mw_reply_words(r));
    s->dialogue.lapsed |= refused || is_no_answer(r);
}

void mw_lmtp_farewell(mw_lmtp *s, mw_reply *r)
{
    if (r->code == MW_LMTP_LOST)
        mw_dialogue_part(&s->dialogue, mw_reply_words(r));
}

/* A reply that no command is owed. 354 opens the content all the same: the caller may have sent DATA without the session. */
static void apply_unasked(mw_lmtp *s, const mw_reply *r)
{
    if (r->code == 354 && (s->state == MW_STATE_IDLE || s->state == MW_STATE_ENVELOPE || s->state == MW_STATE_ASKED))
        start_content(s);
}

static int apply_due(mw_lmtp *s, mw_reply *r)
{
    const mw_command command = *mw_commands_head(&s->dialogue.commands);
    int current = command.transaction == s->now.id;

    if (command.kind == MW_KIND_END)
        return mw_lmtp_apply_final(s, r);
    mw_commands_shift(&s->dialogue.commands);
    switch (command.kind) {
    case MW_KIND_GREETING:
        mw_dialogue_greeted(&s->dialogue, r);
        break;
    case MW_KIND_LHLO:
        mw_keywords_take(&s->dialogue.keywords, r);
        s->dialogue.forgotten &= r->code / 100 != 2;
        s->dialogue.secrets.near &= r->code / 100 != 2;
        lapse(s, r);
        break;
    case MW_KIND_MAIL:
        apply_mail(s, command.rcpt, r);
        break;
    case MW_KIND_RSET:
        if (r->code / 100 == 2 && !command.in_flight)
            begin(s, command.rcpt, MW_STATE_IDLE);
        break;
    case MW_KIND_RCPT:
        if (current)
            apply_rcpt(s, command.rcpt, r);
        break;
    case MW_KIND_DATA:
        apply_data(s, current, r);
        break;
    case MW_KIND_BDAT:
        if (current)
            apply_chunk(s, r);
        break;
    case MW_KIND_STARTTLS:
    case MW_KIND_XCLIENT:
        if (r->code / 100 == 2)
            mw_dialogue_restart(&s->dialogue);
        break;
    case MW_KIND_AUTH:
        s->auth = r->code / 100 == 3;
        s->answers &= r->code / 100 != 2;
        if (r->code / 100 == 2)
            mw_dialogue_doubt(&s->dialogue);
        break;
    default:
        break;
    }
    return 1;
}

int mw_lmtp_apply(mw_lmtp *s, mw_reply *r)
{
    int owed = mw_commands_promote(&s->dialogue.commands) != NULL, rc = 1;

    if (owed)
        mw_lmtp_count_finals(s);
    if (s->state == MW_STATE_BROKEN) {
        if (owed)
            mw_commands_shift(&s->dialogue.commands);
        return 1;
    }
    mw_lmtp_farewell(s, r);
    if (owed) {
        rc = apply_due(s, r);
    } else {
        s->stray = 0;
        mw_buf_clear(&s->dialogue.commands.asked);
        apply_unasked(s, r);
    }
    /* RFC 5321 3.8: the server closes the link. Only final replies may still come. */
    if (r->code == MW_LMTP_LOST && !mw_lmtp_finals_owed(s))
        mw_dialogue_break(&s->dialogue, MW_E_CLOSED, NULL);
    return rc;
}

/* ---- taking replies */

/* A reply was gathered (1), or rc says why not. */
static int gathered(mw_lmtp *s, int rc)
{
    if (rc == 1) {
        s->taken++;
        rc = mw_lmtp_apply(s, &s->dialogue.last);
        s->joined_waits = rc == 2;
    } else if (rc == MW_E_REPLY_SYNTAX) {
        mw_lmtp_reply_garbled(s);
    } else if (rc < 0) {
        mw_dialogue_break(&s->dialogue, rc, NULL);
    }
    return rc;
}

void mw_lmtp_reply_garbled(mw_lmtp *s)
{
    const mw_command *command = mw_commands_oldest(&s->dialogue.commands);

    mw_reply_clear(&s->dialogue.gathering);
    s->dialogue.garbled = 1;
    if (command && command->kind == MW_KIND_END)
        mw_dialogue_break(&s->dialogue, MW_E_REPLY_SYNTAX, NULL);
}

int mw_lmtp_reply(mw_lmtp *s)
{
    mw_lmtp_hand_over(s);
    return gathered(s, mw_dialogue_gather(&s->dialogue, 0));
}

int mw_lmtp_reply_put(mw_lmtp *s, unsigned code, mw_slice text, int more)
{
    mw_lmtp_hand_over(s);
    return gathered(s, code < 100 || code > 599 ? MW_E_REPLY_SYNTAX : mw_dialogue_put(&s->dialogue, code, text, more));
}

int mw_lmtp_owes(const mw_lmtp *s)
{
    const mw_command *command = mw_commands_head(&s->dialogue.commands);

    return command && !command->in_flight;
}

uint64_t mw_lmtp_taken(const mw_lmtp *s)
{
    return s->taken;
}

int mw_lmtp_is_garbled(const mw_lmtp *s)
{
    return s->dialogue.garbled;
}

const mw_reply *mw_lmtp_last(const mw_lmtp *s)
{
    return &s->dialogue.last;
}
