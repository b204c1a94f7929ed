/* Sums whose value does not depend on the order of the terms, hence not on the number of ranks. */
#ifndef AMR_SUMS_H
#define AMR_SUMS_H
#include "amr.h"

/* sums[q][var]: sum over the interior cells of block list[q], q < n_list (block q if list is NULL), in one fixed order (eight
 * interleaved partial sums per row); of the magnitudes if absolute is not 0. */
void amr_block_sums(const amr_layout *layout, int absolute, const double *u, const int32_t *list, int64_t n_list,
                    double *sums);

/* Exact sum of doubles: a fixed-point number of AMR_SUM_LIMBS digits of 32 bits, least significant first, its unit 2^-1074, the
 * smallest double. Every double is a multiple of it, so that no term is ever rounded (Kulisch's accumulator). Digits are signed
 * and are carried after each call, into [0, 2^32) but for the top one, which holds the sign. */
enum { AMR_SUM_LIMBS = 68 };

/* limbs[v] += exact sum of the products (rounded once each) values[i * n_var + v] * weights[i], i < m. Returns AMR_UNPHYSICAL,
 * with nothing added, if a product is not finite. weights NULL: all 1. */
amr_status amr_sum_add(int64_t m, int n_var, const double *values, const double *weights, int64_t *limbs);

/* Carry n_var accumulators whose digits were added up from several (fewer than 2^30 of them). */
void amr_sum_carry(int n_var, int64_t *limbs);

#endif
