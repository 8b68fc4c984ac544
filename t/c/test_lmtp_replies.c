/* The LMTP session: what a server's replies mean, and the hard cases of how many there are. */
#include "lmtp_drive.h"

#define CLOSED "connection closed"
#define EARLY "a positive reply to a message whose end has not been sent"
#define FINAL2 OPENED2 BODY
#define W_FINAL2 W_OPENED2 W_BODY
#define FINAL1 OPENED1 BODY
#define W_FINAL1 W_OPENED1 W_BODY

static const drive_case finals[] = {
    { "one recipient", FINAL1 "< 250 ok|?|i|v", W_FINAL1, L_OPENED1 "250 idle,mail,0 v1 250 ", "a=250 final ok; " },
    { "two recipients", FINAL2 "< 250 1|?|i|< 250 2|?|i|v", W_FINAL2, L_OPENED2 "250 in,final,0 250 idle,mail,0 v1 250 ",
        "a=250 final 1; b=250 final 2; " },
    { "each stands alone", FINAL2 "< 550 1|< 250 2|? 2|v", W_FINAL2, L_OPENED2 "550 250 v0 550 ", "a=550 final 1; b=250 final 2; " },
    { "the second fails", FINAL2 "< 250 1|< 450 2|? 2|v", W_FINAL2, L_OPENED2 "250 450 v0 450 ", "a=250 final 1; b=450 final 2; " },
    { "the same recipient twice", MAIL RCPT("a") RCPT("a") DATA BODY "< 250 1|< 550 2|? 2|v", W_MAIL W_RCPT("a") W_RCPT("a") W_DATA W_BODY,
        L_OPENED2 "250 550 v0 550 ", "a=250 final 1; a=550 final 2; " },
    { "one refused at RCPT", MAIL RCPT("a") NO_RCPT("b", "550 no") RCPT("c") DATA BODY "< 250 1|< 250 3|? 2|v",
        W_MAIL W_RCPT("a") W_RCPT("b") W_RCPT("c") W_DATA W_BODY, "250 250 550 250 354 250 250 v1 250 ",
        "a=250 final 1; b=550 rcpt no; c=250 final 3; " },
    { "several lines", FINAL1 "< 250-one|< 250-|< 250 three|?|v", W_FINAL1, L_OPENED1 "250 v1 250 ", "a=250 final one\n\nthree; " },
    { "bare codes and bare LFs", FINAL2 "= 250\n550\n|? 2|v", W_FINAL2, L_OPENED2 "250 550 v0 550 ", "a=250 final ; b=550 final ; " },
    { "further replies are handed out", FINAL2 "< 250 1|< 550 2|? 2|v|? 1|H|?", W_FINAL2, L_OPENED2 "250 550 v0 550 550 - - ",
        "a=250 final 1; b=550 final 2; " },
    { "until the next command", FINAL2 "< 250 1|< 250 2|? 2|v|> NOOP|< 251 ok|?", W_FINAL2 "NOOP\r\n", L_OPENED2 "250 250 v1 250 251 ",
        "a=250 final 1; b=250 final 2; " },
    { "results are kept by NOOP, dropped by RSET", FINAL1 "< 250 1|?|> NOOP|< 250 ok|?|> RSET|< 250 ok|?|i", W_FINAL1 "NOOP\r\nRSET\r\n",
        L_OPENED1 "250 250 250 idle,mail,0 ", "" },
    { "two messages", FINAL1 "< 250 1|?|" MAIL RCPT("c") DATA BODY "< 550 x|?|v", W_FINAL1 W_MAIL W_RCPT("c") W_DATA W_BODY,
        L_OPENED1 "250 " L_OPENED1 "550 v0 550 ", "c=550 final x; " },
};

