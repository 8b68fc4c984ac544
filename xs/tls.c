/* tls.c - see tls.h. */
#include "tls.h"
#include "call.h"
#include "magic.h"
#include "../c/error.h"

/* The most bytes of a record, and what is put into records at once while the peer takes everything at once. */
#define RECORD 16384
#define BATCH (4 * RECORD)

/* Records that wait at the most: a context may have them made smaller. */
#define RECORDS_MAX 64

/* What is received at once: a record with what is around it, and more. */
#define BLOCK 32768

/* SSL_get_error(3) */
enum { WANTS_READ = 2, WANTS_WRITE = 3, HAS_ENDED = 6 };

/* So many bytes are in the record that ends with this octet of the wire. */
typedef struct record {
    size_t bytes;
    size_t end;
} record;

struct mwx_tls {
    mw_fd_transport wire;
    GV *inner;          /* not counted */
    SV *ssl, *from_wire, *to_wire;
    SV *block;          /* what was received last */
    mw_buf unsent;      /* octets for the wire */
    size_t made;        /* how many octets for the wire there were; it may begin anew */
    record records[RECORDS_MAX];    /* of the bytes that the next write has in front */
    int waiting;                    /* how many */
    int is_slow;        /* the peer did not take all at once */
    int is_drained;     /* OpenSSL has nothing more to give before something is received */
    int has_asked;      /* it has asked for more: what it had read ahead in the handshake is used up */
};

static int free_session(pTHX_ SV *object, MAGIC *mg)
{
    mwx_tls *t = (mwx_tls *)mg->mg_ptr;

    PERL_UNUSED_ARG(object);
    if (t) {
        SvREFCNT_dec(t->ssl);
        SvREFCNT_dec(t->from_wire);
        SvREFCNT_dec(t->to_wire);
        SvREFCNT_dec(t->block);
        mw_buf_free(&t->unsent);
        Safefree(t);
    }
    return 0;
}

static const MGVTBL table = MWX_MAGIC_TABLE(free_session);

mwx_tls *mwx_tls_of(pTHX_ SV *ref)
{
    return (mwx_tls *)mwx_magic_find(aTHX_ ref, &table);
}

void mwx_tls_attach(pTHX_ SV *ref, SV *inner, SV *ssl, SV *from_wire, SV *to_wire)
{
    mwx_tls *t;

    Newxz(t, 1, mwx_tls);
    mw_fd_transport_init(&t->wire);
    mw_buf_init(&t->unsent, mw_alloc_default());
    t->inner = (GV *)SvRV(inner);
    t->ssl = newSVsv(ssl);
    t->from_wire = newSVsv(from_wire);
    t->to_wire = newSVsv(to_wire);
    t->block = newSV(BLOCK + 1);
    SvPOK_only(t->block);
    mwx_magic_attach(aTHX_ ref, &table, t);
}

void mwx_tls_on(mwx_tls *t, int fd)
{
    mw_fd_transport_set(&t->wire, fd);
}

/* IO::Socket::SSL has not freed the session. */
static int is_alive(pTHX_ const mwx_tls *t)
{
    SV **ssl = hv_fetchs(GvHVn(t->inner), "_SSL_object", 0);

    return ssl && SvOK(*ssl) && SvIV(*ssl) == SvIV(t->ssl);
}

/* ---- OpenSSL: mortals everywhere */

/* Moves bytes between OpenSSL and a BIO: no code of the caller's runs. */
static SV *ask_bio(pTHX_ const char *sub, SV *bio, SV *argument)
{
    SV *arguments[2];

    arguments[0] = bio;
    arguments[1] = argument;
    return mwx_ask(aTHX_ sub, arguments, 2);
}

/* Code of the caller's may run, which judges a certificate or shows messages. NULL: it died, and stop_r has words. */
static SV *ask_ssl(pTHX_ const char *sub, SV **arguments, int count, mwx_tls_stop *stop_r)
{
    SV *died = NULL, *result = mwx_call_code(aTHX_ (SV *)get_cv(sub, GV_ADD), arguments, count, &died);

    if (died)
        my_snprintf(stop_r->words, sizeof stop_r->words, "%s", SvROK(died) ? sv_reftype(SvRV(died), TRUE) : SvPV_nolen(died));
    SvREFCNT_dec(died);
    return result;
}

/* How many bytes of the wire OpenSSL has not taken yet. */
static IV untaken(pTHX_ mwx_tls *t)
{
    SV *count = mwx_ask(aTHX_ "Net::SSLeay::BIO_pending", &t->from_wire, 1);

    return SvIV(count);
}

/* Why read or write returned nothing: MW_E_AGAIN, MW_E_CLOSED (the peer has said its end), or MW_E_SYS. */
static int reason(pTHX_ const mwx_tls *t, mwx_tls_stop *stop_r)
{
    SV *arguments[2], *said;
    IV error;

    arguments[0] = t->ssl;
    arguments[1] = sv_2mortal(newSViv(-1));
    said = mwx_ask(aTHX_ "Net::SSLeay::get_error", arguments, 2);
    error = SvIV(said);
    if (error == WANTS_READ || error == WANTS_WRITE)
        return MW_E_AGAIN;
    if (error == HAS_ENDED)
        return MW_E_CLOSED;
    said = mwx_ask(aTHX_ "Mail::Wire::TLS::_error_words", NULL, 0);
    my_snprintf(stop_r->words, sizeof stop_r->words, "%s", SvPV_nolen(said));
    return MW_E_SYS;
}

