/* test_crlf.c over the way of any processor. */
#define MW_WIDE_PORTABLE
#include "wide_renamed.h"
#include "test_crlf.c"
