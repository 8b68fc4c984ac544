/* The LMTP session: commands, what each is owed, what is refused here, and what is learnt from replies to them. */
#include "../../c/flight_private.h"
#include "lmtp_drive.h"

#include "../../c/command.h"

static const drive_case commands[] = {
    { "each has one reply", "> LHLO me|> MAIL FROM:<s>|> RCPT TO:<a>|> RSET|> NOOP|> QUIT|< 250 1|< 250 2|< 250 3|< 250 4|< 250 5|< 221 6|? 7",
        "LHLO me\r\nMAIL FROM:<s>\r\nRCPT TO:<a>\r\nRSET\r\nNOOP\r\nQUIT\r\n", "250 250 250 250 250 221 - ", "" },
    { "what a line is, is read off it", "> mail from:<s>|> rCpT to:<a> NOTIFY=NEVER|> data|< 250 1|< 250 2|< 354 go|? 3|c",
        "mail from:<s>\r\nrCpT to:<a> NOTIFY=NEVER\r\ndata\r\n", "250 250 354 open ", "a=-; " },
    { "SEND, SOML and SAML begin a message", "> SEND FROM:<s>|> SOML FROM:<s>|> SAML FROM:<s>|< 250 1|< 250 2|< 250 3|? 3|i",
        "SEND FROM:<s>\r\nSOML FROM:<s>\r\nSAML FROM:<s>\r\n", "250 250 250 in,rcpt,0 ", "" },
    { "addresses with quotes and routes", "> RCPT TO:<\"a>b\"@x>|> RCPT TO: bare|> RCPT TO:<>|< 250 1|< 250 2|< 250 3|? 3",
        "RCPT TO:<\"a>b\"@x>\r\nRCPT TO: bare\r\nRCPT TO:<>\r\n", "250 250 250 ", "\"a>b\"@x=-; bare=-; =-; " },
    { "an unknown one", "> XYZZY a b|< 500 what|?", "XYZZY a b\r\n", "500 ", "" },
    { "354 to an unknown one opens nothing", MAIL RCPT("a") "> XDATA|< 354 go|?|c", W_MAIL W_RCPT("a") "XDATA\r\n", "250 250 354 none ", "a=-; " },
    { "354 to NOOP neither", "> NOOP|< 354 go|?|c", "NOOP\r\n", "354 none ", "" },
    { "354 to nothing", "< 354 go|?|c", "", "354 open ", "" },
    { "other 3xx do not", "> XDATA|< 334 go|?|c", "XDATA\r\n", "334 none ", "" },
    { "MAIL forgets, but not when it is sent", MAIL NO_RCPT("a", "550 no") "> MAIL FROM:<t>|i|? 1", W_MAIL W_RCPT("a") "MAIL FROM:<t>\r\n", "250 550 in,mail,0 - ", "a=550 rcpt no; " },
    { "MAIL forgets, when it is accepted", MAIL NO_RCPT("a", "550 no") "> MAIL FROM:<t>|< 250 ok|?|i", W_MAIL W_RCPT("a") "MAIL FROM:<t>\r\n", "250 550 250 in,rcpt,0 ", "" },
    { "a nested MAIL that is refused changes nothing", MAIL RCPT("a") "> MAIL FROM:<t>|< 503 nested|?|i|" RCPT("b") DATA BODY "< 250 1|< 550 2|?|?|v",
        W_MAIL W_RCPT("a") "MAIL FROM:<t>\r\n" W_RCPT("b") W_DATA W_BODY, "250 250 503 in,rcpt,0 250 354 250 550 v0 550 ", "a=250 final 1; b=550 final 2; " },
    { "nor does one behind a refused DATA", MAIL RCPT("a") "> DATA|< 451 later|?|> MAIL FROM:<t>|< 503 nested|?|" RCPT("b") DATA BODY "< 250 1|< 550 2|?|?|v",
        W_MAIL W_RCPT("a") W_DATA "MAIL FROM:<t>\r\n" W_RCPT("b") W_DATA W_BODY, "250 250 451 503 250 354 250 550 v0 550 ", "a=250 final 1; b=550 final 2; " },
    { "a refused MAIL leaves the results of the message before", OPENED1 BODY "< 250 ok|?|> MAIL FROM:<t>|< 550 no|?|i", W_OPENED1 W_BODY "MAIL FROM:<t>\r\n",
        L_OPENED1 "250 550 idle,mail,0 ", "a=250 final ok; " },
    { "until a recipient is named", OPENED1 BODY "< 250 ok|?|> MAIL FROM:<t>|< 550 no|?|" NO_RCPT("b", "503 MAIL first") "i", W_OPENED1 W_BODY "MAIL FROM:<t>\r\n" W_RCPT("b"),
        L_OPENED1 "250 550 503 idle,mail,0 ", "b=550 mail no; " },
    { "content without a MAIL is not of the message before", OPENED1 BODY "< 250 ok|?|" DATA BODY "< 550 no|?|v", W_OPENED1 W_BODY W_DATA W_BODY,
        L_OPENED1 "250 354 550 v0 550 ", "" },
    { "RSET forgets, when it is accepted", MAIL RCPT("a") "> RSET|i|< 250 ok|?|i", W_MAIL W_RCPT("a") "RSET\r\n", "250 250 in,rcpt,0 250 idle,mail,0 ", "" },
    { "a refused RSET does not", MAIL RCPT("a") "> RSET|< 451 no|?|i", W_MAIL W_RCPT("a") "RSET\r\n", "250 250 451 in,rcpt,0 ", "a=-; " },
    { "behind LHLO no content goes before a MAIL", MAIL RCPT("a") "> LHLO me|< 250 mx|?|> DATA|?|> BDAT 1 LAST|?|" MAIL, W_MAIL W_RCPT("a") "LHLO me\r\n" W_MAIL, "250 250 250 503 503 250 ", "" },
    { "RSET of nothing", "> RSET|i|< 250 ok|?|i", "RSET\r\n", "mail,0 250 idle,mail,0 ", "" },
    { "NOOP keeps what there is", MAIL RCPT("a") "> NOOP|< 250 ok|?|i", W_MAIL W_RCPT("a") "NOOP\r\n", "250 250 250 in,rcpt,0 ", "a=-; " },
    { "LHLO resets", MAIL RCPT("a") "> LHLO me|i|< 250 mx|?|i", W_MAIL W_RCPT("a") "LHLO me\r\n", "250 250 in,rcpt,0 250 idle,mail,0 ", "a=-; " },
    { "a refused LHLO does not", MAIL RCPT("a") "> LHLO me|< 503 no|?|i", W_MAIL W_RCPT("a") "LHLO me\r\n", "250 250 503 in,rcpt,0 ", "a=-; " },
    { "DATA again after a refusal", MAIL RCPT("a") "> DATA|< 451 later|?|c|" DATA BODY "< 250 ok|?", W_MAIL W_RCPT("a") W_DATA W_DATA W_BODY,
        "250 250 451 refused 354 250 ", "a=250 final ok; " },
    { "DATA again after the message: its results stand", OPENED1 BODY "< 250 ok|?|> DATA|< 503 no|?|> DATA|< 503 no|?", W_OPENED1 W_BODY W_DATA W_DATA,
        L_OPENED1 "250 503 503 ", "a=250 final ok; " },
    { "2xx to DATA is another's reply", OPENED1 BODY "< 250 ok|?|" MAIL RCPT("b") "> DATA|< 250 what|?|i|c|d x|e|R|> BDAT 1 LAST|?",
        W_OPENED1 W_BODY W_MAIL W_RCPT("b") W_DATA, L_OPENED1 "250 250 250 250 mail,-104 refused E303 E303 250 421 ",
        "b=421 data a positive reply to a message whose end has not been sent; " },
    { "1xx to DATA", MAIL RCPT("a") "> DATA|< 150 wait|?|i|c", W_MAIL W_RCPT("a") W_DATA, "250 250 150 mail,-105 refused ",
        "a=421 data a preliminary or intermediate reply where none is due; " },
    { "another 3xx to DATA is no go", MAIL RCPT("a") "> DATA|< 399 go|?|c|i", W_MAIL W_RCPT("a") W_DATA, "250 250 399 refused mail,-105 ",
        "a=421 data a preliminary or intermediate reply where none is due; " },
};

