/* Connecting: all forms of address, what fails and how, and what the descriptor is like. Nothing leaves the machine, no
 * name is looked up but localhost. */
#include "../../c/error.h"
#include "../../c/io_dial.h"
#include "failing.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STEPS = 1000 };

static char dir[] = "/tmp/mw-test-dial-XXXXXX";

/* ---- listeners */

/* A listener on loopback; its port in port (8 bytes). -1: the machine has no such family. */
static int listen_tcp(int family, char *port)
{
    struct sockaddr_in6 a6;
    struct sockaddr_in a4;
    struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
    socklen_t len = family == AF_INET ? sizeof a4 : sizeof a6;
    int fd = socket(family, SOCK_STREAM, 0);

    memset(&a4, 0, sizeof a4);
    memset(&a6, 0, sizeof a6);
    a4.sin_family = AF_INET;
    a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a6.sin6_family = AF_INET6;
    a6.sin6_addr = in6addr_loopback;
    if (fd < 0 || bind(fd, a, len) || listen(fd, 5) || getsockname(fd, a, &len)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    sprintf(port, "%d", ntohs(family == AF_INET ? a4.sin_port : a6.sin6_port));
    return fd;
}

/* A path of this length (0: short) in a directory of ours. */
static const char *unix_path(size_t len)
{
    static char path[256];

    sprintf(path, "%s/s", dir);
    while (strlen(path) < len)
        strcat(path, "s");
    return path;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    strcpy(a.sun_path, path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 0))
        exit(1);
    return fd;
}

/* ---- dialling */

static mw_dial_to to(const char *host, const char *port)
{
    mw_dial_to d = { NULL, NULL, NULL, NULL, 0 };

    d.host = host;
    d.port = port;
    return d;
}

/* Until something comes of it. */
static int dial_out(mw_dial *d, int64_t deadline)
{
    int rc = 0, i;

    for (i = 0; i < STEPS && (rc == 0 || rc == MW_E_INTR); i++) {
        rc = mw_dial_step(d, deadline);
        if (rc == 0)
            mw_dial_wait(d, deadline);
    }
    return rc;
}

/* Descriptors in use. */
static int in_use(void)
{
    int fd, count = 0;

    for (fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void check_descriptor(const char *name, int fd, int family)
{
    int on = 0;
    socklen_t len = sizeof on;

    tap_ok(fd >= 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK), "%s: blocking", name);
    tap_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%s: close-on-exec", name);
    if (family != AF_UNIX)
        tap_ok(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) == 0 && on, "%s: TCP_NODELAY", name);
}

/* Connects to a listener, and a byte comes through. */
static void test_connect(const char *name, mw_dial_to address, int listener, int family)
{
    int before = in_use(), fd, peer;
    char byte = 0;
    mw_dial *d;

    tap_ok(mw_dial_start(mw_alloc_default(), &d, &address) == 0 && dial_out(d, mw_io_after(60)) == 1, "%s: connected", name);
    tap_ok(mw_dial_step(d, mw_io_after(60)) == 1 && mw_dial_family(d) == family, "%s: and stays so", name);
    tap_ok(mw_dial_wait(d, MW_IO_NEVER) == 0, "%s: to be handed over", name);
    fd = mw_dial_take(d);
    mw_dial_free(d);
    check_descriptor(name, fd, family);
    peer = accept(listener, NULL, NULL);
    tap_ok(write(fd, "x", 1) == 1 && read(peer, &byte, 1) == 1 && byte == 'x', "%s: a byte comes through", name);
    close(fd);
    close(peer);
    tap_ok(in_use() == before, "%s: no descriptor is left", name);
}

static void test_tcp(int family, const char *name, const char *const hosts[])
{
    char port[8], text[64];
    int listener = listen_tcp(family, port), i;
    mw_dial_to address;

    if (listener < 0) {
        tap_ok(1, "%s # SKIP this machine has none", name);
        return;
    }
    for (i = 0; hosts[i]; i++) {
        snprintf(text, sizeof text, "%s: %s", name, hosts[i]);
        test_connect(text, to(hosts[i], port), listener, family);
    }
    address = to("localhost", port);
    address.family = family;
    snprintf(text, sizeof text, "%s: localhost", name);
    if (family == AF_INET)
        test_connect(text, address, listener, family);
    address = to(hosts[0], port);
    address.local_host = hosts[0];
    address.local_port = "0";
    snprintf(text, sizeof text, "%s: bound", name);
    test_connect(text, address, listener, family);
    close(listener);
}

