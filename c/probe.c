/* probe.c - see probe.h. */
#include "error.h"
#include "flight_private.h"

#include <stdio.h>
#include <string.h>

/* MAIL's reply, BDAT's, RSET's, then the anchor. At the most the chunk is answered, too, and one reply is over. */
enum { PROBE_BDAT = 2, PROBE_RSET = 3, PROBE_REPLIES_MAX = 6 };

int mw_probe_is_due(const mw_flight *f, const mw_delivery *d)
{
    return d->eager && f->trust.probe.state == MW_PROBE_NONE;
}

int mw_probe_queue(mw_flight *f)
{
    static const mw_probe sent = { MW_PROBE_SENT, 0, 0, 0, 0 };
    char probe[MW_COMMAND_MAX + 128];
    const mw_text *hello = f->dialogue->hello;
    int len = snprintf(probe, sizeof probe, "MAIL FROM:<>\r\nBDAT %u LAST\r\n%.*s\r\nRSET\r\n", (unsigned)hello->len + 2,
        (int)hello->len, hello->bytes);

    /* A transaction that is still open has recipients: they would get the chunk. So RSET is answered first. */
    if (mw_trust_is_open(f))
        return mw_flight_queue_reset(f);
    f->trust.probe = sent;
    if (mw_flight_queue(f, probe, (size_t)len, MW_KIND_PROBE, 1, NULL))
        return -1;
    return mw_flight_queue_hello(f, MW_KIND_PROBE);
}

/* The reply in front of LHLO's is RSET's. */
static void probe_over(mw_flight *f, int passed)
{
    mw_commands_pop(&f->dialogue->commands);
    if (f->trust.probe.last_refused) {
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
        return;
    }
    f->trust.probe.state = passed ? MW_PROBE_PASSED : MW_PROBE_FAILED;
    mw_trust_fence_held(f);
}

static void on_anchor(mw_flight *f)
{
    mw_probe *p = &f->trust.probe;

    if (!p->anchors_due && p->replies == PROBE_RSET && !p->is_odd) {
        probe_over(f, 1);
    } else if (!p->anchors_due) {
        p->anchors_due = 1;
        mw_flight_queue_hello(f, MW_KIND_PROBE);
    } else if (--p->anchors_due == 0) {
        probe_over(f, 0);
    }
}

/* BDAT's reply is a refusal and RSET's is none. If it is the other way round, or the reply left over must be LHLO's, this may be the last
 * reply. */
void mw_probe_reply(mw_flight *f, const mw_reply *r)
{
    mw_probe *p = &f->trust.probe;
    int is_refusal = r->code / 100 != 2;

    if (mw_keywords_same(&f->dialogue->keywords, r)) {
        on_anchor(f);
        return;
    }
    p->replies++;
    p->last_refused = is_refusal;
    p->is_odd |= (p->replies == PROBE_BDAT && !is_refusal) || (p->replies == PROBE_RSET && is_refusal);
    if (p->replies > PROBE_REPLIES_MAX)
        mw_dialogue_break(f->dialogue, MW_E_REPLY_EXTRA, NULL);
    else if (p->anchors_due)
        p->anchors_due = 2;
    else
        f->trust.quiet = p->replies > PROBE_RSET || (p->replies == PROBE_RSET && p->is_odd);
}
