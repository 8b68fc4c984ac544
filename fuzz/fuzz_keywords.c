/* fuzz_keywords.c - what a server offers. The input is replies to LHLO, line by line: each is taken for what is offered now, and compared
 * with what was offered before.
 */
#include "../c/keywords.h"
#include "target.h"

#define MEMORY_MAX (1 << 20)

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int same_name(mw_slice a, mw_slice b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && upper(a.base[i]) == upper(b.base[i]))
        i++;
    return i == a.len && i == b.len;
}

static int is_named(mw_slice name, const char *word)
{
    mw_slice other;

    other.base = word;
    other.len = strlen(word);
    return same_name(name, other);
}

/* The keyword of a line of a reply, which may be the last of its name; 0: there is none. */
static int keyword_of(const mw_reply *r, size_t line, mw_keyword *found_r)
{
    return line > 0 && line < r->count && mw_keyword_parse(mw_reply_text(r, line), found_r);
}

static const char *params_of(const mw_reply *r, mw_slice name, size_t *len_r)
{
    mw_keyword found;
    const char *params = NULL;
    size_t i;

    for (i = 1; i < r->count; i++)
        if (keyword_of(r, i, &found) && same_name(found.name, name)) {
            params = found.params.base;
            *len_r = found.params.len;
        }
    return params;
}

/* Everything in the table is in the reply, and the reverse. */
static void check_table(const mw_keywords *k, const mw_reply *r)
{
    mw_keyword found;
    size_t i, count = 0, len = 0;

    for (i = 1; i < r->count; i++) {
        const mw_keyword *kept;
        const char *params;

        if (!keyword_of(r, i, &found))
            continue;
        count++;
        kept = mw_keywords_find(k, found.name);
        params = params_of(r, found.name, &len);
        FUZZ_CHECK(kept && kept->params.len == len && memcmp(kept->params.base, params, len) == 0);
        FUZZ_CHECK(!is_named(found.name, "PIPELINING") || k->pipelining);
        FUZZ_CHECK(!is_named(found.name, "CHUNKING") || k->chunking);
        FUZZ_CHECK(!is_named(found.name, "8BITMIME") || k->eight_bit);
        FUZZ_CHECK(!is_named(found.name, "SIZE") || k->size == kept);
    }
    FUZZ_CHECK(k->count == count && k->reply.count == r->count);
}

static void check_nothing(const mw_keywords *k)
{
    FUZZ_CHECK(!k->count && !k->reply.count && !k->pipelining && !k->chunking && !k->eight_bit && !k->size);
}

static int always_shows(const mw_reply *r, size_t line, mw_keyword *found_r)
{
    return keyword_of(r, line, found_r) && !is_named(found_r->name, "AUTH") && !is_named(found_r->name, "STARTTLS");
}

static mw_slice first_word(const mw_reply *r)
{
    mw_slice text = mw_reply_text(r, 0);
    size_t n = 0;

    while (n < text.len && text.base[n] != ' ')
        n++;
    text.len = n;
    return text;
}

static int same_octets(mw_slice a, mw_slice b)
{
    return a.len == b.len && (!a.len || memcmp(a.base, b.base, a.len) == 0);
}

/* The same server, which offers the same, whatever stands behind the keywords. */
static int is_same(const mw_reply *a, const mw_reply *b)
{
    size_t i = 1, j = 1;
    mw_keyword one, other;

    if (a->count < 2 || b->count < 2 || !first_word(a).len || !same_octets(first_word(a), first_word(b)))
        return 0;
    for (;;) {
        while (i < a->count && !always_shows(a, i, &one))
            i++;
        while (j < b->count && !always_shows(b, j, &other))
            j++;
        if (i == a->count || j == b->count)
            return i == a->count && j == b->count;
        if (!same_octets(one.name, other.name))
            return 0;
        i++;
        j++;
    }
}

static void take(mw_keywords *k, const mw_reply *r, fuzz_memory *memory)
{
    int fails = tap_random(4) == 0;

    FUZZ_CHECK(!mw_keywords_same(k, r) == !(r->code / 100 == 2 && is_same(&k->reply, r)));
    if (fails)
        fuzz_memory_fail(memory, 1 + (long)tap_random(3));
    mw_keywords_take(k, r);
    memory->counter.fail_at = 0;
    if (r->code / 100 != 2 || (fails && !k->reply.count))
        check_nothing(k);
    else
        check_table(k, r);
}

static void run(mw_slice in)
{
    fuzz_memory memory, kept;
    mw_keywords k;
    mw_slice line;
    mw_reply r;
    int rc;

    mw_reply_init(&r, fuzz_memory_init(&memory, MEMORY_MAX));
    mw_keywords_init(&k, fuzz_memory_init(&kept, MEMORY_MAX));
    while (fuzz_field(&in, '\n', &line)) {
        rc = mw_reply_add(&r, line, 0);
        if (rc == 0)
            continue;
        if (rc == 1)
            take(&k, &r, &kept);
        mw_reply_clear(&r);
    }
    mw_keywords_clear(&k);
    check_nothing(&k);
    mw_keywords_free(&k);
    mw_reply_free(&r);
    fuzz_memory_end(&memory);
    fuzz_memory_end(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *block = fuzz_block(data, size);
    mw_slice in = { block, size };

    fuzz_seed(data, size);
    run(in);
    free(block);
    return 0;
}
