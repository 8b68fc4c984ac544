/* source.c - see source.h. */
#include "source.h"
#include "call.h"
#include "convert.h"
#include "known.h"
#include "wait.h"
#include "../c/error.h"
#include "../c/io.h"
#include <perliol.h>

/* A file up to this size is read at once. Mail::Wire::Source has the same. */
#define SMALL 65536

/* So much of content that is to be read whole is kept in memory. Mail::Wire::Spool has the same. */
#define MEMORY_MAX 1048576

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
        return is_string(data) ? SvREFCNT_inc(data) : NULL;
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

/* Its length, if it is a plain file; else below 0. */
static Off_t plain_length(pTHX_ PerlIO *fp)
{
    int fd = PerlIO_fileno(fp);
    Stat_t facts;

    return fd >= 0 && !PerlLIO_fstat(fd, &facts) && S_ISREG(facts.st_mode) ? facts.st_size : -1;
}

static int note(pTHX_ mwx_source *s, SV *handle, PerlIO *fp, UV offset, UV size, int is_part)
{
    if (size > SMALL)
        return 0;
    mw_io_file(&s->stretch, PerlIO_fileno(fp), offset, size, is_part);
    s->handle = handle;
    return 1;
}

/* Where the next read is: where the descriptor stands, less what was read ahead. One that was moved since has no such place. */
static int note_file(pTHX_ mwx_source *s, SV *data)
{
    PerlIO *fp = plain_stream(aTHX_ data);
    Off_t length, at, ahead;

    if (!fp || (ahead = (Off_t)mwx_buffered(aTHX_ data)) < 0 || (length = plain_length(aTHX_ fp)) < 0)
        return 0;
    at = PerlLIO_lseek(PerlIO_fileno(fp), 0, SEEK_CUR);
    if (at < 0 || (ahead && PerlIO_tell(fp) != at - ahead))
        return 0;
    at -= ahead;
    return note(aTHX_ s, data, fp, (UV)at, at < length ? (UV)(length - at) : 0, 0);
}

/* An integer that is not negative, and no more than that. */
static int is_count(SV *sv)
{
    return sv && SvIOK(sv) && !SvROK(sv) && !SvGMAGICAL(sv) && (SvIsUV(sv) || SvIVX(sv) >= 0);
}

/* A small stretch of an open file, all of which is there. */
static int note_range(pTHX_ mwx_source *s, SV *range)
{
    AV *list = mwx_plain_list(range);
    SV **item = list && av_len(list) == 2 && !SvRMAGICAL((SV *)list) ? AvARRAY(list) : NULL;
    PerlIO *fp = item && item[0] && is_count(item[1]) && is_count(item[2]) ? plain_stream(aTHX_ item[0]) : NULL;
    Off_t length = fp ? plain_length(aTHX_ fp) : -1;

    if (length < 0 || SvUVX(item[2]) > (UV)length || SvUVX(item[1]) > (UV)length - SvUVX(item[2]))
        return 0;
    return note(aTHX_ s, sv_mortalcopy(item[0]), fp, SvUVX(item[1]), SvUVX(item[2]), 1);
}

static int open_small(pTHX_ mwx_source *s, SV *name)
{
    mw_slice octets = mwx_is_plain(name) ? mwx_octets(aTHX_ name, 1, "") : (mw_slice){ "", 0 };

    if (strlen(octets.base) != octets.len || mw_io_open_file(&s->stretch, octets.base))
        return 0;
    s->is_opened = 1;
    if (s->stretch.size > SMALL)
        mwx_source_close(aTHX_ s);
    return s->is_opened;
}

void mwx_source_close(pTHX_ mwx_source *s)
{
    if (s->is_opened)
        PerlLIO_close(s->stretch.fd);
    s->is_opened = 0;
}

/* What is at hand, and takes no code of the caller's to find out. */
static int take_data(pTHX_ mwx_source *s, SV *data)
{
    SV *text = plain_text(aTHX_ data);

    if (text)
        s->text = octets(aTHX_ sv_2mortal(text));
    else if (SvROK(data) && SvTYPE(SvRV(data)) == SVt_PVCV && !SvOBJECT(SvRV(data)))
        s->code = data;
    return s->text || s->code || note_file(aTHX_ s, data);
}

static void take_object(pTHX_ mwx_source *s, SV *data, SV *file, SV *range)
{
    SV *arguments[4], *got;

    arguments[0] = sv_2mortal(newSVpvs("Mail::Wire::Source"));
    arguments[1] = data ? data : &PL_sv_undef;
    arguments[2] = file ? file : &PL_sv_undef;
    arguments[3] = range ? range : &PL_sv_undef;
    s->object = mwx_ask(aTHX_ "Mail::Wire::Source::new", arguments, 4);
    got = mwx_ask(aTHX_ "Mail::Wire::Source::text", &s->object, 1);
    if (SvROK(got))
        s->text = octets(aTHX_ sv_2mortal(mwx_shared_copy(aTHX_ SvRV(got))));
    else if (SvOK(got = mwx_ask(aTHX_ "Mail::Wire::Source::size", &s->object, 1)))
        s->size = SvNV(got);
}

static int is_given(SV *sv)
{
    return sv && SvOK(sv);
}

void mwx_source_take(pTHX_ mwx_source *s, SV *data, SV *file, SV *range)
{
    int is_taken = 0;

    s->size = -1;
    if (is_given(data) + is_given(file) + is_given(range) == 1)
        is_taken = is_given(data) ? take_data(aTHX_ s, data) : is_given(file) ? open_small(aTHX_ s, file) : note_range(aTHX_ s, range);
    if (!is_taken)
        take_object(aTHX_ s, data, file, range);
    if (s->text)
        s->size = (NV)SvCUR(s->text);
    else if (is_taken && !s->code)
        s->size = (NV)s->stretch.size;
}

