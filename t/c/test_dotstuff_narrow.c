/* test_dotstuff.c over the way of processors that have no wider instructions. */
#define MW_WIDE_SSE2
#include "wide_renamed.h"
#include "test_dotstuff.c"
