/* handle_transport.c - see handle_transport.h. */
#include "handle_transport.h"
#include "call.h"
#include "../c/error.h"
#include "../c/io_guard.h"

/* $IO::Socket::SSL::SSL_ERROR as a string. Its number is an address. */
#define WANT_READ "SSL wants a read first"
#define WANT_WRITE "SSL wants a write first"

#define UNSAID "the handle failed and did not say why"
#define NONSENSE "the handle's method returned what is none of its numbers"

SV *mwx_handle_tied(pTHX_ SV *ref)
{
    SV *glob = SvROK(ref) ? SvRV(ref) : NULL;
    SV *io = glob && isGV_with_GP(glob) ? (SV *)GvIO((GV *)glob) : NULL;
    MAGIC *mg = io && SvRMAGICAL(io) ? mg_find(io, PERL_MAGIC_tiedscalar) : NULL;

    return mg ? SvTIED_obj(io, mg) : NULL;
}

static int can(pTHX_ SV *object, const char *method)
{
    return sv_isobject(object) && gv_fetchmethod_autoload(SvSTASH(SvRV(object)), method, FALSE);
}

static int is_ssl(pTHX_ SV *object)
{
    return sv_derived_from(object, "IO::Socket::SSL::SSL_HANDLE");
}

int mwx_handle_fileno(pTHX_ SV *object, int fd)
{
    SV *died = NULL, *number;

    if (mwx_tls_of(aTHX_ object) || is_ssl(aTHX_ object) || !can(aTHX_ object, "FILENO"))
        return fd;
    ENTER;
    SAVETMPS;
    number = mwx_call_scalar(aTHX_ object, "FILENO", NULL, 0, &died);
    fd = number && looks_like_number(number) ? (int)SvIV(number) : -1;
    SvREFCNT_dec(died);
    FREETMPS;
    LEAVE;
    return fd;
}

/* ---- signals: a handler runs inside the method, which may be waiting itself. That the handler died, and not the method, is noted. */

#define INTERRUPTED "Mail::Wire::_interrupted"

static despatch_signals_proc_t usual_hook;

static void noting_hook(pTHX)
{
    SV *died = NULL;

    PL_signalhook = usual_hook;
    mwx_run_handlers(aTHX_ &died);
    PL_signalhook = noting_hook;
    if (died) {
        sv_setsv(get_sv(INTERRUPTED, GV_ADD), died);
        croak_sv(sv_2mortal(died));
    }
}

/* ---- calling */

static SV *wanted(pTHX)
{
    return get_sv("IO::Socket::SSL::SSL_ERROR", 0);
}

/* Calls the method, with $! cleared; the result is mortal. errno is as the method left it. */
static SV *call_noting(pTHX_ mwx_handle_transport *t, const char *method, SV **arguments, int count, SV **died_r)
{
    int is_nested = PL_signalhook == noting_hook;
    SV *want = wanted(aTHX), *result;

    if (want)
        sv_setsv(want, &PL_sv_undef);
    sv_setsv(get_sv(INTERRUPTED, GV_ADD), &PL_sv_undef);
    if (!is_nested) {
        usual_hook = PL_signalhook;
        PL_signalhook = noting_hook;
    }
    errno = 0;
    result = mwx_call_scalar(aTHX_ t->object, method, arguments, count, died_r);
    if (!is_nested)
        PL_signalhook = usual_hook;
    return result;
}

static SV *call_guarded(pTHX_ mwx_handle_transport *t, const char *method, SV **arguments, int count, SV **died_r)
{
    int flags = t->is_layered && t->fd >= 0 ? mw_io_unblock(t->fd) : -1;
    mw_quiet quiet;
    SV *result;

    mw_quiet_begin(&quiet);
    result = call_noting(aTHX_ t, method, arguments, count, died_r);
    mw_quiet_end(&quiet);
    if (flags >= 0)
        mw_io_reblock(t->fd, flags);
    return result;
}

/* ---- what came of it */

static int failed(mwx_handle_transport *t, const char *words)
{
    my_snprintf(t->words, sizeof t->words, "%s", words);
    return MW_E_SYS;
}

/* The first line of what the method died of. An object is told by its class: its string may run code that dies. */
static int failed_of(pTHX_ mwx_handle_transport *t, SV *died)
{
    const char *text = SvROK(died) ? sv_reftype(SvRV(died), TRUE) : SvPV_nolen(died);
    char *end;

    failed(t, text);
    if ((end = strpbrk(t->words, "\r\n")))
        *end = '\0';
    return MW_E_SYS;
}

