/* pool.c - see pool.h. */
#include "pool.h"
#include "call.h"
#include "order.h"
#include "../c/error.h"
#include "../c/io.h"

static void check_content(pTHX_ const mwx_order *o)
{
    int count = (o->data && SvOK(o->data)) + (o->file && SvOK(o->file)) + (o->range && SvOK(o->range));

    if (count != 1)
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("Data, File or Range is needed, and only one of them")));
}

void mwx_pool_check(pTHX_ SV **arguments, int count, const char *encoding)
{
    mwx_options options = { MW_KIND_MAIL, "mail", { NULL }, NULL, NULL, 0 };
    mwx_order order;
    HV *given;
    SSize_t i;

    mwx_order_read(aTHX_ &order, "submit", arguments, count);
    mwx_order_check(aTHX_ &order, 0);
    check_content(aTHX_ &order);
    mwx_order_options(aTHX_ &order, &options, encoding);
    for (i = 0; i <= av_len(order.rcpts); i++)
        mwx_order_rcpt(aTHX_ &order, AvARRAY(order.rcpts)[i], &given);
}

static void set_place(pTHX_ mw_io_wait *wait, mw_fd_transport *transport, SV **place)
{
    mw_fd_transport_init(transport);
    mw_fd_transport_set(transport, (int)SvIV(place[0]));
    wait->transport = &transport->base;
    wait->events = (int)SvIV(place[1]);
    wait->ready = 0;
}

AV *mwx_pool_wait(pTHX_ NV seconds, SV **places, int count)
{
    static const int links_max = MW_IO_LINKS_MAX;
    AV *ready = (AV *)sv_2mortal((SV *)newAV());
    mw_io_wait waits[MW_IO_LINKS_MAX];
    mw_fd_transport transports[MW_IO_LINKS_MAX];
    int i, rc, links = count / 2 < links_max ? count / 2 : links_max;

    for (i = 0; i < links; i++)
        set_place(aTHX_ &waits[i], &transports[i], places + 2 * i);
    rc = mw_io_wait_many(waits, (size_t)links, seconds < 0 ? MW_IO_NEVER : seconds > 0 ? mw_io_after(seconds) : 0);
    for (i = 0; i < links; i++)
        if ((rc > 0 && waits[i].ready) || (rc < 0 && rc != MW_E_TIMEOUT && rc != MW_E_INTR))
            av_push(ready, newSViv(i));
    return ready;
}
