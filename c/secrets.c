/* secrets.c - see secrets.h. */
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

/* A part is a number of so many octets. */
#define PART 8

void mw_secrets_init(mw_secrets *s, const mw_alloc *alloc)
{
    memset(s, 0, sizeof *s);
    s->alloc = alloc;
}

/* By a pointer that the compiler must not see through. */
static void wipe(void *bytes, size_t len)
{
    volatile char *at = bytes;

    while (len--)
        *at++ = 0;
}

static void let_go(mw_secrets *s, void *block, size_t len)
{
    if (block)
        wipe(block, len);
    s->alloc->release(s->alloc->ctx, block);
}

static void let_go_parts(mw_secrets *s, mw_secrets_parts *parts)
{
    let_go(s, parts->list, parts->count * sizeof *parts->list);
}

void mw_secrets_free(mw_secrets *s)
{
    let_go_parts(s, &s->parts);
    let_go_parts(s, &s->sent);
    let_go_parts(s, &s->wholes);
    mw_secrets_init(s, s->alloc);
}

/* ---- forms */

static int is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* What counts of an octet in the first look, or in the second; 0: nothing. */
static char fold(char c, int second)
{
    c = lower(c);
    if (second)
        return is_alphanumeric(c) ? c : '\0';
    return c == ' ' || (c >= '\t' && c <= '\r') ? '\0' : c;
}

static void push(mw_secrets *s, mw_secrets_parts *parts, uint64_t part)
{
    void *block = parts->list;

    if (s->parts.count + s->sent.count >= MW_SECRETS_MAX || mw_alloc_grow(s->alloc, &block, &parts->cap, parts->count + 1, sizeof part)) {
        s->all = 1;
        return;
    }
    parts->list = block;
    parts->list[parts->count++] = part;
}

/* Each place of a form. From its end on backwards: what comes behind a place is known then. */
static void add_form(mw_secrets *s, mw_secrets_parts *parts, const char *text, size_t len, int second)
{
    uint64_t part = 0;
    size_t n = 0;
    char c;

    while (len-- && !s->all) {
        if (!(c = fold(text[len], second)))
            continue;
        part = part >> 8 | (uint64_t)(unsigned char)c << 56;
        push(s, parts, part);
        n++;
    }
    if (n && n < PART)
        push(s, &s->wholes, part);
}

