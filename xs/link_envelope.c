/* link_envelope.c - see link_envelope.h. */
#include "link_envelope.h"
#include "call.h"
#include "convert.h"
#include "link_private.h"
#include "parameters.h"

/* A group's replies, of the longest line each, must fit what may wait unread while it is sent. */
#define GROUP_MAX 100

/* The code of what is refused before it is sent. */
#define REFUSED MW_LMTP_REFUSED

SV *mwx_link_bracketed(pTHX_ const mwx_link *link, SV *address)
{
    int bracketed;
    mw_slice path = mwx_address_octets(aTHX_ address, link->exact, &bracketed);
    SV *text = newSV(MW_ENVELOPE_MAX(path.len) + 1);

    SvPOK_only(text);
    SvCUR_set(text, mw_command_envelope("", path, bracketed, SvPVX(text)));
    *SvEND(text) = '\0';
    return text;
}

/* ---- what is refused here */

static mw_text *text_of(pTHX_ SV *words)
{
    mw_slice octets = mwx_octets(aTHX_ words, 1, "");

    while (octets.len && octets.base[octets.len - 1] == '\n')
        octets.len--;
    return mw_text_new(mw_alloc_default(), octets.base, octets.len);
}

/* Sets the status to *code_r and words; undef: an overriding method has set it, and *code_r becomes its code. Returns the text for
 * results. */
static mw_text *refuse(pTHX_ mwx_link *link, SV *ref, SV *words, unsigned *code_r)
{
    AV *lines;
    SV *said;

    if (SvOK(words)) {
        said = sv_2mortal(newSVpvf("%" SVf "\n", SVfARG(words)));
        mwx_status_set(aTHX_ link, sv_2mortal(newSVuv(*code_r)), said);
        return text_of(aTHX_ words);
    }
    lines = (AV *)sv_2mortal((SV *)mwx_status_lines(aTHX_ link));
    said = sv_2mortal(newRV_inc((SV *)lines));
    *code_r = (unsigned)SvUV(sv_2mortal(mwx_status_code(aTHX_ link, ref)));
    return text_of(aTHX_ mwx_joined(aTHX_ &said, 1, ""));
}

static int refuse_mail(pTHX_ mwx_link *link, SV *ref, SV *words, unsigned code)
{
    mw_text *why = refuse(aTHX_ link, ref, words, &code);

    mwx_link_delivered(aTHX_ link, NULL);
    mw_lmtp_refuse_mail(link->session, code, why);
    mw_text_drop(why);
    return 0;
}

void mwx_link_rcpt_refused(pTHX_ mwx_link *link, SV *address, unsigned code, SV *words)
{
    mw_text *why = text_of(aTHX_ words);
    int bracketed;
    mw_slice shown = mwx_address_octets(aTHX_ address, link->exact, &bracketed);

    if (bracketed) {
        shown.base++;
        shown.len -= 2;
    }
    mwx_link_delivered(aTHX_ link, NULL);
    mw_lmtp_refuse_rcpt(link->session, shown, code, why);
    mw_text_drop(why);
}

static int refuse_rcpt(pTHX_ mwx_link *link, SV *ref, SV *address, SV *words, unsigned code)
{
    mw_text *why = refuse(aTHX_ link, ref, words, &code);

    mwx_link_rcpt_refused(aTHX_ link, address, code, sv_2mortal(newSVpvn(why ? why->bytes : "", why ? why->len : 0)));
    mw_text_drop(why);
    return 0;
}

/* ---- the command */

/* Length of a verb. */
#define VERB 4

/* If the class overrides how a verb is sent, the method of the verb's name is called, with what follows the verb. */
static int send_line(pTHX_ mwx_link *link, SV *ref, const mwx_line *line, int by_method)
{
    mw_slice octets = mwx_line_octets(aTHX_ line);
    char method[VERB + 2] = "_";
    SV *rest, *ok;

    if (!by_method && !mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_COMMAND) && !mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RESPONSE))
        return mwx_link_line(aTHX_ link, ref, octets) == 2;
    memcpy(method + 1, octets.base, VERB);
    rest = sv_2mortal(newSVpvn(octets.base + VERB + 1, octets.len - VERB - 1));
    ok = mwx_call_scalar(aTHX_ ref, method, &rest, 1, &link->died);
    return ok && SvTRUE(ok);
}

/* ---- mail */

