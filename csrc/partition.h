/* Contiguous weighted cut of the leaves among the ranks. */
#ifndef AMR_PARTITION_H
#define AMR_PARTITION_H

#include "amr.h"

/* Contiguous cut of n items into n_part parts with the smallest possible largest load. prefix[n+1] are the running sums of
 * the weights (>= 0), lowest[n_part+1] is scratch. Among optimal cuts each lies as near to the ideal as it can. */
void amr_partition(ptrdiff_t n, const double *prefix, ptrdiff_t n_part, int64_t *starts, int64_t *lowest);

#endif
