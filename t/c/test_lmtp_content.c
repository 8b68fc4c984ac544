/* The LMTP session: a message's content, by DATA and BDAT, byte for byte, in any pieces. */
#include "lmtp_drive.h"

#include "../../c/command.h"

/* ---- DATA */

static const drive_case data[] = {
    { "nothing", OPENED1 "e", W_OPENED1 ".\r\n", L_OPENED1, "a=-; " },
    { "a line", OPENED1 "d hi\r\n|e", W_OPENED1 "hi\r\n.\r\n", L_OPENED1, "a=-; " },
    { "a bare LF", OPENED1 "d hi\nho\n|e", W_OPENED1 "hi\r\nho\r\n.\r\n", L_OPENED1, "a=-; " },
    { "a last line without its end", OPENED1 "d hi|e", W_OPENED1 "hi\r\n.\r\n", L_OPENED1, "a=-; " },
    { "a CRLF in two calls", OPENED1 "d hi\r|d \n|e", W_OPENED1 "hi\r\n.\r\n", L_OPENED1, "a=-; " },
    { "dots that begin lines", OPENED1 "d .\n..a\nb.\n.|e", W_OPENED1 "..\r\n...a\r\nb.\r\n..\r\n.\r\n", L_OPENED1, "a=-; " },
    { "a dot at a call's start", OPENED1 "d a\n|d .b|e", W_OPENED1 "a\r\n..b\r\n.\r\n", L_OPENED1, "a=-; " },
    { "smuggled ends", OPENED1 "d a\n.\nMAIL\r.\rb\r\n.\r\n|e", W_OPENED1 "a\r\n..\r\nMAIL\r\n..\rb\r\n..\r\n.\r\n", L_OPENED1, "a=-; " },
    { "a CR at the end is completed", OPENED1 "d a\r|e", W_OPENED1 "a\r\r\n.\r\n", L_OPENED1, "a=-; " },
    { "the next message begins a line", OPENED1 "d a|e|< 250 ok|?|" OPENED1 "d .|e", W_OPENED1 "a\r\n.\r\n" W_OPENED1 "..\r\n.\r\n",
        L_OPENED1 "250 " L_OPENED1, "a=-; " },
    { "raw bytes are not stuffed", OPENED1 "r ..a\r\n|d .b\n|e", W_OPENED1 "..a\r\n..b\r\n.\r\n", L_OPENED1, "a=-; " },
    { "raw bytes that do not end their line", OPENED1 "r a|d .b|e", W_OPENED1 "a.b\r\n.\r\n", L_OPENED1, "a=-; " },
    { "raw bytes that end in a bare LF", OPENED1 "r a\n|d .b|e|", W_OPENED1 "a\n..b\r\n.\r\n", L_OPENED1, "a=-; " },
    { "the end behind a raw bare LF", OPENED1 "r a\n|e", W_OPENED1 "a\n\r\n.\r\n", L_OPENED1, "a=-; " },
    { "raw bytes outside are just sent", "r XYZZY\r\n|< 500 what|?", "XYZZY\r\n", "500 ", "" },
    { "opened past us, no DATA", MAIL RCPT("a") "o|o|c|d hi|e|< 250 ok|?", W_MAIL W_RCPT("a") "hi\r\n.\r\n", "250 250 open 250 ", "a=250 final ok; " },
    { "opened past us, 354 comes later", MAIL RCPT("a") "> DATA|o|d hi|e|< 354 go|< 250 ok|? 2|i", W_MAIL W_RCPT("a") W_DATA "hi\r\n.\r\n",
        "250 250 354 250 idle,mail,0 ", "a=250 final ok; " },
    { "opened past us, DATA is refused behind the end", MAIL RCPT("a") "> DATA|o|d hi|e|< 503 no|< 250 what|? 2|i", W_MAIL W_RCPT("a") W_DATA "hi\r\n.\r\n",
        "250 250 503 250 mail,-303 ", "a=503 data no; " },
    { "what cannot be opened", OPENED1 BODY "o|< 250 ok|?|" MAIL RCPT("a") "> BDAT 1|o|r x|o", W_OPENED1 W_BODY W_MAIL W_RCPT("a") "BDAT 1\r\nx",
        L_OPENED1 "E303 250 250 250 E303 E303 ", "a=-; " },
    { "none is open", "c|d x|e|> MAIL FROM:<s>|d x|e|> DATA|c|d x|r x|e|< 354 go|< 354 go|? 2|c", "MAIL FROM:<s>\r\n" W_DATA,
        "none E303 E303 E303 E303 asked E303 E303 E303 354 354 open ", "" },
    { "none is left behind the end", OPENED1 BODY "c|d x|e|< 250 ok|?|c|d x|e", W_OPENED1 W_BODY, L_OPENED1 "none E303 E303 250 none E303 E303 ",
        "a=250 final ok; " },
};

