/* error.h - what can go wrong, once for the whole core.
 *
 * Functions return 0 or a positive value for success and one of these, negative, for failure.
 * The hundreds are bands: what the peer sent, which limit was passed, what the caller did wrong,
 * what the system said, and memory.
 */
#ifndef MW_ERROR_H
#define MW_ERROR_H

/* Those of one band have the same quotient by it. */
#define MW_ERROR_BAND 100

enum mw_error {
    MW_OK = 0,

    /* protocol: the peer's bytes make no sense; the stream cannot be trusted any more */
    MW_E_REPLY_SYNTAX = -101,     /* a line that is no reply */
    MW_E_REPLY_CODES = -102,      /* the lines of one reply differ in code */
    MW_E_REPLY_EXTRA = -103,      /* a reply, or part of one, that no command asked for */
    MW_E_REPLY_EARLY = -104,      /* a positive reply to a message whose end has not been sent */
    MW_E_REPLY_CLASS = -105,      /* 1xx or 3xx where none is due */
    MW_E_REPLY_SHORT = -106,      /* fewer replies to a message than were owed */
    MW_E_NETSTRING = -111,        /* not a netstring */
    MW_E_ANSWER = -112,           /* a QMTP answer that is empty or begins with none of K, Z, D */
    MW_E_ANSWER_EARLY = -113,     /* a QMTP answer to a package whose last byte has not been sent */
    MW_E_ANSWER_EXTRA = -114,     /* a QMTP answer, or part of one, that no package asked for */

    /* limits: see the constant of the same name for what it stops */
    MW_E_LINE_LIMIT = -201,
    MW_E_REPLY_LIMIT = -202,
    MW_E_INPUT_LIMIT = -203,
    MW_E_NETSTRING_LIMIT = -204,
    MW_E_COMMAND_LIMIT = -205,
    MW_E_RCPT_LIMIT = -206,

    /* usage: the caller's mistake; nothing has been sent */
    MW_E_ARG_BYTES = -301,        /* CR, LF or NUL inside a command */
    MW_E_ADDRESS = -302,          /* an address that would end its brackets early, or holds white space */
    MW_E_STATE = -303,            /* not possible now, see the function's header */
    MW_E_SIZE = -304,             /* the bytes given are not as many as were announced */
    MW_E_NO_RCPT = -305,          /* content without an accepted recipient */

    /* input and output */
    MW_E_CLOSED = -401,           /* the peer closed, or the link was closed here before */
    MW_E_TIMEOUT = -402,          /* the deadline passed */
    MW_E_INTR = -403,             /* a signal came: let handlers run, then call again */
    MW_E_AGAIN = -404,            /* would block */
    MW_E_SYS = -405,              /* see errno */
    MW_E_RESOLVE = -406,          /* the name has no address */
    MW_E_CHANGED = -407,          /* a file is not what it was when it was taken */

    MW_E_NOMEM = -501
};

/* A static English phrase for any of these, without a full stop; "unknown error" for another number. */
const char *mw_error_text(int error);

#endif
