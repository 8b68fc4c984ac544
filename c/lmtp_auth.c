/* lmtp_auth.c - AUTH of the LMTP session: when it is under way, what of it is secret, and what may be shown. */
#include "lmtp_session.h"
#include "ascii.h"

#include <string.h>

int mw_lmtp_in_auth(const mw_lmtp *s)
{
    const mw_command *command = mw_commands_oldest(&s->dialogue.commands);

    return s->auth || (command && command->kind == MW_KIND_AUTH);
}

/* Whether a line of this kind is an answer to a challenge. What is no command is one behind any AUTH, be it that the server has refused it, or
 * that it was not sent: a caller that does not look goes on. */
static int is_answer(const mw_lmtp *s, mw_kind kind, mw_slice line)
{
    return s->auth || (s->answers && kind == MW_KIND_OTHER && !mw_command_is_known(line));
}

static size_t public_of(const mw_lmtp *s, mw_slice line)
{
    return mw_lmtp_in_auth(s) || is_answer(s, mw_command_kind(line), line) ? 0 : mw_command_public(line);
}

/* The line behind what was sent of it before. NULL: no memory. */
static const char *whole(mw_lmtp *s, mw_slice line, mw_slice *whole_r)
{
    if (mw_buf_append(&s->spoken, line.base, line.len))
        return NULL;
    *whole_r = mw_buf_view(&s->spoken);
    return whole_r->base;
}

size_t mw_lmtp_public(mw_lmtp *s, mw_slice line)
{
    size_t before = mw_buf_len(&s->spoken), public;
    mw_slice all;

    if (!before)
        return public_of(s, line);
    if (!whole(s, line, &all))
        return 0;
    public = public_of(s, all);
    mw_buf_cut(&s->spoken, line.len);
    return public > before ? public - before : 0;
}

/* ---- what is secret */

/* Of what the others send nobody can tell a password. */
static int sends_secrets(mw_slice mechanism)
{
    static const char *const others[] = { "EXTERNAL", "ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512" };
    size_t i = 0;

    while (i < sizeof others / sizeof *others && !mw_is_same(mechanism, mw_slice_of(others[i])))
        i++;
    return i == sizeof others / sizeof *others;
}

/* Of three octets or fewer: too short to be told from words. */
#define SHORT 4

/* The first answer of LOGIN is the user's name. */
static void learn_answer(mw_lmtp *s, mw_slice encoded)
{
    if (!encoded.len)
        return;
    if (encoded.len > SHORT)
        mw_secrets_add_encoded(&s->dialogue.secrets, encoded);
    if (s->sends_secrets && !s->names_user)
        mw_secrets_add_decoded(&s->dialogue.secrets, encoded);
    s->names_user = 0;
}

static void learn_auth(mw_lmtp *s, mw_slice line)
{
    mw_slice mechanism, response;

    mw_command_auth(line, &mechanism, &response);
    s->sends_secrets = sends_secrets(mechanism);
    s->names_user = mw_is_same(mechanism, mw_slice_of("LOGIN"));
    s->answers = 1;
    learn_answer(s, response);
}

static void learn_line(mw_lmtp *s, mw_slice line)
{
    mw_kind kind = mw_command_kind(line);

    if (is_answer(s, kind, line)) {
        s->dialogue.secrets.near = 1;
        learn_answer(s, line);
    } else if (kind == MW_KIND_AUTH) {
        learn_auth(s, line);
    } else if (s->answers && !mw_lmtp_in_auth(s)) {
        s->answers = 0;
    }
}

void mw_lmtp_learn(mw_lmtp *s, mw_slice line)
{
    if (mw_buf_len(&s->spoken) && !whole(s, line, &line))
        s->dialogue.secrets.all = 1;
    learn_line(s, line);
    mw_buf_clear(&s->spoken);
}

/* What is longer than a login can be is not kept. */
static void learn_part(mw_lmtp *s, mw_slice part)
{
    mw_slice all = part;
    int fits = mw_buf_len(&s->spoken) + part.len <= MW_LMTP_SPOKEN_MAX && whole(s, part, &all);

    if (mw_command_kind(all) == MW_KIND_AUTH || (fits && is_answer(s, MW_KIND_OTHER, all)))
        s->dialogue.secrets.near = 1;
    if (fits)
        return;
    s->dialogue.secrets.all |= s->dialogue.secrets.near;
    mw_buf_clear(&s->spoken);
}

size_t mw_lmtp_speak(mw_lmtp *s, mw_slice line, int ends)
{
    size_t public;

    if (s->chunk_left || s->state == MW_STATE_OPEN)
        return line.len;
    public = mw_lmtp_public(s, line);
    if (ends)
        mw_lmtp_learn(s, line);
    else
        learn_part(s, line);
    return public;
}

/* ---- what the server says */

int mw_lmtp_has_challenge(const mw_lmtp *s)
{
    return s->dialogue.secrets.near && s->dialogue.last.code == 334;
}

size_t mw_lmtp_public_reply(const mw_lmtp *s, mw_slice line)
{
    return mw_lmtp_in_auth(s) || s->dialogue.secrets.near ? mw_reply_head(line) : mw_dialogue_public(&s->dialogue, line);
}