/* Names and values, behind the address: pairs, which go before those of a hash at the end. */
static void mail_options(pTHX_ mwx_options *o, SV **list, int count)
{
    HV *hash = count % 2 ? mwx_plain_hash(list[count - 1]) : NULL;
    int i;

    if (hash)
        mwx_options_hash(aTHX_ o, hash);
    if (count % 2 && !hash && SvOK(list[count - 1]))
        mwx_carp(aTHX_ sv_2mortal(newSVpvf("Net::LMTP::%s: an odd number of options, where names and values are due", o->method)));
    for (i = 0; i + 1 < count; i += 2)
        mwx_options_set(aTHX_ o, list[i], list[i + 1]);
}

/* An address that is not ASCII needs SMTPUTF8 (RFC 6531 3.4); without it at least its domain can have its ASCII form. */
static void say_utf8(pTHX_ mwx_link *link, SV *ref, mwx_line *line, mwx_options *o)
{
    const mw_parameter *p = mw_parameter_row(MW_PARAMETER_SMTPUTF8);
    int is_given = mwx_options_has(o, MW_PARAMETER_SMTPUTF8), is_said = mwx_options_says(aTHX_ o, MW_PARAMETER_SMTPUTF8);
    mw_slice params;

    link->says_utf8 = (is_given ? SvTRUE(o->value[MW_PARAMETER_SMTPUTF8]) : is_said || !mwx_line_is_ascii(aTHX_ line))
        && mwx_link_offers(aTHX_ link, ref, p->keywords[0], &params);
    if (!link->says_utf8)
        mwx_line_to_ascii(aTHX_ line);
    else if (!is_said)
        mwx_options_set(aTHX_ o, sv_2mortal(newSVpv(p->option, 0)), &PL_sv_yes);
}

int mwx_link_mail(pTHX_ mwx_link *link, SV *ref, int which, SV **list, int count)
{
    static const char *const heads[] = { MW_ENVELOPE_MAIL, MW_ENVELOPE_SEND, MW_ENVELOPE_SOML, MW_ENVELOPE_SAML };
    static const char *const names[] = { "Net::LMTP::mail", "Net::LMTP::send", "Net::LMTP::send_or_mail", "Net::LMTP::send_and_mail" };
    mwx_options options = { MW_KIND_MAIL, "mail", { NULL }, NULL, NULL, 0 };
    mwx_line line;
    AV *given = mwx_values(aTHX_ list, count);
    SV *address = count ? AvARRAY(given)[0] : &PL_sv_undef, *words;

    if (which == MWX_MAIL) {
        if (count > 1)
            mail_options(aTHX_ &options, AvARRAY(given) + 1, count - 1);
        mwx_link_set_binary(link, 0);
    }
    /* The last message's results are not this one's, also when this MAIL cannot be sent. */
    mw_lmtp_forget(link->session);
    mwx_check_address(aTHX_ names[which], address);
    mwx_line_new(aTHX_ &line);
    words = mwx_line_begin(aTHX_ &line, link, ref, heads[which], address);
    link->says_utf8 = 0;
    if (which == MWX_MAIL && !words && !link->died)
        say_utf8(aTHX_ link, ref, &line, &options);
    else if (!words && !link->died)
        mwx_line_to_ascii(aTHX_ &line);
    if (!words && !link->died)
        words = mwx_line_parameters(aTHX_ &line, link, ref, &options);
    if (link->died)
        return 0;
    if (words)
        return refuse_mail(aTHX_ link, ref, words, line.code);
    if (line.binary)
        mwx_link_set_binary(link, 1);
    return send_line(aTHX_ link, ref, &line, which != MWX_MAIL || mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_MAIL));
}

/* ---- recipient */

static int is_name(pTHX_ SV *sv)
{
    STRLEN len, i;
    const char *text;

    if (!SvOK(sv) || SvROK(sv))
        return 0;
    text = SvPV(sv, len);
    for (i = 0; i < len && (isALNUM(text[i]) || text[i] == '_'); i++)
        ;
    return len && i == len && isALPHA(text[0]);
}

static int is_option(pTHX_ const mwx_options *o, SV *name)
{
    STRLEN len;
    mw_slice text;

    text.base = SvPV(name, len);
    text.len = len;
    return mw_parameter_find(o->command, text) < MW_PARAMETER_COUNT || (len == 7 && memcmp(text.base, "SkipBad", 7) == 0);
}

/* Where a list's last pairs begin that have options' names; its end when it has none. */
static int first_pair(pTHX_ const mwx_options *o, SV **list, int count)
{
    int at = count;

    while (at >= 2 && is_name(aTHX_ list[at - 2]))
        at -= 2;
    for (; at < count && !is_option(aTHX_ o, list[at]); at += 2)
        mwx_options_meant(aTHX_ o, list[at], "taken for an address");
    return at;
}

