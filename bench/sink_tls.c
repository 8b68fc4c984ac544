/* sink_tls.c - TLS for the benchmark's server, by OpenSSL. One certificate for all links. */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>

static SSL_CTX *context;

/* The handshake waits: nothing is measured yet. */
static int tls_start(sink_link *l)
{
    SSL *tls = SSL_new(context);

    l->tls = tls;
    return tls && SSL_set_fd(tls, l->fd) == 1 && SSL_accept(tls) == 1
        && fcntl(l->fd, F_SETFL, O_NONBLOCK) == 0;
}

static ssize_t outcome(sink_link *l, int n)
{
    int error;

    if (n > 0)
        return n;
    error = SSL_get_error(l->tls, n);
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t tls_take(sink_link *l, char *to, size_t len)
{
    return outcome(l, SSL_read(l->tls, to, (int)len));
}

static ssize_t tls_put(sink_link *l, const char *bytes, size_t len)
{
    return outcome(l, SSL_write(l->tls, bytes, (int)len));
}

static void tls_end(sink_link *l)
{
    SSL_free(l->tls);
}

static const sink_way way = { tls_start, tls_take, tls_put, tls_end };

const sink_way *sink_tls(const char *pem)
{
    context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, pem) != 1
        || SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM) != 1)
        return NULL;
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return &way;
}