/* ---- the wire */

/* 0, and how many bytes came (0: the peer has ended); or an error. */
static int receive(pTHX_ mwx_tls *t, size_t *got_r)
{
    int rc = t->wire.base.calls->read(&t->wire.base, SvPVX(t->block), BLOCK, got_r);

    if (rc || !*got_r)
        return rc;
    SvCUR_set(t->block, *got_r);
    ask_bio(aTHX_ "Net::SSLeay::BIO_write", t->from_wire, t->block);
    t->is_drained = 0;
    return 0;
}

/* 0 when everything in unsent has left. */
static int send_unsent(mwx_tls *t)
{
    int rc = 0;

    while (!rc && mw_buf_len(&t->unsent)) {
        mw_slice rest = mw_buf_view(&t->unsent);
        size_t put = 0;

        rc = t->wire.base.calls->write(&t->wire.base, &rest, 1, &put);
        mw_buf_consume(&t->unsent, rc ? 0 : put);
    }
    t->is_slow = rc == MW_E_AGAIN;
    return rc;
}

/* What OpenSSL has made since is to be sent. */
static int take_made(pTHX_ mwx_tls *t)
{
    SV *made = ask_bio(aTHX_ "Net::SSLeay::BIO_read", t->to_wire, sv_2mortal(newSViv(2 * BATCH)));

    if (!SvPOK(made) || !SvCUR(made))
        return 0;
    if (mw_buf_append(&t->unsent, SvPVX_const(made), SvCUR(made)))
        return MW_E_NOMEM;
    t->made += SvCUR(made);
    return 0;
}

static int flush(pTHX_ mwx_tls *t)
{
    int rc = take_made(aTHX_ t);

    return rc ? rc : send_unsent(t);
}

/* Records are sent by who counts them. */
static int has_answers(const mwx_tls *t)
{
    return mw_buf_len(&t->unsent) && !t->waiting;
}

static void wait_for(const mwx_tls *t, mwx_tls_stop *stop_r)
{
    stop_r->waits_for = MW_IO_IN | (has_answers(t) ? MW_IO_OUT : 0);
}

/* An error of the wire's. */
static int failed(const mwx_tls *t, int rc, mwx_tls_stop *stop_r)
{
    if (rc == MW_E_SYS && !*stop_r->words)
        mw_transport_words(&t->wire.base, stop_r->words, sizeof stop_r->words);
    return rc;
}

/* ---- reading */

/* What the bytes received are in plain: at most a record. After less than was asked for there may be more only in the BIO,
 * save what a caller's context had it read ahead. */
static int decrypt(pTHX_ mwx_tls *t, char *to, size_t len, size_t *got_r, mwx_tls_stop *stop_r)
{
    SV *arguments[2], *plain;

    arguments[0] = t->ssl;
    arguments[1] = sv_2mortal(newSVuv(len));
    plain = ask_ssl(aTHX_ "Net::SSLeay::read", arguments, 2, stop_r);
    if (!plain)
        return MW_E_SYS;
    if (!SvPOK(plain) || !SvCUR(plain)) {
        t->has_asked = 1;
        return reason(aTHX_ t, stop_r);
    }
    *got_r = SvCUR(plain) < len ? SvCUR(plain) : len;
    Copy(SvPVX_const(plain), to, *got_r, char);
    t->is_drained = t->has_asked && *got_r < len && !untaken(aTHX_ t);
    return 0;
}

/* Where a record has nothing for us (a ticket), OpenSSL wants to be asked again. */
static int decrypt_all(pTHX_ mwx_tls *t, char *to, size_t len, size_t *got_r, mwx_tls_stop *stop_r)
{
    IV left, before = IV_MAX;
    int rc;

    while ((rc = decrypt(aTHX_ t, to, len, got_r, stop_r)) == MW_E_AGAIN && (left = untaken(aTHX_ t)) && left < before)
        before = left;
    return rc;
}

static int read_some(pTHX_ mwx_tls *t, char *to, size_t len, size_t *got_r, mwx_tls_stop *stop_r)
{
    size_t came = 0;
    int rc;

    if (has_answers(t))
        (void)send_unsent(t);
    for (;;) {
        rc = t->is_drained ? MW_E_AGAIN : decrypt_all(aTHX_ t, to, len, got_r, stop_r);
        if (rc == MW_E_CLOSED)
            return 0;
        if (rc != MW_E_AGAIN)
            return rc;
        /* It may have answered what came: the peer changes its key, or asks for the handshake again. */
        if (!t->is_drained && !t->waiting)
            (void)flush(aTHX_ t);
        t->is_drained = 1;
        if ((rc = receive(aTHX_ t, &came)) || !came)
            break;
    }
    wait_for(t, stop_r);
    return failed(t, rc, stop_r);
}