/* The table of protocol.md, as far as calls made one at a time can meet it. */
static const drive_case hard[] = {
    { "all RCPT refused, DATA refused: each keeps its own, the link goes on",
        MAIL NO_RCPT("a", "550 a") NO_RCPT("b", "450 b") "> DATA|< 503 none|?|c|R|> RSET|< 250 ok|?|" OPENED1 BODY "< 250 ok|?",
        W_MAIL W_RCPT("a") W_RCPT("b") W_DATA "RSET\r\n" W_FINAL1, "250 550 450 503 refused 503 250 " L_OPENED1 "250 ", "a=250 final ok; " },
    { "the same, before RSET", MAIL NO_RCPT("a", "550 a") NO_RCPT("b", "450 b") "> DATA|< 503 none|?", W_MAIL W_RCPT("a") W_RCPT("b") W_DATA,
        "250 550 450 503 ", "a=550 rcpt a; b=450 rcpt b; " },
    { "all RCPT refused, 354 all the same: one reply is read", MAIL NO_RCPT("a", "550 a") DATA BODY "< 554 none|?|i|v",
        W_MAIL W_RCPT("a") W_DATA W_BODY, "250 550 354 554 idle,mail,0 v0 554 ", "a=550 rcpt a; " },
    { "MAIL refused, 354 all the same", "> MAIL FROM:<s>|< 550 no|?|" RCPT("a") DATA BODY "< 250 ok|?|i|v",
        W_FINAL1, "550 250 354 250 idle,mail,0 v1 250 ", "a=250 final ok; " },
    { "no RCPT at all, DATA gets 354", MAIL DATA BODY "< 250 read|?|i|v", W_MAIL W_DATA W_BODY, "250 354 250 idle,mail,0 v1 250 ", "" },
    { "not even MAIL", DATA BODY "< 250 read|?|i|v", W_DATA W_BODY, "354 250 idle,mail,0 v1 250 ", "" },
    { "no recipient, a final reply that is mixed", DATA BODY "< 250-a|< 550 b|?|v", W_DATA W_BODY, "354 550 v0 550 ", "" },
    { "BDAT LAST with no accepted RCPT is not sent", MAIL NO_RCPT("a", "550 a") "> BDAT 2 LAST|r hi|?|c|> RSET|< 250 ok|?",
        W_MAIL W_RCPT("a") "RSET\r\n", "250 550 E303 503 none 250 ", "" },
    { "BDAT refused, later ones are not sent", MAIL RCPT("a") RCPT("b") "> BDAT 2|r hi|< 452 full|?|c|> BDAT 2 LAST|r ho|?|v",
        W_MAIL W_RCPT("a") W_RCPT("b") "BDAT 2\r\nhi", "250 250 250 452 refused E303 452 v0 452 ", "a=452 body full; b=452 body full; " },
    { "BDAT refused behind LAST", MAIL RCPT("a") RCPT("b") "> BDAT 2|r hi|> BDAT 2 LAST|r ho|< 452 full|< 503 no|< 503 no|? 3|i|v",
        W_MAIL W_RCPT("a") W_RCPT("b") "BDAT 2\r\nhiBDAT 2 LAST\r\nho", "250 250 250 452 503 503 idle,mail,0 v0 452 ",
        "a=452 body full; b=452 body full; " },
    { "DATA refused, with accepted RCPTs", MAIL RCPT("a") NO_RCPT("b", "550 b") RCPT("c") "> DATA|< 451-4.3.0 wait|< 451 a bit|?|d x|e|c|R",
        W_MAIL W_RCPT("a") W_RCPT("b") W_RCPT("c") W_DATA, "250 250 550 250 451 E303 E303 refused 451 ",
        "a=451 data 4.3.0 wait\na bit; b=550 rcpt b; c=451 data 4.3.0 wait\na bit; " },
    { "MAIL refused: not the 503 of the RCPTs", "> MAIL FROM:<s>|< 550 5.7.1 no|?|" NO_RCPT("a", "503 MAIL first") NO_RCPT("b", "250 ok"),
        W_MAIL W_RCPT("a") W_RCPT("b"), "550 503 250 ", "a=550 mail 5.7.1 no; b=-; " },
    { "fewer replies than accepted, then nothing", FINAL2 "< 250 1|?|i|l 402", W_FINAL2, L_OPENED2 "250 in,final,0 ",
        "a=250 final 1; b=421? final timeout; " },
    { "more replies than accepted: the next MAIL", FINAL1 "< 250 1|< 250 2|p|?|> MAIL FROM:<n>|i", W_FINAL1, L_OPENED1 "250 E103 mail,-103 ",
        "" },
    { "the same, RCPT", FINAL1 "< 250 1|< 250 2|p|?|> RCPT TO:<b>|i", W_FINAL1, L_OPENED1 "250 E103 mail,-103 ", "a=250 final 1; " },
    { "the same, RSET", FINAL1 "< 250 1|< 250 2|p|?|> RSET|i", W_FINAL1, L_OPENED1 "250 E103 mail,-103 ", "a=250 final 1; " },
    { "the same, it is read before RSET", FINAL1 "< 250 1|< 250 2|p|? 2|> RSET|< 250 ok|?|" MAIL, W_FINAL1 "RSET\r\n" W_MAIL,
        L_OPENED1 "250 250 250 250 ", "" },
    { "a 421 that nobody asked for is the server's farewell", MAIL RCPT("a") "< 421 idle|p|> DATA|i|> NOOP|?", W_MAIL W_RCPT("a"),
        "250 250 E103 closing,mail,-103 421 ", "a=421 rcpt idle; " },
    { "a line that is no reply, for a final one", FINAL2 "< 250 1|< what|?|?|i|g|> NOOP|?|> QUIT|< 221 bye|?", W_FINAL2 "QUIT\r\n",
        L_OPENED2 "250 E101 mail,-101 \"what\" 421 221 ", "a=250 final 1; b=421? final a line that is no reply; " },
    { "a line that is no reply, for another", MAIL "> RCPT TO:<a>|< what|?|g|< 250 ok|?|i|l", W_MAIL W_RCPT("a"), "250 E101 \"what\" 250 in,rcpt,0 ",
        "a=421 rcpt connection closed; " },
    { "a refusal while the content is sent is the first reply", OPENED2 "d x|< 552 big|p|d x|e|?|< 250 2|?|v", W_OPENED2 "xx\r\n.\r\n",
        L_OPENED2 "552 250 v0 552 ", "a=552 final big; b=250 final 2; " },
    { "421 while the content is sent", OPENED2 "d x|< 421 down|p|d y|d z|c|i|l", W_OPENED2, L_OPENED2 "E401 E401 open in,closing,body,0 ",
        "a=421 final down; b=421 body down; " },
    { "codes differ: the last line counts", "> MAIL FROM:<s>|< 250-a|< 550 b|?|" NO_RCPT("a", "550-x|< 250 y"), W_MAIL W_RCPT("a"), "550 250 ",
        "a=-; " },
    { "codes differ in a final reply: never a success", FINAL1 "< 550-a|< 250 b|?|v", W_FINAL1, L_OPENED1 "550 v0 550 ", "a=550 final a\nb; " },
    { "the first bad line speaks", FINAL1 "< 250-a|< 450-b|< 550 c|?|v", W_FINAL1, L_OPENED1 "450 v0 450 ", "a=450 final a\nb\nc; " },
    { "codes differ, no line is bad", FINAL2 "< 250-a|< 251 b|?|v|i", W_FINAL2, L_OPENED2 "251 v-1 421 mail,-102 ",
        "a=421? final the lines of one reply differ in code; b=421? final the lines of one reply differ in code; " },
    { "3xx to MAIL and RCPT: as it is, no success", "> MAIL FROM:<s>|< 354 go|?|" NO_RCPT("a", "250 ok"), W_MAIL W_RCPT("a"), "354 250 ", "a=-; " },
    { "1xx to RCPT", MAIL NO_RCPT("a", "150 wait") "> DATA|< 503 no|?", W_MAIL W_RCPT("a") W_DATA, "250 150 503 ", "a=150 rcpt wait; " },
    { "3xx for a final reply", FINAL2 "< 354 go|?|i|v", W_FINAL2, L_OPENED2 "354 mail,-105 v0 354 ",
        "a=354? final go; b=421? final a preliminary or intermediate reply where none is due; " },
    { "a positive reply before the end has left", OPENED2 "d x|e|s 1|< 250 early|G|i", W_OPENED2 "x", L_OPENED2 "250 mail,-104 ",
        "a=421 body " EARLY "; b=421 body " EARLY "; " },
    { "a line begun before the end has left", OPENED1 "d x|= 250 str|p|e|i|c", W_OPENED1, L_OPENED1 "E104 mail,-104 refused ", "a=421 body " EARLY "; " },
    { "a refusal before the end has left", OPENED2 "d x|e|s 1|< 552 early|G|< 250 2|?|v", W_OPENED2 "x\r\n.\r\n", L_OPENED2 "552 250 v0 552 ",
        "a=552 final early; b=250 final 2; " },
    { "two early ones, the second is positive", OPENED2 "d x|< 552 early|< 250 2|p|e|i|c", W_OPENED2, L_OPENED2 "E104 mail,-104 refused ",
        "a=421 body " EARLY "; b=421 body " EARLY "; " },
    { "a positive one while the content is sent", OPENED1 "d x|< 250 early|p|d y|d z|e|c|> QUIT", W_OPENED1, L_OPENED1 "E104 E303 E303 refused E303 ",
        "a=421 body " EARLY "; " },
    { "a wait that ran out behind the end", FINAL2 "s|l 402|i", W_FINAL2, L_OPENED2 "mail,-402 ", "a=421? final timeout; b=421? final timeout; " },
    { "end of file inside a reply", FINAL2 "< 250 1|?|= 250-half\r\n|?|l", W_FINAL2, L_OPENED2 "250 - ", "a=250 final 1; b=421? final " CLOSED "; " },
    { "a late answer is credited to nobody", FINAL1 "s|l 402|< 250 ok|?|i", W_FINAL1, L_OPENED1 "250 mail,-402 ", "a=421? final timeout; " },
    { "QUIT cannot be sent inside content", OPENED1 "d x|> QUIT|e|< 250 ok|?", W_OPENED1 "x\r\n.\r\n", L_OPENED1 "E303 250 ", "a=250 final ok; " },
};

