/* wide_renamed.h - dotstuff.c and crlf.c compiled once more, beside the core's own. */
#define mw_dotstuff_clean renamed_clean
#define mw_dotstuff_expand renamed_expand
#define mw_dotstuff_pass renamed_pass
#define mw_dotstuff_end renamed_end
#define mw_dotstuff_expand_wide renamed_expand_wide
#define mw_dotstuff_clean_wide renamed_clean_wide
#define mw_crlf_size renamed_crlf_size
#define mw_crlf_clean renamed_crlf_clean
#define mw_crlf_expand renamed_crlf_expand
#define mw_crlf_open renamed_crlf_open
#define mw_crlf_expand_wide renamed_crlf_expand_wide
#define mw_crlf_count_wide renamed_crlf_count_wide

#include "../../c/wide.c"
#include "../../c/dotstuff.c"
#include "../../c/crlf.c"
