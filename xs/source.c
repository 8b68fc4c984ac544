/* source.c - see source.h. */
#include "source.h"
#include "call.h"
#include "convert.h"
#include "known.h"
#include "link_private.h"
#include "perliol.h"

/* A file up to this size is read at once. Mail::Wire::Source has the same. */
#define SMALL 65536

/* ---- what it is */

/* The string's octets: sv is ours. */
static SV *octets(pTHX_ SV *sv)
{
    if (!SvPOK(sv))
        SvPV_force_nolen(sv);
    if (SvUTF8(sv) && !sv_utf8_downgrade(sv, TRUE))
        mwx_croak(aTHX_ sv_2mortal(newSVpvs("Wide character in a message: encode the text first, for example with Encode::encode")));
    return sv;
}

/* True for a defined value that is no reference, not tied and no glob: its string is the content. */
static int is_string(SV *sv)
{
    return SvOK(sv) && !SvROK(sv) && !SvGMAGICAL(sv) && SvTYPE(sv) <= SVt_PVMG;
}

/* All lines, if each is a string; NULL: one is not. */
static SV *joined(pTHX_ AV *lines)
{
    SV *text = sv_2mortal(newSVpvs(""));
    SSize_t i, n = av_len(lines) + 1;

    for (i = 0; i < n; i++) {
        SV *line = AvARRAY(lines)[i];

        if (!line || !is_string(line))
            return NULL;
        sv_catsv(text, line);
    }
    return text;
}

/* The text of what runs no code; NULL: it is something else. */
static SV *plain_text(pTHX_ SV *data)
{
    SV *thing = SvROK(data) ? SvRV(data) : NULL;

    if (!thing)
        return is_string(data) ? mwx_shared_copy(aTHX_ data) : NULL;
    if (SvOBJECT(thing) || SvMAGICAL(thing))
        return NULL;
    if (SvTYPE(thing) == SVt_PVAV)
        return SvREFCNT_inc(joined(aTHX_ (AV *)thing));
    return is_string(thing) ? mwx_shared_copy(aTHX_ thing) : NULL;
}

static int is_plain_layers(PerlIO *fp)
{
    const PerlIOl *layer;

    for (layer = *fp; layer; layer = layer->next)
        if (!layer->tab || (strNE(layer->tab->name, "unix") && strNE(layer->tab->name, "perlio")))
            return 0;
    return 1;
}

/* The stream of an open handle that is for reading alone and gives its bytes as they are, and is no client. */
static PerlIO *plain_stream(pTHX_ SV *data)
{
    GV *gv = SvROK(data) && isGV_with_GP(SvRV(data)) ? (GV *)SvRV(data) : NULL;
    IO *io = gv ? GvIO(gv) : NULL;

    if (!io || SvRMAGICAL((SV *)io) || IoTYPE(io) != IoTYPE_RDONLY || !IoIFP(io))
        return NULL;
    if (SvOBJECT((SV *)gv) && (sv_derived_from(data, "Net::Cmd") || sv_derived_from(data, "Mail::Wire::Client")))
        return NULL;
    return !PerlIO_isutf8(IoIFP(io)) && is_plain_layers(IoIFP(io)) ? IoIFP(io) : NULL;
}

/* A plain file's length and age; 0: it is none. */
static int ask_file(pTHX_ PerlIO *fp, mwx_source *s)
{
    int fd = PerlIO_fileno(fp);
    Stat_t facts;

    if (fd < 0 || PerlLIO_fstat(fd, &facts) || !S_ISREG(facts.st_mode))
        return 0;
    s->length = facts.st_size;
    s->stamp = mw_io_file_stamp(fd);
    return 1;
}

/* Where the next read is: where the descriptor stands, less what was read ahead. One that was moved since has no such place. */
static int note_file(pTHX_ mwx_source *s, SV *data)
{
    PerlIO *fp = plain_stream(aTHX_ data);
    Off_t at, ahead;

    if (!fp || (ahead = (Off_t)mwx_buffered(aTHX_ data)) < 0 || !ask_file(aTHX_ fp, s))
        return 0;
    at = PerlLIO_lseek(PerlIO_fileno(fp), 0, SEEK_CUR);
    if (at < 0 || (ahead && PerlIO_tell(fp) != at - ahead) || s->length - (at - ahead) > SMALL)
        return 0;
    at -= ahead;
    s->left = at < s->length ? (size_t)(s->length - at) : 0;
    s->handle = data;
    return 1;
}

static void take_object(pTHX_ mwx_source *s, SV *data, SV *file)
{
    SV *arguments[3], *text;

    arguments[0] = sv_2mortal(newSVpvs("Mail::Wire::Source"));
    arguments[1] = data ? data : &PL_sv_undef;
    arguments[2] = file ? file : &PL_sv_undef;
    s->object = mwx_ask(aTHX_ "Mail::Wire::Source::new", arguments, 3);
    text = mwx_ask(aTHX_ "Mail::Wire::Source::text", &s->object, 1);
    if (SvROK(text))
        s->text = octets(aTHX_ sv_2mortal(mwx_shared_copy(aTHX_ SvRV(text))));
}

void mwx_source_take(pTHX_ mwx_source *s, SV *data, SV *file)
{
    SV *size, *text = data && !(file && SvOK(file)) ? plain_text(aTHX_ data) : NULL;

    s->size = -1;
    if (text)
        s->text = octets(aTHX_ sv_2mortal(text));
    else if (data && (!file || !SvOK(file)) && SvROK(data) && SvTYPE(SvRV(data)) == SVt_PVCV && !SvOBJECT(SvRV(data)))
        s->code = data;
    else if (data && (!file || !SvOK(file)) && note_file(aTHX_ s, data))
        s->size = (NV)s->left;
    else
        take_object(aTHX_ s, data, file);
    if (s->text)
        s->size = (NV)SvCUR(s->text);
    else if (s->object && SvOK(size = mwx_ask(aTHX_ "Mail::Wire::Source::size", &s->object, 1)))
        s->size = SvNV(size);
}

