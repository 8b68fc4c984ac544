/* link.h - an LMTP session behind a Net::LMTP object: the calls of Net::Cmd, hooks included.
 *
 * A link is a session, the object's descriptor, and the status that Net::Cmd's methods show. Each function
 * that waits or calls Perl may leave what died in link->died; the XSUB that called it throws it on.
 */
#ifndef MWX_LINK_H
#define MWX_LINK_H

#include "deliveries.h"
#include "hooks.h"
#include "wait.h"
#include "../c/flight.h"
#include "../c/lmtp.h"

typedef struct mwx_link {
    mwx_deliveries deliveries;  /* first, so that a pointer to them is one to the link */
    mw_lmtp *session;           /* whose commands the caller gives */
    mw_flight *flight;          /* the deliveries on the same dialogue */
    mwx_carrier carrier;
    mwx_hooks hooks;
    IV level;               /* of debug_print */
    int traced;             /* Trace was given */
    int debug;              /* lines are shown, by one of both */
    int busy;               /* a call is under way: handlers and overriding methods must not start another */
    int gathering;          /* a reply is being read, line by line, */
    NV gathering_seconds;   /* and each line may take so long */
    SV *code;               /* the status, when it is not that of the session's last reply */
    AV *lines;              /* and its lines */
    NV next_reply_timeout;  /* seconds */
    int exact;              /* addresses are taken as they are (ExactAddresses) */
    int says_utf8;          /* the latest MAIL says SMTPUTF8 */
    int binary;             /* the latest MAIL says BODY=BINARYMIME, so its content may go by BDAT alone, */
    uint64_t binary_from;   /* and this was the transaction when it was sent */
    SV *unfinished;         /* the part of a line that had come when the link was lost; NULL: none */
    SV *died;               /* what the call that is under way died of; NULL: it has not */

    /* deliveries */
    int nonblocking;                /* no call waits (Blocking => 0) */
    AV *delivered;                  /* the results that were taken last: they are shown until the transaction is another one */
    uint64_t delivered_in;          /* than this */
    size_t eager;                   /* how much content of unknown size is read before the first of it is sent */
    IV awaited;                     /* the delivery that deliver waits for, and that collect may not take; 0 none */
    NV timeout_default;             /* what the method timeout says when nobody has set it */
    int watched;                    /* Progress was given: mwx_flight_run returns after each step */
} mwx_link;

/* What response returns: the first digit of the reply's code, or this. */
#define MWX_CMD_ERROR 5

/* The link of a Net::LMTP object; makes one for an object that was blessed elsewhere. Croaks when ref is no
 * object on a glob. */
mwx_link *mwx_link_of(pTHX_ SV *ref);

/* The same for a call that sends or reads: croaks when another is under way. */
mwx_link *mwx_link_enter(pTHX_ SV *ref, const char *method);

/* Croaks when another call is under way. For calls that are no methods of the user's. */
void mwx_link_check_free(pTHX_ const mwx_link *link);

/* Ends what mwx_link_enter began: dies of link->died, if there is something. */
void mwx_link_leave(pTHX_ mwx_link *link);

/* ---- status */

SV *mwx_status_code(pTHX_ mwx_link *link, SV *ref);         /* a new reference */
void mwx_status_set(pTHX_ mwx_link *link, SV *code, SV *message);
AV *mwx_status_lines(pTHX_ mwx_link *link);                 /* a new reference */

/* DEF_REPLY_CODE and "[Class] Timeout" or "[Class] Connection closed". */
void mwx_link_status_plain(pTHX_ mwx_link *link, SV *ref, int why);

/* Notes whether the MAIL that is sent next says BODY=BINARYMIME; tells whether the MAIL of this transaction did. */
void mwx_link_set_binary(mwx_link *link, int on);
int mwx_link_is_binary(const mwx_link *link);

/* Notes the results to show until the caller's own MAIL begins a transaction. Takes them over. */
void mwx_link_delivered(pTHX_ mwx_link *link, AV *results);

/* Those results; NULL when there are none to show. */
AV *mwx_link_last_delivered(const mwx_link *link);

/* ---- Net::Cmd's verbs. ref is the object. */