/* Refused here: nothing is sent, and it is answered in its turn. */
static const drive_case refused[] = {
    { "CR", "> NOOP\rx|?|i", "", "E301 501 idle,mail,0 ", "" },
    { "LF", "> RCPT TO:<a\n>|?", "", "E301 501 ", "a\n=501 rcpt CR, LF or NUL in a command; " },
    { "MAIL, then a RCPT that the server refuses", "> MAIL FROM:<s\n>|?|> RCPT TO:<a>|< 503 MAIL first|?", W_RCPT("a"), "E301 501 503 ",
        "a=501 mail CR, LF or NUL in a command; " },
    { "MAIL behind a message, whose results are gone", OPENED1 BODY "< 250 ok|?|> MAIL FROM:<s\n>|?|> RCPT TO:<b\n>|?", W_OPENED1 W_BODY,
        L_OPENED1 "250 E301 501 E301 501 ", "b\n=501 mail CR, LF or NUL in a command; " },
    { "MAIL inside a transaction, whose recipients stay", MAIL RCPT("a") "> MAIL FROM:<s\n>|?|" RCPT("b") "> RCPT TO:<c>|< 550 no|?|"
        DATA BODY "< 250 1|< 550 2|?|?|v", W_MAIL W_RCPT("a") W_RCPT("b") W_RCPT("c") W_DATA W_BODY,
        "250 250 E301 501 250 550 354 250 550 v0 550 ", "a=250 final 1; b=550 final 2; c=501 mail CR, LF or NUL in a command; " },
    { "in its turn", "> NOOP|> NO\nOP|> VRFY x|< 250 1|< 252 2|? 4", "NOOP\r\nVRFY x\r\n", "E301 250 501 252 - ", "" },
    { "in its turn, with replies of several lines", "> NOOP|> NO\nOP|> VRFY x|< 250-a|< 250 1|< 252 2|? 3", "NOOP\r\nVRFY x\r\n", "E301 250 501 252 ", "" },
    { "the server's reply is not its own", "> NO\nOP|> NOOP|s|< 250 1|g|h|H|H", "NOOP\r\n", "E301 \"250 1\" 501 - ", "" },
    { "between RCPTs", MAIL "> RCPT TO:<a>|> RCPT TO:<\r>|> RCPT TO:<b>|< 550 a|< 250 b|? 3", W_MAIL W_RCPT("a") W_RCPT("b"), "250 E301 550 501 250 ",
        "a=550 rcpt a; \r=501 rcpt CR, LF or NUL in a command; b=-; " },
    { "while content is open, which goes on", OPENED1 "> NO\nOP|d hi\n|r x\r\n|e|?|< 250 ok|?|?", W_OPENED1 "hi\r\nx\r\n.\r\n", L_OPENED1 "E301 501 250 - ",
        "a=250 final ok; " },
    { "while content is open, early replies are noticed", OPENED1 "> NO\nOP|d x|< 250 early|p|e|i", W_OPENED1, L_OPENED1 "E301 E104 mail,-104 ",
        "a=421 body a positive reply to a message whose end has not been sent; " },
    { "BDAT without a size", MAIL RCPT("a") "> BDAT|? 1|> BDAT x|?|> BDAT -1 LAST|?|> BDAT 99999999999999999999|?|c", W_MAIL W_RCPT("a"),
        "250 250 501 501 501 501 none ", "a=-; " },
    { "BDAT's bytes are not sent as commands", MAIL "> BDAT 4|r NOOP|?", W_MAIL, "250 E303 503 ", "" },
    { "commands while content is open", OPENED1 "> NOOP|> RSET|> QUIT|> MAIL FROM:<x>", W_OPENED1, L_OPENED1 "E303 E303 E303 E303 ", "a=-; " },
    { "commands while BDAT's bytes are owed", MAIL RCPT("a") "> BDAT 2|r x|> NOOP|> QUIT|r y|< 250 ok|?|> NOOP|< 250 ok|?", W_MAIL W_RCPT("a") "BDAT 2\r\nxyNOOP\r\n",
        "250 250 E303 E303 250 250 ", "a=-; " },
};