/* localhost may be ::1 first, where nobody listens: the next address is tried. */
static void test_list(void)
{
    char port[8];
    int listener = listen_tcp(AF_INET, port);

    test_connect("list of addresses", to("localhost", port), listener, AF_INET);
    close(listener);
}

static void test_unix(void)
{
    static const size_t lengths[] = { 0, sizeof ((struct sockaddr_un *)0)->sun_path - 2, sizeof ((struct sockaddr_un *)0)->sun_path - 1 };
    const char *path;
    char text[32];
    size_t i;
    int listener;

    for (i = 0; i < 3; i++) {
        path = unix_path(lengths[i]);
        listener = listen_unix(path);
        snprintf(text, sizeof text, "unix: %d bytes", (int)strlen(path));
        test_connect(text, to(path, NULL), listener, AF_UNIX);
        close(listener);
        unlink(path);
    }
}

/* ---- failures */

/* While resolving: this error; MW_OK: later. And the errno. */
static void test_failure(const char *name, mw_dial_to address, int how, int error)
{
    int before = in_use(), rc;
    mw_dial *d;

    rc = mw_dial_start(mw_alloc_default(), &d, &address);
    tap_ok(rc == 0, "%s: start", name);
    how = how == MW_OK ? MW_E_SYS : how;
    tap_ok(dial_out(d, mw_io_after(60)) == how && mw_dial_step(d, mw_io_after(60)) == how, "%s: no address is left", name);
    tap_ok(mw_dial_wait(d, MW_IO_NEVER) == 0 && mw_dial_fd(d) == -1, "%s: nothing to wait for", name);
    tap_ok(mw_dial_errno(d) == error, "%s: errno", name);
    tap_ok(*mw_dial_error(d), "%s: words (%s)", name, mw_dial_error(d));
    mw_dial_free(d);
    tap_ok(in_use() == before, "%s: no descriptor is left", name);
}

static void test_refused(void)
{
    char port[8];
    int listener = listen_tcp(AF_INET, port);
    mw_dial_to address;

    close(listener);
    test_failure("refused", to("127.0.0.1", port), 0, ECONNREFUSED);
    test_failure("refused by each address", to("localhost", port), 0, ECONNREFUSED);
    address = to("127.0.0.1", port);
    address.local_host = "192.0.2.1";
    test_failure("bound to an address that is not ours", address, 0, EADDRNOTAVAIL);
}

/* Numbers that are the listener's modulo 65536: nobody must be reached by them. */
static void test_ports_beyond(void)
{
    static const char *const forms[] = { "%ld", "+%ld", " %ld", "0%ld" };
    char port[8], text[32];
    int listener = listen_tcp(AF_INET, port);
    long number = atol(port);
    mw_dial_to address;
    size_t i;

    for (i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        snprintf(text, sizeof text, forms[i], number + 65536);
        test_failure(text, to("127.0.0.1", text), MW_E_RESOLVE, EINVAL);
    }
    snprintf(text, sizeof text, "%ld", number - 65536);
    test_failure(text, to("127.0.0.1", text), MW_E_RESOLVE, EINVAL);
    test_failure("a huge port", to("127.0.0.1", "99999999999999999999"), MW_E_RESOLVE, EINVAL);
    test_failure("by each address", to("localhost", "65536"), MW_E_RESOLVE, EINVAL);
    address = to("127.0.0.1", port);
    address.local_port = "65536";
    test_failure("a port beyond to bind to", address, MW_E_RESOLVE, EINVAL);
    close(listener);
}

