/* dotstuff_renamed.h - dotstuff.c compiled once more, beside the core's own, and its test with it. */
#define mw_dotstuff_clean renamed_clean
#define mw_dotstuff_expand renamed_expand
#define mw_dotstuff_pass renamed_pass
#define mw_dotstuff_end renamed_end
#define mw_dotstuff_expand_wide renamed_expand_wide
#define mw_dotstuff_clean_wide renamed_clean_wide

#include "../../c/dotstuff_wide.c"
#include "../../c/dotstuff.c"
#include "test_dotstuff.c"