static void add_text(mw_secrets *s, const char *text, size_t len)
{
    size_t i = 0;

    add_form(s, &s->parts, text, len, 0);
    while (i < len && fold(text[i], 0) == fold(text[i], 1))
        i++;
    if (i < len)
        add_form(s, &s->parts, text, len, 1);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Each part once: a login is told of by who gives it, and seen when it is sent. */
static void sort(mw_secrets_parts *parts)
{
    size_t i, n = 0;

    if (parts->count)
        qsort(parts->list, parts->count, sizeof *parts->list, by_size);
    for (i = 0; i < parts->count; i++)
        if (!n || parts->list[i] != parts->list[n - 1])
            parts->list[n++] = parts->list[i];
    parts->count = n;
}

/* ---- base64 */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The digits of base64 that are the text's alone if so many octets are in front of it. Returns how many. */
static size_t encode(mw_slice text, size_t before, char *out)
{
    size_t bit = (6 - before * 8 % 6) % 6, n = 0;

    for (; bit + 6 <= text.len * 8; bit += 6) {
        unsigned pair = (unsigned char)text.base[bit / 8] * 256U;

        if (bit / 8 + 1 < text.len)
            pair |= (unsigned char)text.base[bit / 8 + 1];
        out[n++] = digits[pair >> (10 - bit % 8) & 63];
    }
    return n;
}

/* Returns how many octets it is of; 0 when it is no base64. */
static size_t decode(mw_slice text, char *out)
{
    const char *at;
    unsigned long bits = 0;
    size_t i, n = 0;

    while (text.len && text.base[text.len - 1] == '=')
        text.len--;
    for (i = 0; i < text.len; i++) {
        if (!text.base[i] || !(at = strchr(digits, text.base[i])))
            return 0;
        bits = (bits << 6 | (unsigned long)(at - digits)) & 0xffffff;
        if (i % 4)
            out[n++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    return n;
}

/* ---- what is secret */

static void add_hexadecimal(mw_secrets *s, mw_slice secret, char *work)
{
    static const char hex[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < secret.len; i++) {
        work[2 * i] = hex[(unsigned char)secret.base[i] >> 4];
        work[2 * i + 1] = hex[secret.base[i] & 15];
    }
    add_form(s, &s->parts, work, 2 * secret.len, 1);
}

/* Memory for every form of so many octets; NULL: there is none. */
static char *work_for(mw_secrets *s, size_t len)
{
    char *work = len < MW_SECRETS_MAX ? mw_alloc_zeroed(s->alloc, 2 * len + 1) : NULL;

    s->all |= !work;
    return work;
}

void mw_secrets_add(mw_secrets *s, mw_slice secret)
{
    char *work = work_for(s, secret.len);
    size_t before;

    if (!work)
        return;
    add_text(s, secret.base, secret.len);
    add_hexadecimal(s, secret, work);
    for (before = 0; before < 3; before++)
        add_form(s, &s->parts, work, encode(secret, before, work), 1);
    let_go(s, work, 2 * secret.len);
    sort(&s->parts);
}

void mw_secrets_add_encoded(mw_secrets *s, mw_slice encoded)
{
    add_form(s, &s->sent, encoded.base, encoded.len, 1);
    sort(&s->sent);
}

static int is_control(char c)
{
    return (unsigned char)c < ' ';
}

void mw_secrets_add_decoded(mw_secrets *s, mw_slice encoded)
{
    static const char bearer[] = "auth=Bearer ";
    char *work = work_for(s, encoded.len);
    size_t from, to;
    mw_slice part;

    if (!work)
        return;
    for (to = decode(encoded, work); to && is_control(work[to - 1]); to--)
        ;
    for (from = to; from && !is_control(work[from - 1]); from--)
        ;
    if (to - from > sizeof bearer - 1 && memcmp(work + from, bearer, sizeof bearer - 1) == 0)
        from += sizeof bearer - 1;
    part.base = work + from;
    part.len = to - from;
    if (part.len)
        mw_secrets_add(s, part);
    let_go(s, work, 2 * encoded.len);
}

/* ---- a look */

void mw_secrets_begin(mw_secrets_look *look, const mw_secrets *s, int telling)
{
    memset(look, 0, sizeof *look);
    look->secrets = s;
    look->telling = telling;
}

/* The octets that count in front, of n. */
static uint64_t front(uint64_t part, int n)
{
    return part & ~(uint64_t)0 << (PART - n) * 8;
}

/* Whether a part begins with these n octets. */
static int is_part(const mw_secrets_parts *parts, uint64_t octets, int n)
{
    size_t from = 0, to = parts->count, middle;

    while (from < to) {
        middle = from + (to - from) / 2;
        if (parts->list[middle] < octets)
            from = middle + 1;
        else
            to = middle;
    }
    return from < parts->count && front(parts->list[from], n) == octets;
}

static int length_of(uint64_t whole)
{
    int n = 0;

    for (; whole; whole <<= 8)
        n++;
    return n;
}

/* Whether the octets seen last are a short secret. */
static int is_whole(const mw_secrets_look *look, int second)
{
    const mw_secrets_parts *wholes = &look->secrets->wholes;
    size_t i;

    for (i = 0; i < wholes->count; i++) {
        int n = length_of(wholes->list[i]);

        if ((n >= MW_SECRETS_NEAR || look->telling == MW_SECRETS_NEAR) && look->seen[second] >= (size_t)n
            && look->last[second] << (PART - n) * 8 == wholes->list[i])
            return 1;
    }
    return 0;
}

static int see(mw_secrets_look *look, char c, int second)
{
    int n = look->telling;

    if (!(c = fold(c, second)))
        return 0;
    look->last[second] = look->last[second] << 8 | (unsigned char)c;
    look->seen[second]++;
    if (look->seen[second] >= (size_t)n && is_part(&look->secrets->parts, look->last[second] << (PART - n) * 8, n))
        return 1;
    if (look->seen[second] >= MW_SECRETS_FAR && is_part(&look->secrets->sent, look->last[second], MW_SECRETS_FAR))
        return 1;
    return is_whole(look, second);
}

int mw_secrets_see(mw_secrets_look *look, mw_slice piece)
{
    size_t i;

    if (look->secrets->all)
        return 1;
    for (i = 0; (look->secrets->parts.count || look->secrets->sent.count) && i < piece.len; i++)
        if (see(look, piece.base[i], 0) || see(look, piece.base[i], 1))
            return 1;
    return 0;
}

int mw_secrets_tell(const mw_secrets *s, mw_slice text)
{
    mw_secrets_look look;

    mw_secrets_begin(&look, s, s->near ? MW_SECRETS_NEAR : MW_SECRETS_FAR);
    return mw_secrets_see(&look, text);
}
