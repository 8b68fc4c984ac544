/* One wait for several links, and for a transport that is no plain descriptor: one that hoards bytes, and one that has to read before it
 * can write, or the reverse. What is asserted is what comes out, never how long it took. */
#include "io_pair.h"

#include <sys/time.h>

enum { LINKS = 5 };

/* ---- several descriptors */

typedef struct fixture {
    pair p[LINKS];
    mw_io_wait w[LINKS];
} fixture;

static void open_links(fixture *f, int events)
{
    int i;

    for (i = 0; i < LINKS; i++) {
        if (i % 2)
            pair_tcp(&f->p[i]);
        else
            pair_unix(&f->p[i]);
        f->w[i].transport = &f->p[i].t.base;
        f->w[i].events = events;
    }
}

static void close_links(fixture *f)
{
    int i;

    for (i = 0; i < LINKS; i++)
        pair_end(&f->p[i]);
}

/* Those that are ready, as letters: r, w, b for both, e for an error, - for none. */
static const char *shown(const fixture *f)
{
    static char text[LINKS + 1];
    int i;

    for (i = 0; i < LINKS; i++)
        text[i] = f->w[i].ready < 0 ? 'e' : "-rwb"[f->w[i].ready];
    return text;
}

static void is_ready(fixture *f, int64_t deadline, int rc, const char *expected, const char *name)
{
    int got = mw_io_wait_many(f->w, LINKS, deadline);

    tap_ok(got == rc && (rc < 0 || strcmp(shown(f), expected) == 0), "several: %s (%d %s)", name, got, shown(f));
}

static void test_several(void)
{
    fixture f;

    open_links(&f, MW_IO_IN);
    is_ready(&f, 0, MW_E_TIMEOUT, "", "nobody says anything");
    is_ready(&f, MW_IO_NEVER, 0, "-----", "a slice passes");
    say(&f.p[1], "x");
    is_ready(&f, MW_IO_NEVER, 1, "-r---", "one has said something");
    is_ready(&f, 0, 1, "-r---", "and that is still there");
    say(&f.p[4], "x");
    is_ready(&f, MW_IO_NEVER, 2, "-r--r", "another, too");
    f.w[1].events = 0;
    is_ready(&f, MW_IO_NEVER, 1, "----r", "nothing is wanted of the first");
    close_end(&f.p[2], 1);
    is_ready(&f, MW_IO_NEVER, 2, "--r-r", "one has gone");
    close_end(&f.p[3], 0);
    mw_fd_transport_set(&f.p[3].t, -1);
    is_ready(&f, MW_IO_NEVER, 3, "--rer", "one has no descriptor: an error of its own");
    close_links(&f);
}

static void test_writing(void)
{
    fixture f;
    int i;

    open_links(&f, MW_IO_IN | MW_IO_OUT);
    is_ready(&f, MW_IO_NEVER, LINKS, "wwwww", "all can be written to");
    say(&f.p[0], "x");
    is_ready(&f, MW_IO_NEVER, LINKS, "bwwww", "one of them read as well");
    for (i = 1; i < LINKS; i++) {
        mw_outq_lend(&f.p[i].out, large, LARGE);
        while (step(&f.p[i], MW_IO_OUT) > 0)
            continue;
    }
    is_ready(&f, MW_IO_NEVER, 1, "b----", "those that are full cannot");
    close_links(&f);
}

static void test_limits(void)
{
    static mw_io_wait w[MW_IO_LINKS_MAX + 1];
    pair p;
    int i;

    pair_unix(&p);
    for (i = 0; i <= MW_IO_LINKS_MAX; i++) {
        w[i].transport = &p.t.base;
        w[i].events = MW_IO_OUT;
    }
    tap_ok(mw_io_wait_many(w, MW_IO_LINKS_MAX - 1, MW_IO_NEVER) == MW_IO_LINKS_MAX - 1, "limit: one below");
    tap_ok(mw_io_wait_many(w, MW_IO_LINKS_MAX, MW_IO_NEVER) == MW_IO_LINKS_MAX, "limit: at");
    tap_ok(mw_io_wait_many(w, MW_IO_LINKS_MAX + 1, MW_IO_NEVER) == MW_E_STATE, "limit: above");
    tap_ok(mw_io_wait_many(NULL, 0, mw_io_after(1e-3)) == MW_E_TIMEOUT && mw_io_wait_many(NULL, 0, MW_IO_NEVER) == 0, "no link: a pause");
    pair_end(&p);
}

