/* Every server: up to three messages of up to three recipients, each reply a success or a refusal, once in a session a reply that no
 * server should give or a link that ends, with every habit that servers have, by deliver, submit and the sync calls, by DATA and BDAT.
 * The server keeps the truth, and each recipient's result is held against it.
 *
 * MW_EXHAUST in the environment: full, all of it, in minutes; few, what valgrind can bear. Else what is left of it when refusals are
 * few, in seconds.
 */
#include "exhaust_client.h"
#include "tap.h"

/* ---- the judge */

/* What an honest server has told a recipient. */
static unsigned told(const truth *t)
{
    if (t->mail != 250)
        return t->mail;
    if (t->rcpt != 250)
        return t->rcpt;
    return t->data && t->data != 354 && t->data != 250 ? t->data : t->final;
}

/* The server says a reply too many, and no two at once. */
static int trickles(const client *c)
{
    return c->v.is.lone && c->v.fault >= FAULT_DOUBLED && c->v.fault <= FAULT_550_BEHIND;
}

static int has_fences(const client *c)
{
    return c->v.is.pipelining && c->v.is.hello == HELLO_SAME;
}

/* A message of the same shape went in front of a fence before: this one need not. */
static int was_fenced(const client *c, int message)
{
    int m;

    for (m = 0; m < SERVER_MESSAGES; m++)
        if ((m < message || m == LEADER) && c->v.fenced[m] && c->v.shape[m] == c->v.shape[message])
            return 1;
    return 0;
}

/* The sync calls tell 354 to a RCPT as it is. A server that has accepted the recipient all the same owes a reply more. */
static int hides_a_recipient(const client *c)
{
    return c->use.mode == MODE_SYNC && (c->v.is.lone || c->use.care == CARE_NONE) && c->v.fault_at == AT_OTHER && (c->v.fault == FAULT_354 || c->v.fault == FAULT_MIXED);
}

/* Nothing on the wire can tell: behind the message nothing was sent, and the server was a reply short at its end; or one over from DATA's
 * on, and did not say it with the others. The sync calls take a refusal that comes before the end for the first final reply, and by
 * BDAT they have no 354 to begin from. */
static int is_undecidable(const client *c, int message)
{
    fault f = c->v.fault;
    int sync = c->use.mode == MODE_SYNC;

    if (!c->unguarded[message] && c->use.care != CARE_NONE)
        return 0;
    if (!sync && has_fences(c) && !was_fenced(c, message))
        return 0;
    if (trickles(c) && (sync ? c->use.pulled : c->use.raw && !has_fences(c)))
        return c->v.fault_message <= message;
    /* Who looks at nothing may have a message's recipients behind the next one's MAIL, too. */
    if (c->use.care != CARE_NONE && c->v.fault_message != message)
        return 0;
    if (hides_a_recipient(c))
        return 1;
    /* A final reply to nobody, and the recipients that a caller believes to be there. */
    if (c->v.fault_at == AT_FINAL && c->v.fault_message < 0)
        return 1;
    if (c->v.fault_at == AT_FINAL)
        return f == FAULT_MISSING || trickles(c);
    if (c->v.fault_at != AT_DATA)
        return 0;
    if (sync || !has_fences(c))
        return trickles(c);
    return trickles(c) && !c->use.pulled;
}

/* The probe showed that chunks are eaten: the only reply by which a server shows that it runs them was the one that went wrong. Or
 * it said a reply too many, and that made a recipient of one that it had refused. */
static int hid_itself(const client *c)
{
    return c->v.is.nobody == NOBODY_RUN && ((c->v.fault && c->v.fault_message < 0) || trickles(c));
}

/* What stands in the place of a reply is that reply: 421 always, and to the sync calls, which tell what they are told, other codes. */
static int is_instead(const client *c, const outcome *got)
{
    fault f = c->v.fault;

    if (f == FAULT_421)
        return got->code == 421;
    return c->use.mode == MODE_SYNC && (got->code / 100 == 3 || (f == FAULT_MIXED && got->code == 550));
}

