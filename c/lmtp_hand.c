/* lmtp_hand.c - replies that the caller reads line by line, without mw_lmtp_reply. The line that was read last may still be put back, so a
 * whole reply counts as taken at the next command or reply. */
#include "lmtp_session.h"
#include "error.h"

#include <string.h>

/* A line that was read by hand is no reply line: it counts in place of the reply that is owed, if one is. */
static void hand_garbled(mw_lmtp *s)
{
    mw_lmtp_reply_garbled(s);
    s->dialogue.garbled = 0;
    if (mw_commands_oldest(&s->dialogue.commands))
        s->hand.loose++;
}

static void hand_whole(mw_lmtp *s)
{
    s->hand.loose = 0;
    if (mw_lmtp_apply(s, &s->hand.reply) == 2)
        mw_lmtp_unjoined(s, &s->hand.reply);
}

void mw_lmtp_settle_hand(mw_lmtp *s)
{
    int rc;

    mw_lmtp_settle(s, 0);
    if (!s->hand.is_held)
        return;
    s->hand.is_held = 0;
    rc = mw_reply_add(&s->hand.reply, mw_buf_view(&s->hand.line), 0);
    if (rc == 1)
        hand_whole(s);
    else if (rc == MW_E_REPLY_SYNTAX)
        hand_garbled(s);
    else if (rc < 0)
        mw_dialogue_break(&s->dialogue, rc, NULL);
    if (rc)
        mw_reply_clear(&s->hand.reply);
}

int mw_lmtp_line(mw_lmtp *s, int by_hand, mw_slice *line_r)
{
    int rc;

    mw_lmtp_settle_hand(s);
    rc = mw_lines_next(&s->dialogue.lines, line_r);
    if (rc < 0)
        mw_dialogue_break(&s->dialogue, rc, NULL);
    if (rc <= 0 || !by_hand)
        return rc;
    s->stray = s->dialogue.garbled = 0;
    mw_buf_clear(&s->hand.line);
    if (mw_buf_append(&s->hand.line, line_r->base, line_r->len))
        mw_dialogue_break(&s->dialogue, MW_E_NOMEM, NULL);
    else
        s->hand.is_held = 1;
    return 1;
}

int mw_lmtp_line_unget(mw_lmtp *s, mw_slice line)
{
    mw_slice held = mw_buf_view(&s->hand.line);
    int same = s->hand.is_held && held.len == line.len && memcmp(held.base, line.base, line.len) == 0;
    int rc = mw_lines_unget(&s->dialogue.lines, line.base, line.len);

    if (same && !rc)
        s->hand.is_held = 0;
    return rc;
}

void mw_lmtp_leave_replies(mw_lmtp *s)
{
    mw_lmtp_settle_hand(s);
    if (s->hand.loose && !mw_lines_waiting(&s->dialogue.lines) && mw_commands_promote(&s->dialogue.commands))
        mw_commands_pop(&s->dialogue.commands);
    s->hand.loose = 0;
    s->handout = 0;
}

void mw_lmtp_hand_over(mw_lmtp *s)
{
    mw_lmtp_settle_hand(s);
    mw_reply_clear(&s->hand.reply);
    s->hand.loose = 0;
}