static void ring(int sig)
{
    (void)sig;
}

static void test_signal(void)
{
    struct sigaction action;
    struct itimerval every = { { 0, 20000 }, { 0, 20000 } }, none = { { 0, 0 }, { 0, 0 } };
    fixture f;
    int i, rc = 0;

    memset(&action, 0, sizeof action);
    action.sa_handler = ring;
    sigaction(SIGALRM, &action, NULL);
    open_links(&f, MW_IO_IN);
    setitimer(ITIMER_REAL, &every, NULL);
    for (i = 0; i < 1000 && rc == 0; i++)
        rc = mw_io_wait_many(f.w, LINKS, MW_IO_NEVER);
    setitimer(ITIMER_REAL, &none, NULL);
    tap_ok(rc == MW_E_INTR, "several: a signal ends the wait");
    close_links(&f);
}

/* ---- a layer above a descriptor, as TLS is */

typedef struct layer {
    mw_transport base;
    int fd;
    char hoard[64];         /* read from the descriptor, not given yet */
    size_t len, at;
    int gave;               /* a read has not said yet that there is no more */
    int owes_read;          /* nothing is written before a byte was read, */
    int owes_write;         /* nothing read before a byte was written */
    int drips;              /* what is read makes no byte */
    int reads;
} layer;

static int layer_read(mw_transport *t, char *to, size_t len, size_t *got_r)
{
    layer *l = (layer *)t;
    ssize_t n;

    (void)len;
    l->reads++;
    if (l->owes_write && send(l->fd, "!", 1, MSG_NOSIGNAL) == 1)
        l->owes_write = 0;
    if (l->at == l->len) {
        n = recv(l->fd, l->hoard, sizeof l->hoard, MSG_DONTWAIT);
        l->gave = n > 0 && !l->drips;
        if (n < 0 || l->drips)
            return MW_E_AGAIN;
        l->at = 0;
        l->len = (size_t)n;
    }
    *got_r = l->at < l->len;
    *to = l->hoard[l->at++];
    return 0;
}

static int layer_write(mw_transport *t, const mw_slice *v, int count, size_t *put_r)
{
    layer *l = (layer *)t;
    char byte;

    (void)count;
    if (l->owes_read && recv(l->fd, &byte, 1, MSG_DONTWAIT) != 1)
        return MW_E_AGAIN;
    l->owes_read = 0;
    *put_r = (size_t)send(l->fd, v->base, 1, MSG_NOSIGNAL);
    return 0;
}

static int layer_needs(mw_transport *t, mw_needs *needs_r)
{
    const layer *l = (const layer *)t;

    needs_r->fd = l->fd;
    needs_r->for_read = l->owes_write ? MW_IO_OUT : MW_IO_IN;
    needs_r->for_write = l->owes_read ? MW_IO_IN : MW_IO_OUT;
    needs_r->pending = l->gave;
    return 0;
}

static void layer_words(const mw_transport *t, char *to, size_t size)
{
    (void)t;
    snprintf(to, size, "the layer's words");
}

static void layer_close(mw_transport *t)
{
    ((layer *)t)->fd = -1;
}

static const mw_transport_calls layer_calls = { layer_read, layer_write, NULL, layer_needs, layer_words, layer_close };

static void layer_open(layer *l, pair *p)
{
    pair_unix(p);
    memset(l, 0, sizeof *l);
    mw_transport_init(&l->base, &layer_calls);
    l->base.reads_unasked = 1;
    l->fd = p->fd[0];
}

static int layer_pump(layer *l, pair *p, int events, int64_t deadline)
{
    return mw_io_pump(&l->base, &p->out, &p->in, events, deadline);
}