static const drive_case auth[] = {
    { "what follows a 334 is no command", "> AUTH LOGIN|< 334 VXNlcg|?|> DATA|< 334 UGFzcw|?|> MAIL FROM:<a>|< 235 ok|?|i|> NOOP|< 250 ok|?",
        "AUTH LOGIN\r\nDATA\r\nMAIL FROM:<a>\r\nNOOP\r\n", "334 334 235 idle,mail,0 250 ", "" },
    { "the same, read by hand", "> AUTH LOGIN|s|< 334 x|g|> RSET|s|< 235 ok|g|" MAIL "i", "AUTH LOGIN\r\nRSET\r\n" W_MAIL, "\"334 x\" \"235 ok\" 250 in,rcpt,0 ", "" },
    { "given up", "> AUTH LOGIN|< 334 x|?|> *|< 501 no|?|" MAIL "i", "AUTH LOGIN\r\n*\r\n" W_MAIL, "334 501 250 in,rcpt,0 ", "" },
    { "bytes that came before it are not its reply", "< 235 in|p|> AUTH PLAIN x|i", "", "E103 mail,-103 ", "" },
    { "nor is what comes with a 334 a reply to the answer", "> AUTH LOGIN|< 334 x|< 235 in|?|p|> y|i", "AUTH LOGIN\r\n", "334 E103 mail,-103 ", "" },
    { "a broken session is past it", "> AUTH LOGIN|< 334 x|?|l|> NOOP|?", "AUTH LOGIN\r\n", "334 421 ", "" },
};