/* ---- BDAT */

#define BEGUN2 MAIL RCPT("a") RCPT("b")
#define W_BEGUN2 W_MAIL W_RCPT("a") W_RCPT("b")
#define L_BEGUN2 "250 250 250 "

static const drive_case chunks[] = {
    { "one", BEGUN2 "> BDAT 4 LAST|c|r .\r\n.|c|i|< 250 1|< 550 2|? 2|i|v", W_BEGUN2 "BDAT 4 LAST\r\n.\r\n.", L_BEGUN2 "chunk none in,body,0 250 550 idle,mail,0 v0 550 ",
        "a=250 final 1; b=550 final 2; " },
    { "two", BEGUN2 "> BDAT 2|r hi|< 250 2 octets|?|i|> BDAT 3 LAST|r ho\n|< 250 1|< 250 2|? 2|v", W_BEGUN2 "BDAT 2\r\nhiBDAT 3 LAST\r\nho\n",
        L_BEGUN2 "250 in,body,0 250 250 v1 250 ", "a=250 final 1; b=250 final 2; " },
    { "an empty last one", BEGUN2 "> bdat 2|r hi|> bdat 0 last|c|< 250 2|< 250 1|< 250 2|? 3|v", W_BEGUN2 "bdat 2\r\nhibdat 0 last\r\n",
        L_BEGUN2 "none 250 250 250 v1 250 ", "a=250 final 1; b=250 final 2; " },
    { "an empty message", BEGUN2 "> BDAT 0 LAST|< 250 1|< 250 2|? 2|i", W_BEGUN2 "BDAT 0 LAST\r\n", L_BEGUN2 "250 250 idle,mail,0 ",
        "a=250 final 1; b=250 final 2; " },
    { "one refused at RCPT", MAIL RCPT("a") NO_RCPT("b", "550 b") "> BDAT 1 LAST|r x|< 250 1|?|i", W_MAIL W_RCPT("a") W_RCPT("b") "BDAT 1 LAST\r\nx",
        "250 250 550 250 idle,mail,0 ", "a=250 final 1; b=550 rcpt b; " },
    { "too few bytes, then no others", BEGUN2 "> BDAT 3 LAST|r x|> RSET|d y|e|c|s|l", W_BEGUN2 "BDAT 3 LAST\r\nx", L_BEGUN2 "E303 E303 E303 chunk ",
        "a=421 body connection closed; b=421 body connection closed; " },
    { "a refusal before all is sent: only closing helps", BEGUN2 "> BDAT 3|r x|< 452 full|?|c|r y|> RSET|> QUIT|l", W_BEGUN2 "BDAT 3\r\nx",
        L_BEGUN2 "452 refused E303 E303 E303 ", "a=452 body full; b=452 body full; " },
    { "refusals before all of the last one is sent", BEGUN2 "> BDAT 3 LAST|r x|< 552 1|< 552 2|p|r yz|? 2|i", W_BEGUN2 "BDAT 3 LAST\r\nxyz",
        L_BEGUN2 "552 552 idle,mail,0 ", "a=552 final 1; b=552 final 2; " },
    { "the same, read at once", BEGUN2 "> BDAT 3 LAST|r x|< 552 1|< 552 2|? 2|i|r yz|i|> RSET|< 250 ok|?", W_BEGUN2 "BDAT 3 LAST\r\nxyzRSET\r\n",
        L_BEGUN2 "552 552 in,body,0 idle,mail,0 250 ", "" },
    { "a success before all is sent", BEGUN2 "> BDAT 3 LAST|r x|< 250 1|< 250 2|p|r y|> QUIT|i|c", W_BEGUN2, L_BEGUN2 "E104 E303 mail,-104 refused ",
        "a=421 body a positive reply to a message whose end has not been sent; b=421 body a positive reply to a message whose end has not been sent; " },
    { "the same, taken as a reply", BEGUN2 "> BDAT 3 LAST|r x|< 250 1|?|i", W_BEGUN2 "BDAT 3 LAST\r\nx", L_BEGUN2 "250 mail,-104 ",
        "a=421 body a positive reply to a message whose end has not been sent; b=421 body a positive reply to a message whose end has not been sent; " },
    { "a success hidden behind a refusal, before the last byte", BEGUN2 "> BDAT 1 LAST|< 552 1|< 250 2|p|r x|i", W_BEGUN2, L_BEGUN2 "E104 mail,-104 ",
        "a=421 body a positive reply to a message whose end has not been sent; b=421 body a positive reply to a message whose end has not been sent; " },
    { "an older chunk's success is no early one", BEGUN2 "> BDAT 1|r x|> BDAT 2 LAST|r y|< 250 chunk|p|r z|?|< 250 1|< 250 2|? 2|i",
        W_BEGUN2 "BDAT 1\r\nxBDAT 2 LAST\r\nyz", L_BEGUN2 "250 250 250 idle,mail,0 ", "a=250 final 1; b=250 final 2; " },
    { "421 before all is sent", BEGUN2 "> BDAT 3 LAST|r x|< 421 down|p|r y|l", W_BEGUN2, L_BEGUN2 "E401 ", "a=421 final down; b=421 body down; " },
    { "3xx to a chunk", BEGUN2 "> BDAT 1|r x|< 354 go|?|i|c", W_BEGUN2 "BDAT 1\r\nx", L_BEGUN2 "354 mail,-105 refused ",
        "a=421 body a preliminary or intermediate reply where none is due; b=421 body a preliminary or intermediate reply where none is due; " },
    { "then DATA", BEGUN2 "> BDAT 1|r x|< 250 ok|?|> DATA|< 503 no|?", W_BEGUN2 "BDAT 1\r\nxDATA\r\n", L_BEGUN2 "250 503 ", "a=503 data no; b=503 data no; " },
    { "behind DATA: not sent", BEGUN2 "> DATA|> BDAT 1 LAST|r x|< 354 go|?|?|c", W_BEGUN2 "DATA\r\n", L_BEGUN2 "E303 354 503 open ", "a=-; b=-; " },
};

