/* lmtp_content.c - a message's content on its way into an LMTP session: DATA and BDAT. */
#include "content.h"
#include "lmtp_session.h"
#include "ascii.h"
#include "error.h"

#include <string.h>

mw_content_state mw_lmtp_content(const mw_lmtp *s)
{
    switch (s->state) {
    case MW_STATE_ASKED:
        return MW_CONTENT_ASKED;
    case MW_STATE_OPEN:
        return MW_CONTENT_OPEN;
    case MW_STATE_REFUSED:
        return MW_CONTENT_REFUSED;
    case MW_STATE_CHUNKS:
    case MW_STATE_WAIT:
        return s->chunk_left ? MW_CONTENT_CHUNK : MW_CONTENT_NONE;
    case MW_STATE_BROKEN:
        return s->refused_code ? MW_CONTENT_REFUSED : MW_CONTENT_NONE;
    default:
        return MW_CONTENT_NONE;
    }
}

/* What ends content (RFC 5321 4.1.1.4), and how much of it a line's end is. */
static const char end_of_content[] = { '\r', '\n', '.', '\r', '\n' };
enum { LINE_ENDED = 2, CONTENT_ENDED = sizeof end_of_content };

static int see_end(int seen, const char *bytes, size_t len)
{
    size_t i = len > CONTENT_ENDED ? len - CONTENT_ENDED : 0;

    for (seen = i ? 0 : seen; i < len; i++) {
        if (seen == CONTENT_ENDED)
            seen = LINE_ENDED;
        if (bytes[i] == end_of_content[seen])
            seen++;
        else
            seen = bytes[i] == '\r';
    }
    return seen;
}

int mw_lmtp_content_open(mw_lmtp *s)
{
    if (s->state == MW_STATE_OPEN)
        return 0;
    if (s->state != MW_STATE_IDLE && s->state != MW_STATE_ENVELOPE && s->state != MW_STATE_ASKED)
        return MW_E_STATE;
    mw_lmtp_leave_message(s);
    memset(&s->stuff, 0, sizeof s->stuff);
    s->end_seen = LINE_ENDED;
    s->refused_code = 0;
    mw_lmtp_move(s, MW_STATE_OPEN);
    return 0;
}

void mw_lmtp_refusal(mw_lmtp *s)
{
    mw_lmtp_say_text(s, s->refused_code, s->refused_text);
}

/* True while a reply is owed that is not about the content: the waiting ones may be its. BDAT's own comes
 * last. */
static int owes_older(const mw_lmtp *s)
{
    const mw_commands *commands = &s->dialogue.commands;
    size_t i = mw_commands_find(commands, 0, ~MW_KIND_BIT(LOCAL));

    if (s->state != MW_STATE_OPEN && i < commands->count)
        i = mw_commands_find(commands, i + 1, ~MW_KIND_BIT(LOCAL));
    return i < commands->count;
}

/* Before the message's end was sent, a reply came that is no refusal and no 421. */
static int early(mw_lmtp *s)
{
    mw_dialogue_break(&s->dialogue, MW_E_REPLY_EARLY, NULL);
    return MW_E_REPLY_EARLY;
}

/* A line that came before the message's end was sent. A refusal is left where it is: it will be the first final reply. 421 ends the link.
 * Any other reply cannot be about this message. */
static int judge(mw_lmtp *s, mw_slice line)
{
    unsigned code;
    mw_slice text;
    int more;

    if (line.len && line.base[line.len - 1] == '\r')
        line.len--;
    if (!mw_reply_scan(line, 0, &code, &more, &text))
        return 0;
    if (code == MW_LMTP_LOST) {
        mw_dialogue_part_line(&s->dialogue, text);
        return MW_E_CLOSED;
    }
    return code / 100 >= 4 ? 0 : early(s);
}

/* The beginning of a line that came before the message's end was sent. If it is that of a refusal, it is left where it is. */
static int judge_begun(mw_lmtp *s, mw_slice begun)
{
    return begun.base[0] == '4' || begun.base[0] == '5' ? 0 : early(s);
}

/* Judges the first line that waits; before the message's end is sent each line, as the second of two early replies would be taken for the
 * second recipient's. */
static int watch(mw_lmtp *s, int each)
{
    mw_slice in = mw_buf_view(&s->dialogue.lines.in), line = in;
    size_t most = each ? in.len : s->dialogue.lines.max + 2;
    const char *end;
    int rc = 0;

    if (!in.len || owes_older(s))
        return 0;
    do {
        end = memchr(line.base, '\n', in.len < most ? in.len : most);
        if (!end)
            return each ? judge_begun(s, line) : 0;
        line.len = (size_t)(end - line.base);
        rc = judge(s, line);
        in.len -= line.len + 1;
        line.base = end + 1;
    } while (!rc && each && in.len);
    return rc;
}

int mw_lmtp_data(mw_lmtp *s, const char *bytes, size_t len, size_t *used_r)
{
    mw_content content = { .stuff = s->stuff };
    int rc;

    *used_r = 0;
    s->withheld |= s->state != MW_STATE_OPEN && len;
    if (s->state != MW_STATE_OPEN)
        return MW_E_STATE;
    if ((rc = watch(s, 0)))
        return rc;
    mw_content_lend(&content, bytes, len);
    rc = mw_content_write(&content, &s->dialogue.out, MW_LMTP_HIGH_WATER);
    s->stuff = content.stuff;
    *used_r = (size_t)content.taken;
    if (content.taken)
        s->end_seen = s->stuff.state ? 0 : LINE_ENDED;
    return rc;
}