static void test_failures(void)
{
    mw_dial_to address = to("127.0.0.1", "25");

    test_failure("unix: nobody there", to(unix_path(0), NULL), MW_OK, ENOENT);
    test_failure("unix: too long", to(unix_path(sizeof ((struct sockaddr_un *)0)->sun_path), NULL), MW_E_SYS, ENAMETOOLONG);
    test_failure("a bad literal", to("[::zz]", "24"), MW_E_RESOLVE, EINVAL);
    test_failure("an empty literal", to("[]", "24"), MW_E_RESOLVE, EINVAL);
    test_failure("a name in brackets", to("[localhost]", "24"), MW_E_RESOLVE, EINVAL);
    test_failure("a bad port", to("127.0.0.1", "no-such-service"), MW_E_RESOLVE, EINVAL);
    address.family = AF_INET6;
    test_failure("an address of the other family", address, MW_E_RESOLVE, EINVAL);
    address.family = 0;
    address.local_host = "[::zz]";
    test_failure("a bad address to bind to", address, MW_E_RESOLVE, EINVAL);
}

/* Nothing is left of a dial that is given up, at any point. */
static void test_given_up(void)
{
    char port[8];
    int before = in_use(), listener = listen_tcp(AF_INET, port);
    mw_dial_to address = to("127.0.0.1", port);
    mw_dial *d;

    mw_dial_start(mw_alloc_default(), &d, &address);
    mw_dial_free(d);
    mw_dial_start(mw_alloc_default(), &d, &address);
    mw_dial_step(d, mw_io_after(60));
    mw_dial_free(d);
    mw_dial_start(mw_alloc_default(), &d, &address);
    dial_out(d, mw_io_after(60));
    mw_dial_free(d);
    mw_dial_free(NULL);
    close(listener);
    tap_ok(in_use() == before, "given up: no descriptor is left");
}

/* A UNIX-domain listener whose queue is full answers nothing. */
static void test_deadline(void)
{
    const char *path = unix_path(0);
    mw_dial_to address = to(path, NULL);
    int before = in_use(), listener = listen_unix(path), fds[64], count = 0, i, rc = 1;
    mw_dial *d = NULL;

    while (rc == 1 && count < 64) {
        mw_dial_start(mw_alloc_default(), &d, &address);
        rc = mw_dial_step(d, mw_io_after(60));
        if (rc == 1)
            fds[count++] = mw_dial_take(d);
        if (rc == 1)
            mw_dial_free(d);
    }
    if (rc == 1) {
        tap_ok(1, "deadline # SKIP this machine's queues are long");
    } else {
        tap_ok(rc == 0, "deadline: a full queue is no failure yet");
        tap_ok(dial_out(d, mw_io_now()) == MW_E_TIMEOUT && mw_dial_errno(d) == ETIMEDOUT, "deadline: passed");
        close(accept(listener, NULL, NULL));
        tap_ok(dial_out(d, mw_io_after(60)) == 1, "deadline: a later one, and there is room");
        mw_dial_free(d);
    }
    for (i = 0; i < count; i++)
        close(fds[i]);
    close(listener);
    unlink(path);
    tap_ok(in_use() == before, "deadline: no descriptor is left");
}

static int starved(const mw_alloc *a)
{
    char port[8];
    int listener = listen_tcp(AF_INET, port), before = in_use(), rc, good;
    mw_dial_to address = to("127.0.0.1", port);
    mw_dial *d;

    rc = mw_dial_start(a, &d, &address);
    good = rc ? rc == MW_E_NOMEM && !d && failing_has_failed(a) : dial_out(d, mw_io_after(60)) == 1;
    mw_dial_free(d);
    good &= in_use() == before;
    close(listener);
    return good;
}

int main(void)
{
    static const char *const v4[] = { "127.0.0.1", NULL }, *const v6[] = { "::1", "[::1]", NULL };

    if (!mkdtemp(dir))
        exit(1);
    test_tcp(AF_INET, "v4", v4);
    test_tcp(AF_INET6, "v6", v6);
    test_list();
    test_unix();
    test_refused();
    test_ports_beyond();
    test_failures();
    test_given_up();
    test_deadline();
    failing_every("memory: a dial", starved);
    rmdir(dir);
    return tap_done();
}