static const drive_case partings[] = {
    { "at the greeting's side", "< 421 no|?|> MAIL FROM:<s>|?|i", "", "421 421 closing,mail,-401 ", "" },
    { "at MAIL", "> MAIL FROM:<s>|< 421 down|?|> RCPT TO:<a>|?|i", W_MAIL, "421 421 closing,mail,-401 ", "a=421 mail down; " },
    { "at MAIL, RCPT sent with it", "> MAIL FROM:<s>|> RCPT TO:<a>|< 421 down|?", W_MAIL W_RCPT("a"), "421 ", "a=421 mail down; " },
    { "at RCPT", MAIL RCPT("a") NO_RCPT("b", "550 no") NO_RCPT("c", "421 down") "i", W_MAIL W_RCPT("a") W_RCPT("b") W_RCPT("c"),
        "250 250 550 421 closing,mail,-401 ", "a=421 rcpt down; b=550 rcpt no; c=421 rcpt down; " },
    { "at DATA", MAIL RCPT("a") RCPT("b") "> DATA|< 421-down|< 421 now|?|c", W_MAIL W_RCPT("a") W_RCPT("b") W_DATA, "250 250 250 421 refused ",
        "a=421 data down\nnow; b=421 data down\nnow; " },
    { "at a chunk", MAIL RCPT("a") "> BDAT 1|r x|< 421 down|?", W_MAIL W_RCPT("a") "BDAT 1\r\nx", "250 250 421 ", "a=421 body down; " },
    { "for the first of three, one behind it", MAIL RCPT("a") RCPT("b") RCPT("c") DATA BODY "< 421 down|< 250 b|? 2|i|l 402|v",
        W_MAIL W_RCPT("a") W_RCPT("b") W_RCPT("c") W_DATA W_BODY, "250 250 250 250 354 421 250 in,final,0 v0 421 ",
        "a=421 final down; b=250 final b; c=421? final down; " },
    { "for the last", FINAL2 "< 250 1|< 421 down|? 2|i|v", W_FINAL2, L_OPENED2 "250 421 closing,mail,-401 v0 421 ", "a=250 final 1; b=421 final down; " },
    { "at QUIT", "> QUIT|< 421 down|?|i", "QUIT\r\n", "421 closing,mail,-401 ", "" },
    { "at NOOP, later commands say so", MAIL RCPT("a") "> NOOP|< 421 down|?|> NOOP|?|> RSET|?|> QUIT|< 221 bye|?", W_MAIL W_RCPT("a") "NOOP\r\nQUIT\r\n",
        "250 250 421 421 421 221 ", "a=421 rcpt down; " },
};

