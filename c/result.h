/* result.h - what became of one recipient, the same for both protocols. */
#ifndef MW_RESULT_H
#define MW_RESULT_H

#include <stddef.h>
#include "text.h"

/* How far the recipient had come. The phrases are public: Mail::Wire::Result->stage. */
typedef enum mw_stage {
    MW_STAGE_CONNECT,
    MW_STAGE_MAIL,
    MW_STAGE_RCPT,
    MW_STAGE_DATA,
    MW_STAGE_BODY,
    MW_STAGE_FINAL
} mw_stage;

/* "connect", "mail", "rcpt", "data", "body", "final"; "unknown" for another number. Static. */
const char *mw_stage_text(mw_stage stage);

typedef struct mw_result {
    mw_text *recipient;         /* as sent, without angle brackets; held */
    mw_text *text;              /* the server's words, or ours when it sent none; held. NULL: there are none, or no memory for them */
    unsigned code;              /* 100 to 599; 0 until there is one */
    mw_stage stage;
    int maybe_delivered;        /* the message's last byte was sent, and there is no reply to it that counts: none came, or its place
                                 * is in doubt, or it is 1xx or 3xx. The server may have the message. */
} mw_result;

/* Sets what became of it and drops what was there before. text is held, not taken over. */
void mw_result_set(mw_result *r, unsigned code, mw_text *text, mw_stage stage, int maybe_delivered);

/* Drops both texts and zeroes it. */
void mw_result_clear(mw_result *r);

#endif
