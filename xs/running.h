/* running.h - the numbers by which Mail::Wire::Client has deliveries moved. Perl gets them as constants of that package, under the
 * same names.
 */
#ifndef MWX_RUNNING_H
#define MWX_RUNNING_H

/* What deliveries are moved until: X(name). */
#define MWX_UNTILS(X)                                                              \
    X(UNTIL_DONE)       /* the delivery that is named is finished */               \
    X(UNTIL_ROOM)       /* there is room for another one of so many bytes */       \
    X(UNTIL_BLOCKED)    /* nothing goes on without waiting */                      \
    X(UNTIL_IDLE)       /* nothing is unanswered */                                \
    X(UNTIL_QUEUED)     /* so little is queued that it may be held back */         \
    X(UNTIL_SENT)       /* nothing that may be sent is queued */

/* What came of it: X(name). */
#define MWX_OUTCOMES(X)                                                            \
    X(REACHED)                                                                     \
    X(WANTS)            /* a delivery's next piece can be sent */                  \
    X(MOVED)            /* one step was made, and somebody watches */              \
    X(BLOCKED)          /* it would have to wait, and must not */                  \
    X(UNLINKED)         /* the link is lost, or too old for more */

#define MWX_NUMBER(name) MWX_##name,
enum { MWX_UNTILS(MWX_NUMBER) };
enum { MWX_OUTCOMES(MWX_NUMBER) };
#undef MWX_NUMBER

#endif