static const drive_case lost[] = {
    { "idle", "l|i|> NOOP|?|?", "", "mail,-401 421 - ", "" },
    { "after MAIL", "> MAIL FROM:<s>|> RCPT TO:<a>|s|l", W_MAIL W_RCPT("a"), "", "a=421 mail " CLOSED "; " },
    { "after RCPT", MAIL "> RCPT TO:<a>|s|l", W_MAIL W_RCPT("a"), "250 ", "a=421 rcpt " CLOSED "; " },
    { "after DATA", MAIL RCPT("a") "> DATA|s|l|c", W_MAIL W_RCPT("a") W_DATA, "250 250 refused ", "a=421 data " CLOSED "; " },
    { "in the content", OPENED1 "d x|s|l|c", W_OPENED1 "x", L_OPENED1 "refused ", "a=421 body " CLOSED "; " },
    { "before the end's last byte", FINAL1 "s 6|l", W_OPENED1 "hi\r\n.\r", L_OPENED1, "a=421 body " CLOSED "; " },
    { "behind it", FINAL1 "s 7|l", W_FINAL1, L_OPENED1, "a=421? final " CLOSED "; " },
    { "what was queued is not sent any more", FINAL1 "s 1|l|s", W_OPENED1 "h", L_OPENED1, "a=421 body " CLOSED "; " },
    { "replies that had come count", FINAL2 "s|< 250 1|< 550 2|p|l", W_FINAL2, L_OPENED2, "a=250 final 1; b=550 final 2; " },
    { "up to where they can be trusted", FINAL2 "s|< 250 1|< 250-a|< 550 b|p|l", W_FINAL2, L_OPENED2, "a=250 final 1; b=421? final " CLOSED "; " },
    { "not positive ones to what was not sent", FINAL2 "s 3|< 552 1|< 250 2|p|l", W_OPENED2 "hi\r", L_OPENED2,
        "a=552 final 1; b=421 body " CLOSED "; " },
    { "a farewell among them", FINAL2 "s|< 421 down|p|l", W_FINAL2, L_OPENED2, "a=421 final down; b=421? final down; " },
    { "a farewell is heard at any time", MAIL RCPT("a") "< 421 down|p|l", W_MAIL W_RCPT("a"), "250 250 ", "a=421 rcpt down; " },
    { "a refusal for something older is nobody's", MAIL RCPT("a") "> NOOP|> DATA|s|o|d x|< 550 no|p|l", W_MAIL W_RCPT("a") "NOOP\r\nDATA\r\n",
        "250 250 ", "a=421 body " CLOSED "; " },
    { "a line that was read by hand counts", FINAL2 "s|< 250 1|g|l", W_FINAL2, L_OPENED2 "\"250 1\" ", "a=250 final 1; b=421? final " CLOSED "; " },
    { "replies to RCPT had come, nobody had counted", MAIL RCPT("a") "> RCPT TO:<b>|> BDAT 1 LAST|r x|< 250 b|?|< 250 1|< 250 2|p|l",
        W_MAIL W_RCPT("a") W_RCPT("b") "BDAT 1 LAST\r\nx", "250 250 250 ", "a=250 final 1; b=250 final 2; " },
    { "twice: the first reason stays", FINAL1 "s|l 402|l 401|i", W_FINAL1, L_OPENED1 "mail,-402 ", "a=421? final timeout; " },
    { "in a chunk", MAIL RCPT("a") "> BDAT 3 LAST|r xy|s|l|c", W_MAIL W_RCPT("a") "BDAT 3 LAST\r\nxy", "250 250 refused ", "a=421 body " CLOSED "; " },
    { "behind the last chunk", MAIL RCPT("a") "> BDAT 2 LAST|r xy|s|l", W_MAIL W_RCPT("a") "BDAT 2 LAST\r\nxy", "250 250 ", "a=421? final " CLOSED "; " },
    { "behind the end, though nobody read MAIL's reply", "> MAIL FROM:<s>|> RCPT TO:<a>|o|d x|e|s|l", W_MAIL W_RCPT("a") "x\r\n.\r\n", "",
        "a=421? final " CLOSED "; " },
};

