/* secrets.h - what a login consists of, in the forms in which a server may repeat it: for whoever shows what the server says.
 *
 * Nothing is found out about a secret that a server disguises on purpose: it may have it. This is for servers that repeat what they do not
 * understand, and for logs.
 */
#ifndef MW_SECRETS_H
#define MW_SECRETS_H

#include <stdint.h>
#include "buf.h"

/* What stands for a text that is not shown. */
#define MW_HIDDEN "(hidden)"

/* A text with so many octets of a secret in a row is not shown; or with all of one that is shorter, but has MW_SECRETS_NEAR octets. */
#define MW_SECRETS_FAR 8

/* The same while the server is likely to speak of it. A shorter secret is one, too. Not of what was sent: it is long, and made of chance,
 * so that a few octets of it are in many a word. */
#define MW_SECRETS_NEAR 4

/* Octets of all forms together. Logins without end on one link must not use memory without end: with more no text is shown any more. */
#define MW_SECRETS_MAX 262144

/* Eight octets each, the first one in front, zeros behind the end. */
typedef struct mw_secrets_parts {
    uint64_t *list;
    size_t count, cap;
} mw_secrets_parts;

typedef struct mw_secrets {
    const mw_alloc *alloc;
    mw_secrets_parts parts;     /* sorted: from each place of each form on */
    mw_secrets_parts sent;      /* the same of what was sent */
    mw_secrets_parts wholes;    /* forms of less than eight octets */
    int all;                /* no text is shown: there was no memory, or too much to know */
    int near;               /* the server is likely to speak of them: MW_SECRETS_NEAR holds */
} mw_secrets;

void mw_secrets_init(mw_secrets *s, const mw_alloc *alloc);

/* Overwrites what was known. */
void mw_secrets_free(mw_secrets *s);

/* These octets are secret: as they are, in hexadecimal digits, and in base64 with anything in front. */
void mw_secrets_add(mw_secrets *s, mw_slice secret);

/* They were sent: so many octets as MW_SECRETS_FAR in a row are secret, as they are. */
void mw_secrets_add_encoded(mw_secrets *s, mw_slice encoded);

/* They are base64 (RFC 4648 4) of a text whose last part, between control characters, is a secret; behind "auth=Bearer ", if that is there
 * (RFC 7628 3.1). */
void mw_secrets_add_decoded(mw_secrets *s, mw_slice encoded);

/* A look at a text that comes in pieces. Case does not count, nor does space; nor, in a second look, what is neither letter nor digit. */
typedef struct mw_secrets_look {
    const mw_secrets *secrets;
    int telling;
    uint64_t last[2];       /* up to eight octets of each look; the latest is the lowest */
    size_t seen[2];
} mw_secrets_look;

void mw_secrets_begin(mw_secrets_look *look, const mw_secrets *s, int telling);

/* The next piece: true when it ends a part of a secret, or has one. */
int mw_secrets_see(mw_secrets_look *look, mw_slice piece);

/* Whether a whole text has a part of a secret. */
int mw_secrets_tell(const mw_secrets *s, mw_slice text);

#endif
