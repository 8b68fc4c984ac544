/* flight_fence.c - anchors and fences: which replies cannot be mistaken, and what follows when a LHLO sent
 * as a fence is answered.
 *
 * A server may refuse a LHLO in mid-session, or answer it in another way than the first. That must not cost
 * mail, so such a server is served without fences; but a final reply too many looks the same, and then
 * LHLO's own is still to come. So once, on the first such reply, the next command tells: RSET is sent, and
 * if what comes in its place is LHLO's, all were out of step. A reply that does not show the server's name could be
 * anybody's, a refusal also a final reply: then nothing may come behind RSET's for a while.
 */
#include "error.h"
#include "flight.h"
#include "lmtp_session.h"

#include <string.h>

/* word is this keyword, which is in capitals. */
static int is_keyword(mw_slice word, const char *keyword)
{
    size_t i;

    for (i = 0; i < word.len && keyword[i]; i++)
        if ((word.base[i] & ~0x20) != keyword[i])
            return 0;
    return i == word.len && !keyword[i];
}

/* Servers list these at one time and not at another. */
static int comes_and_goes(mw_slice word)
{
    return is_keyword(word, "AUTH") || is_keyword(word, "STARTTLS");
}

/* The name of the next keyword of a LHLO reply, from line *i on: 1, or 0 when there is none. */
static int next_keyword(const mw_reply *r, size_t *i, mw_slice *name_r)
{
    mw_slice params;

    while (*i < r->count)
        if (mw_keyword_parse(mw_reply_text(r, (*i)++), name_r, &params) && !comes_and_goes(*name_r))
            return 1;
    return 0;
}

static int same_keywords(const mw_reply *a, const mw_reply *b)
{
    size_t i = 1, j = 1;
    mw_slice x, y;
    int more;

    if (a->count < 2 || b->count < 2)
        return 0;
    while ((more = next_keyword(a, &i, &x)) == next_keyword(b, &j, &y))
        if (!more)
            return 1;
        else if (x.len != y.len || memcmp(x.base, y.base, x.len) != 0)
            return 0;
    return 0;
}

static mw_slice first_word(mw_slice text)
{
    size_t i = 0;

    while (i < text.len && text.base[i] != ' ')
        i++;
    text.len = i;
    return text;
}

int mw_flight_shows_name(const mw_lmtp *s, const mw_reply *r)
{
    mw_slice x, y;

    if (!r->count || !s->hello.count)
        return 0;
    x = first_word(mw_reply_text(r, 0));
    y = first_word(mw_reply_text(&s->hello, 0));
    return x.len && x.len == y.len && memcmp(x.base, y.base, x.len) == 0;
}

/* The server's name and the names of the same keywords as in the link's latest LHLO reply. Not their parameters: Cyrus' last line
 * changes each time. */
int mw_flight_is_anchor(const mw_lmtp *s, const mw_reply *r)
{
    return r->code / 100 == 2 && same_keywords(r, &s->hello) && mw_flight_shows_name(s, r);
}

int mw_flight_is_hello(const mw_lmtp *s, const mw_reply *r)
{
    return r->code / 100 == 2 && r->count > 1 && mw_flight_shows_name(s, r);
}

void mw_flight_fence_held(mw_lmtp *s)
{
    mw_delivery *d;

    s->flight.fence = MW_FENCE_HOLDS;
    s->flight.fence_owed = 0;
    s->flight.must_fence = 0;
    for (d = s->flight.oldest; d; d = d->next)
        if (d->state == MW_DELIVERY_ANSWERED && d->has_end)
            *(d->by_bdat ? &s->flight.chunk_proven : &s->flight.proven) |= d->shape;
    mw_flight_confirm(s, NULL);
}

/* No server refuses RSET: such a reply is another's, and so may be those in front of it. Behind a doubtful fence a reply of LHLO's kind
 * isn't RSET's either. */
static int is_anothers(const mw_lmtp *s, const mw_reply *r)
{
    if (r->code / 100 != 2)
        return 1;
    return s->flight.fence == MW_FENCE_DOUBTED && (r->count > 1 || mw_flight_shows_name(s, r));
}

/* RSET has its reply. If it was sent behind a doubtful fence, it tells. */
void mw_flight_apply_reset(mw_lmtp *s, const mw_reply *r)
{
    if (r->code == MW_LMTP_LOST)
        return;
    if (is_anothers(s, r))
        mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
    else if (s->flight.fence != MW_FENCE_DOUBTED)
        return;
    else if (s->flight.anybodys)
        s->flight.quiet = 1;
    else
        mw_flight_fence_refused(s);
}

void mw_flight_apply_fence(mw_lmtp *s, const mw_reply *r)
{
    if (mw_flight_is_anchor(s, r)) {
        mw_flight_fence_held(s);
    } else if (r->code == MW_LMTP_LOST) {
        return;
    } else if (s->flight.fence == MW_FENCE_UNKNOWN && !s->flight.parted) {
        s->flight.fence = MW_FENCE_DOUBTED;
        s->flight.anybodys = !mw_flight_shows_name(s, r);
        mw_flight_queue_reset(s);
    } else {
        mw_lmtp_break(s, MW_E_REPLY_EXTRA, NULL);
    }
}

void mw_flight_fence_refused(mw_lmtp *s)
{
    s->flight.quiet = 0;
    s->flight.fence_owed = 0;
    s->flight.fence = MW_FENCE_REFUSED;
    mw_flight_confirm(s, NULL);
}