#define FINAL3 MAIL RCPT("a") RCPT("b") RCPT("c") DATA BODY
#define W_FINAL3 W_MAIL W_RCPT("a") W_RCPT("b") W_RCPT("c") W_DATA W_BODY
#define L_OPENED3 "250 " L_OPENED2
#define DIFFER "the lines of one reply differ in code"

static void joining(mw_lmtp *s)
{
    mw_lmtp_joined(s, 1);
}

static const drive_case joined[] = {
    { "a line for each, nothing behind it", FINAL3 "< 250-1|< 550-2|< 250 3|?|i|q 1|i|v|H|H|H", W_FINAL3,
        L_OPENED3 "250/2 in,final,0 idle,mail,0 v0 550 550 250 - ", "a=250 final 1; b=550 final 2; c=250 final 3; " },
    { "something behind it: nobody knows whose the lines are", FINAL3 "< 250-1|< 550-2|< 250 3|?|q 0|i", W_FINAL3, L_OPENED3 "250/2 mail,-102 ",
        "a=421? final " DIFFER "; b=421? final " DIFFER "; c=421? final " DIFFER "; " },
    { "the same, but all lines agree: that is the first one's", FINAL2 "< 550-1|< 550 2|?|q 0", W_FINAL2, L_OPENED2 "550/2 ",
        "a=550 final 1; b=421? final " DIFFER "; " },
    { "too few lines", FINAL3 "< 250-1|< 250 2|?|i", W_FINAL3, L_OPENED3 "250 mail,-102 ",
        "a=250 final 1; b=421? final " DIFFER "; c=421? final " DIFFER "; " },
    { "too many lines", FINAL2 "< 250-1|< 250-2|< 250 3|?", W_FINAL2, L_OPENED2 "250 ", "a=250 final 1; b=421? final " DIFFER "; " },
    { "one line, several owed", FINAL2 "< 450 1|?", W_FINAL2, L_OPENED2 "450 ", "a=450 final 1; b=421? final " DIFFER "; " },
    { "one recipient is as with any server", FINAL1 "< 250-1|< 250 more|?|v", W_FINAL1, L_OPENED1 "250 v1 250 ", "a=250 final 1\nmore; " },
    { "a command instead of settling is no quiet", FINAL2 "< 250-1|< 250 2|?|> NOOP|?|q 1", W_FINAL2, L_OPENED2 "250/2 421 ",
        "a=250 final 1; b=421? final " DIFFER "; " },
    { "so is another reply", FINAL2 "< 250-1|< 550 2|?|< 250 x|?|q 1", W_FINAL2, L_OPENED2 "550/2 250 ",
        "a=421? final " DIFFER "; b=421? final " DIFFER "; " },
    { "and a verdict", FINAL2 "< 250-1|< 550 2|?|v", W_FINAL2, L_OPENED2 "550/2 v-1 421 ", "a=421? final " DIFFER "; b=421? final " DIFFER "; " },
    { "settling what is not there does nothing", FINAL2 "q 1|q 0|< 250-1|< 250 2|?|q 1|q 1|q 0|i", W_FINAL2, L_OPENED2 "250/2 idle,mail,0 ",
        "a=250 final 1; b=250 final 2; " },
    { "read by hand", FINAL2 "s|< 250-1|< 550 2|g|g|h|i", W_FINAL2, L_OPENED2 "\"250-1\" \"550 2\" mail,-102 ",
        "a=421? final " DIFFER "; b=421? final " DIFFER "; " },
    { "before the end has left", OPENED2 "d x|e|s 1|< 250-1|< 250 2|G|i", W_OPENED2 "x", L_OPENED2 "250 mail,-104 ",
        "a=421 body " EARLY "; b=421 body " EARLY "; " },
    { "the link goes before it was settled", FINAL2 "< 250-1|< 550 2|?|l|i", W_FINAL2, L_OPENED2 "550/2 mail,-102 ",
        "a=421? final " DIFFER "; b=421? final " DIFFER "; " },
};

