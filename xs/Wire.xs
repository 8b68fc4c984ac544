/* Wire.xs - the one shared object: an INCLUDE per Perl package. */
#include "perlglue.h"
#include "call.h"
#include "convert.h"
#include "dial.h"
#include "deliver.h"
#include "known.h"
#include "link.h"
#include "link_envelope.h"
#include "qmtp_flight.h"
#include "qmtp_link.h"
#include "qmtp_client.h"
#include "source.h"
#include "pool.h"
#include "tls.h"
#include "wait.h"
#include "../c/command.h"
#include "../c/error.h"

/* The numbers that Perl needs to know. */
static void numbers_boot(pTHX)
{
    HV *client = gv_stashpvs("Mail::Wire::Client", GV_ADD);

#define MWX_NUMBER(name) newCONSTSUB(client, #name, newSViv(MWX_##name));
    MWX_UNTILS(MWX_NUMBER)
    MWX_OUTCOMES(MWX_NUMBER)
#undef MWX_NUMBER
    newCONSTSUB(gv_stashpvs("Net::QMTP", GV_ADD), "_DEFERRED", newSViv(MW_QMTP_DEFERRED));
}

MODULE = Mail::Wire  PACKAGE = Mail::Wire

PROTOTYPES: DISABLE

BOOT:
    mwx_known_boot(aTHX);
    numbers_boot(aTHX);
    mwx_hooks_boot(aTHX);

#ifdef USE_ITHREADS

void
CLONE(...)
  CODE:
    PERL_UNUSED_VAR(items);
    mwx_known_clone(aTHX);

#endif

NV
_now()
  CODE:
    RETVAL = (NV)mw_io_now() / 1e9;
  OUTPUT:
    RETVAL

bool
_is_number(value)
    SV *value
  PREINIT:
    NV number;
  CODE:
    value = sv_mortalcopy(value);
    RETVAL = SvOK(value) && mwx_number(aTHX_ value, &number);
  OUTPUT:
    RETVAL

SV *
_file_stamp(handle)
    SV *handle
  PREINIT:
    int fd;
    int64_t stamp;
  CODE:
    fd = mwx_fd(aTHX_ handle);
    stamp = fd < 0 ? 0 : mw_io_file_stamp(fd);
    RETVAL = newSVpvn((const char *)&stamp, sizeof stamp);
  OUTPUT:
    RETVAL

IV
_append_at(text, handle, offset, size)
    SV *text
    SV *handle
    NV offset
    int size
  CODE:
    RETVAL = mwx_append_file(aTHX_ text, mwx_fd(aTHX_ handle), (uint64_t)offset, size);
  OUTPUT:
    RETVAL

IV
_buffered(handle)
    SV *handle
  CODE:
    RETVAL = mwx_buffered(aTHX_ handle);
  OUTPUT:
    RETVAL

SV *
_xtext(SV *text)
  PREINIT:
    mw_slice octets;
  CODE:
    octets = mwx_octets(aTHX_ text, 1, "");
    RETVAL = newSV(MW_XTEXT_MAX(octets.len) + 1);
    SvPOK_only(RETVAL);
    SvCUR_set(RETVAL, mw_xtext_encode(octets, SvPVX(RETVAL)));
    *SvEND(RETVAL) = '\0';
  OUTPUT:
    RETVAL

void
_run_handlers()
  CODE:
    PERL_ASYNC_CHECK();

MODULE = Mail::Wire  PACKAGE = Mail::Wire::Result

SV *
enhanced(self)
    AV *self
  PREINIT:
    SV **message;
  CODE:
    message = av_fetch(self, MWX_RESULT_MESSAGE, 0);
    RETVAL = message ? mwx_enhanced(aTHX_ *message) : newSV(0);
  OUTPUT:
    RETVAL

bool
is_success(self)
    AV *self
  CODE:
    RETVAL = mwx_is_success(aTHX_ self);
  OUTPUT:
    RETVAL

MODULE = Mail::Wire  PACKAGE = Mail::Wire::Delivery

bool
is_success(self)
    SV *self
  CODE:
    RETVAL = SvROK(self) && mwx_all_succeeded(aTHX_ SvRV(self));
  OUTPUT:
    RETVAL

MODULE = Mail::Wire  PACKAGE = Mail::Wire::DataHandle

SV *
_output_record_separator()
  CODE:
    RETVAL = PL_ors_sv ? newSVsv(PL_ors_sv) : newSV(0);
  OUTPUT:
    RETVAL

INCLUDE: LMTP.xsi

INCLUDE: Client.xsi

INCLUDE: Flight.xsi

INCLUDE: Dial.xsi

INCLUDE: QMTP.xsi

INCLUDE: Pool.xsi

INCLUDE: TLS.xsi