/* RFC 3207: alone, and the session starts over. */
static const drive_case starttls[] = {
    { "nothing goes behind it", "> STARTTLS|> NOOP|> QUIT|< 220 go|? 3|> NOOP|< 250 ok|?", "STARTTLS\r\nNOOP\r\n", "220 503 503 250 ", "" },
    { "nothing is owed in front of it", "> NOOP|> STARTTLS|> NOOP|< 250 1|< 250 2|? 3", "NOOP\r\nNOOP\r\n", "250 503 250 ", "" },
    { "not inside a transaction", MAIL RCPT("a") "> STARTTLS|?|" DATA BODY "< 250 ok|?|> STARTTLS|< 220 go|?",
        W_MAIL W_RCPT("a") W_DATA W_BODY "STARTTLS\r\n", "250 250 503 354 250 220 ", "a=250 final ok; " },
    { "not behind refused data", MAIL RCPT("a") "> DATA|< 451 no|?|> STARTTLS|?", W_MAIL W_RCPT("a") W_DATA, "250 250 451 503 ", "a=451 data no; " },
    { "no message before a LHLO that succeeds", MAIL RCPT("a") DATA BODY "< 250 ok|?|> STARTTLS|< 220 go|?|> MAIL FROM:<s>|?|> RCPT TO:<b>|?|> DATA|?|> LHLO me|< 500 no|?"
        "|> MAIL FROM:<s>|?|> NOOP|< 250 ok|?", W_MAIL W_RCPT("a") W_DATA W_BODY "STARTTLS\r\nLHLO me\r\nNOOP\r\n",
        "250 250 354 250 220 503 503 503 500 503 250 ", "b=503 mail out of place: another command, or the reply to one, comes first; " },
    { "but behind it", "> STARTTLS|< 220 go|?|> LHLO me|< 250 me|?|" MAIL, "STARTTLS\r\nLHLO me\r\n" W_MAIL, "220 250 250 ", "" },
    { "a refused one changes nothing", "> STARTTLS|< 454 no|?|" MAIL, "STARTTLS\r\n" W_MAIL, "454 250 ", "" },
};

/* ---- what may be shown */

static void public_case(mw_lmtp *s, const char *line, size_t shown)
{
    tap_ok(mw_lmtp_public(s, slice(line)) == shown, "public: %s", line);
}