static void greeted(mw_lmtp *s)
{
    mw_lmtp_greet(s);
}

static const drive_case banner[] = {
    { "by the banner", "< 220 mx LMTP Net::Server::Mail (Perl) Service ready|?|" FINAL2 "< 250-1|< 550 2|?|q 1", W_FINAL2, "220 " L_OPENED2 "550/2 ",
        "a=250 final 1; b=550 final 2; " },
    { "not by another one", "< 220 mx Net::Server::Mail|?|" FINAL2 "< 250-1|< 250 2|< 550 b|? 2", W_FINAL2, "220 " L_OPENED2 "250 550 ",
        "a=250 final 1\n2; b=550 final b; " },
};

/* Lines that the caller reads past the session count as replies all the same. */
static const drive_case hand[] = {
    { "a final reply", FINAL2 "s|< 250 1|g|< 550 2|?|v", W_FINAL2, L_OPENED2 "\"250 1\" 550 v0 550 ", "a=250 final 1; b=550 final 2; " },
    { "one of several lines", FINAL1 "s|< 550-a|< 550 b|g|g|h|i", W_FINAL1, L_OPENED1 "\"550-a\" \"550 b\" idle,mail,0 ", "a=550 final a\nb; " },
    { "half by hand, half not", FINAL2 "s|< 550-a|< 550 b|g|?|< 250 2|?", W_FINAL2, L_OPENED2 "\"550-a\" 550 250 ", "a=550 final b; b=250 final 2; " },
    { "put back, it does not", FINAL2 "s|< 250 1|g|u 250 1|? 1|< 550 2|?", W_FINAL2, L_OPENED2 "\"250 1\" 250 550 ", "a=250 final 1; b=550 final 2; " },
    { "another one put back: it does", FINAL2 "s|< 550 1|g|u foo|g|< 250 2|h|i", W_FINAL2, L_OPENED2 "\"550 1\" \"foo\" mail,-101 ",
        "a=550 final 1; b=421? final a line that is no reply; " },
    { "no reply, in place of a final one", FINAL2 "s|< what|g|< 250 2|g|h|i", W_FINAL2, L_OPENED2 "\"what\" \"250 2\" mail,-101 ",
        "a=421? final a line that is no reply; b=421? final a line that is no reply; " },
    { "no reply, in place of RCPT's: its turn is over", MAIL "> RCPT TO:<a>|s|< what|g|" RCPT("b") "c", W_MAIL W_RCPT("a") W_RCPT("b"),
        "250 \"what\" 250 none ", "a=-; b=-; " },
    { "DATA's reply", MAIL RCPT("a") "> DATA|s|< 354 go|g|h|c|" BODY "< 250 ok|?", W_FINAL1, "250 250 \"354 go\" open 250 ", "a=250 final ok; " },
    { "DATA's refusal", MAIL RCPT("a") "> DATA|s|< 503 no|g|h|c|o", W_MAIL W_RCPT("a") W_DATA, "250 250 \"503 no\" refused E303 ", "a=503 data no; " },
    { "DATA's refusal, read when the content was opened", MAIL RCPT("a") "> DATA|s|o|d x|< 503 no|g|h|i|e|c", W_MAIL W_RCPT("a") W_DATA,
        "250 250 \"503 no\" mail,-303 E303 refused ", "a=503 data no; " },
    { "nothing is owed", "< 250 hello|g|h|i|> NOOP|< 250 ok|?", "NOOP\r\n", "\"250 hello\" idle,mail,0 250 ", "" },
    { "reply_put: a final reply", FINAL2 "< 250-1|< 250 one|s|G|< 550 2|G|v", W_FINAL2, L_OPENED2 "250 550 v0 550 ",
        "a=250 final 1\none; b=550 final 2; " },
    { "reply_put: no reply in place of a final one", FINAL1 "< what|s|G|g", W_FINAL1, L_OPENED1 "E101 \"what\" ",
        "a=421? final a line that is no reply; " },
    { "waived: the caller decides", FINAL2 "s|w|i|> NOOP|< 250 ok|?", W_FINAL2 "NOOP\r\n", L_OPENED2 "idle,mail,0 250 ",
        "a=421? final (none); b=421? final (none); " },
    { "waived: none of a later message", FINAL1 "> MAIL FROM:<n>|> RCPT TO:<n>|s|w|i|< 250 ok|< 250 ok|? 2|l", W_FINAL1 "MAIL FROM:<n>\r\nRCPT TO:<n>\r\n",
        L_OPENED1 "in,mail,0 250 250 ", "n=421 rcpt " CLOSED "; " },
};