static int interrupted_or_died(pTHX_ mwx_handle_transport *t, SV *died)
{
    SV *interrupted = get_sv(INTERRUPTED, GV_ADD);
    int rc = MWX_E_DIED;

    t->is_torn = 1;
    if (SvOK(interrupted)) {
        failed(t, "interrupted inside of the handle");
        SvREFCNT_dec(t->died);
        t->died = newSVsv(interrupted);
    } else {
        rc = failed_of(aTHX_ t, died);
    }
    SvREFCNT_dec(died);
    return rc;
}

/* The layer would have to wait: for what SSL_ERROR says, else for what was tried. */
static int would_wait(pTHX_ int *for_r, int usual)
{
    SV *want = wanted(aTHX);
    const char *words = want && SvPOK(want) ? SvPV_nolen(want) : "";

    *for_r = strEQ(words, WANT_READ) ? MW_IO_IN : strEQ(words, WANT_WRITE) ? MW_IO_OUT : usual;
    return MW_E_AGAIN;
}

/* The method returned undef. */
static int refused(pTHX_ mwx_handle_transport *t, int error, int *for_r, int usual)
{
    SV *want = wanted(aTHX);
    char words[MW_IO_WORDS];

    if (error == EAGAIN || error == EWOULDBLOCK)
        return would_wait(aTHX_ for_r, usual);
    if (error == EINTR)
        return MW_E_INTR;
    if (error == EPIPE || error == ECONNRESET || error == ENOTCONN)
        return MW_E_CLOSED;
    if (want && SvTRUE(want))
        return failed_of(aTHX_ t, want);
    mw_io_words(error, words, sizeof words);
    return failed(t, error ? words : UNSAID);
}

/* 0 and a number of bytes up to most, or an error. */
static int called(pTHX_ mwx_handle_transport *t, const char *method, SV **arguments, int count, size_t most, size_t *number_r)
{
    int reads = *method == 'R', error;
    SV *died = NULL, *result = call_guarded(aTHX_ t, method, arguments, count, &died);
    IV number;

    error = errno;
    if (died)
        return interrupted_or_died(aTHX_ t, died);
    if (!SvOK(result))
        return refused(aTHX_ t, error, reads ? &t->for_read : &t->for_write, reads ? MW_IO_IN : MW_IO_OUT);
    number = looks_like_number(result) ? SvIV(result) : -1;
    if (number < 0 || (UV)number > most)
        return failed(t, NONSENSE);
    *number_r = (size_t)number;
    return 0;
}

/* One call of a method, which leaves nothing behind. A handle that is not layered is asked of poll first. */
static int begin(pTHX_ mwx_handle_transport *t, int event)
{
    if (t->is_torn)
        return MW_E_SYS;
    if (!t->object)
        return MW_E_CLOSED;
    return t->is_layered ? event : mw_io_ready(t->fd, event, 0);
}

/* ---- the transport's functions */

static int take_bytes(pTHX_ mwx_handle_transport *t, SV *buffer, size_t number, char *to)
{
    STRLEN len = 0;
    const char *bytes = "";

    if (SvOK(buffer) && !SvROK(buffer) && sv_utf8_downgrade(buffer, TRUE))
        bytes = SvPV(buffer, len);
    if (len < number)
        return failed(t, NONSENSE);
    Copy(bytes, to, number, char);
    return 0;
}

/* What a call of TLS's own way returned. */
static int tls_said(mwx_handle_transport *t, int rc, const mwx_tls_stop *stop, int *for_r, int usual)
{
    *for_r = rc == MW_E_AGAIN ? stop->waits_for : usual;
    t->is_dry = mwx_tls_is_drained(t->tls);
    return rc == MW_E_SYS ? failed(t, *stop->words ? stop->words : UNSAID) : rc;
}

static int handle_read(mw_transport *base, char *to, size_t len, size_t *got_r)
{
    dTHX;
    mwx_handle_transport *t = (mwx_handle_transport *)base;
    int rc = begin(aTHX_ t, MW_IO_IN);
    mwx_tls_stop stop;
    SV *arguments[2];

    if (rc <= 0)
        return rc ? rc : MW_E_AGAIN;
    if (t->tls)
        return tls_said(t, mwx_tls_read(aTHX_ t->tls, to, len, got_r, &stop), &stop, &t->for_read, MW_IO_IN);
    ENTER;
    SAVETMPS;
    arguments[0] = sv_2mortal(newSVpvs(""));
    arguments[1] = sv_2mortal(newSVuv(len));
    rc = called(aTHX_ t, "READ", arguments, 2, len, got_r);
    if (!rc)
        rc = take_bytes(aTHX_ t, arguments[0], *got_r, to);
    FREETMPS;
    LEAVE;
    t->is_dry = rc == MW_E_AGAIN;
    if (!rc)
        t->for_read = MW_IO_IN;
    return rc;
}

