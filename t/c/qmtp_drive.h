/* qmtp_drive.h - a QMTP session as its tests use it: packages in, wire bytes and results as text out. */
#ifndef QMTP_DRIVE_H
#define QMTP_DRIVE_H

#include "../../c/error.h"
#include "../../c/qmtp.h"
#include "tap.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define RCPTS_MAX 4

typedef struct package {
    const char *message;        /* without the line end's byte */
    const char *sender;
    const char *rcpts[RCPTS_MAX + 1];
} package;

static inline mw_slice slice(const char *text)
{
    mw_slice s = { text, strlen(text) };

    return s;
}

/* The package up to where its message begins. 0 or the first error. */
static inline int package_begin(mw_qmtp *q, const package *p)
{
    int64_t number = mw_qmtp_begin(q);
    int error = number < 0 ? (int)number : 0, i;

    for (i = 0; p->rcpts[i] && !error; i++)
        error = mw_qmtp_rcpt(q, slice(p->rcpts[i]));
    return error ? error : mw_qmtp_message(q, MW_QMTP_LF, strlen(p->message));
}

static inline int package_body(mw_qmtp *q, const package *p, int cut, int lend)
{
    size_t left = strlen(p->message), n;
    const char *at = p->message;
    int error = 0;

    for (; left && !error; left -= n, at += n) {
        n = tap_piece(cut, left);
        error = mw_qmtp_body(q, at, n, lend);
    }
    return error;
}

static inline int package_write(mw_qmtp *q, const package *p, int cut, int lend)
{
    int error = package_begin(q, p);

    if (!error)
        error = package_body(q, p, cut, lend);
    return error ? error : mw_qmtp_end(q, slice(p->sender));
}

/* Sends up to max bytes, adding them to wire (NULL: to nothing). Returns how many. */
static inline size_t session_send(mw_qmtp *q, size_t max, char *wire)
{
    mw_slice v;
    size_t n, sent = 0;

    for (; sent < max && mw_outq_peek(mw_qmtp_out(q), &v, 1); sent += n) {
        n = v.len < max - sent ? v.len : max - sent;
        if (wire)
            strncat(wire, v.base, n);
        mw_outq_sent(mw_qmtp_out(q), n);
    }
    return sent;
}

/* Gives it what the server said, in pieces. Returns what the last read did. */
static inline int session_receive(mw_qmtp *q, const char *bytes, size_t left, int cut)
{
    size_t n;
    int got = 0;

    for (; left && got >= 0; left -= n, bytes += n) {
        n = tap_piece(cut, left);
        got = mw_buf_append(mw_qmtp_in(q), bytes, n);
        if (!got)
            got = mw_qmtp_read(q);
    }
    return got;
}

/* Writes all results and takes the packages: "1 a=250:text b=-" and so on; "?" stands for
 * maybe_delivered, "-" for no result yet, "*" for a stage that is neither body nor final. */
static inline void session_results(mw_qmtp *q, char *to)
{
    const mw_result *r;
    int64_t number;
    size_t count, i;

    *to = '\0';
    while ((r = mw_qmtp_results(q, &number, &count)), number) {
        to += sprintf(to, "%d", (int)number);
        for (i = 0; i < count; i++) {
            to += sprintf(to, " %s=", r[i].recipient->bytes);
            if (!r[i].code) {
                to += sprintf(to, "-");
                continue;
            }
            to += sprintf(to, "%u%s%s:%s", r[i].code, r[i].maybe_delivered ? "?" : "",
                r[i].stage == MW_STAGE_FINAL ? "" : r[i].stage == MW_STAGE_BODY ? "(body)" : "*",
                r[i].text ? r[i].text->bytes : "");
        }
        to += sprintf(to, "; ");
        if (!mw_qmtp_complete(q))
            break;
        mw_qmtp_take(q);
    }
}

static inline mw_qmtp *session_new(void)
{
    mw_qmtp *q = mw_qmtp_new(mw_alloc_default(), 0);

    if (!q)
        exit(1);
    return q;
}

/* Puts the text of error in the place of each E. */
static inline void expand_text(char *to, const char *from, int error)
{
    for (; *from; from++) {
        if (*from == 'E')
            to += sprintf(to, "%s", mw_error_text(error));
        else
            *to++ = *from;
    }
    *to = '\0';
}

#endif