/* ---- what is in it */

static void blame(pTHX_ mwx_source *s, SV *words)
{
    s->fault = words;
}

/* If the content's own fault died, it becomes fault; whatever else died stays in link->died. */
static void blame_died(pTHX_ mwx_source *s, mwx_link *link)
{
    if (!link->died || !sv_isobject(link->died) || !sv_derived_from(link->died, "Mail::Wire::Source::Fault"))
        return;
    blame(aTHX_ s, sv_2mortal(newSVsv(SvRV(link->died))));
    SvREFCNT_dec(link->died);
    link->died = NULL;
}

static void read_small(pTHX_ mwx_source *s)
{
    PerlIO *fp = plain_stream(aTHX_ s->handle);
    mwx_source now;
    SV *text = sv_2mortal(newSV(s->left + 2));
    SSize_t n = fp ? PerlIO_read(fp, SvPVX(text), s->left + 1) : -1;

    if (n < 0)
        blame(aTHX_ s, sv_2mortal(newSVpvf("cannot read the handle: %s", Strerror(errno))));
    else if ((size_t)n != s->left || !ask_file(aTHX_ fp, &now) || now.length != s->length || now.stamp != s->stamp)
        blame(aTHX_ s, sv_2mortal(newSVpvs("the file changed while it was read")));
    SvPOK_only(text);
    SvCUR_set(text, n < 0 ? 0 : (STRLEN)n);
    *SvEND(text) = '\0';
    s->text = text;
}

/* Appends the code's next piece. 1; 0: that was the end, or the code died. No temporary of the piece is kept. */
static int next_piece(pTHX_ mwx_source *s, mwx_link *link, SV *text)
{
    SV *piece;
    int more;

    ENTER;
    SAVETMPS;
    piece = mwx_call_code(aTHX_ s->code, NULL, 0, &link->died);
    more = piece && SvOK(piece);
    if (more && SvROK(piece) && !mwx_says_text(aTHX_ piece)) {
        link->died = newSVpvs("the code of Data returned a reference\n");
        more = 0;
    } else if (more) {
        sv_catsv(text, piece);
    }
    FREETMPS;
    LEAVE;
    return more;
}

/* The code's pieces up to its end, or the limit: then they are the first of a Mail::Wire::Source's. */
static void read_code(pTHX_ mwx_source *s, mwx_link *link, int whole, int64_t deadline)
{
    SV *text = sv_2mortal(newSVpvs("")), *arguments[3];
    int more = 1;

    while (more && !s->fault && (whole || !SvCUR(text) || SvCUR(text) < link->eager)) {
        if (deadline != MW_IO_NEVER && mw_io_now() >= deadline)
            blame(aTHX_ s, sv_2mortal(newSVpvs("the delivery's deadline has passed")));
        else
            more = next_piece(aTHX_ s, link, text);
    }
    if (s->fault || link->died)
        return;
    if (!more) {
        s->text = text;
        return;
    }
    arguments[0] = sv_2mortal(newSVpvs("Mail::Wire::Source"));
    arguments[1] = s->code;
    arguments[2] = text;
    s->object = mwx_ask(aTHX_ "Mail::Wire::Source::begun", arguments, 3);
}

/* What Perl makes of it: nothing, a text, or a stretch of a file. */
static void read_object(pTHX_ mwx_source *s, mwx_link *link, SV *ref, int whole, int64_t deadline)
{
    SV *arguments[4];
    AV *got;

    arguments[0] = s->object;
    arguments[1] = sv_2mortal(newSViv(whole));
    arguments[2] = sv_2mortal(newSVnv(deadline == MW_IO_NEVER ? 0 : (NV)deadline / 1e9));
    arguments[3] = sv_2mortal(newSVuv(link->eager));
    got = mwx_call(aTHX_ ref, "_content", arguments, 4, &link->died);
    if (!got || av_len(got) < 0)
        return;
    if (av_len(got) == 0) {
        s->text = AvARRAY(got)[0];
        return;
    }
    s->file = AvARRAY(got)[0];
    s->offset = SvNV(AvARRAY(got)[1]);
    s->size = SvNV(AvARRAY(got)[2]);
}

/* While content is asked for, no other call may begin on the link. */
static void read_by_code(pTHX_ mwx_source *s, mwx_link *link, SV *ref, int whole, int64_t deadline)
{
    HV *facts = mwx_facts(aTHX_ ref);

    ENTER;
    mwx_local_entry(aTHX_ facts, MWX_KEY_IN_CALLBACK, 1);
    link->busy = 1;
    if (s->code)
        read_code(aTHX_ s, link, whole, deadline);
    else
        read_object(aTHX_ s, link, ref, whole, deadline);
    link->busy = 0;
    LEAVE;
    blame_died(aTHX_ s, link);
}

void mwx_source_read(pTHX_ mwx_source *s, mwx_link *link, SV *ref, int whole, int64_t deadline)
{
    if (s->text)
        return;
    if (s->handle)
        read_small(aTHX_ s);
    else
        read_by_code(aTHX_ s, link, ref, whole, deadline);
    if (s->text && !s->fault)
        octets(aTHX_ s->text);
}