/* A reference to a list is a list of addresses. */
static void add_addresses(pTHX_ AV *to, SV *sv)
{
    AV *list = mwx_plain_list(sv) ? mwx_list_copy(aTHX_ mwx_plain_list(sv)) : NULL;
    SSize_t i;

    if (!list)
        av_push(to, SvREFCNT_inc(sv));
    for (i = 0; list && i <= av_len(list); i++)
        av_push(to, SvREFCNT_inc(AvARRAY(list)[i]));
}

/* The addresses that recipient is given, and its options: a hash at the end, or pairs as the old manual page has them. */
static AV *read_recipients(pTHX_ mwx_options *o, AV *given)
{
    AV *to = (AV *)sv_2mortal((SV *)newAV());
    SV **list = AvARRAY(given);
    int count = (int)av_len(given) + 1, first, i;
    HV *hash = count ? mwx_plain_hash(list[count - 1]) : NULL;

    if (hash && count > 1 && is_name(aTHX_ list[count - 2]) && mwx_options_takes_hash(aTHX_ o, list[count - 2]))
        hash = NULL;
    count -= hash != NULL;
    first = first_pair(aTHX_ o, list, count);
    for (i = first; i < count; i += 2)
        mwx_options_set(aTHX_ o, list[i], list[i + 1]);
    if (hash)
        mwx_options_hash(aTHX_ o, hash);
    for (i = 0; i < first; i++)
        add_addresses(aTHX_ to, list[i]);
    for (i = 0; i <= (int)av_len(to); i++)
        mwx_check_address(aTHX_ "Net::LMTP::recipient", AvARRAY(to)[i]);
    return to;
}

/* What a call of recipient works with. */
typedef struct rcpt_call {
    mwx_link *link;
    SV *ref;
    AV *to, *accepted;      /* accepted is NULL: the first that is refused ends it */
    mwx_line line;
    SV *parameters;
} rcpt_call;

static SV *begin_rcpt(pTHX_ rcpt_call *c, SV *address)
{
    SV *words = mwx_line_begin(aTHX_ &c->line, c->link, c->ref, MW_ENVELOPE_RCPT, address);

    if (!words && !c->link->died && !c->link->says_utf8)
        mwx_line_to_ascii(aTHX_ &c->line);
    sv_catsv(c->line.text, c->parameters);
    return words;
}

/* True when RCPTs may go as one group (RFC 2920 3.1): no overriding method and no debug output sees each of them. */
static int in_groups(pTHX_ mwx_link *link, SV *ref)
{
    static const mwx_hook sees[] = { MWX_HOOK_COMMAND, MWX_HOOK_RESPONSE, MWX_HOOK_GETLINE, MWX_HOOK_PARSE_RESPONSE, MWX_HOOK_RCPT };
    mw_slice keyword = { MW_KEYWORD_PIPELINING, sizeof MW_KEYWORD_PIPELINING - 1 }, params;
    size_t i;

    for (i = 0; i < sizeof sees / sizeof sees[0]; i++)
        if (mwx_link_hooked(aTHX_ link, ref, sees[i]))
            return 0;
    if (mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_DEBUG)) {
        mwx_call_scalar(aTHX_ ref, "debug", NULL, 0, &link->died);
        return 0;
    }
    return !link->debug && mw_lmtp_in_transaction(link->session) && mw_lmtp_keyword(link->session, keyword, &params);
}

/* [ address, code, why ] */
static SV *refused_line(pTHX_ SV *address, SV *words)
{
    AV *fields = newAV();

    av_push(fields, SvREFCNT_inc(address));
    av_push(fields, newSViv(REFUSED));
    av_push(fields, SvREFCNT_inc(words));
    return newRV_noinc((SV *)fields);
}

