/* sink_qmtp.c - QMTP's server side (cr.yp.to/proto/qmtp.txt).
 *
 *   package = netstring(message) netstring(sender) netstring(netstring(rcpt) netstring(rcpt) ...)
 *
 * Anything else closes the link, as qmail-qmtpd does.
 */
#include "sink.h"

enum { MESSAGE, SENDER, LIST, RCPT };

/* Where in a netstring: its length, or the comma behind its bytes (those are skipped). */
enum { LENGTH, COMMA };

/* No more digits than fit a uint64_t for sure. */
#define NUMBER_MAX UINT64_C(100000000000000000)

static void expect(sink_link *l, int part, int step)
{
    l->part = part;
    l->step = step;
    l->number = 0;
}

static void answer(sink_link *l)
{
    static const char accepted[] = "10:Kdiscarded,";

    for (; l->rcpts; l->rcpts--)
        sink_say(l, accepted, sizeof accepted - 1);
    expect(l, MESSAGE, LENGTH);
}

/* The netstring of the list ends behind its last recipient. */
static void next_rcpt(sink_link *l)
{
    if (l->rcpts_left)
        expect(l, RCPT, LENGTH);
    else
        expect(l, LIST, COMMA);
}

static void length_read(sink_link *l)
{
    if (l->part == LIST) {
        l->rcpts_left = l->number;
        next_rcpt(l);
        return;
    }
    l->skip = l->number;
    l->step = COMMA;
    if (l->part != RCPT)
        return;
    if (l->skip >= l->rcpts_left)
        l->closing = 1;
    else
        l->rcpts_left -= l->skip;
}

static void comma_read(sink_link *l)
{
    switch (l->part) {
    case MESSAGE:
        expect(l, SENDER, LENGTH);
        break;
    case SENDER:
        expect(l, LIST, LENGTH);
        break;
    case RCPT:
        l->rcpts++;
        next_rcpt(l);
        break;
    default:
        answer(l);
    }
}

static void feed_byte(sink_link *l, char c)
{
    if (l->part == RCPT && l->rcpts_left-- == 0)
        l->closing = 1;
    else if (l->step == COMMA && c == ',')
        comma_read(l);
    else if (l->step == LENGTH && c == ':')
        length_read(l);
    else if (l->step == LENGTH && c >= '0' && c <= '9' && l->number < NUMBER_MAX)
        l->number = l->number * 10 + (uint64_t)(c - '0');
    else
        l->closing = 1;
}

void sink_qmtp_feed(sink_link *l, const char *in, size_t len)
{
    size_t i = 0;

    while (i < len && !l->closing) {
        size_t n = len - i < l->skip ? len - i : (size_t)l->skip;

        l->skip -= n;
        i += n;
        if (i < len && !l->skip)
            feed_byte(l, in[i++]);
    }
}
