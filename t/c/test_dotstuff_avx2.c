/* test_dotstuff.c over the way of processors that have AVX2, and not AVX-512. */
#define MW_DOTSTUFF_AVX2
#include "dotstuff_renamed.h"