static void test_chunk_size(void)
{
    static drive d;
    size_t used;

    drive_init(&d, mw_alloc_default(), TAP_WHOLE);
    drive_script(&d, BEGUN2 "> BDAT 3 LAST");
    tap_ok(mw_lmtp_raw(d.s, "abcd", 4, &used) == MW_E_SIZE && used == 0, "chunk: one byte more than announced");
    tap_ok(mw_lmtp_raw(d.s, "ab", 2, &used) == 0 && used == 2 && mw_lmtp_content(d.s) == MW_CONTENT_CHUNK, "chunk: one less");
    tap_ok(mw_lmtp_raw(d.s, "cd", 2, &used) == MW_E_SIZE && used == 0, "chunk: one more again");
    tap_ok(mw_lmtp_raw(d.s, "c", 1, &used) == 0 && used == 1 && mw_lmtp_content(d.s) == MW_CONTENT_NONE, "chunk: as many as announced");
    drive_free(&d);
    drive_init(&d, mw_alloc_default(), TAP_WHOLE);
    drive_script(&d, BEGUN2 "> BDAT 9999999999999999999 LAST");
    tap_ok(mw_lmtp_raw(d.s, "ab", 2, &used) == 0 && used == 2 && mw_lmtp_content(d.s) == MW_CONTENT_CHUNK, "chunk: a size of 19 digits");
    drive_free(&d);
}

