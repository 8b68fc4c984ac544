/* result.c - a result is a value; only its texts have owners. */
#include <string.h>
#include "result.h"

const char *mw_stage_text(mw_stage stage)
{
    switch (stage) {
    case MW_STAGE_CONNECT: return "connect";
    case MW_STAGE_MAIL: return "mail";
    case MW_STAGE_RCPT: return "rcpt";
    case MW_STAGE_DATA: return "data";
    case MW_STAGE_BODY: return "body";
    case MW_STAGE_FINAL: return "final";
    }
    return "unknown";
}

void mw_result_set(mw_result *r, unsigned code, mw_text *text, mw_stage stage, int maybe_delivered)
{
    mw_text *before = r->text;

    r->code = code;
    r->text = mw_text_hold(text);
    r->stage = stage;
    r->maybe_delivered = maybe_delivered != 0;
    mw_text_drop(before);   /* last: it may be text itself, with no other holder */
}

void mw_result_clear(mw_result *r)
{
    mw_text_drop(r->recipient);
    mw_text_drop(r->text);
    memset(r, 0, sizeof *r);
}
