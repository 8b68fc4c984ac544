/* lmtp_final.c - the replies to a message's end: one for each accepted recipient, in the order of RCPT (RFC
 * 2033 4.2).
 *
 * Here mail gets lost: a positive reply that is taken for another recipient's, or believed of a message that
 * the server cannot have, ends in a message that nobody keeps. So what can be read in two ways is credited
 * to nobody.
 */
#include "lmtp_session.h"
#include "error.h"

#include <assert.h>

int mw_lmtp_end_left(const mw_lmtp *s)
{
    return s->state == MW_STATE_WAIT && s->dialogue.out.sent >= s->end;
}

int mw_lmtp_is_positive(const mw_reply *r)
{
    size_t i;

    for (i = 0; i < r->count; i++)
        if (r->lines[i].code / 100 < 4)
            return 1;
    return 0;
}

/* ---- how many */

size_t mw_lmtp_finals_owed(const mw_lmtp *s)
{
    const mw_command *command = mw_commands_head(&s->dialogue.commands);
    size_t owed;

    if (!command || command->kind != MW_KIND_END)
        return 0;
    owed = command->counts_later ? mw_transaction_owed(&s->now) : command->owed;
    return owed ? owed : 1;
}

size_t mw_lmtp_finals_behind(const mw_lmtp *s)
{
    size_t i = mw_commands_find(&s->dialogue.commands, 0, MW_KIND_BIT(END));

    return i < s->dialogue.commands.count ? i : 0;
}

int mw_lmtp_rcpts_owed(const mw_lmtp *s)
{
    const mw_commands *commands = &s->dialogue.commands;
    size_t i = mw_commands_find(commands, 0, MW_KIND_BIT(RCPT));

    while (i < commands->count && mw_commands_at(commands, i)->transaction != s->now.id)
        i = mw_commands_find(commands, i + 1, MW_KIND_BIT(RCPT));
    return i < commands->count;
}

void mw_lmtp_count_finals(mw_lmtp *s)
{
    mw_command *command = mw_commands_head(&s->dialogue.commands);
    size_t owed;

    if (!command->counts_later)
        return;
    owed = mw_transaction_owed(&s->now);
    command->counts_later = 0;
    command->owed = command->replies = owed ? owed : 1;
    /* Its recipients were forgotten before they were counted. */
    if (command->transaction != s->now.id)
        mw_dialogue_break(&s->dialogue, MW_E_REPLY_EXTRA, NULL);
}

/* ---- whose */

static int all_given(const mw_lmtp *s)
{
    size_t i;

    for (i = 0; i < s->now.count; i++)
        if (s->now.rcpts[i].accepted && s->now.rcpts[i].result.code / 100 != 2)
            return 0;
    return 1;
}

/* True when another reply waits, and not all are successes: any of the message's replies may be the one too many, and then those behind it
 * are another recipient's. */
static int is_over(mw_lmtp *s)
{
    unsigned code;

    return mw_dialogue_has_more(&s->dialogue, 0, &code) && !(code / 100 == 2 && all_given(s));
}

