/* Primitive variables of many blocks, and what they range over. */
#ifndef AMR_FIELDS_H
#define AMR_FIELDS_H
#include "amr.h"

#include <math.h>

enum { AMR_RANGE_PIECE = 64 }; /* cells of a row whose extremes stay in registers or the first cache lines */

/* The cells i0 <= i < i0 + m of all rows. */
AMR_INLINE void amr_fold_columns(const amr_layout *l, const double *w, int i0, int m, double *lowest, double *highest) {
  const int nj = l->dim > 1 ? l->n : 1, nk = l->dim > 2 ? l->n : 1;
  double lo[AMR_RANGE_PIECE], hi[AMR_RANGE_PIECE], least = *lowest, most = *highest;
  for (int i = 0; i < m; i++) lo[i] = INFINITY, hi[i] = -INFINITY;
  for (int k = 0; k < nk; k++)
    for (int j = 0; j < nj; j++) {
      const double *row = w + amr_cell(l, i0, j, k);
#pragma GCC unroll 1 /* or it becomes 16 scalars, which are not vectorised */
      for (int i = 0; i < m; i++) {
        lo[i] = row[i] < lo[i] ? row[i] : lo[i];
        hi[i] = row[i] > hi[i] ? row[i] : hi[i];
      }
    }
  for (int i = 0; i < m; i++) {
    least = lo[i] < least ? lo[i] : least;
    most = hi[i] > most ? hi[i] : most;
  }
  *lowest = least, *highest = most;
}

/* Fold the interior cells of one block's variable into *lowest and *highest; NaN is ignored. */
AMR_INLINE void amr_fold_range(const amr_layout *l, const double *w, double *lowest, double *highest) {
  enum { PIECE = AMR_RANGE_PIECE };
  if (l->n == 8) /* the common lengths, known to the loops */
    amr_fold_columns(l, w, 0, 8, lowest, highest);
  else if (l->n == 16)
    amr_fold_columns(l, w, 0, 16, lowest, highest);
  else
    for (int i0 = 0; i0 < l->n; i0 += PIECE)
      amr_fold_columns(l, w, i0, l->n - i0 < PIECE ? l->n - i0 : PIECE, lowest, highest);
}

/* What n_pick primitive variables pick[p] range over in the interior cells of blocks 0..n_block-1 of the pool u: lowest[p], highest[p]
 * (inf and -inf without blocks, NaN ignored). signal, unless NULL: largest |signal speed| over axes and interior cells (0 without
 * blocks). Ghosts need not be filled. scratch: (n_var + 1) * layout->var_stride doubles. */
amr_status amr_primitive_ranges(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                int n_pick, const int32_t *pick, double *lowest, double *highest, double *signal,
                                double *scratch);

/* The n_pick primitive variables pick[p] of blocks 0..n_block-1 of the pool u, ghosts included: w[p][block][k][j][i] (p stride n_block *
 * layout->var_stride). scratch: layout->block_stride doubles. */
amr_status amr_primitive_fields(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                int n_pick, const int32_t *pick, double *w, double *scratch);

#endif
