/* keywords.c - see keywords.h. */
#include "keywords.h"
#include "ascii.h"

#include <string.h>

/* Numbers with more are beyond anything that is sent. */
#define LIMIT_DIGITS 9

void mw_keywords_init(mw_keywords *k, const mw_alloc *alloc)
{
    memset(k, 0, sizeof *k);
    k->alloc = alloc;
    mw_reply_init(&k->reply, alloc);
}

void mw_keywords_free(mw_keywords *k)
{
    mw_reply_free(&k->reply);
    k->alloc->release(k->alloc->ctx, k->items);
    k->items = NULL;
    k->count = k->cap = 0;
}

void mw_keywords_clear(mw_keywords *k)
{
    mw_reply_clear(&k->reply);
    k->count = 0;
    k->pipelining = k->chunking = k->eight_bit = 0;
    k->size = NULL;
    k->rcpt_max = k->mail_max = 0;
}

/* ---- one line */

static int is_word(mw_slice a, const char *word)
{
    return mw_is_same(a, mw_slice_of(word));
}

static int is_alnum(char c)
{
    return mw_is_digit(c) || (mw_upper(c) >= 'A' && mw_upper(c) <= 'Z');
}

/* ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-"); and the underscore that some servers use. Returns its length. */
static size_t name_length(mw_slice s)
{
    size_t n = 0;

    while (n < s.len && (is_alnum(s.base[n]) || (n > 0 && (s.base[n] == '-' || s.base[n] == '_'))))
        n++;
    return n;
}

static mw_slice trim(const char *begin, const char *end)
{
    mw_slice s;

    while (begin < end && mw_is_blank(*begin))
        begin++;
    while (begin < end && mw_is_blank(end[-1]))
        end--;
    s.base = begin;
    s.len = (size_t)(end - begin);
    return s;
}

int mw_keyword_parse(mw_slice line, mw_keyword *keyword_r)
{
    const char *behind, *end;
    mw_slice name = line;

    name.len = name_length(line);
    if (name.len == 0 || is_word(name, "OK"))
        return 0;
    behind = line.base + name.len;
    end = line.base + line.len;
    if (behind < end && *behind == '=')
        behind++;
    else if (behind < end && !mw_is_blank(*behind))
        return 0;
    keyword_r->name = name;
    keyword_r->params = trim(behind, end);
    return 1;
}

/* ---- all of them */

/* The texts of a reply do not move as long as no line is added. */
static int take_apart(mw_keywords *k)
{
    void *block = k->items;
    size_t i;
    int rc = mw_alloc_grow(k->alloc, &block, &k->cap, k->reply.count, sizeof *k->items);

    k->items = block;
    for (i = 1; i < k->reply.count && !rc; i++)
        k->count += mw_keyword_parse(mw_reply_text(&k->reply, i), &k->items[k->count]);
    return rc;
}

static int copy(mw_reply *to, const mw_reply *from)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < from->count && rc >= 0; i++)
        rc = mw_reply_put(to, from->code, mw_reply_text(from, i), i + 1 < from->count);
    return rc < 0 ? rc : 0;
}

static const mw_keyword *offered(const mw_keywords *k, const char *word)
{
    return mw_keywords_find(k, mw_slice_of(word));
}

/* The number of a limit; 0: the word is none of this name, or the number is none. */
static size_t limit_in(mw_slice word, const char *name)
{
    size_t n = 0, i = strlen(name);

    if (word.len <= i + 1 || word.len > i + 1 + LIMIT_DIGITS || word.base[i] != '=' || !mw_is_same((mw_slice){ word.base, i }, mw_slice_of(name)))
        return 0;
    while (++i < word.len) {
        if (!mw_is_digit(word.base[i]))
            return 0;
        n = n * 10 + (size_t)(word.base[i] - '0');
    }
    return n;
}

/* RFC 9422 4: limits-param = limit-name [ "=" limit-value ], with spaces between them. */
static size_t limit(const mw_keywords *k, const char *name)
{
    const mw_keyword *limits = offered(k, "LIMITS");
    mw_slice rest = limits ? limits->params : mw_slice_of(""), word;
    size_t n = 0;

    for (; rest.len && !n; rest = trim(rest.base + word.len, rest.base + rest.len)) {
        word = rest;
        for (word.len = 0; word.len < rest.len && !mw_is_blank(rest.base[word.len]); word.len++)
            ;
        n = limit_in(word, name);
    }
    return n;
}

void mw_keywords_take(mw_keywords *k, const mw_reply *r)
{
    mw_keywords_clear(k);
    if (r->code / 100 != 2)
        return;
    if (copy(&k->reply, r) || take_apart(k)) {
        mw_keywords_clear(k);
        return;
    }
    k->pipelining = offered(k, "PIPELINING") != NULL;
    k->chunking = offered(k, "CHUNKING") != NULL;
    k->eight_bit = offered(k, "8BITMIME") != NULL;
    k->size = offered(k, "SIZE");
    k->rcpt_max = limit(k, "RCPTMAX");
    k->mail_max = limit(k, "MAILMAX");
}

const mw_keyword *mw_keywords_find(const mw_keywords *k, mw_slice name)
{
    size_t i;

    for (i = k->count; i-- > 0;)
        if (mw_is_same(k->items[i].name, name))
            return &k->items[i];
    return NULL;
}

/* ---- another reply */

static mw_slice server_name(const mw_reply *r)
{
    mw_slice text = mw_reply_text(r, 0);
    const char *space = text.len ? memchr(text.base, ' ', text.len) : NULL;

    if (space)
        text.len = (size_t)(space - text.base);
    return text;
}

int mw_keywords_same_server(const mw_keywords *k, const mw_reply *r)
{
    mw_slice a, b;

    if (!k->reply.count || !r->count)
        return 0;
    a = server_name(&k->reply);
    b = server_name(r);
    return a.len && a.len == b.len && memcmp(a.base, b.base, a.len) == 0;
}

static int comes_and_goes(mw_slice name)
{
    return is_word(name, "AUTH") || is_word(name, "STARTTLS");
}

/* The next keyword from *i on that always shows; an empty name behind the last. */
static mw_slice next_known(const mw_keywords *k, size_t *i)
{
    static const mw_slice none = { "", 0 };

    while (*i < k->count && comes_and_goes(k->items[*i].name))
        ++*i;
    return *i < k->count ? k->items[(*i)++].name : none;
}

int mw_keywords_same(const mw_keywords *k, const mw_reply *r)
{
    mw_keyword found;
    mw_slice known;
    size_t i = 0, line;

    if (r->code / 100 != 2 || r->count < 2 || k->reply.count < 2 || !mw_keywords_same_server(k, r))
        return 0;
    for (line = 1; line < r->count; line++) {
        if (!mw_keyword_parse(mw_reply_text(r, line), &found) || comes_and_goes(found.name))
            continue;
        known = next_known(k, &i);
        if (known.len != found.name.len || memcmp(known.base, found.name.base, known.len) != 0)
            return 0;
    }
    return !next_known(k, &i).len;
}