static void reply_case(mw_lmtp *s, const char *line, size_t shown)
{
    tap_ok(mw_lmtp_public_reply(s, slice(line)) == shown, "public, of a reply: %s", line);
}

static void test_public_replies(void)
{
    static drive d;

    drive_init(&d, mw_alloc_default(), TAP_WHOLE);
    reply_case(d.s, "535 5.7.8 secret", 16);
    drive_script(&d, "> AUTH LOGIN|s");
    tap_ok(mw_lmtp_in_auth(d.s), "AUTH is under way, in front of its reply");
    reply_case(d.s, "535 5.7.8 secret", 10);
    reply_case(d.s, "535-5.7.8 secret", 10);
    reply_case(d.s, "535 5.7.8", 9);
    reply_case(d.s, "535 secret", 4);
    reply_case(d.s, "334 c2VjcmV0", 4);
    reply_case(d.s, "334", 3);
    reply_case(d.s, "secret", 0);
    drive_script(&d, "< 334 x|g");
    mw_lmtp_settle_hand(d.s);
    tap_ok(mw_lmtp_in_auth(d.s), "... and behind a challenge");
    drive_script(&d, "> c2VjcmV0|< 235 ok|?");
    tap_ok(!mw_lmtp_in_auth(d.s), "... and not behind its last reply");
    reply_case(d.s, "535 5.7.8 secret", 10);
    drive_script(&d, "> LHLO me|< 550 no|?");
    reply_case(d.s, "535 5.7.8 secret", 10);
    drive_script(&d, "> LHLO me|< 250 me|?");
    reply_case(d.s, "535 5.7.8 secret", 16);
    drive_free(&d);
}

static void test_public(void)
{
    static drive d;

    drive_init(&d, mw_alloc_default(), TAP_WHOLE);
    public_case(d.s, "MAIL FROM:<a> AUTH=b c", 22);
    public_case(d.s, "AUTH PLAIN AGEAYg==", 11);
    public_case(d.s, "auth plain AGEAYg==", 11);
    public_case(d.s, "AUTH PLAIN", 10);
    public_case(d.s, "AUTH", 4);
    public_case(d.s, "AUTH PLAIN\tAGEAYg==", 11);
    public_case(d.s, "AUTH\tPLAIN AGEAYg==", 11);
    public_case(d.s, " \tauth  PLAIN AGEAYg==", 14);
    public_case(d.s, "AUTH AGEAYg==", 5);
    public_case(d.s, "AUTH PLAIN=AGEAYg==", 5);
    public_case(d.s, "AUTHOR x", 8);
    drive_script(&d, "> AUTH PLAIN|s");
    public_case(d.s, "AGEAYg==", 0);
    drive_script(&d, "< 535 no|?");
    drive_script(&d, "> AUTH LOGIN|s|< 334 x|g");
    public_case(d.s, "c2VjcmV0", 0);
    drive_script(&d, "s|> c2VjcmV0|< 235 ok|?");
    public_case(d.s, "NOOP", 4);
    tap_ok(mw_lmtp_discards(slice("RSET")) && mw_lmtp_discards(slice("rset")) && !mw_lmtp_discards(slice("RSETX"))
        && !mw_lmtp_discards(slice("QUIT")), "discards: RSET alone");
    drive_free(&d);
}

/* What a server has shown of its ways is void behind AUTH; what it offers stands. */
static void test_doubt(void)
{
    static drive d;
    mw_flight *flight;
    mw_slice params;

    drive_init(&d, mw_alloc_default(), TAP_WHOLE);
    flight = mw_flight_new(mw_lmtp_dialogue(d.s));
    flight->trust.fence = MW_FENCE_HOLDS;
    flight->trust.proven[0] = flight->trust.proven[1] = MW_SHAPE_ONE;
    flight->trust.probe.state = MW_PROBE_PASSED;
    drive_script(&d, "> LHLO me|< 250-x|< 250 SIZE|?|> AUTH PLAIN x|< 535 no|?");
    tap_ok(flight->trust.fence == MW_FENCE_HOLDS && flight->trust.proven[1] == MW_SHAPE_ONE, "AUTH that fails changes nothing");
    drive_script(&d, "> AUTH PLAIN x|< 235 ok|?");
    tap_ok(flight->trust.fence == MW_FENCE_UNKNOWN && !flight->trust.proven[0] && !flight->trust.proven[1]
        && flight->trust.probe.state == MW_PROBE_NONE, "behind AUTH nothing is proven");
    tap_ok(mw_lmtp_keyword(d.s, slice("SIZE"), &params), "... and what was offered is");
    mw_flight_free(flight);
    drive_free(&d);
}