/* Up to this many of the bytes, in a mortal. */
static SV *gathered(pTHX_ const mw_slice *v, int count, size_t most)
{
    SV *bytes = sv_2mortal(newSV(most + 1));
    int i;

    sv_setpvs(bytes, "");
    for (i = 0; i < count && SvCUR(bytes) < most; i++)
        sv_catpvn(bytes, v[i].base, v[i].len < most - SvCUR(bytes) ? v[i].len : most - SvCUR(bytes));
    return bytes;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The first len bytes of the slices, from put on. */
static int write_record(pTHX_ mwx_handle_transport *t, SV *bytes, size_t put, size_t len, size_t *put_r)
{
    SV *arguments[3];
    size_t number = 0;
    /* The layer may read bytes for us meanwhile, but not when it has found none before and none have come. */
    int may_read = t->for_write != MW_IO_IN || mw_io_ready(t->fd, MW_IO_IN, 0), rc;

    arguments[0] = bytes;
    arguments[1] = sv_2mortal(newSVuv(len));
    arguments[2] = sv_2mortal(newSVuv(put));
    rc = called(aTHX_ t, "WRITE", arguments, 3, len, &number);
    if (!rc && !number)
        rc = would_wait(aTHX_ &t->for_write, MW_IO_OUT);
    t->again = rc == MW_E_AGAIN ? len : 0;
    if (!rc)
        t->for_write = MW_IO_OUT;
    if (t->for_write == MW_IO_IN && may_read)
        t->is_dry = 0;
    *put_r = number;
    return rc;
}

static int handle_write(mw_transport *base, const mw_slice *v, int count, size_t *put_r)
{
    dTHX;
    mwx_handle_transport *t = (mwx_handle_transport *)base;
    size_t record = t->is_layered ? MWX_HANDLE_RECORD : MWX_HANDLE_LITTLE, len, number;
    SV *bytes;
    int rc = begin(aTHX_ t, MW_IO_OUT);
    mwx_tls_stop stop;

    if (rc <= 0)
        return rc ? rc : MW_E_AGAIN;
    if (t->tls)
        return tls_said(t, mwx_tls_write(aTHX_ t->tls, v, count, put_r, &stop), &stop, &t->for_write, MW_IO_OUT);
    ENTER;
    SAVETMPS;
    bytes = gathered(aTHX_ v, count, t->is_layered ? 4 * record : record);
    do {
        len = least(t->again ? t->again : record, SvCUR(bytes) - *put_r);
        rc = write_record(aTHX_ t, bytes, *put_r, len, &number);
        *put_r += rc ? 0 : number;
    } while (!rc && number == len && *put_r < SvCUR(bytes));
    FREETMPS;
    LEAVE;
    return *put_r ? 0 : rc;
}

static int handle_needs(mw_transport *base, mw_needs *needs_r)
{
    const mwx_handle_transport *t = (const mwx_handle_transport *)base;

    needs_r->fd = t->fd;
    needs_r->for_read = t->for_read;
    needs_r->for_write = t->for_write;
    needs_r->pending = t->is_torn || (t->is_layered && !t->is_dry);
    return t->fd < 0 ? MW_E_SYS : 0;
}

static void handle_words(const mw_transport *base, char *to, size_t size)
{
    const mwx_handle_transport *t = (const mwx_handle_transport *)base;

    my_snprintf(to, size, "%s", *t->words ? t->words : "the handle has no descriptor");
}

/* Ends a call. */
static void handle_close(mw_transport *base)
{
    dTHX;
    mwx_handle_transport *t = (mwx_handle_transport *)base;
    SV *object = t->object;

    t->object = NULL;
    t->tls = NULL;
    SvREFCNT_dec(object);
}

static const mw_transport_calls handle_calls = { handle_read, handle_write, NULL, handle_needs, handle_words, handle_close };

void mwx_handle_transport_init(mwx_handle_transport *t)
{
    Zero(t, 1, mwx_handle_transport);
    mw_transport_init(&t->base, &handle_calls);
    t->base.reads_unasked = 1;
    t->fd = -1;
}

void mwx_handle_transport_set(pTHX_ mwx_handle_transport *t, SV *object, int fd)
{
    void *known = SvROK(object) ? (void *)SvRV(object) : (void *)object;

    t->object = newSVsv(object);
    if (known != t->known) {
        int ssl = is_ssl(aTHX_ object);

        t->known = known;
        t->is_tls |= ssl;
        t->is_layered = ssl || can(aTHX_ object, "pending");
        t->is_dry = 0;
        t->again = 0;
        t->for_read = MW_IO_IN;
        t->for_write = MW_IO_OUT;
    }
    t->fd = fd;
    t->tls = mwx_tls_of(aTHX_ object);
    t->base.reads_cheaply = t->tls != NULL;
    if (t->tls) {
        mwx_tls_on(t->tls, fd);
        t->is_dry = mwx_tls_is_drained(t->tls);
    }
}
