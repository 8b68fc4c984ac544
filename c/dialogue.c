/* dialogue.c - see dialogue.h. */
#include "dialogue.h"
#include "error.h"

#include <string.h>

void mw_dialogue_init(mw_dialogue *d, const mw_alloc *alloc)
{
    memset(d, 0, sizeof *d);
    d->alloc = alloc;
    d->joined = -1;
    mw_outq_init(&d->out, alloc);
    mw_lines_init(&d->lines, alloc);
    mw_commands_init(&d->commands, alloc);
    mw_reply_init(&d->gathering, alloc);
    mw_reply_init(&d->last, alloc);
    mw_keywords_init(&d->keywords, alloc);
    mw_trace_init(&d->trace, alloc);
    mw_secrets_init(&d->secrets, alloc);
    d->gathering.secrets = d->last.secrets = &d->secrets;
}

void mw_dialogue_free(mw_dialogue *d)
{
    mw_outq_free(&d->out);
    mw_lines_free(&d->lines);
    mw_commands_free(&d->commands);
    mw_reply_free(&d->gathering);
    mw_reply_free(&d->last);
    mw_keywords_free(&d->keywords);
    mw_text_drop(d->hello);
    mw_text_drop(d->farewell);
    mw_trace_free(&d->trace);
    mw_secrets_free(&d->secrets);
}

void mw_dialogue_join(mw_dialogue *d, mw_party *party)
{
    party->next = d->parties;
    d->parties = party;
}

void mw_dialogue_leave(mw_dialogue *d, mw_party *party)
{
    mw_party **at = &d->parties;

    while (*at != party)
        at = &(*at)->next;
    *at = party->next;
}

/* ---- out */

mw_command *mw_dialogue_send(mw_dialogue *d, const char *bytes, size_t len, mw_kind kind, size_t owed, int *rc_r)
{
    *rc_r = mw_commands_reserve(&d->commands, 1);
    if (!*rc_r)
        *rc_r = mw_outq_copy(&d->out, bytes, len);
    if (*rc_r)
        return NULL;
    mw_trace_add(&d->trace, MW_TRACE_OUT, bytes, len);
    d->mails += kind == MW_KIND_MAIL;
    return mw_commands_push(&d->commands, kind, owed);
}

/* ---- in */

size_t mw_dialogue_public(const mw_dialogue *d, mw_slice line)
{
    return mw_secrets_tell(&d->secrets, line) ? mw_reply_head(line) : line.len;
}

void mw_dialogue_trace(mw_dialogue *d, mw_slice line)
{
    char shown[MW_REPLY_HEAD_MAX + sizeof MW_HIDDEN];
    size_t public = d->trace.on ? mw_dialogue_public(d, line) : 0;

    if (!d->trace.on || public == line.len) {
        mw_trace_add(&d->trace, MW_TRACE_IN, line.base, line.len);
        return;
    }
    memcpy(shown, line.base, public);
    memcpy(shown + public, MW_HIDDEN, sizeof MW_HIDDEN);
    mw_trace_add(&d->trace, MW_TRACE_IN, shown, public + sizeof MW_HIDDEN - 1);
}

/* The gathered reply becomes the last one; the memory of that is used for the next. */
static int gathered(mw_dialogue *d, int rc)
{
    mw_reply done = d->gathering;

    if (rc != 1)
        return rc;
    d->gathering = d->last;
    d->last = done;
    mw_reply_clear(&d->gathering);
    d->garbled = 0;
    return 1;
}

int mw_dialogue_gather(mw_dialogue *d, int strict)
{
    mw_slice line;
    int rc;

    do {
        if ((rc = mw_lines_next(&d->lines, &line)) != 1)
            return rc;
        mw_dialogue_trace(d, line);
    } while ((rc = mw_reply_add(&d->gathering, line, strict)) == 0);
    if (rc == MW_E_REPLY_SYNTAX && mw_lines_unget(&d->lines, line.base, line.len))
        return MW_E_NOMEM;
    return gathered(d, rc);
}

int mw_dialogue_put(mw_dialogue *d, unsigned code, mw_slice text, int more)
{
    return gathered(d, mw_reply_put(&d->gathering, code, text, more));
}

