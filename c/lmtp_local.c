/* lmtp_local.c - replies that need no reading: made here, or a further recipient's. */
#include "lmtp_session.h"
#include "error.h"

#include <string.h>

void mw_lmtp_say(mw_lmtp *s, unsigned code, const char *text, size_t len)
{
    const char *end = text + len, *next;
    mw_slice line;
    int more;

    mw_lmtp_settle(s, 0);
    mw_reply_clear(&s->dialogue.last);
    do {
        next = len ? memchr(text, '\n', (size_t)(end - text)) : NULL;
        line.base = text;
        line.len = (size_t)((next ? next : end) - text);
        more = next && next + 1 < end;
        if (mw_reply_put(&s->dialogue.last, code, line, more) < 0)
            break;
        text = next ? next + 1 : end;
    } while (more);
    s->dialogue.last.code = code;
}

void mw_lmtp_say_text(mw_lmtp *s, unsigned code, const mw_text *text)
{
    mw_lmtp_say(s, code, text ? text->bytes : "", text ? text->len : 0);
}

static int say_local(mw_lmtp *s, const mw_command *command)
{
    const char *words = mw_error_text(command->error);

    if (command->code == MW_LMTP_LOST && s->dialogue.farewell)
        mw_lmtp_say_text(s, command->code, s->dialogue.farewell);
    else if (command->error == MW_E_STATE && s->refused_code == command->code)
        mw_lmtp_say_text(s, command->code, s->refused_text);
    else
        mw_lmtp_say(s, command->code, words, strlen(words));
    mw_commands_pop(&s->dialogue.commands);
    return 1;
}

void mw_lmtp_hand_out_rest(mw_lmtp *s)
{
    size_t i = 0;

    while (i < s->now.count && !s->now.rcpts[i].accepted)
        i++;
    s->handout = i < s->now.count ? i + 1 : 0;
}

/* Takes the reply of the next accepted recipient behind the first. A result that was made here is no reply. */
static int hand_out(mw_lmtp *s)
{
    const mw_recipient *r;

    for (; s->handout < s->now.count; s->handout++) {
        r = &s->now.rcpts[s->handout];
        if (!r->accepted || r->local)
            continue;
        mw_lmtp_say_text(s, r->result.code, r->result.text);
        s->handout++;
        return 1;
    }
    s->handout = 0;
    return 0;
}

static int unget_reply_line(mw_lmtp *s, const mw_reply *r, size_t i)
{
    mw_slice text = mw_reply_text(r, i);
    char head[4];
    int rc;

    head[0] = (char)('0' + r->lines[i].code / 100);
    head[1] = (char)('0' + r->lines[i].code / 10 % 10);
    head[2] = (char)('0' + r->lines[i].code % 10);
    head[3] = i + 1 < r->count ? '-' : ' ';
    mw_buf_clear(&s->hand.line);
    rc = mw_buf_append(&s->hand.line, head, sizeof head);
    if (!rc)
        rc = mw_buf_append(&s->hand.line, text.base, text.len);
    text = mw_buf_view(&s->hand.line);
    return rc ? rc : mw_lines_unget(&s->dialogue.lines, text.base, text.len);
}

/* The answer to a command that was refused here, if the server owes no reply: lines read by hand would count for the server's reply. */
static int answer_alone(mw_lmtp *s)
{
    const mw_command *command = mw_commands_head(&s->dialogue.commands);

    return command && !mw_commands_oldest(&s->dialogue.commands) && say_local(s, command);
}

int mw_lmtp_line_local(mw_lmtp *s)
{
    size_t i;
    int rc = 0;

    mw_lmtp_settle_hand(s);
    if (mw_lines_waiting(&s->dialogue.lines) || !((s->handout && hand_out(s)) || answer_alone(s)))
        return 0;
    for (i = s->dialogue.last.count; i-- > 0 && !rc;)
        rc = unget_reply_line(s, &s->dialogue.last, i);
    return rc;
}

int mw_lmtp_reply_local(mw_lmtp *s)
{
    const mw_command *command;

    mw_lmtp_settle_hand(s);
    command = mw_commands_head(&s->dialogue.commands);
    if (s->handout && hand_out(s))
        return 1;
    if (!command || command->kind != MW_KIND_LOCAL)
        return 0;
    s->taken++;
    return say_local(s, command);
}
