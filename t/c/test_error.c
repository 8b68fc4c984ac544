/* Every error has a phrase of its own. */
#include "../../c/error.h"
#include "tap.h"

static const int errors[] = {
    MW_OK,
    MW_E_REPLY_SYNTAX, MW_E_REPLY_CODES, MW_E_REPLY_EXTRA, MW_E_REPLY_EARLY, MW_E_REPLY_CLASS,
    MW_E_REPLY_SHORT,
    MW_E_NETSTRING, MW_E_ANSWER, MW_E_ANSWER_EARLY, MW_E_ANSWER_EXTRA,
    MW_E_LINE_LIMIT, MW_E_REPLY_LIMIT, MW_E_INPUT_LIMIT, MW_E_NETSTRING_LIMIT, MW_E_COMMAND_LIMIT,
    MW_E_RCPT_LIMIT,
    MW_E_ARG_BYTES, MW_E_ADDRESS, MW_E_STATE, MW_E_SIZE, MW_E_NO_RCPT,
    MW_E_CLOSED, MW_E_TIMEOUT, MW_E_INTR, MW_E_AGAIN, MW_E_SYS, MW_E_RESOLVE, MW_E_CHANGED,
    MW_E_NOMEM
};

static int is_unique(size_t i)
{
    size_t j;

    for (j = 0; j < i; j++)
        if (strcmp(mw_error_text(errors[i]), mw_error_text(errors[j])) == 0)
            return 0;
    return 1;
}

int main(void)
{
    static const int unknown[] = { 1, -1, -100, -107, -500, -502, 12345 };
    size_t i;

    for (i = 0; i < COUNT(errors); i++) {
        const char *text = mw_error_text(errors[i]);
        size_t len = strlen(text);

        tap_ok(len > 0 && text[len - 1] != '.' && strcmp(text, "unknown error") != 0 && is_unique(i),
               "%d: %s", errors[i], text);
    }
    for (i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        tap_ok(strcmp(mw_error_text(unknown[i]), "unknown error") == 0, "%d is unknown", unknown[i]);
    return tap_done();
}