/* ---- memory stays flat, and any split gives the same bytes */

enum { LARGE = 20 * MW_LMTP_HIGH_WATER };

/* Text with everything in it that is changed on its way. */
static void fill(char *to, size_t len)
{
    static const char bytes[] = "ab.\r\n\n.\r.";
    size_t i;

    for (i = 0; i < len; i++)
        to[i] = tap_random(4) ? 'x' : bytes[tap_random(sizeof bytes - 1)];
}

static size_t take(mw_lmtp *s, char *to)
{
    mw_slice v;
    size_t len = 0;

    while (mw_outq_peek(mw_lmtp_out(s), &v, 1)) {
        memcpy(to + len, v.base, v.len);
        len += v.len;
        mw_outq_sent(mw_lmtp_out(s), v.len);
    }
    return len;
}

/* All of it in pieces of up to most bytes (0: at once). Returns the length; 0 if it was not taken right. */
static size_t write_large(const char *bytes, size_t len, size_t most, char *wire, int raw)
{
    mw_lmtp *s = mw_lmtp_new(mw_alloc_default());
    int (*put)(mw_lmtp *, const char *, size_t, size_t *) = raw ? mw_lmtp_raw : mw_lmtp_data;
    size_t at = 0, used, n, got = 0;
    int good = mw_lmtp_content_open(s) == 0;

    while (good && at < len) {
        n = most ? 1 + tap_random((uint32_t)most) : len;
        good = put(s, bytes + at, n < len - at ? n : len - at, &used) == 0;
        at += used;
        good &= mw_outq_len(mw_lmtp_out(s)) <= 2 * MW_LMTP_HIGH_WATER + MW_OUTQ_CHUNK;
        if (mw_outq_len(mw_lmtp_out(s)) >= MW_LMTP_HIGH_WATER) {
            good &= put(s, bytes, 1, &used) == 0 && used == 0;
            got += take(s, wire + got);
        }
    }
    good &= mw_lmtp_data_end(s) == 0;
    got += take(s, wire + got);
    mw_lmtp_free(s);
    return good ? got : 0;
}

static void test_large(int raw)
{
    static char bytes[LARGE], whole[3 * LARGE + 8], pieces[3 * LARGE + 8];
    static const size_t most[] = { 3, 100, 5000, 100000 };
    size_t i, len, good;

    fill(bytes, sizeof bytes);
    if (raw)
        memset(bytes, 'r', sizeof bytes);
    len = write_large(bytes, sizeof bytes, 0, whole, raw);
    tap_ok(len > LARGE && memcmp(whole + len - 5, "\r\n.\r\n", 5) == 0, "large: %s at once, the queue stays small", raw ? "raw" : "data");
    for (i = 0; i < COUNT(most); i++) {
        good = write_large(bytes, sizeof bytes, most[i], pieces, raw) == len && memcmp(whole, pieces, len) == 0;
        tap_ok(good, "large: %s in pieces of up to %d", raw ? "raw" : "data", (int)most[i]);
    }
}

/* A peer that says something while we write costs no more than what it said. */
static void test_flood(void)
{
    mw_lmtp *s = mw_lmtp_new(mw_alloc_default());
    char block[8192];
    size_t i, used;
    int good = mw_lmtp_content_open(s) == 0;

    memset(block, '5', sizeof block);
    for (i = 0; i < 128; i++)
        mw_buf_append(mw_lmtp_in(s), block, sizeof block);
    for (i = 0; i < 20000 && good; i++) {
        good = mw_lmtp_data(s, "x\n", 2, &used) == 0 && used == 2;
        mw_outq_sent(mw_lmtp_out(s), (size_t)mw_outq_len(mw_lmtp_out(s)));
    }
    tap_ok(good, "flood: a line of a megabyte while content is written");
    mw_lmtp_free(s);
}

int main(void)
{
    drive_table("data", data, COUNT(data), NULL);
    drive_table("chunk", chunks, COUNT(chunks), NULL);
    test_chunk_size();
    test_large(0);
    test_large(1);
    test_flood();
    return tap_done();
}
