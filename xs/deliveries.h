/* deliveries.h - the deliveries of an object of either protocol: handing them over, moving them, taking their results. */
#ifndef MWX_DELIVERIES_H
#define MWX_DELIVERIES_H

#include "perlglue.h"
#include "running.h"
#include "../c/queue.h"

/* How much a call that must not wait moves before others have their turn: the other side may take it as fast as it is sent. */
#define MWX_FAIR_SHARE (1024 * 1024)

typedef struct mwx_deliveries mwx_deliveries;

/* What one protocol does in a run. ref: what mwx_deliveries_run was called with. */
typedef struct mwx_mover {
    /* Takes what has come, and queues what may go. 0, or the outcome at which the run ends. */
    int (*turn)(pTHX_ mwx_deliveries *d, SV *ref);
    /* Why nothing can go on, an outcome; 0: it can. */
    int (*stalls)(const mwx_deliveries *d);
    /* True when so little is queued that it may be held back. */
    int (*holds_back)(const mwx_deliveries *d);
    /* mwx_look and mwx_pump, and what was read is taken note of. */
    int (*look)(pTHX_ mwx_deliveries *d, SV *ref);
    int (*pump)(pTHX_ mwx_deliveries *d, SV *ref, int64_t deadline);
    /* These said why (error.h), or a delivery's deadline has passed, as words say (else NULL): the link is given up. */
    void (*lose)(pTHX_ mwx_deliveries *d, SV *ref, int why, mw_text *words);
} mwx_mover;

struct mwx_deliveries {
    const mwx_mover *mover;
    mw_queue *queue;
    size_t jobs;            /* how many deliveries Perl gives pieces to, or shows the progress of: its `jobs` */
    Pid_t pid;              /* the process that handed over the first of what is unanswered */
};

/* The words for whom the deadline has passed: the caller drops them. */
mw_text *mwx_deadline_words(void);

/* A delivery is about to be handed over. */
void mwx_deliveries_before(mwx_deliveries *d);

/* The content of a delivery is these octets: a mortal or the caller's, which is kept, and which nobody changes; or a stretch of a plain
 * file, which handle keeps open. */
void mwx_delivery_lend(pTHX_ mw_delivery *d, SV *text);
void mwx_delivery_file(pTHX_ mw_delivery *d, SV *handle, const mw_file *file);

/* Moves bytes until one of MWX_UNTIL_.. is true (running.h). id is a delivery for MWX_UNTIL_DONE, a number of bytes for MWX_UNTIL_ROOM.
 * Returns:
 *   MWX_REACHED   it is true
 *   MWX_MOVED     one step was made, with watched set
 *   MWX_BLOCKED   going on means waiting, and may_wait is not set; or much was moved, there is more, and may_wait is not set; or a signal's
 *                 handler died
 *   what the mover's turn and stalls say: MWX_WANTS (a delivery's next piece can be sent), MWX_UNLINKED (there is no link that deliveries can
 *                 go on over), MWX_BLOCKED */
int mwx_deliveries_run(pTHX_ mwx_deliveries *d, SV *ref, int until, IV id, int may_wait, int watched);

/* Seconds until a wait or a deadline runs out; negative: none does. */
NV mwx_deliveries_timeout(mwx_deliveries *d);

/* How many are lost if the object goes now: those unanswered, in the process that handed them over. */
size_t mwx_deliveries_orphans(const mwx_deliveries *d);

/* A delivery that is not sent, or not handed over: its recipients get deferrals of stage 'body', with this code. Returns its results. */
AV *mwx_delivery_refuse(pTHX_ mw_delivery *d, unsigned code, SV *why);

/* A delivery's results: a new array. */
AV *mwx_delivery_results(pTHX_ const mw_delivery *d);

/* The results of a delivery, which is freed: a new array. NULL: it (NULL: none) is not finished. */
AV *mwx_deliveries_take(pTHX_ mwx_deliveries *d, mw_delivery *delivery);

/* Frees them all, when the object goes. */
void mwx_deliveries_free(pTHX_ mwx_deliveries *d);

#endif
