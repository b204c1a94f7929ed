/* The wide reconstructions (PPM, WENO5-Z) in the step of one equation set (part of step_body.h).
 *
 * A cell has two slopes per axis: w - slope / 2 is its state at the lower face, w + upper / 2 that at the upper one. The rows of
 * faces then need not know which reconstruction made them. Each axis is reconstructed only where its faces need it.
 */
#include "reconstruct_wide.h"

/* The cells of a plane on either side of its faces normal to `axis`, as few rows as fill the vectors. */
AMR_INLINE amr_rows PHYS(wide_rows)(const amr_layout *l, int dim, int axis) {
  const ptrdiff_t stride = l->stride[1], length = l->n + 2 * (axis == 0), count = dim > 1 ? l->n + 2 * (axis == 1) : 1;
  const ptrdiff_t first = (l->g - (axis == 0)) + (dim > 1 ? l->g - (axis == 1) : 0) * stride;
  if (count > 1 && length % 8 == 0) return (amr_rows){first, length, count, stride};
  return (amr_rows){first, (count - 1) * stride + length, 1, 0};
}

/* Whether both face states of a cell are physical. */
AMR_INLINE int PHYS(wide_physical)(ptrdiff_t row, int dim, ptrdiff_t c, const double *w, const double *slope,
                                   const double *upper) {
  double below[5], above[5];
#pragma GCC unroll 5
  for (int v = 0; v < PHYS(n_fixed)(dim); v++) {
    const ptrdiff_t o = v * row + c;
    below[v] = w[o] - 0.5 * slope[o], above[v] = w[o] + 0.5 * upper[o];
  }
  return PHYS(is_physical)(dim, below) & PHYS(is_physical)(dim, above);
}

/* Give the cells with an unphysical face state normal to `axis` zero slopes (first order in that cell along that axis). */
static __attribute__((noinline)) void PHYS(flatten_wide)(const amr_work *work, int dim, int axis, int k,
                                                         const double *w, double *slope, double *upper) {
  const amr_layout *l = work->layout;
  const ptrdiff_t row = work->s.row;
  const int di = axis == 0, dj = axis == 1, inside = dim < 3 || (k >= 0 && k < l->n);
  for (int j = -dj; j < (dim > 1 ? l->n + dj : 1); j++)
    for (int i = -di; i < l->n + di; i++) {
      const ptrdiff_t c = (i + l->gh[0]) + (j + l->gh[1]) * l->stride[1];
      if (PHYS(wide_physical)(row, dim, c, w, slope, upper)) continue;
      work->step->n_flattened += inside && i >= 0 && i < l->n && j >= 0 && j < (dim > 1 ? l->n : 1);
      for (int v = 0; v < l->n_var; v++) slope[v * row + c] = upper[v * row + c] = 0;
    }
}

/* Slopes of plane k. */
AMR_INLINE void PHYS(reconstruct_wide)(const amr_work *work, int dim, int k) {
  const amr_layout *l = work->layout;
  const int m = dim == 3 ? k + l->g : 0, r = m & 1, outside = dim == 3 && (k < 0 || k == l->n);
  const ptrdiff_t row = work->s.row;
  const double *w = work->s.w[m % 5];
#pragma GCC unroll 1
  for (int axis = 0; axis < dim; axis++) {
    if (axis < 2 && outside) continue;
    double *slope = work->s.slope[axis][r], *upper = work->s.upper[axis][r];
    const double *stencil[5];
    for (int q = 0; q < 5; q++) stencil[q] = axis < 2 ? w + (q - 2) * l->stride[axis] : work->s.w[(m + q + 3) % 5];
    const amr_rows rows = PHYS(wide_rows)(l, dim, axis);
    amr_wide_slopes(work->step->reconstruction, PHYS(n_slope)(work, dim), row, rows, stencil, slope, upper);
    int bad = 0;
    for (ptrdiff_t j = 0, from = rows.first; j < rows.count; j++, from += rows.stride)
#pragma GCC ivdep
      for (ptrdiff_t c = from; c < from + rows.length; c++) bad |= !PHYS(wide_physical)(row, dim, c, w, slope, upper);
    if (bad) PHYS(flatten_wide)(work, dim, axis, k, w, slope, upper);
  }
}