static const char *judge_one(const client *c, int message, int rcpt)
{
    const outcome *got = &c->got[message][rcpt];
    const truth *t = &c->v.to[message][rcpt];
    int honest = c->v.fault == FAULT_NONE || c->v.fault == FAULT_LATE;

    if (!got->code)
        return c->use.mode == MODE_SYNC && (!c->accepted[message][rcpt] || c->use.care == CARE_NONE) ? NULL : "no result";
    if (got->code / 100 == 2 && !t->stored && !(t->foreign && c->use.care != CARE_RESETS))
        return is_undecidable(c, message) ? NULL : "a success of what the server has not taken";
    if (t->foreign && c->use.care == CARE_RESETS && !(c->v.is.reset_refused && trickles(c)))
        return "another's content";
    if (t->stored && got->local && !got->maybe)
        return "surely not delivered, and the server has it";
    if (t->stored && !got->local && got->code / 100 != 2 && !is_instead(c, got))
        return is_undecidable(c, message) ? NULL : "a refusal of what the server has taken";
    if (got->maybe && c->use.care == CARE_RESETS && ((!got->local && got->code / 100 != 3) || !c->ended[message]))
        return "maybe delivered, and it cannot be";
    if (honest && !c->v.is.reset_refused && !(c->v.is.asks && !t->stored) && c->use.care == CARE_RESETS && got->code != told(t))
        return "not what an honest server has said";
    return NULL;
}

static const char *judge(const client *c)
{
    const char *wrong = c->wrong;
    int m, i;

    for (m = 0; m < c->use.messages && !wrong; m++)
        for (i = 0; i < c->use.rcpts[m] && !wrong; i++)
            wrong = judge_one(c, m, i);
    if (!wrong && c->v.smuggled && !hid_itself(c))
        wrong = "content was run as a command";
    for (m = 0; m < c->use.messages && !wrong; m++)
        for (i = 0; i < c->use.rcpts[m] && !wrong; i++)
            if (c->v.to[m][i].stored > 1)
                wrong = "stored twice";
    return wrong;
}

/* ---- the search */

typedef struct tally {
    long runs, bad;
} tally;

static void tell(const client *c, const char *wrong)
{
    static const char *const faults[FAULTS] = {
        "none", "missing", "doubled", "250 before", "550 before", "250 behind", "550 behind", "354", "garbage", "mixed", "421", "closed",
        "half", "said and closed", "late"
    };
    char path[CHOICES_MAX + 1];
    int m, i;

    choices_print(path);
    printf("#   %s: fault %s at m%d, place %d, choices %s\n", wrong, faults[c->v.fault], c->v.fault_message, c->v.fault_at, path);
    printf("#     pipelining %d chunking %d keeps %d hello %d nobody %d asks %d reset %d lone %d, pulled %d raw %d care %d led %d\n", c->v.is.pipelining,
        c->v.is.chunking, c->v.is.keeps, c->v.is.hello, c->v.is.nobody, c->v.is.asks, c->v.is.reset_refused, c->v.is.lone, c->use.pulled,
        c->use.raw, c->use.care, c->use.led);
    for (m = 0; m < c->use.messages; m++)
        for (i = 0; i < c->use.rcpts[m]; i++)
            printf("#     m%dr%d: got %u%s%s at %s; the server: mail %u rcpt %u data %u final %u stored %d\n", m, i, c->got[m][i].code,
                c->got[m][i].local ? " local" : "", c->got[m][i].maybe ? " maybe" : "", mw_stage_text(c->got[m][i].stage), c->v.to[m][i].mail,
                c->v.to[m][i].rcpt, c->v.to[m][i].data, c->v.to[m][i].final, c->v.to[m][i].stored);
}

