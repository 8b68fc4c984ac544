/* error.c - the phrases. They name what was seen, not what to do about it. */
#include <stddef.h>
#include "error.h"

static const struct {
    int error;
    const char *text;
} phrases[] = {
    { MW_OK, "no error" },
    { MW_E_REPLY_SYNTAX, "a line that is no reply" },
    { MW_E_REPLY_CODES, "the lines of one reply differ in code" },
    { MW_E_REPLY_EXTRA, "a reply that no command asked for" },
    { MW_E_REPLY_EARLY, "a positive reply to a message whose end has not been sent" },
    { MW_E_REPLY_CLASS, "a preliminary or intermediate reply where none is due" },
    { MW_E_REPLY_SHORT, "fewer replies to a message than it has recipients" },
    { MW_E_NETSTRING, "not a netstring" },
    { MW_E_ANSWER, "an answer that begins with none of K, Z and D" },
    { MW_E_ANSWER_EARLY, "an answer to a package whose end has not been sent" },
    { MW_E_ANSWER_EXTRA, "an answer that no package asked for" },
    { MW_E_LINE_LIMIT, "a line over the limit" },
    { MW_E_REPLY_LIMIT, "a reply over the limit" },
    { MW_E_INPUT_LIMIT, "more input than may wait" },
    { MW_E_NETSTRING_LIMIT, "a netstring over the limit" },
    { MW_E_COMMAND_LIMIT, "a command over the limit" },
    { MW_E_RCPT_LIMIT, "more recipients than the limit" },
    { MW_E_ARG_BYTES, "CR, LF or NUL in a command" },
    { MW_E_ADDRESS, "an address that cannot stand in a command" },
    { MW_E_STATE, "out of place: another command, or the reply to one, comes first" },
    { MW_E_NO_RCPT, "no recipient is accepted" },
    { MW_E_SIZE, "not as many bytes as announced" },
    { MW_E_CLOSED, "connection closed" },
    { MW_E_TIMEOUT, "timeout" },
    { MW_E_INTR, "interrupted by a signal" },
    { MW_E_AGAIN, "would block" },
    { MW_E_SYS, "system error" },
    { MW_E_RESOLVE, "name without an address" },
    { MW_E_CHANGED, "the file changed while it was read" },
    { MW_E_NOMEM, "out of memory" }
};

const char *mw_error_text(int error)
{
    size_t i;

    for (i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].error == error)
            return phrases[i].text;
    return "unknown error";
}
