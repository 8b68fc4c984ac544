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

    return fp ? PerlIO_fileno(fp) : -1;
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

    if (fp && PerlIOValid(fp) && PerlIOBase(fp)->flags & PERLIO_F_WRBUF)
        PerlIO_flush(fp);
    ahead = fp && PerlIO_has_cntptr(fp) ? (IV)PerlIO_get_cnt(fp) : 0;
    if (ahead <= 0)
        return 0;
    return is_in_file(PerlIO_fileno(fp), (int64_t)PerlLIO_lseek(PerlIO_fileno(fp), 0, SEEK_CUR) - ahead, PerlIO_get_ptr(fp), ahead) ? ahead : -1;
}

/* Handlers of signals that came: 0, or MWX_E_DIED. */
static int signals(pTHX_ SV *keep, SV **died)
{
    if (!PL_sig_pending)
        return 0;
    if (keep)
        sv_2mortal(SvREFCNT_inc(SvRV(keep)));
    return mwx_run_handlers(aTHX_ died) ? MWX_E_DIED : 0;
}

int mwx_pump(pTHX_ SV *handle, mw_transport *t, mw_outq *out, mw_buf *in, int events, int64_t deadline, SV **died)
{
    int rc;

    for (;;) {
        if (signals(aTHX_ handle, died))
            return MWX_E_DIED;
        t->fd = mwx_fd(aTHX_ handle);
        if (t->fd < 0)
            return MW_E_CLOSED;
        if (!mw_outq_len(out) && !(events & MW_IO_IN))
            return 0;
        rc = mw_io_pump(t, out, in, events, deadline);
        if (rc && rc != MW_E_INTR)
            return rc;
    }
}

static int dial_loop(pTHX_ mw_dial *d, NV timeout, SV **died)
{
    int64_t deadline = mw_io_after(timeout);
    int rc;

    do {
        if (signals(aTHX_ NULL, died))
            return MWX_E_DIED;
        rc = mw_dial_step(d, deadline);
    } while (rc == 0 || rc == MW_E_INTR);
    return rc;
}

int mwx_dial(pTHX_ const mw_dial_to *to, NV timeout, int *family_r)
{
    mw_dial *d;
    SV *died = NULL;
    int fd = -1, error, rc = mw_dial_start(mw_alloc_default(), &d, to);

    if (!d)
        croak("%s", mw_error_text(rc));
    if (!rc)
        rc = dial_loop(aTHX_ d, timeout, &died);
    error = mw_dial_errno(d);
    if (rc == 1) {
        *family_r = mw_dial_family(d);
        fd = mw_dial_take(d);
    } else if (!died) {
        sv_setpvf(ERRSV, "connect to %s%s%s: %s", to->host, to->port ? " port " : "", to->port ? to->port : "", mw_dial_error(d));
    }
    mw_dial_free(d);
    mwx_rethrow(aTHX_ &died);
    errno = error;
    return fd;
}
