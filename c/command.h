/* command.h - command lines: which bytes may be in them, what they are, and addresses.
 *
 * A CR, LF or NUL in a command would let the caller's data begin another command. An unquoted ">" in an address would let it add
 * parameters. Both are refused before a byte is queued.
 */
#ifndef MW_COMMAND_H
#define MW_COMMAND_H

#include <stddef.h>
#include "buf.h"
#include "clock.h"

/* The longest command line, without its CRLF. RFC 5321 4.5.3.1.4 says 512 and lets extensions add to it;
 * the longest is what answers a 334 to AUTH (RFC 4954 4: 12288). Stops a caller's megabyte from
 * becoming a command. */
#define MW_COMMAND_MAX 12288

/* What is true of a command. */
#define MW_OF_MESSAGE 1     /* a message is made of it */
#define MW_BEGINS 2         /* it begins a transaction when it is accepted */
#define MW_FORGETS 4        /* content that was offered in front of it, and not taken, is forgotten */
#define MW_GOES_ON 8        /* a 3xx asks for more, and is no refusal */
#define MW_IN_STEP 16       /* it is not sent while bytes wait that no command asked for: they could be taken for its reply */
#define MW_ALONE 32         /* nothing is owed in front of it, and nothing is sent behind it before its reply: bytes of another kind may follow */

/* X(kind, words, wait, facts): the words that a line of this kind begins with (the verbs of RFC 5321, 2033, 3030, 3207 and 4954), as what
 * its reply is waited for, and what is true of it. A new command is one line here, and what its reply means is a case in lmtp_reply.c. */
#define MW_COMMAND_TABLE(X) \
    X(OTHER,    "",                    NONE,  0) \
    X(GREETING, "",                    LHLO,  0)    /* none: the server speaks first */ \
    X(LHLO,     "LHLO EHLO HELO",      LHLO,  MW_FORGETS) \
    X(MAIL,     "MAIL SEND SOML SAML", MAIL,  MW_OF_MESSAGE | MW_IN_STEP | MW_BEGINS | MW_FORGETS) \
    X(RCPT,     "RCPT",                RCPT,  MW_OF_MESSAGE | MW_IN_STEP) \
    X(DATA,     "DATA",                DATA,  MW_OF_MESSAGE | MW_IN_STEP | MW_FORGETS | MW_GOES_ON) \
    X(BDAT,     "BDAT",                FINAL, MW_OF_MESSAGE | MW_IN_STEP | MW_FORGETS) \
    X(END,      "",                    FINAL, MW_OF_MESSAGE | MW_IN_STEP | MW_FORGETS)   /* the dot, or BDAT LAST */ \
    X(RSET,     "RSET",                RSET,  MW_IN_STEP | MW_BEGINS | MW_FORGETS) \
    X(QUIT,     "QUIT",                RSET,  MW_FORGETS) \
    X(AUTH,     "AUTH",                DATA,  MW_GOES_ON | MW_IN_STEP | MW_ALONE)   /* and each line that follows its 334 */ \
    X(STARTTLS, "STARTTLS",            LHLO,  MW_IN_STEP | MW_FORGETS | MW_ALONE) \
    X(XCLIENT,  "XCLIENT",             LHLO,  MW_IN_STEP | MW_FORGETS | MW_ALONE)    /* Postfix: the session starts over */ \
    X(PROBE,    "",                    LHLO,  0)    /* several commands: any number of replies up to LHLO's, see trust.h */ \
    X(LOCAL,    "",                    NONE,  0)    /* refused here: answered in its turn, nothing is read */

typedef enum mw_kind {
#define MW_KIND(kind, words, wait, facts) MW_KIND_##kind,
    MW_COMMAND_TABLE(MW_KIND)
#undef MW_KIND
    MW_KIND_COUNT
} mw_kind;

/* What is true of a kind: MW_OF_MESSAGE and so on. */
int mw_kind_facts(mw_kind kind);

/* What the reply to a command of this kind is waited for as. */
mw_wait mw_kind_wait(mw_kind kind);

/* MW_OK; MW_E_ARG_BYTES when a CR, LF or NUL is in it; MW_E_COMMAND_LIMIT when it is too long. */
int mw_command_check(mw_slice line);

/* The kind of a command line, by its verb, without regard to case. BDAT with LAST is MW_KIND_END. AUTH may have blanks and tabs
 * around it: some server may take it, and secrets follow. */
mw_kind mw_command_kind(mw_slice line);