/* ---- what is in it */

/* If the content's own fault died, it becomes fault; whatever else died stays. */
static void blame_died(pTHX_ mwx_source *s)
{
    SV *died = *s->died;

    if (!died || !sv_isobject(died) || !sv_derived_from(died, "Mail::Wire::Fault"))
        return;
    s->fault = sv_2mortal(newSVsv(SvRV(died)));
    SvREFCNT_dec(died);
    *s->died = NULL;
}

IV mwx_append_file(pTHX_ SV *text, int fd, uint64_t offset, int size)
{
    STRLEN len;
    int n;

    (void)SvPV_force(text, len);
    n = mw_io_read_file(fd, offset, SvGROW(text, len + (STRLEN)size + 1) + len, size);
    if (n > 0)
        SvCUR_set(text, len + (STRLEN)n);
    *SvEND(text) = '\0';
    SvTAINTED_on(text);
    return n;
}

/* As mw_io_read_stretch; a handle that is read to its end stands there then. */
static int read_stretch(pTHX_ const mwx_source *s, char *to)
{
    PerlIO *fp = s->handle ? plain_stream(aTHX_ s->handle) : NULL;
    SSize_t n, size = (SSize_t)s->stretch.size;

    if (!s->handle || (fp && s->stretch.is_part))
        return mw_io_read_stretch(&s->stretch, to);
    n = fp ? PerlIO_read(fp, to, (Size_t)size + 1) : -1;
    if (n < 0)
        return MW_E_SYS;
    return n == size && s->stretch.stamp == mw_io_file_stamp(PerlIO_fileno(fp)) ? (int)n : MW_E_CHANGED;
}

static void read_small(pTHX_ mwx_source *s)
{
    SV *text = sv_2mortal(newSV((STRLEN)s->stretch.size + 2));
    int n = read_stretch(aTHX_ s, SvPVX(text));

    if (n == MW_E_SYS)
        s->fault = sv_2mortal(newSVpvf("cannot read the %s: %s", s->handle ? "handle" : "file", Strerror(errno)));
    else if (n < 0)
        s->fault = sv_2mortal(newSVpvs("the file changed while it was read"));
    SvPOK_only(text);
    SvCUR_set(text, n < 0 ? 0 : (STRLEN)n);
    *SvEND(text) = '\0';
    s->text = text;
    mwx_source_close(aTHX_ s);
}

/* Appends the code's next piece. 1; 0: that was the end, or the code died. No temporary of the piece is kept. */
static int next_piece(pTHX_ mwx_source *s, SV *text)
{
    SV *piece;
    int more;

    ENTER;
    SAVETMPS;
    piece = mwx_call_code(aTHX_ s->code, NULL, 0, s->died);
    more = piece && SvOK(piece);
    if (more && SvROK(piece) && !mwx_says_text(aTHX_ piece)) {
        mwx_croak_later(aTHX_ sv_2mortal(newSVpvs("the code of Data returned a reference")), s->died);
        more = 0;
    } else if (more) {
        sv_catsv(text, piece);
    }
    FREETMPS;
    LEAVE;
    return more;
}

/* The code's pieces up to its end, or the limit: then they are the first of a Mail::Wire::Source's. */
static void read_code(pTHX_ mwx_source *s)
{
    SV *text = sv_2mortal(newSVpvs("")), *arguments[3];
    size_t most = s->whole ? MEMORY_MAX : s->ahead;
    int more = 1;

    while (more && !s->fault && (!SvCUR(text) || SvCUR(text) < most)) {
        if (s->until != MW_IO_NEVER && mw_io_now() >= s->until)
            s->fault = sv_2mortal(newSVpvs("the delivery's deadline has passed"));
        else
            more = next_piece(aTHX_ s, text);
    }
    if (s->fault || *s->died)
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
static void read_object(pTHX_ mwx_source *s)
{
    SV *arguments[3];
    AV *got;

    arguments[0] = sv_2mortal(newSViv(s->whole));
    arguments[1] = sv_2mortal(newSVnv(s->until == MW_IO_NEVER ? 0 : (NV)s->until / 1e9));
    arguments[2] = sv_2mortal(newSVuv(s->ahead));
    got = mwx_call(aTHX_ s->object, "at_hand", arguments, 3, s->died);
    if (!got || av_len(got) < 0)
        return;
    if (av_len(got) == 0) {
        s->text = AvARRAY(got)[0];
        return;
    }
    s->file = AvARRAY(got)[0];
    s->size = SvNV(AvARRAY(got)[2]);
    mw_io_file(&s->stretch, mwx_fd(aTHX_ s->file), (uint64_t)SvNV(AvARRAY(got)[1]), (uint64_t)s->size, SvTRUE(AvARRAY(got)[3]));
}

int mwx_source_acts(const mwx_source *s)
{
    return s->code || (s->object && !s->text);
}

void mwx_source_read(pTHX_ mwx_source *s)
{
    if (s->text)
        return;
    if (s->handle || s->is_opened)
        read_small(aTHX_ s);
    if (s->code)
        read_code(aTHX_ s);
    if (s->object && (s->whole || !s->code))
        read_object(aTHX_ s);
    blame_died(aTHX_ s);
    if (s->text && !s->fault)
        octets(aTHX_ s->text);
}