/* Credits a final reply to the next recipient. */
static void credit(mw_lmtp *s, unsigned code, mw_text *text)
{
    int current = mw_commands_head(&s->dialogue.commands)->transaction == s->now.id;

    mw_commands_shift(&s->dialogue.commands);
    if (!current)
        return;
    mw_transaction_final(&s->now, code, text);
    if (s->state != MW_STATE_WAIT || mw_lmtp_finals_owed(s))
        return;
    if (is_over(s)) {
        mw_transaction_doubt(&s->now, 1);
        mw_dialogue_break(&s->dialogue, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    mw_lmtp_message_over(s);
}

static void credit_line(mw_lmtp *s, const mw_reply *r, size_t i)
{
    mw_text *text = mw_reply_line_words(r, i, mw_reply_tells(r));

    credit(s, r->lines[i].code, text);
    mw_text_drop(text);
}

/* ---- servers that join them */

/* If all lines have one code, it is what the first recipient was told, however the lines are read. */
void mw_lmtp_unjoined(mw_lmtp *s, const mw_reply *r)
{
    if (!r->mixed)
        credit_line(s, r, 0);
    mw_dialogue_break(&s->dialogue, MW_E_REPLY_CODES, NULL);
}

void mw_lmtp_settle(mw_lmtp *s, int quiet)
{
    size_t i;

    if (!s->joined_waits)
        return;
    s->joined_waits = 0;
    if (!quiet)
        mw_lmtp_unjoined(s, &s->dialogue.last);
    else
        for (i = 0; i < s->dialogue.last.count; i++)
            credit_line(s, &s->dialogue.last, i);
}

/* ---- taking them */

static int is_joined(const mw_lmtp *s, const mw_command *command)
{
    return mw_dialogue_joins(&s->dialogue) && command->owed > 1;
}

/* A reply whose lines differ in code is never a success: its first line that is no 2xx counts, and if there is none the reply is in doubt.
 * 1xx and 3xx cannot be final replies: they become the result, and the session breaks. */
int mw_lmtp_apply_final(mw_lmtp *s, mw_reply *r)
{
    const mw_command *command = mw_commands_head(&s->dialogue.commands);
    int why = 0;

    if (command->transaction == s->now.id && !mw_lmtp_end_left(s) && mw_lmtp_is_positive(r))
        why = MW_E_REPLY_EARLY;
    else if (!is_joined(s, command) && r->mixed && !r->first_bad)
        why = MW_E_REPLY_CODES;
    if (why) {
        mw_dialogue_break(&s->dialogue, why, NULL);
        return 1;
    }
    if (is_joined(s, command)) {
        if (r->count == command->owed)
            return 2;
        mw_lmtp_unjoined(s, r);
        return 1;
    }
    if (r->mixed)
        r->code = r->first_bad;
    credit(s, r->code, mw_reply_words(r));
    if (r->code < 400 && r->code / 100 != 2)
        mw_dialogue_break(&s->dialogue, MW_E_REPLY_CLASS, NULL);
    return 1;
}

void mw_lmtp_waive_finals(mw_lmtp *s)
{
    mw_lmtp_settle_hand(s);
    mw_commands_promote(&s->dialogue.commands);
    if (!mw_lmtp_finals_owed(s))
        return;
    if (mw_commands_head(&s->dialogue.commands)->transaction == s->now.id) {
        mw_transaction_abandon(&s->now, mw_lmtp_own_rcpts(s), MW_STAGE_FINAL, MW_LMTP_LOST, NULL, 1);
        if (s->state == MW_STATE_WAIT)
            mw_lmtp_message_over(s);
    }
    mw_commands_pop(&s->dialogue.commands);
}

/* ---- what was left unread when the link went */

/* A refusal counts, and a success of which there is no doubt. Returns 1 when replies behind this one may count, too. */
static int salvage_reply(mw_lmtp *s, mw_reply *r)
{
    const mw_command *command = mw_commands_promote(&s->dialogue.commands);
    int refusal = !mw_lmtp_is_positive(r);

    mw_lmtp_farewell(s, r);
    if (command && command->kind == MW_KIND_END && command->transaction == s->now.id) {
        mw_lmtp_count_finals(s);
        refusal |= !r->mixed && r->code / 100 == 2 && mw_lmtp_end_left(s);
        refusal &= !is_joined(s, command);
        if (refusal)
            credit(s, r->code, mw_reply_words(r));
    } else {
        refusal &= !command && s->state == MW_STATE_OPEN;
        if (refusal)
            mw_transaction_final(&s->now, r->code, mw_reply_words(r));
    }
    return refusal;
}

/* False when the waiting reply is one to a delivery, or one that no command asked for. A 421 in its place is the server's farewell. */
static int is_ours(mw_lmtp *s)
{
    const mw_command *command = mw_commands_oldest(&s->dialogue.commands);
    unsigned code;
    mw_slice text;

    if (command ? !command->in_flight : s->state == MW_STATE_OPEN)
        return 1;
    if (mw_dialogue_peek(&s->dialogue, 0, &code, &text) && code == MW_LMTP_LOST)
        mw_dialogue_part_line(&s->dialogue, text);
    return 0;
}

void mw_lmtp_salvage(mw_lmtp *s)
{
    mw_reply *r = &s->dialogue.gathering;
    mw_slice line;
    int rc = 1;

    while ((rc != 1 || is_ours(s)) && mw_lines_next(&s->dialogue.lines, &line) == 1) {
        rc = mw_reply_add(r, line, 0);
        if (rc < 0 || (rc == 1 && !salvage_reply(s, r)))
            return;
        if (rc == 1)
            mw_reply_clear(r);
    }
}

/* ---- what they come to */

int mw_lmtp_verdict(mw_lmtp *s)
{
    const mw_recipient *r, *first = NULL, *bad = NULL;
    size_t i;

    mw_lmtp_settle(s, 0);
    if (!s->now.accepted)
        return s->dialogue.last.code / 100 == 2 && !s->dialogue.last.mixed && !s->dialogue.error;
    for (i = 0; i < s->now.count; i++) {
        r = &s->now.rcpts[i];
        if (!r->accepted)
            continue;
        if (!first)
            first = r;
        if (!bad && r->result.code / 100 != 2)
            bad = r;
    }
    assert(first);
    mw_lmtp_hand_out_rest(s);
    mw_lmtp_say_text(s, (bad ? bad : first)->result.code, (bad ? bad : first)->result.text);
    return bad ? (bad->local ? -1 : 0) : 1;
}