int mw_lmtp_withheld(mw_lmtp *s)
{
    int withheld = s->withheld;

    s->withheld = 0;
    return withheld;
}

/* True when every reply to BDAT LAST came while its bytes were sent. All were refusals. */
static int finals_came(const mw_lmtp *s)
{
    return mw_commands_find(&s->dialogue.commands, 0, MW_KIND_BIT(END)) == s->dialogue.commands.count;
}

/* The bytes of a BDAT. The last byte of BDAT LAST ends the message. */
static int raw_chunk(mw_lmtp *s, const char *bytes, size_t len)
{
    if (mw_content_put(&s->dialogue.out, bytes, len))
        return MW_E_NOMEM;
    s->chunk_left -= len;
    if (!s->chunk_left && s->chunk_last) {
        s->end = s->dialogue.out.queued;
        if (finals_came(s))
            mw_lmtp_message_over(s);
        else
            mw_lmtp_move(s, MW_STATE_WAIT);
    }
    return 0;
}

/* True when the command that these bytes belong to was refused here, and not sent. */
static int just_refused(const mw_lmtp *s)
{
    const mw_command *latest = mw_commands_tail(&s->dialogue.commands);

    return latest && latest->kind == MW_KIND_LOCAL && s->state != MW_STATE_OPEN && !s->chunk_left;
}

/* The end of the content is queued. It is owed one reply when no recipient is accepted: filters that use LMTP as a query protocol want the
 * content all the same, and answer once. There is room for the command: the caller reserved it. */
static void end_queued(mw_lmtp *s)
{
    size_t owed = mw_transaction_owed(&s->now);
    mw_command *e = mw_commands_push(&s->dialogue.commands, MW_KIND_END, owed ? owed : 1);

    mw_commands_note(&s->dialogue.commands, mw_slice_of("."));

    s->end = s->dialogue.out.queued;
    e->transaction = s->now.id;
    e->counts_later = mw_lmtp_rcpts_owed(s);
    mw_lmtp_move(s, MW_STATE_WAIT);
}

/* Content as it is. If it ends in the end of content, the message ends. */
static int raw_content(mw_lmtp *s, const char *bytes, size_t len)
{
    int seen = see_end(s->end_seen, bytes, len);
    int rc = watch(s, seen == CONTENT_ENDED);

    if (!rc)
        rc = mw_commands_reserve(&s->dialogue.commands, 1);
    if (!rc)
        rc = mw_content_put(&s->dialogue.out, bytes, len);
    if (rc)
        return rc;
    mw_dotstuff_pass(&s->stuff, bytes, len);
    s->end_seen = seen;
    if (seen == CONTENT_ENDED)
        end_queued(s);
    return 0;
}

int mw_lmtp_raw(mw_lmtp *s, const char *bytes, size_t len, size_t *used_r)
{
    int rc;

    *used_r = 0;
    s->withheld |= s->state == MW_STATE_ASKED && len;
    if (s->state == MW_STATE_BROKEN || s->state == MW_STATE_REFUSED || s->state == MW_STATE_ASKED || just_refused(s))
        return MW_E_STATE;
    if (s->chunk_left && len > s->chunk_left)
        return MW_E_SIZE;
    if (s->chunk_left && (rc = watch(s, len == s->chunk_left)))
        return rc;
    if (mw_outq_len(&s->dialogue.out) >= MW_LMTP_HIGH_WATER)
        return 0;
    if (len > MW_LMTP_HIGH_WATER)
        len = MW_LMTP_HIGH_WATER;
    if (s->chunk_left)
        rc = raw_chunk(s, bytes, len);
    else
        rc = s->state == MW_STATE_OPEN ? raw_content(s, bytes, len) : mw_outq_copy(&s->dialogue.out, bytes, len);
    if (!rc)
        *used_r = len;
    return rc;
}

int mw_lmtp_content_ended(mw_lmtp *s)
{
    int rc = s->state == MW_STATE_OPEN ? mw_commands_reserve(&s->dialogue.commands, 1) : MW_E_STATE;

    if (!rc)
        end_queued(s);
    return rc;
}

void mw_lmtp_content_failed(mw_lmtp *s)
{
    if (s->state == MW_STATE_ENVELOPE && !mw_lmtp_boundary(s))
        mw_lmtp_move(s, MW_STATE_CHUNKS);
}

int mw_lmtp_data_ends(mw_lmtp *s)
{
    if (s->state != MW_STATE_OPEN)
        return MW_E_STATE;
    if (s->withheld) {
        mw_dialogue_break(&s->dialogue, MW_E_SIZE, NULL);
        return MW_E_SIZE;
    }
    return watch(s, 1);
}

int mw_lmtp_data_end(mw_lmtp *s)
{
    char end[MW_DOTSTUFF_END_MAX];
    mw_dotstuff before = s->stuff;
    int rc = mw_lmtp_data_ends(s);

    if (rc || (rc = mw_commands_reserve(&s->dialogue.commands, 1)))
        return rc;
    if (mw_outq_copy(&s->dialogue.out, end, mw_dotstuff_end(&s->stuff, end))) {
        s->stuff = before;
        return MW_E_NOMEM;
    }
    end_queued(s);
    return 0;
}