int mw_dialogue_peek(mw_dialogue *d, int strict, unsigned *code_r, mw_slice *text_r)
{
    mw_slice line;
    int more;

    if (mw_lines_peek(&d->lines, &line) != 1)
        return 0;
    if (!mw_reply_scan(line, strict, code_r, &more, text_r))
        *code_r = 0;
    return 1;
}

/* RFC 5321 4.2.1: each line of a reply but the last has a hyphen behind its code. */
int mw_dialogue_has_reply(const mw_dialogue *d)
{
    mw_slice in = mw_buf_view(&d->lines.in);
    const char *end;

    if (in.len > d->gathering.max)
        return 1;
    while (in.len && (end = memchr(in.base, '\n', in.len))) {
        if (end - in.base < 4 || in.base[3] != '-')
            return 1;
        in.len -= (size_t)(end + 1 - in.base);
        in.base = end + 1;
    }
    return in.len > d->lines.max;
}

int mw_dialogue_says_farewell(mw_dialogue *d)
{
    mw_slice text;
    unsigned code;

    return mw_dialogue_peek(d, 1, &code, &text) && code == MW_LMTP_LOST;
}

int mw_dialogue_has_more(mw_dialogue *d, int strict, unsigned *code_r)
{
    mw_slice text;

    return !mw_commands_head(&d->commands) && mw_dialogue_peek(d, strict, code_r, &text) && *code_r != MW_LMTP_LOST;
}

/* ---- what is known of the server */

/* Banners of servers that join final replies, and say so in no other way. */
static const char *const joining_banners[] = {
    "Net::Server::Mail (Perl) Service ready",
};

static int contains(mw_slice text, const char *word)
{
    size_t len = strlen(word), i;

    for (i = 0; i + len <= text.len; i++)
        if (memcmp(text.base + i, word, len) == 0)
            return 1;
    return 0;
}

void mw_dialogue_greeted(mw_dialogue *d, const mw_reply *r)
{
    size_t i;

    for (i = 0; r->count && i < sizeof joining_banners / sizeof *joining_banners; i++)
        d->banner_joins |= contains(mw_reply_text(r, 0), joining_banners[i]);
}

int mw_dialogue_joins(const mw_dialogue *d)
{
    return d->joined < 0 ? d->banner_joins : d->joined;
}

void mw_dialogue_doubt(mw_dialogue *d)
{
    mw_party *party;

    for (party = d->parties; party; party = party->next)
        if (party->restarted)
            party->restarted(party);
}

void mw_dialogue_restart(mw_dialogue *d)
{
    mw_keywords_clear(&d->keywords);
    d->forgotten = 1;
    d->banner_joins = d->lapsed = 0;
    mw_dialogue_doubt(d);
}

/* ---- the end */

void mw_dialogue_part(mw_dialogue *d, mw_text *text)
{
    d->parted = 1;
    if (!d->farewell && !d->secrets.near)
        d->farewell = mw_text_hold(text);
}

void mw_dialogue_blame(mw_dialogue *d, mw_text *words)
{
    if (!d->farewell)
        d->farewell = mw_text_hold(words);
}

void mw_dialogue_part_line(mw_dialogue *d, mw_slice text)
{
    mw_text *words = mw_secrets_tell(&d->secrets, text) ? NULL : mw_text_new(d->alloc, text.base, text.len);

    mw_dialogue_part(d, words);
    mw_text_drop(words);
}

mw_text *mw_dialogue_words(const mw_dialogue *d, int why, mw_text *words)
{
    if (d->farewell)
        words = d->farewell;
    return words ? mw_text_hold(words) : mw_text_of(d->alloc, mw_error_text(why));
}

void mw_dialogue_break(mw_dialogue *d, int why, mw_text *words)
{
    mw_party *party;

    words = mw_dialogue_words(d, why, words);
    for (party = d->parties; party; party = party->next)
        party->broken(party, why, words);
    mw_text_drop(words);
    mw_commands_clear(&d->commands);
    if (!d->error) {
        mw_outq_drop(&d->out);
        d->error = why;
    }
}

void mw_dialogue_lost(mw_dialogue *d, int why, mw_text *words)
{
    mw_dialogue_break(d, why, words);
    mw_outq_drop(&d->out);
    mw_lines_clear(&d->lines);
    mw_reply_clear(&d->gathering);
}
