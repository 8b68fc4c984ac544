/* io_dial.h - the dialler: from the name of a place to a connected descriptor.
 *
 * A dial resolves the name, tries the addresses in turn, and hands over the descriptor. Only resolving waits, as long as the resolver does;
 * every step after that does what can be done now. Whoever may wait calls mw_dial_wait between the steps.
 */
#ifndef MW_IO_DIAL_H
#define MW_IO_DIAL_H

#include "io.h"

typedef struct mw_dial mw_dial;

typedef struct mw_dial_to {
    const char *host;           /* a name, an address (IPv6 with or without brackets), or "/...", a UNIX-domain
                                 * socket */
    const char *port;           /* a number, 65535 at the most, or a service name; NULL for a UNIX-domain socket */
    const char *local_host;     /* bind to this address first; NULL: any */
    const char *local_port;     /* NULL: any */
    int family;                 /* AF_INET, AF_INET6; 0: any */
} mw_dial_to;

/* Makes a dial and resolves. Whether that went well, the first step says. The table of allocation functions must outlive the dial.
 * Returns 0, or MW_E_NOMEM and no dial. */
int mw_dial_start(const mw_alloc *alloc, mw_dial **dial_r, const mw_dial_to *to);

/* Goes on without waiting: 1 connected; 0 it would have to wait; MW_E_INTR, MW_E_TIMEOUT; MW_E_SYS no address is left;
 * MW_E_RESOLVE there is none (mw_dial_error says more). */
int mw_dial_step(mw_dial *d, int64_t deadline);

/* Waits for what the next step has to wait for, at most a slice. Returns 0 or MW_E_INTR. */
int mw_dial_wait(const mw_dial *d, int64_t deadline);

/* The descriptor that can be written to when mw_dial_step has something to do: another one for each address. -1: time alone tells. */
int mw_dial_fd(const mw_dial *d);

/* The connected descriptor, now the caller's: in blocking mode, close-on-exec, TCP_NODELAY set. */
int mw_dial_take(mw_dial *d);

/* The address family of the descriptor (AF_INET ...). */
int mw_dial_family(const mw_dial *d);

/* errno of the last failure; EINVAL if it was the resolver's, which has words instead; 0: none. */
int mw_dial_errno(const mw_dial *d);

/* The resolver's or the system's words for the last failure. */
const char *mw_dial_error(const mw_dial *d);

void mw_dial_free(mw_dial *d);

#endif
