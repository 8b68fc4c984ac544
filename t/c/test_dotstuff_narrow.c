/* test_dotstuff.c over the way of processors that have no wider instructions. */
#define MW_DOTSTUFF_SSE2
#include "dotstuff_renamed.h"