/* All that a server of these traits may do to a client that is used so. */
static void search(const traits *is, const usage *use, int refusals, int kinds, int faults, tally *t)
{
    static client c;
    const char *wrong;

    choices_start();
    do {
        memset(&c, 0, sizeof c);
        c.use = *use;
        c.v.is = *is;
        c.v.refusals = refusals;
        c.v.kinds = kinds;
        c.v.faults = faults;
        client_runs(&c);
        t->runs++;
        wrong = judge(&c);
        if (wrong && ++t->bad <= 5)
            tell(&c, wrong);
    } while (choices_next());
}

/* ---- what is searched */

/* The ways of use, each with all servers of some traits. */
static const struct way {
    const char *name;
    usage use;
    int chunking;
} ways[] = {
    { "deliver by DATA", { MODE_DELIVER, 0, { 0 }, 0, 0, 0, 0 }, 0 },
    { "deliver by DATA, in pieces", { MODE_DELIVER, 0, { 0 }, 1, 0, 0, 0 }, 0 },
    { "deliver by BDAT", { MODE_DELIVER, 0, { 0 }, 0, 0, 0, 0 }, 1 },
    { "deliver by BDAT, BINARYMIME", { MODE_DELIVER, 0, { 0 }, 0, 1, 0, 0 }, 1 },
    { "deliver by BDAT, led", { MODE_DELIVER, 0, { 0 }, 0, 0, 0, 1 }, 1 },
    { "deliver by BDAT, BINARYMIME, led", { MODE_DELIVER, 0, { 0 }, 0, 1, 0, 1 }, 1 },
    { "submit by DATA", { MODE_SUBMIT, 0, { 0 }, 0, 0, 0, 0 }, 0 },
    { "submit by DATA, in pieces", { MODE_SUBMIT, 0, { 0 }, 1, 0, 0, 0 }, 0 },
    { "submit by BDAT", { MODE_SUBMIT, 0, { 0 }, 0, 0, 0, 0 }, 1 },
    { "submit by BDAT, BINARYMIME", { MODE_SUBMIT, 0, { 0 }, 0, 1, 0, 0 }, 1 },
    { "submit by BDAT, led", { MODE_SUBMIT, 0, { 0 }, 0, 0, 0, 1 }, 1 },
    { "submit by BDAT, BINARYMIME, led", { MODE_SUBMIT, 0, { 0 }, 0, 1, 0, 1 }, 1 },
    { "data, RSET after a failure", { MODE_SYNC, 0, { 0 }, 0, 0, CARE_RESETS, 0 }, 0 },
    { "data, no RSET", { MODE_SYNC, 0, { 0 }, 0, 0, CARE_GOES_ON, 0 }, 0 },
    { "data, nothing looked at", { MODE_SYNC, 0, { 0 }, 0, 0, CARE_NONE, 0 }, 0 },
    { "bdat, RSET after a failure", { MODE_SYNC, 0, { 0 }, 1, 0, CARE_RESETS, 0 }, 1 },
    { "bdat, no RSET", { MODE_SYNC, 0, { 0 }, 1, 0, CARE_GOES_ON, 0 }, 1 },
    { "bdat, nothing looked at", { MODE_SYNC, 0, { 0 }, 1, 0, CARE_NONE, 0 }, 1 },
};

/* How far a search goes. */
typedef struct bounds {
    int messages, rcpts[SERVER_MESSAGES];   /* numbers of recipients, message by message */
    int refusals;           /* in a session, at most */
    int kinds;              /* of refusals */
    int faults;             /* 0 or 1 */
    int habits;             /* in which a server differs from a good one, at most */
    int most;               /* recipients that it takes in a transaction; 0: any number */
} bounds;

enum { ANY = 99 };

static const bounds quick[] = {
    { 1, { 3 }, ANY, 1, 0, 2, 0 },
    { 2, { 2, 2 }, 2, 1, 0, 2, 0 },
    { 2, { 2, 1 }, 1, 1, 0, 2, 0 },
    { 3, { 1, 2, 1 }, 2, 1, 0, 1, 0 },
    { 1, { 3 }, 1, 1, 1, 1, 0 },
    { 2, { 1, 1 }, 1, 1, 1, 1, 0 },
    { 2, { 2, 2 }, 1, 1, 1, 0, 0 },
    { 3, { 1, 2, 1 }, 0, 1, 1, 0, 0 },
    { 2, { 3, 2 }, 2, 1, 0, 1, 1 },
    { 2, { 3, 1 }, 1, 1, 1, 0, 1 },
    { 1, { 3 }, 1, 1, 1, 1, 2 },
};