int mwx_tls_read(pTHX_ mwx_tls *t, char *to, size_t len, size_t *got_r, mwx_tls_stop *stop_r)
{
    int rc;

    ENTER;
    SAVETMPS;
    *got_r = 0;
    *stop_r->words = '\0';
    rc = is_alive(aTHX_ t) ? read_some(aTHX_ t, to, len, got_r, stop_r) : MW_E_CLOSED;
    FREETMPS;
    LEAVE;
    return rc;
}

int mwx_tls_is_drained(const mwx_tls *t)
{
    return t->is_drained;
}

/* ---- writing */

static SV *gathered(pTHX_ const mw_slice *v, int count, size_t most)
{
    SV *bytes = sv_2mortal(newSV(most + 1));
    int i;

    sv_setpvs(bytes, "");
    for (i = 0; i < count && SvCUR(bytes) < most; i++)
        sv_catpvn(bytes, v[i].base, v[i].len < most - SvCUR(bytes) ? v[i].len : most - SvCUR(bytes));
    return bytes;
}

/* Puts the bytes from done on into a record. */
static int seal_record(pTHX_ mwx_tls *t, SV *bytes, size_t *done, mwx_tls_stop *stop_r)
{
    size_t left = SvCUR(bytes) - *done;
    SV *arguments[4], *put;
    int rc;

    arguments[0] = t->ssl;
    arguments[1] = sv_2mortal(newSVuv(*done));
    arguments[2] = sv_2mortal(newSVuv(left < RECORD ? left : RECORD));
    arguments[3] = bytes;
    put = ask_ssl(aTHX_ "Net::SSLeay::write_partial", arguments, 4, stop_r);
    if (!put)
        return MW_E_SYS;
    if (SvIV(put) <= 0)
        return reason(aTHX_ t, stop_r);
    if ((rc = take_made(aTHX_ t)))
        return rc;
    t->records[t->waiting].bytes = (size_t)SvIV(put);
    t->records[t->waiting++].end = t->made;
    *done += (size_t)SvIV(put);
    return 0;
}

/* OpenSSL has to read in order to write. 0: there is something. left: so many bytes it had when it was asked last. */
static int let_read(pTHX_ mwx_tls *t, IV *left, mwx_tls_stop *stop_r)
{
    size_t came = 0;
    IV before = *left;
    int rc = flush(aTHX_ t);

    *left = untaken(aTHX_ t);
    if (!rc && *left && *left < before)
        return 0;
    if (!rc)
        rc = receive(aTHX_ t, &came);
    *left = IV_MAX;
    wait_for(t, stop_r);
    return !rc && !came ? MW_E_CLOSED : rc;
}

/* 0: there are records to be sent. */
static int seal(pTHX_ mwx_tls *t, const mw_slice *v, int count, mwx_tls_stop *stop_r)
{
    SV *bytes = gathered(aTHX_ v, count, t->is_slow ? RECORD : BATCH);
    IV left = IV_MAX;
    size_t done = 0;
    int rc;

    do {
        rc = seal_record(aTHX_ t, bytes, &done, stop_r);
        if (rc == MW_E_AGAIN)
            rc = let_read(aTHX_ t, &left, stop_r);
    } while (!rc && done < SvCUR(bytes) && t->waiting < RECORDS_MAX);
    return t->waiting ? 0 : rc;
}

/* Forgets the records that were sent to their ends. Returns how many bytes were in them: the peer may have those, and no others. */
static size_t count_sent(mwx_tls *t)
{
    size_t bytes = 0;
    int n = 0;

    while (n < t->waiting && mw_buf_len(&t->unsent) <= t->made - t->records[n].end)
        bytes += t->records[n++].bytes;
    t->waiting -= n;
    Move(t->records + n, t->records, t->waiting, record);
    return bytes;
}

/* An error behind records that were sent shows the next time. */
static int write_some(pTHX_ mwx_tls *t, const mw_slice *v, int count, size_t *put_r, mwx_tls_stop *stop_r)
{
    int rc = t->waiting ? 0 : seal(aTHX_ t, v, count, stop_r);

    if (!rc)
        rc = send_unsent(t);
    if ((*put_r = count_sent(t)))
        return 0;
    if (t->waiting && rc == MW_E_AGAIN)
        stop_r->waits_for = MW_IO_OUT;
    return failed(t, rc, stop_r);
}

int mwx_tls_write(pTHX_ mwx_tls *t, const mw_slice *v, int count, size_t *put_r, mwx_tls_stop *stop_r)
{
    int rc;

    ENTER;
    SAVETMPS;
    *stop_r->words = '\0';
    rc = is_alive(aTHX_ t) ? write_some(aTHX_ t, v, count, put_r, stop_r) : MW_E_CLOSED;
    FREETMPS;
    LEAVE;
    return rc;
}

int mwx_tls_turn(pTHX_ mwx_tls *t)
{
    size_t came = 0;

    if (!is_alive(aTHX_ t))
        return 0;
    (void)receive(aTHX_ t, &came);
    return !t->waiting && !flush(aTHX_ t);
}