static void send_group(pTHX_ rcpt_call *c, SSize_t first, SSize_t end)
{
    AV *lines = (AV *)sv_2mortal((SV *)newAV()), *digits;
    SV *words = NULL, **digit;
    SSize_t i, sent = 0;

    for (i = first; i < end && !c->link->died; i++) {
        words = begin_rcpt(aTHX_ c, AvARRAY(c->to)[i]);
        av_push(lines, words ? refused_line(aTHX_ AvARRAY(c->to)[i], words) : newSVsv(c->line.text));
    }
    if (c->link->died)
        return;
    digits = mwx_link_group(aTHX_ c->link, c->ref, lines);
    for (i = first; i < end; i++)
        if (!SvROK(AvARRAY(lines)[i - first]) && (digit = av_fetch(digits, sent++, 0)) && SvIV(*digit) == 2)
            av_push(c->accepted, SvREFCNT_inc(AvARRAY(c->to)[i]));
    /* The status is that of the last address. */
    if (words && !c->link->died)
        mwx_status_set(aTHX_ c->link, sv_2mortal(newSViv(REFUSED)), sv_2mortal(newSVpvf("%" SVf "\n", SVfARG(words))));
}

static int send_each(pTHX_ rcpt_call *c)
{
    SSize_t i;

    for (i = 0; i <= av_len(c->to); i++) {
        SV *address = AvARRAY(c->to)[i], *words = begin_rcpt(aTHX_ c, address);
        int ok = 0;

        if (words && !c->link->died)
            refuse_rcpt(aTHX_ c->link, c->ref, address, words, REFUSED);
        else if (!c->link->died)
            ok = send_line(aTHX_ c->link, c->ref, &c->line, mwx_link_hooked(aTHX_ c->link, c->ref, MWX_HOOK_RCPT));
        if (c->link->died || (!ok && !c->accepted))
            return 0;
        if (ok && c->accepted)
            av_push(c->accepted, SvREFCNT_inc(address));
    }
    return 1;
}

static int refuse_all(pTHX_ rcpt_call *c, SV *words, unsigned code)
{
    SSize_t i;

    for (i = 0; i <= (c->accepted ? av_len(c->to) : 0); i++)
        refuse_rcpt(aTHX_ c->link, c->ref, AvARRAY(c->to)[i], words, code);
    return 0;
}

static int send_all(pTHX_ rcpt_call *c)
{
    SSize_t i, count = av_len(c->to) + 1;

    if (!c->accepted || count < 2 || !in_groups(aTHX_ c->link, c->ref))
        return send_each(aTHX_ c) && (!c->accepted || av_len(c->accepted) >= 0);
    for (i = 0; i < count && !c->link->died; i += GROUP_MAX)
        send_group(aTHX_ c, i, i + GROUP_MAX < count ? i + GROUP_MAX : count);
    return av_len(c->accepted) >= 0;
}

int mwx_link_recipient(pTHX_ mwx_link *link, SV *ref, SV **list, int count, AV **accepted_r)
{
    mwx_options options = { MW_KIND_RCPT, "recipient", { NULL }, NULL, &PL_sv_undef, 0 };
    rcpt_call c = { link, ref, NULL, NULL, { NULL, 0, 0, 0, 0, 0, 0 }, NULL };
    mwx_line parameters;
    SV *words;
    unsigned code = REFUSED;

    c.to = read_recipients(aTHX_ &options, mwx_values(aTHX_ list, count));
    *accepted_r = c.accepted = SvTRUE(options.skip_bad) ? (AV *)sv_2mortal((SV *)newAV()) : NULL;
    if (av_len(c.to) < 0) {
        mw_text_drop(refuse(aTHX_ link, ref, sv_2mortal(newSVpvs("recipient: no address")), &code));
        return 0;
    }
    mwx_line_new(aTHX_ &parameters);
    mwx_line_new(aTHX_ &c.line);
    words = mwx_line_parameters(aTHX_ &parameters, link, ref, &options);
    c.parameters = parameters.text;
    if (link->died)
        return 0;
    return words ? refuse_all(aTHX_ &c, words, parameters.code) : send_all(aTHX_ &c);
}

int mwx_link_has_recipient(pTHX_ mwx_link *link, SV *ref)
{
    return mwx_link_hooked(aTHX_ link, ref, MWX_HOOK_RECIPIENT);
}

/* ---- data */

int mwx_link_data(pTHX_ mwx_link *link, SV *ref)
{
    static const mwx_hook sees[] = { MWX_HOOK_DATA, MWX_HOOK_COMMAND, MWX_HOOK_RESPONSE, MWX_HOOK_DATASEND };
    size_t i;

    for (i = 0; i < sizeof sees / sizeof sees[0]; i++)
        if (mwx_link_hooked(aTHX_ link, ref, sees[i]))
            return -1;
    if (mwx_link_is_binary(link))
        return -1;
    return mwx_link_line(aTHX_ link, ref, mw_command_data()) == 3 && mw_lmtp_content(link->session) == MW_CONTENT_OPEN;
}
