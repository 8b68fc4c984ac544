/* hooks.h - which methods a class overrides, of those that C does without a method call.
 *
 * Net::Cmd calls its methods by name, so a class can override them. To find a method costs more than most methods do. So what was found is
 * kept until perl's counts say that a class has changed.
 */
#ifndef MWX_HOOKS_H
#define MWX_HOOKS_H

#include "perlglue.h"

/* X(name, method). to, cc and bcc call recipient. */
#define MWX_HOOKS(X) \
    X(GETLINE, "getline") X(PARSE_RESPONSE, "parse_response") X(COMMAND, "command") X(RESPONSE, "response") \
    X(DATASEND, "datasend") X(DATAEND, "dataend") X(ADDR, "_addr") X(CLOSED, "_set_status_closed") \
    X(TIMED_OUT, "_set_status_timeout") X(TIMEOUT, "timeout") X(MAIL, "_MAIL") X(RCPT, "_RCPT") X(DATA, "_DATA") \
    X(RECIPIENT, "recipient") X(SUPPORTS, "supports") X(DEBUG, "debug")

typedef enum mwx_hook {
#define MWX_HOOK(name, method) MWX_HOOK_##name,
    MWX_HOOKS(MWX_HOOK)
#undef MWX_HOOK
    MWX_HOOK_COUNT
} mwx_hook;

/* What was found for a class. Zeroed is a valid start. */
typedef struct mwx_hooks {
    HV *stash;
    U32 everywhere, inherited, here;    /* perl's counts of changes to methods */
    unsigned own;                       /* a bit for each hook */
} mwx_hooks;

/* Notes the distribution's own methods. Called once, when the module is loaded. */
void mwx_hooks_boot(pTHX);

/* True when the class of the object behind ref overrides this method. */
int mwx_hooks_own(pTHX_ mwx_hooks *h, SV *ref, mwx_hook hook);

#endif
