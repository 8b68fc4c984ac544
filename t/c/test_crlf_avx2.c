/* test_crlf.c over the way of processors that have AVX2, and not AVX-512. */
#define MW_WIDE_AVX2
#include "wide_renamed.h"
#include "test_crlf.c"
