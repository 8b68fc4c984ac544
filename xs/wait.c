/* wait.c - see wait.h. */
#include "wait.h"
#include "call.h"
#include "../c/error.h"
#include <perliol.h>

static PerlIO *stream(SV *ref)
{
    SV *glob = SvROK(ref) ? SvRV(ref) : NULL;
    IO *io = glob && isGV_with_GP(glob) ? GvIO((GV *)glob) : NULL;

    return io ? IoIFP(io) : NULL;
}

int mwx_fd(pTHX_ SV *ref)
{
    PerlIO *fp = stream(ref);
    SV *tied = mwx_handle_tied(aTHX_ ref);
    int fd = fp ? PerlIO_fileno(fp) : -1;

    return tied ? mwx_handle_fileno(aTHX_ tied, fd) : fd;
}

static int is_in_file(int fd, int64_t at, const char *bytes, IV len)
{
    char block[4096];
    IV i;
    int n;

    for (i = 0; at >= 0 && i < len; i += n) {
        n = mw_io_read_file(fd, (uint64_t)(at + i), block, (int)(len - i < (IV)sizeof block ? len - i : (IV)sizeof block));
        if (n <= 0 || memcmp(block, bytes + i, (size_t)n) != 0)
            return 0;
    }
    return at >= 0;
}

IV mwx_buffered(pTHX_ SV *ref)
{
    PerlIO *fp = stream(ref);
    IV ahead;

    if (PerlIOValid(fp) && PerlIOBase(fp)->flags & PERLIO_F_WRBUF)
        PerlIO_flush(fp);
    ahead = fp && PerlIO_has_cntptr(fp) ? (IV)PerlIO_get_cnt(fp) : 0;
    if (ahead <= 0)
        return 0;
    return is_in_file(PerlIO_fileno(fp), (int64_t)PerlLIO_lseek(PerlIO_fileno(fp), 0, SEEK_CUR) - ahead, PerlIO_get_ptr(fp), ahead) ? ahead : -1;
}

void mwx_carrier_init(mwx_carrier *c)
{
    mw_fd_transport_init(&c->plain);
    mwx_handle_transport_init(&c->handle);
    c->used = &c->plain.base;
}

void mwx_carrier_free(pTHX_ mwx_carrier *c)
{
    mw_transport_close(&c->handle.base);
    SvREFCNT_dec(c->handle.died);
}

int mwx_carrier_says(const mwx_carrier *c, const char **words_r)
{
    *words_r = c->handle.words;
    return c->used == &c->handle.base && *c->handle.words;
}

static mw_needs needs_of(const mwx_carrier *c)
{
    mw_needs needs = { -1, MW_IO_IN, MW_IO_OUT, 0 };

    c->used->calls->needs(c->used, &needs);
    return needs;
}

int mwx_carrier_wants(const mwx_carrier *c, const mw_outq *out)
{
    mw_needs needs = needs_of(c);

    return needs.for_read | (mw_outq_len(out) ? needs.for_write : 0);
}

int mwx_carrier_is_pending(const mwx_carrier *c)
{
    return needs_of(c).pending;
}

int mwx_signals(pTHX_ SV *keep, SV **died)
{
    if (!PL_sig_pending)
        return 0;
    if (keep)
        sv_2mortal(SvREFCNT_inc(SvRV(keep)));
    return mwx_run_handlers(aTHX_ died) ? MWX_E_DIED : 0;
}

/* Bytes that came before TLS was put on the link may be anybody's: a man in the middle would have them taken for a reply of the server that
 * TLS has verified. */
static int is_injected(const mwx_carrier *c, const mw_buf *in)
{
    return c->used == &c->plain.base && c->handle.is_layered && mw_buf_len(in);
}

/* 0; MW_E_CLOSED when there is nothing to go by; MW_E_REPLY_EXTRA. */
static int begin(pTHX_ SV *handle, mwx_carrier *c, const mw_buf *in)
{
    SV *tied = mwx_handle_tied(aTHX_ handle);
    int fd = mwx_fd(aTHX_ handle);

    if (fd < 0)
        return MW_E_CLOSED;
    if (!tied && c->handle.is_tls)
        return MW_E_CLOSED;
    if (!tied) {
        mw_fd_transport_set(&c->plain, fd);
        c->used = &c->plain.base;
        return 0;
    }
    sv_2mortal(SvREFCNT_inc(SvRV(handle)));
    mwx_handle_transport_set(aTHX_ &c->handle, tied, fd);
    if (is_injected(c, in)) {
        mw_transport_close(&c->handle.base);
        return MW_E_REPLY_EXTRA;
    }
    c->used = &c->handle.base;
    return 0;
}

/* What the call returned, unless a signal's handler died inside it. */
static int end(pTHX_ mwx_carrier *c, int rc, SV **died)
{
    mw_transport_close(c->used);
    if (!c->handle.died)
        return rc;
    SvREFCNT_dec(*died);
    *died = c->handle.died;
    c->handle.died = NULL;
    return MWX_E_DIED;
}

int mwx_pump(pTHX_ SV *handle, mwx_carrier *c, mw_outq *out, mw_buf *in, int events, int64_t deadline, SV **died)
{
    int rc;

    for (;;) {
        if (mwx_signals(aTHX_ handle, died))
            return MWX_E_DIED;
        if ((rc = begin(aTHX_ handle, c, in)))
            return rc;
        if (mw_outq_len(out) || (events & MW_IO_IN))
            rc = end(aTHX_ c, mw_io_pump(c->used, out, in, events, deadline), died);
        else
            return end(aTHX_ c, 0, died);
        if (rc && rc != MW_E_INTR)
            return rc;
    }
}

int mwx_look(pTHX_ SV *handle, mwx_carrier *c, mw_buf *in, SV **died)
{
    int rc = begin(aTHX_ handle, c, in);

    if (!rc)
        rc = end(aTHX_ c, mw_io_poll(c->used, in), died);
    return rc == MW_E_INTR ? 0 : rc;
}
