/* test_dotstuff.c over the way of any processor. */
#define MW_DOTSTUFF_PORTABLE
#include "dotstuff_renamed.h"
