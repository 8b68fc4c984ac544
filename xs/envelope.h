/* envelope.h - the command lines of a message's envelope, formed of what a caller gives: for the sync calls and for deliveries.
 *
 * Addresses may be objects, or be in tied variables: their code runs while a line is formed. So callers hand over copies. If the class
 * overrides _addr, that method is called; when it dies, link->died is set, and the line must not be used.
 */
#ifndef MWX_ENVELOPE_H
#define MWX_ENVELOPE_H

#include "link.h"

/* A line. One can be used for one command after the other. */
typedef struct mwx_line {
    SV *text;           /* a mortal: octets */
    size_t path, len;   /* where in it the path is */
    int is_simple;      /* the address is simple (command.h): nothing in it is judged */
    int is_own;         /* an overriding _addr has made it: the path is not judged here */
    int binary;         /* a parameter says BODY=BINARYMIME */
    unsigned code;      /* what is refused of it has this code */
} mwx_line;

void mwx_line_new(pTHX_ mwx_line *line);

/* Begins a line: head (MW_ENVELOPE_MAIL and its like), and the path of an address. NULL: it can be sent. Else a mortal with words for why
 * not, or undef when an overriding method refused the address; text has what cannot be sent. */
SV *mwx_line_begin(pTHX_ mwx_line *line, mwx_link *link, SV *ref, const char *head, SV *address);

/* True when the path is ASCII. */
int mwx_line_is_ascii(pTHX_ const mwx_line *line);

/* Puts the ASCII form in place of the path's domain, where only that is not ASCII, and there is a module that has that form (RFC 5891). */
void mwx_line_to_ascii(pTHX_ mwx_line *line);

/* A delivery's further checks of an address. Returns as mwx_line_begin. refused: what that returned. utf8: the address need not be ASCII. */
SV *mwx_line_strict(pTHX_ const mwx_line *line, SV *address, SV *refused, int utf8);

/* The path, and the address in it, without brackets. */
mw_slice mwx_line_path(pTHX_ const mwx_line *line);
mw_slice mwx_line_address(pTHX_ const mwx_line *line);
mw_slice mwx_line_octets(pTHX_ const mwx_line *line);

/* The form in which results show an address that mwx_line_strict refused. */
mw_slice mwx_line_refused(pTHX_ const mwx_line *line, SV *address);

/* Room for n octets behind what is there; and n of them were written. */
char *mwx_line_room(pTHX_ mwx_line *line, size_t n);
void mwx_line_wrote(pTHX_ mwx_line *line, size_t n);

#endif
