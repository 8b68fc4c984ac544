/* keywords.h - what a server offers: its reply to LHLO, taken apart once (RFC 5321 4.1.1.1).
 *
 *   ehlo-ok-rsp = "250-" Domain [ SP ehlo-greet ] CRLF *( "250-" ehlo-line CRLF ) "250" SP ehlo-line CRLF
 *   ehlo-line   = ehlo-keyword *( SP ehlo-param )
 */
#ifndef MW_KEYWORDS_H
#define MW_KEYWORDS_H

#include "reply.h"

typedef struct mw_keyword {
    mw_slice name;          /* as the server wrote it */
    mw_slice params;        /* without outer white space */
} mw_keyword;

typedef struct mw_keywords {
    const mw_alloc *alloc;
    mw_reply reply;         /* the reply itself; no lines: none is known */
    mw_keyword *items;      /* parts of it, in its order */
    size_t count, cap;
    int pipelining;         /* PIPELINING is among them (RFC 2920) */
    int chunking;           /* CHUNKING is (RFC 3030) */
    int eight_bit;          /* 8BITMIME is (RFC 6152) */
    const mw_keyword *size; /* SIZE (RFC 1870); NULL: it is not offered */
    size_t rcpt_max;        /* how many recipients a transaction may have: RCPTMAX of LIMITS (RFC 9422); 0: no limit is known */
    size_t mail_max;        /* and how many transactions a session may have: MAILMAX */
} mw_keywords;

void mw_keywords_init(mw_keywords *k, const mw_alloc *alloc);
void mw_keywords_free(mw_keywords *k);

/* Forgets them: after STARTTLS nothing is known (RFC 3207 4.2). */
void mw_keywords_clear(mw_keywords *k);

/* Takes a reply to LHLO. A refusal offers nothing. Without memory for a copy the server counts as offering nothing. */
void mw_keywords_take(mw_keywords *k, const mw_reply *r);

/* The keyword of this name, without regard to case; NULL when it is not offered. Of one that is there twice ("AUTH X", and "AUTH=X"
 * for old clients) it is the last. Valid until the next LHLO is answered. */
const mw_keyword *mw_keywords_find(const mw_keywords *k, mw_slice name);

/* True when a reply begins with the server's name, as only LHLO's does. */
int mw_keywords_same_server(const mw_keywords *k, const mw_reply *r);

/* True when a reply shows the server's name and the same keywords in the same order. Their parameters may differ: Cyrus' last line
 * changes each time. AUTH and STARTTLS may be there or not: servers list them at one time and not at another. */
int mw_keywords_same(const mw_keywords *k, const mw_reply *r);

/* One line of a LHLO reply (not the first): keyword and parameters, "AUTH=X" as "AUTH X". 1, or 0 when there is no keyword: an empty
 * line, or Cyrus' closing "Ok SESSIONID=<...>". */
int mw_keyword_parse(mw_slice line, mw_keyword *keyword_r);

#endif