static void test_hoard(void)
{
    mw_io_wait w[2];
    layer l;
    pair p, q;

    layer_open(&l, &p);
    pair_unix(&q);
    say(&p, "three");
    tap_ok(layer_pump(&l, &p, MW_IO_IN, mw_io_after(60)) == 1 && in_is(&p, "t"), "hoard: the first byte");
    w[0].transport = &q.t.base;
    w[1].transport = &l.base;
    w[0].events = w[1].events = MW_IO_IN;
    tap_ok(mw_io_wait_many(w, 2, MW_IO_NEVER) == 1 && w[0].ready == 0 && w[1].ready == MW_IO_IN, "hoard: the others are no wait, poll silent");
    say(&q, "x");
    tap_ok(mw_io_wait_many(w, 2, MW_IO_NEVER) == 2 && w[0].ready && w[1].ready, "hoard: and take nobody's turn");
    while (layer_pump(&l, &p, MW_IO_IN, 0) > 0)
        continue;
    tap_ok(in_is(&p, "three") && !l.gave, "hoard: all of them");
    tap_ok(mw_io_wait_many(w + 1, 1, 0) == MW_E_TIMEOUT, "hoard: then it is empty");
    say(&p, "!");
    tap_ok(mw_io_poll(&l.base, &p.in) == 1 && in_is(&p, "three!"), "hoard: polled");
    pair_end(&q);
    pair_end(&p);
}

static void test_crossed(void)
{
    char got[8] = "";
    mw_io_wait w;
    layer l;
    pair p;

    layer_open(&l, &p);
    l.owes_read = 1;
    mw_outq_copy(&p.out, "a", 1);
    tap_ok(layer_pump(&l, &p, MW_IO_OUT, 0) == MW_E_TIMEOUT && mw_outq_len(&p.out) == 1, "crossed: nothing is written before a read");
    w.transport = &l.base;
    w.events = MW_IO_OUT;
    tap_ok(mw_io_wait_many(&w, 1, 0) == MW_E_TIMEOUT, "crossed: that the descriptor can be written to is no help");
    say(&p, "?");
    tap_ok(mw_io_wait_many(&w, 1, MW_IO_NEVER) == 1 && w.ready == MW_IO_OUT, "crossed: that it can be read is");
    tap_ok(layer_pump(&l, &p, MW_IO_OUT, mw_io_after(60)) == 1 && read(p.fd[1], got, 1) == 1 && *got == 'a', "crossed: written");
    l.owes_write = 1;
    say(&p, "b");
    w.events = MW_IO_IN;
    tap_ok(mw_io_wait_many(&w, 1, MW_IO_NEVER) == 1 && w.ready == MW_IO_IN, "crossed: a read that waits to write");
    tap_ok(layer_pump(&l, &p, MW_IO_IN, mw_io_after(60)) == 1 && in_is(&p, "b"), "crossed: read");
    pair_end(&p);
}

/* A peer that sends what the layer eats must not keep us beyond the deadline. */
static void test_drip(void)
{
    layer l;
    pair p;
    int i, rc = 0;

    layer_open(&l, &p);
    l.drips = 1;
    for (i = 0; i < 10 && rc == 0; i++) {
        say(&p, "x");
        rc = layer_pump(&l, &p, MW_IO_IN, mw_io_now());
    }
    tap_ok(rc == MW_E_TIMEOUT && l.reads, "drip: the deadline holds");
    say(&p, "x");
    tap_ok(layer_pump(&l, &p, MW_IO_IN, MW_IO_NEVER) == 0, "drip: without one, the caller has its turn");
    pair_end(&p);
}

static void test_words(void)
{
    char words[MW_IO_WORDS];
    layer l;
    pair p;

    layer_open(&l, &p);
    mw_transport_words(&l.base, words, sizeof words);
    tap_ok(strcmp(words, "the layer's words") == 0, "words: the layer's own");
    l.base.file_error = EISDIR;
    mw_transport_words(&l.base, words, sizeof words);
    tap_ok(strcmp(words, strerror(EISDIR)) == 0, "words: a file's");
    mw_transport_close(&l.base);
    mw_transport_close(&p.t.base);
    tap_ok(l.fd == -1 && p.t.fd == p.fd[0], "close: what a transport holds");
    pair_end(&p);
}

int main(void)
{
    fill_large();
    test_several();
    test_writing();
    test_limits();
    test_signal();
    test_hoard();
    test_crossed();
    test_drip();
    test_words();
    return tap_done();
}