/* ---- keywords */

static void keyword_case(const mw_lmtp *s, const char *keyword, const char *params)
{
    mw_slice found;
    int is = mw_lmtp_keyword(s, slice(keyword), &found);

    tap_ok(is == (params != NULL) && (!is || (found.len == strlen(params) && memcmp(found.base, params, found.len) == 0)), "keyword: %s", keyword);
}

static void test_keywords(void)
{
    static drive d;

    drive_init(&d, mw_alloc_default(), TAP_BYTES);
    keyword_case(d.s, "PIPELINING", NULL);
    drive_script(&d, "> LHLO me|< 250-PIPELINE.example SIZE|< 250-pipelining|< 250-SIZE 1000|< 250-AUTH=PLAIN|< 250-AUTH PLAIN LOGIN|< 250 |?");
    keyword_case(d.s, "PIPELINING", "");
    keyword_case(d.s, "size", "1000");
    keyword_case(d.s, "AUTH", "PLAIN LOGIN");
    keyword_case(d.s, "PIPELINE", NULL);
    keyword_case(d.s, "PIPELINE.example", NULL);
    keyword_case(d.s, "", NULL);
    drive_script(&d, "> STARTTLS|< 454 no|?");
    keyword_case(d.s, "SIZE", "1000");
    drive_script(&d, "> STARTTLS|< 220 go|?");
    keyword_case(d.s, "SIZE", NULL);
    drive_script(&d, "> EHLO me|< 250-mx|< 250 8BITMIME|?");
    keyword_case(d.s, "8BITMIME", "");
    drive_script(&d, "> LHLO me|< 500 no|?");
    keyword_case(d.s, "8BITMIME", NULL);
    drive_free(&d);
}

/* ---- limits: one below, at, one above */

static void test_command_limit(void)
{
    static char line[MW_COMMAND_MAX + 1];
    mw_slice at = { line, MW_COMMAND_MAX }, above = { line, MW_COMMAND_MAX + 1 };
    mw_lmtp *s = mw_lmtp_new(mw_alloc_default());

    memset(line, 'a', sizeof line);
    tap_ok(mw_lmtp_command(s, at) == 0 && mw_outq_len(mw_lmtp_out(s)) == MW_COMMAND_MAX + 2, "limit: a command of the longest length");
    tap_ok(mw_lmtp_command(s, above) == MW_E_COMMAND_LIMIT && mw_outq_len(mw_lmtp_out(s)) == MW_COMMAND_MAX + 2, "limit: one byte more");
    mw_lmtp_free(s);
}

static void test_rcpt_limit(void)
{
    mw_lmtp *s = mw_lmtp_new(mw_alloc_default());
    size_t i;
    int good = 1;

    for (i = 0; i < MW_RCPT_MAX; i++) {
        good &= mw_lmtp_command(s, slice("RCPT TO:<a>")) == 0;
        mw_outq_sent(mw_lmtp_out(s), (size_t)mw_outq_len(mw_lmtp_out(s)));
        good &= mw_lmtp_reply_put(s, i % 2 ? 550 : 250, slice("x"), 0) == 1;
    }
    tap_ok(good && mw_lmtp_transaction(s)->count == MW_RCPT_MAX, "limit: as many recipients as there may be");
    tap_ok(mw_lmtp_command(s, slice("RCPT TO:<a>")) == MW_E_RCPT_LIMIT && mw_lmtp_transaction(s)->count == MW_RCPT_MAX
        && mw_lmtp_reply_local(s) == 1 && mw_lmtp_last(s)->code == MW_LMTP_REFUSED && !mw_outq_len(mw_lmtp_out(s)), "limit: one more");
    mw_lmtp_free(s);
}