/* Sends verb and words, none if there are none, and reads the reply: whether its first digit is expected. */
int mwx_link_verb(pTHX_ mwx_link *link, SV *ref, const char *verb, SV **words, int count, int expected);

/* The RCPT of an address was refused here, and not sent: code and words are its recipient's result. */
void mwx_link_rcpt_refused(pTHX_ mwx_link *link, SV *address, unsigned code, SV *words);

void mwx_link_command(pTHX_ mwx_link *link, SV *ref, SV **words, int count);
int mwx_link_response(pTHX_ mwx_link *link, SV *ref);

/* Reads the replies to earlier commands that the caller did not read. A class with its own way of reading replies has its own way
 * of counting them. */
void mwx_link_read_unread(pTHX_ mwx_link *link, SV *ref);

/* Before deliveries: reads those replies, or closes the link: they could not be told from the deliveries' replies. An AUTH that a challenge
 * has left open ends the link as well: what is sent next would be its answer. */
void mwx_link_ready(pTHX_ mwx_link *link, SV *ref, int may_wait);

/* Sends several command lines at once, then reads their replies in order. Returns what response would return for each, in a mortal array.
 * [ address, code, why ] in place of a line is a RCPT that is not sent. Only inside a transaction, and for a class that overrides
 * none of the methods that would be called. */
AV *mwx_link_group(pTHX_ mwx_link *link, SV *ref, AV *lines);
SV *mwx_link_getline(pTHX_ mwx_link *link, SV *ref);        /* a new reference; undef at the end */
void mwx_link_ungetline(pTHX_ mwx_link *link, SV *line);
int mwx_link_send(pTHX_ mwx_link *link, SV *ref, SV **pieces, int count, int raw);
int mwx_link_dataend(pTHX_ mwx_link *link, SV *ref);
int mwx_link_finals(pTHX_ mwx_link *link, SV *ref);

/* True when nothing is queued and nothing has come that is not read: what has come is looked for. */
int mwx_link_is_silent(pTHX_ mwx_link *link, SV *ref);
int mwx_link_flush(pTHX_ mwx_link *link, SV *ref);

/* True when the next response would not wait: its reply, or the end of the link, has come. */
int mwx_link_is_replied(pTHX_ mwx_link *link, SV *ref);

/* Takes "250-text" apart as parse_response does: chops code and separator off the line; 1, or 0 when it is
 * no reply line. */
int mwx_parse_response(pTHX_ SV *line, unsigned *code_r, int *more_r);

/* Shows a line, while link->debug is set: by debug_print, and to Trace. out: it is sent, not received. */
void mwx_link_show(pTHX_ mwx_link *link, SV *ref, int out, SV *line);

/* The caller's content cannot be read: the link is closed before the message's end, so that the server discards what it has of the
 * message. The status and the results say why. */
void mwx_link_lose(pTHX_ mwx_link *link, SV *ref, SV *words);

/* ---- its deliveries: link_flight.c */

/* mwx_deliveries_run for a link. With link->watched set it returns MWX_MOVED after each step. */
int mwx_flight_run(pTHX_ mwx_link *link, SV *ref, int until, IV id, int may_wait);

/* Gives up delivery id, with the link if anything of it was sent: a die has left the wait for it (words NULL: "interrupted"), or its
 * content cannot be read, as words say. */
void mwx_flight_interrupted(pTHX_ mwx_link *link, SV *ref, IV id, const char *words);

/* Takes the results of delivery id, a new array, and frees the delivery. The link keeps them as its last ones. NULL: it is not finished. */
AV *mwx_flight_take(pTHX_ mwx_link *link, IV id);

/* For the sync calls: ends a transaction that a delivery left open. 0 when the link was lost over it. */
int mwx_flight_reset(pTHX_ mwx_link *link, SV *ref);

/* Seconds until a wait or a deadline runs out; negative: none does. */
NV mwx_flight_timeout(pTHX_ mwx_link *link, SV *ref);

/* ---- its end */

/* The owner has closed the link, or the object goes: recipients without a result get a deferral. */
void mwx_link_closed(pTHX_ mwx_link *link, SV *ref);

#endif
