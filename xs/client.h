/* client.h - what deliver, submit and collect need of an object, and what each protocol makes of it: a table of functions. */
#ifndef MWX_CLIENT_H
#define MWX_CLIENT_H

#include "deliveries.h"
#include "order.h"
#include "source.h"

typedef struct mwx_protocol mwx_protocol;

/* An object, for one call. */
typedef struct mwx_client {
    const mwx_protocol *protocol;
    SV *self;               /* a reference to the object: a mortal */
    SV *holder;             /* own hangs on it */
    void *own;              /* the protocol's */
    mwx_deliveries *deliveries;
    HV *facts;              /* what Perl keeps for the object */
    int nonblocking;        /* no call waits */
    int is_told;            /* Perl is told of the results of each deliver (method _noted) */
    int acts;               /* a method of the class' own runs while the envelope is formed */
    const int *shown;       /* not 0: lines are shown, so Perl sees each step; NULL: never */
    int *busy;              /* a call is under way: code of the caller's must not start another */
    SV **died;              /* what code of the caller's died of */
    IV *awaited;            /* the delivery that deliver waits for, and that collect may not take; 0: none */
} mwx_client;

/* One call of deliver or submit. */
typedef struct mwx_job {
    mwx_client client;
    SV *object, *holder, *to;   /* held: when something died, temporaries are freed before the call is put in order */
    mwx_order order;
    mwx_source source;
    mw_delivery *delivery;      /* ours, until it is handed over */
    int is_deliver;
    int awaits;                 /* client.awaited is of this call */
    IV id;                      /* the delivery that was handed over, and its results not taken; 0: none */
} mwx_job;

/* All but those that say so may croak. */
struct mwx_protocol {
    unsigned unsent;        /* the code of a message that was not sent */
    int is_tagged;          /* the words why content cannot be read begin with "[Class]" */

    /* Croaks unless a delivery may begin now. */
    void (*check)(pTHX_ mwx_job *j);

    /* Makes the delivery: its envelope and recipients. Says how much of the source is to be read (ahead, whole). */
    void (*envelope)(pTHX_ mwx_job *j);

    /* True when content need not be read, as nothing can be sent. */
    int (*is_closed)(pTHX_ const mwx_client *c);

    /* Hands over the delivery, which has its content: its id. */
    int64_t (*launch)(pTHX_ mwx_job *j);

    /* Moves bytes until one of MWX_UNTIL_.. is true, and says what came of it (running.h). */
    int (*run)(pTHX_ mwx_client *c, int until, IV id, int may_wait);

    /* Takes the results of delivery id, a new array, and notes them as the last ones. NULL: it is not finished. */
    AV *(*take)(pTHX_ mwx_client *c, IV id);

    /* Notes results as the last ones. Takes them over. */
    void (*delivered)(pTHX_ mwx_client *c, AV *results);

    /* True when the last results are those of what is going on. */
    int (*is_taken)(pTHX_ const mwx_client *c);

    /* Has last_error say these words, unless it says why already. Does not croak. */
    void (*failed)(pTHX_ const mwx_client *c, const char *words);

    /* Gives up delivery id, with the link if anything of it was sent. Does not croak. */
    void (*interrupt)(pTHX_ mwx_client *c, IV id);
};

/* Fills in all but self, for an object of the class. Croaks for one of another. */
void mwx_lmtp_client(pTHX_ mwx_client *c);
void mwx_qmtp_client(pTHX_ mwx_client *c);

#endif