static void test_expect_limit(void)
{
    mw_lmtp *s = mw_lmtp_new(mw_alloc_default());
    size_t i;
    int good = 1;

    for (i = 0; i < MW_COMMANDS_MAX; i++)
        good &= mw_lmtp_command(s, slice("N\n")) == MW_E_ARG_BYTES;
    tap_ok(good, "limit: as many replies owed as there may be");
    tap_ok(mw_lmtp_command(s, slice("NOOP")) == MW_E_STATE && !mw_outq_len(mw_lmtp_out(s)), "limit: one more");
    tap_ok(mw_lmtp_reply_local(s) == 1 && mw_lmtp_command(s, slice("NOOP")) == 0, "limit: one less");
    mw_lmtp_free(s);
}

static void small(mw_lmtp *s)
{
    mw_lmtp_limits(s, 10, 24);
}

static const drive_case limits[] = {
    { "a line one below", "> NOOP|< 250 56789|?|i", "NOOP\r\n", "250 idle,mail,0 ", "" },
    { "a line at", "> NOOP|< 250 567890|?|i", "NOOP\r\n", "250 idle,mail,0 ", "" },
    { "a line above", "> NOOP|< 250 5678901|?|i", "NOOP\r\n", "E201 mail,-201 ", "" },
    { "a line above, by hand", "< 250 5678901|g|i", "", "E201 mail,-201 ", "" },
    { "a line that never ends", OPENED2 BODY "= 250 56789012345678901234567890|?|i", W_OPENED2 W_BODY, L_OPENED2 "E201 mail,-201 ",
        "a=421? final a line over the limit; b=421? final a line over the limit; " },
    { "a reply one below", "> NOOP|< 250-567890|< 250-567890|< 250|?|i", "NOOP\r\n", "250 idle,mail,0 ", "" },
    { "a reply at", "> NOOP|< 250-567890|< 250-56789|< 250 5|?|i", "NOOP\r\n", "250 idle,mail,0 ", "" },
    { "a reply above", "> NOOP|< 250-567890|< 250-567890|< 250 5|?|i", "NOOP\r\n", "E202 mail,-202 ", "" },
    { "a reply above, by hand", "> NOOP|s|< 250-567890|< 250-567890|< 250 5|g|g|g|h|i", "NOOP\r\n", "\"250-567890\" \"250-567890\" \"250 5\" mail,-202 ", "" },
    { "a reply above, by reply_put", "> NOOP|s|< 250-567890|< 250-567890|< 250 5|G|i", "NOOP\r\n", "E202 mail,-202 ", "" },
};

static void test_put_codes(void)
{
    mw_lmtp *s = mw_lmtp_new(mw_alloc_default());
    static const unsigned bad[] = { 0, 1, 99, 600, 70000, (unsigned)-1 };
    size_t i;
    int good = 1;

    for (i = 0; i < COUNT(bad); i++)
        good &= mw_lmtp_reply_put(s, bad[i], slice("x"), 0) == MW_E_REPLY_SYNTAX;
    good &= mw_lmtp_reply_put(s, 100, slice("x"), 0) == 1 && mw_lmtp_reply_put(s, 599, slice("x"), 0) == 1;
    tap_ok(good, "limit: codes of replies that the caller takes apart");
    mw_lmtp_free(s);
}

int main(void)
{
    drive_table("command", commands, COUNT(commands), NULL);
    drive_table("refused", refused, COUNT(refused), NULL);
    drive_table("auth", auth, COUNT(auth), NULL);
    drive_table("starttls", starttls, COUNT(starttls), NULL);
    drive_table("limit", limits, COUNT(limits), small);
    test_public();
    test_public_replies();
    test_doubt();
    test_keywords();
    test_command_limit();
    test_rcpt_limit();
    test_expect_limit();
    test_put_codes();
    return tap_done();
}