/* Whether a line of MW_KIND_OTHER begins with the verb of a command that there is (RFC 5321 4.1.1), or of an extension. */
int mw_command_is_known(mw_slice line);

/* How many bytes at the front of a command line may be shown to people. Of AUTH, whatever blanks and tabs are in it, these are the verb and
 * the name of a mechanism; a name that is none that is known here may be a secret in the wrong place. */
size_t mw_command_public(mw_slice line);

/* Takes an AUTH apart: its mechanism, if that is one that is known here, and all that is behind, without blanks around it. Else nothing, and
 * nothing. */
void mw_command_auth(mw_slice line, mw_slice *mechanism_r, mw_slice *response_r);

/* The size that a BDAT line announces (RFC 3030 2): 1 and the size, 0 when it is not a number of
 * at most 19 digits. */
int mw_command_bdat_size(mw_slice line, unsigned long long *size_r);

/* The address of a MAIL or RCPT line: what is inside the first <...> behind the first colon, quoted strings
 * respected; without brackets, the word behind the colon; else empty. */
mw_slice mw_command_address(mw_slice line);

/* The path in an address as people write it ("Ann <a@x>"): the first <...> outside quoted strings, in which
 * one may hold a ">"; with exact only one that is all there is but for white space. *bracketed_r is 1 then. Else
 * the text without outer white space, to be put in brackets: *bracketed_r is 0. A part of text. */
mw_slice mw_address_path(mw_slice text, int exact, int *bracketed_r);

/* True when text has octets of an atom, dots and at signs only (RFC 5321 4.1.2), one at the least: it is its own path, in ASCII, and nothing
 * is wrong with it. */
int mw_address_is_simple(mw_slice text);

/* What is behind the last "@" of an address, its bracket left out; empty: there is none. */
mw_slice mw_address_domain(mw_slice bracketed);

/* Whether an address in its brackets ("<a@x>", "<>") can stand in a command as it is:
 *   MW_OK             yes
 *   MW_E_ARG_BYTES    CR, LF or NUL
 *   MW_E_ADDRESS      an unquoted ">" or white space inside the brackets, a quoted string that does not
 *                     end, text behind them, or no brackets; a control character (a tab may be quoted);
 *                     a quotation mark right behind an unquoted backslash, which servers read in two ways
 * (RFC 5321 4.1.2: Path = "<" [ A-d-l ":" ] Mailbox ">"). Does not judge the address otherwise. */
int mw_address_check(mw_slice bracketed);

/* The same in words: what is wrong with it, a constant; NULL: nothing. */
const char *mw_address_fault(mw_slice bracketed);

/* How much of an address is shown where somebody is told of it, and the room that takes. */
#define MW_ADDRESS_SHOWN 200
#define MW_ADDRESS_SHOWN_MAX (4 * MW_ADDRESS_SHOWN + 3)

/* Writes address for people: control characters as "\x0a", and "..." behind what is too long. Returns the length. */
size_t mw_address_shown(mw_slice address, char *out);

/* The keyword of a server that takes commands in groups (RFC 2920). */
#define MW_KEYWORD_PIPELINING "PIPELINING"

/* What the line of an envelope begins with. */
#define MW_ENVELOPE_MAIL "MAIL FROM:"
#define MW_ENVELOPE_RCPT "RCPT TO:"
#define MW_ENVELOPE_SEND "SEND FROM:"
#define MW_ENVELOPE_SOML "SOML FROM:"
#define MW_ENVELOPE_SAML "SAML FROM:"

/* How long it becomes with a path of n octets, at the most. */
#define MW_ENVELOPE_MAX(n) ((n) + 16)

/* Writes the line of an envelope: head, one of the above, and a path as mw_address_path gives it. out has room for
 * MW_ENVELOPE_MAX(path.len). Returns the length; the path in its brackets is behind the head. Parameters may follow (parameter.h). */
size_t mw_command_envelope(const char *head, mw_slice path, int bracketed, char *out);

/* The command line without arguments, as a constant, for MW_KIND_DATA. */
mw_slice mw_command_data(void);

/* The longest xtext that n octets can become. */
#define MW_XTEXT_MAX(n) (3 * (n))

/* Writes octets as xtext (RFC 3461 4): "!" to "~" but "+" and "=" as they are, all else as "+" and two
 * upper-case hex digits. out has room for MW_XTEXT_MAX(in.len). Returns the length. */
size_t mw_xtext_encode(mw_slice in, char *out);

#endif
