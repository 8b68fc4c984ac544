/* command.h - command lines: which bytes may be in them, what they are, and addresses.
 *
 * A CR, LF or NUL in a command would start another one of the caller's data's choosing; an address with an
 * unquoted ">" would add parameters. Both are refused before a byte is written.
 */
#ifndef MW_COMMAND_H
#define MW_COMMAND_H

#include <stddef.h>
#include "buf.h"

/* The longest command line, without its CRLF. RFC 5321 4.5.3.1.4 says 512 and lets extensions add to it;
 * the longest is AUTH's initial response (RFC 4954 4: 12288). Stops a caller's megabyte from
 * becoming a command. */
#define MW_COMMAND_MAX 12288

/* What a command line is. The names are the verbs of RFC 5321, 2033, 3030 and 3207. */
typedef enum mw_verb {
    MW_VERB_OTHER,
    MW_VERB_LHLO,
    MW_VERB_MAIL,       /* also SEND, SOML, SAML: they open a transaction the same way */
    MW_VERB_RCPT,
    MW_VERB_DATA,
    MW_VERB_BDAT,
    MW_VERB_BDAT_LAST,
    MW_VERB_RSET,
    MW_VERB_QUIT,
    MW_VERB_AUTH,
    MW_VERB_STARTTLS
} mw_verb;

/* MW_OK; MW_E_ARG_BYTES when a CR, LF or NUL is in it; MW_E_COMMAND_LIMIT when it is too long. */
int mw_command_check(mw_slice line);

/* The verb, without regard to case. */
mw_verb mw_command_verb(mw_slice line);

/* True for those that a message is made of: MAIL, RCPT, DATA, BDAT. */
int mw_command_is_transaction(mw_verb verb);

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

/* The command line without arguments, as a constant, for MW_VERB_DATA. */
mw_slice mw_command_data(void);

/* The longest xtext that n octets can become. */
#define MW_XTEXT_MAX(n) (3 * (n))

/* Writes octets as xtext (RFC 3461 4): "!" to "~" but "+" and "=" as they are, all else as "+" and two
 * upper-case hex digits. out has room for MW_XTEXT_MAX(in.len). Returns the length. */
size_t mw_xtext_encode(mw_slice in, char *out);

/* One line of an LHLO reply (not the first): keyword and parameters (RFC 5321 4.1.1.1), "AUTH=X" as "AUTH X",
 * outer white space of the parameters trimmed. 1, or 0 when there is no keyword: an empty line, or
 * Cyrus' closing "Ok SESSIONID=<...>". */
int mw_keyword_parse(mw_slice line, mw_slice *keyword_r, mw_slice *params_r);

#endif