/* Commands sent ahead of their replies. */
static const drive_case ahead[] = {
    { "an envelope", "> MAIL FROM:<s>|> RCPT TO:<a>|> RCPT TO:<b>|> DATA|< 250 ok|< 250 ok|< 550 no|< 354 go|? 4|" BODY "< 250 ok|?", W_FINAL2,
        "250 250 550 354 250 ", "a=250 final ok; b=550 rcpt no; " },
    { "the next MAIL behind the end", FINAL1 "> MAIL FROM:<s>|> RCPT TO:<n>|< 250 1|< 250 ok|< 550 n|? 3|v", W_FINAL1 W_MAIL W_RCPT("n"),
        L_OPENED1 "250 250 550 v0 550 ", "n=550 rcpt n; " },
    { "354 with a command behind DATA: it was taken for content", MAIL RCPT("a") RCPT("b") "> DATA|> NOOP|< 354 go|?|i|c", W_MAIL W_RCPT("a") W_RCPT("b") W_DATA "NOOP\r\n",
        "250 250 250 354 mail,-105 refused ", "a=421 data a preliminary or intermediate reply where none is due; "
        "b=421 data a preliminary or intermediate reply where none is due; " },
    { "a refused DATA with a command behind it", MAIL RCPT("a") "> DATA|> NOOP|< 503 no|< 250 ok|? 2|c", W_MAIL W_RCPT("a") W_DATA "NOOP\r\n",
        "250 250 503 250 refused ", "a=503 data no; " },
    { "MAIL behind DATA, which gets 354", "> DATA|> MAIL FROM:<s>|< 354 go|?|i", W_DATA W_MAIL, "354 mail,-105 ", "" },
    { "RCPTs counted when their replies have come", "> MAIL FROM:<s>|> RCPT TO:<a>|> RCPT TO:<b>|> RCPT TO:<c>|o|d x|e|< 250 m|< 250 a|< 550 b|< 250 c|? 4|"
        "< 550 1|< 250 3|? 2|i", W_MAIL W_RCPT("a") W_RCPT("b") W_RCPT("c") "x\r\n.\r\n", "250 250 550 250 550 250 idle,mail,0 ",
        "a=550 final 1; b=550 rcpt b; c=250 final 3; " },
    { "the same by BDAT", MAIL RCPT("a") "> RCPT TO:<b>|> BDAT 1 LAST|r x|< 250 b|< 550 1|< 250 2|? 3|i", W_MAIL W_RCPT("a") W_RCPT("b") "BDAT 1 LAST\r\nx",
        "250 250 250 550 250 idle,mail,0 ", "a=550 final 1; b=250 final 2; " },
    { "counted when their turn comes, with the next message's behind them", "> MAIL FROM:<s>|> RCPT TO:<a>|o|d x|e|> MAIL FROM:<n>|> RCPT TO:<n>|< 250 m|< 250 a|< 250 1|? 3|i",
        W_MAIL W_RCPT("a") "x\r\n.\r\nMAIL FROM:<n>\r\nRCPT TO:<n>\r\n", "250 250 250 in,mail,0 ", "a=250 final 1; n=-; " },
    { "DATA and BDAT while final replies are owed", FINAL1 "> DATA|> BDAT 1 LAST|r x|< 250 1|?|H|H", W_FINAL1, L_OPENED1 "E303 250 503 503 ", "a=250 final 1; " },
    { "LHLO resets what was there before it only", MAIL RCPT("a") "> LHLO me|> MAIL FROM:<n>|< 250 mx|< 250 ok|? 2|i", W_MAIL W_RCPT("a") "LHLO me\r\nMAIL FROM:<n>\r\n",
        "250 250 250 250 in,rcpt,0 ", "" },
};

int main(void)
{
    drive_table("finals", finals, COUNT(finals), NULL);
    drive_table("hard", hard, COUNT(hard), NULL);
    drive_table("421", partings, COUNT(partings), NULL);
    drive_table("lost", lost, COUNT(lost), NULL);
    drive_table("joined", joined, COUNT(joined), joining);
    drive_table("joined", banner, COUNT(banner), greeted);
    drive_table("by hand", hand, COUNT(hand), NULL);
    drive_table("ahead", ahead, COUNT(ahead), NULL);
    return tap_done();
}