static const bounds few[] = {
    { 1, { 3 }, 1, 1, 1, 0, 0 },
    { 2, { 2, 1 }, 1, 1, 0, 1, 0 },
};

static const bounds full[] = {
    { 1, { 3 }, ANY, 2, 0, ANY, 0 },
    { 2, { 3, 3 }, ANY, 1, 0, 2, 0 },
    { 2, { 2, 2 }, 3, 2, 0, 2, 0 },
    { 3, { 3, 3, 3 }, 4, 1, 0, 1, 0 },
    { 3, { 1, 2, 3 }, ANY, 1, 0, 1, 0 },
    { 1, { 3 }, ANY, 2, 1, 2, 0 },
    { 2, { 3, 3 }, 3, 1, 1, 1, 0 },
    { 2, { 2, 2 }, 2, 1, 1, 2, 0 },
    { 3, { 1, 1, 1 }, ANY, 1, 1, 1, 0 },
    { 3, { 2, 1, 2 }, 2, 1, 1, 1, 0 },
    { 3, { 1, 2, 3 }, 2, 1, 1, 0, 0 },
    { 3, { 3, 3, 3 }, 1, 1, 1, 1, 0 },
};

static int differs(const traits *is)
{
    return !is->pipelining + is->keeps + (is->hello != HELLO_SAME) + (is->nobody != NOBODY_REFUSED) + is->asks + is->reset_refused;
}

/* All servers that differ in no more habits from a good one. */
static void search_habits(const struct way *w, const bounds *b, tally *t)
{
    usage use = w->use;
    traits is;
    int i, n;

    use.messages = b->messages;
    memcpy(use.rcpts, b->rcpts, sizeof use.rcpts);
    use.rcpts[LEADER] = 1;
    memset(&is, 0, sizeof is);
    is.chunking = w->chunking;
    is.most = b->most;
    if (b->most && w->use.mode == MODE_SYNC)
        return;
    for (i = 0; i < 2 * 2 * HELLOS * NOBODIES * 2 * 2 * 2; i++) {
        n = i;
        is.pipelining = !(n % 2);
        is.keeps = (n /= 2) % 2;
        is.hello = (n /= 2) % HELLOS;
        is.nobody = (n /= HELLOS) % NOBODIES;
        is.asks = (n /= NOBODIES) % 2;
        is.reset_refused = (n /= 2) % 2;
        is.lone = n / 2;
        /* What a server says one by one cannot be judged by message, where a message has several transactions. */
        if (is.most && is.lone)
            continue;
        if (differs(&is) <= b->habits && (is.chunking || !is.nobody) && (!use.led || is.hello == HELLO_SAME))
            search(&is, &use, b->refusals, b->kinds, b->faults, t);
    }
}

static void search_ways(const bounds *b, size_t count)
{
    long all = 0;
    size_t w, i;
    tally t;

    for (w = 0; w < sizeof ways / sizeof *ways; w++) {
        memset(&t, 0, sizeof t);
        for (i = 0; i < count; i++)
            search_habits(&ways[w], &b[i], &t);
        tap_ok(!t.bad, "%s: %ld sessions, %ld wrong", ways[w].name, t.runs, t.bad);
        all += t.runs;
    }
    printf("# %ld sessions in all\n", all);
}

int main(void)
{
    const char *wanted = getenv("MW_EXHAUST");

    if (wanted && strcmp(wanted, "full") == 0)
        search_ways(full, sizeof full / sizeof *full);
    else if (wanted && strcmp(wanted, "few") == 0)
        search_ways(few, sizeof few / sizeof *few);
    else
        search_ways(quick, sizeof quick / sizeof *quick);
    return tap_done();
}
