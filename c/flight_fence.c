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
#include "flight_private.h"

#include <string.h>

int mw_flight_is_hello(const mw_flight *f, const mw_reply *r)
{
    return r->code / 100 == 2 && r->count > 1 && mw_keywords_same_server(&f->dialogue->keywords, r);
}

void mw_flight_fence_held(mw_flight *f)
{
    mw_delivery *d;

    f->fence = MW_FENCE_HOLDS;
    f->fence_owed = 0;
    f->must_fence = 0;
    for (d = f->oldest; d; d = d->next)
        if (d->state == MW_DELIVERY_ANSWERED && d->has_end)
            *(d->by_bdat ? &f->chunk_proven : &f->proven) |= d->shape;
    mw_flight_confirm(f, NULL);
}

/* No server refuses RSET: such a reply is another's, and so may be those in front of it. Behind a doubtful fence a reply of LHLO's kind
 * isn't RSET's either. */
static int is_anothers(const mw_flight *f, const mw_reply *r)
{
    if (r->code / 100 != 2)
        return 1;
    return f->fence == MW_FENCE_DOUBTED && (r->count > 1 || mw_keywords_same_server(&f->dialogue->keywords, r));
}

/* RSET has its reply. If it was sent behind a doubtful fence, it tells. */
void mw_flight_apply_reset(mw_flight *f, const mw_reply *r)
{
    if (r->code == MW_LMTP_LOST)
        return;
    if (is_anothers(f, r))
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
    else if (f->fence != MW_FENCE_DOUBTED)
        return;
    else if (f->anybodys)
        f->quiet = 1;
    else
        mw_flight_fence_refused(f);
}

void mw_flight_apply_fence(mw_flight *f, const mw_reply *r)
{
    if (mw_keywords_same(&f->dialogue->keywords, r)) {
        mw_flight_fence_held(f);
    } else if (r->code == MW_LMTP_LOST) {
        return;
    } else if (f->fence == MW_FENCE_UNKNOWN && !f->dialogue->parted) {
        f->fence = MW_FENCE_DOUBTED;
        f->anybodys = !mw_keywords_same_server(&f->dialogue->keywords, r);
        mw_flight_queue_reset(f);
    } else {
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
    }
}

void mw_flight_fence_refused(mw_flight *f)
{
    f->quiet = 0;
    f->fence_owed = 0;
    f->fence = MW_FENCE_REFUSED;
    mw_flight_confirm(f, NULL);
}
