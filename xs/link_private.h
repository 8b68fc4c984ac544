/* link_private.h - what the files of a link share. Nobody else includes it. */
#ifndef MWX_LINK_PRIVATE_H
#define MWX_LINK_PRIVATE_H

#include "link.h"
#include "../c/error.h"

/* link_flight.c: for a link that was just made. Its deliveries are its flight's. */
void mwx_flight_attach(mwx_link *link);

/* True when the object's class has its own method for this. */
int mwx_link_hooked(pTHX_ mwx_link *link, SV *ref, mwx_hook hook);

/* The status is that of the session's last reply again. */
void mwx_link_status_last(pTHX_ mwx_link *link);

/* The status is DEF_REPLY_CODE with "[Class] words" for a message; with none if words is NULL. */
void mwx_link_status_words(pTHX_ mwx_link *link, SV *ref, const char *words);

/* The status says why the link is closed: what broke the session, each time anew; the server's farewell; or just that. */
void mwx_link_status_closed(pTHX_ mwx_link *link, SV *ref);

/* Gives the link up: recipients without a result get deferrals with the text "[Class] words", and the object is closed. */
void mwx_link_give_up(pTHX_ mwx_link *link, SV *ref, int why, const char *words);

/* The words for why: the handle's own if it has some, else "Timeout", "Connection closed", or the error's phrase. */
const char *mwx_link_words(const mwx_link *link, int why);

/* A wait or a call failed: the link is given up, and the status says why. But when the wait was for a reply outside a transaction, the link
 * stays: the late reply is the next one that is read. */
void mwx_link_failed(pTHX_ mwx_link *link, SV *ref, int why);

/* True, with the status saying so, when the object has no descriptor any more. */
int mwx_link_is_closed(pTHX_ mwx_link *link, SV *ref);

/* The seconds that the object's method timeout says, 0 for no limit. */
NV mwx_link_timeout(pTHX_ mwx_link *link, SV *ref);

/* One step of mwx_pump with the session's queue and buffer. */
int mwx_link_pump(pTHX_ mwx_link *link, SV *ref, int events, int64_t deadline);

/* mwx_look with the session's buffer, before more is sent: what came unasked would be taken for the reply to what is sent. */
int mwx_link_look(pTHX_ mwx_link *link, SV *ref);

/* Sends all that is queued: 0 or an error. */
int mwx_link_flush_queue(pTHX_ mwx_link *link, SV *ref);

/* False for an object of a derived class: its code may write to the socket itself, behind bytes that it gave to the link. So nothing is
 * held back then. */
int mwx_link_holds_back(pTHX_ SV *ref);

/* Sends a command line, without its end, and reads the reply: what response returns. */
int mwx_link_line(pTHX_ mwx_link *link, SV *ref, mw_slice line);

/* What is shown in place of what may not be. */

/* mwx_link_debug_line of a line that is sent, without what must not be shown. */
void mwx_link_debug_command(pTHX_ mwx_link *link, SV *ref, mw_slice line);

/* mwx_link_show of a text and its end. */
void mwx_link_debug_line(pTHX_ mwx_link *link, SV *ref, int out, mw_slice text, const char *end);

/* The line without one line end at its end. */
mw_slice mwx_without_end(mw_slice line);

/* The next reply, within this many seconds: what response returns. */
int mwx_link_next_reply(pTHX_ mwx_link *link, SV *ref, NV seconds);

#endif
