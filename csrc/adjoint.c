#include "adjoint.h"

#include <math.h>

AMR_INLINE double larger(double x, double y) { return x > y ? x : y; }

AMR_INLINE ptrdiff_t cells_of(const amr_layout *l) {
  ptrdiff_t size = 1;
  for (int a = 0; a < l->dim; a++) size *= l->n;
  return size;
}

/* Block with ghosts, coarse box, weights, details along each axis. */
ptrdiff_t amr_weigh_scratch(const amr_layout *layout) { return (2 + layout->dim) * layout->block_stride; }

/* d[v][c] := detail of the pair that cell c makes with the next one along an axis; 0 where that is another block's. */
AMR_INLINE void signed_details(const amr_layout *l, const double *block, int axis, double *restrict d) {
  const int n = l->n, nj = l->dim > 1 ? n : 1, nk = l->dim > 2 ? n : 1;
  const ptrdiff_t t = l->stride[axis];
  for (int v = 0; v < l->n_var; v++)
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++, d += n) {
        const double *u = block + v * l->var_stride + amr_cell(l, 0, j, k);
        const int m = axis == 0 ? n - 1 : (axis == 1 ? j : k) < n - 1 ? n : 0;
        for (int i = 0; i < m; i++)
          d[i] = 0.5 * (u[i] - u[i + t]) + 0.0625 * ((u[i + 2 * t] + u[i + 3 * t]) - (u[i - t] + u[i - 2 * t]));
        for (int i = m; i < n; i++) d[i] = 0.0;
      }
}

/* q[v][c] := weights of the cells of a block; `at`: which of the finer cells within each one, counted along each axis. */
AMR_INLINE void take_weights(const amr_layout *l, const amr_adjoint *a, const double *weight, const int32_t *first,
                             int finer, const int *at, double *restrict q) {
  const int n = l->n, nj = l->dim > 1 ? n : 1, nk = l->dim > 2 ? n : 1;
  const int up = finer > 0 ? finer : 0, down = finer < 0 ? -finer : 0;
  const int64_t x = ((int64_t)first[0] << up) >> down;
  const int rest = first[0] & ((1 << down) - 1); /* the block may begin within a wider cell */
  for (int v = 0; v < l->n_var; v++, weight += a->cells[0] * a->cells[1] * a->cells[2])
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++, q += n) {
        const int64_t z = l->dim > 2 ? ((((int64_t)first[2] + k) << up) >> down) + at[2] : 0;
        const int64_t y = l->dim > 1 ? ((((int64_t)first[1] + j) << up) >> down) + at[1] : 0;
        const double *row = weight + (z * a->cells[1] + y) * a->cells[0] + x + at[0];
        if (down)
          for (int i = 0; i < n; i++) q[i] = row[(rest + i) >> down];
        else if (up == 0) /* strides that are constants are vectorised */
          for (int i = 0; i < n; i++) q[i] = row[i];
        else if (up == 1)
          for (int i = 0; i < n; i++) q[i] = row[2 * i];
        else
          for (int i = 0; i < n; i++) q[i] = row[i << up];
      }
}

/* |sum over the variables of q d|, q of cell c, d of cell e. */
AMR_INLINE double weighed(const double *q, const double *d, ptrdiff_t size, int n_var, ptrdiff_t c, ptrdiff_t e) {
  double sum = 0.0;
  for (int v = 1; v < n_var; v++) sum += q[v * size + c] * d[v * size + e];
  return fabs(q[c] * d[e] + sum);
}

/* Fold the pairs along an axis, `step` cells apart, into the values of both of their cells. */
AMR_INLINE void fold_pairs(ptrdiff_t size, ptrdiff_t step, int n_var, const double *q, const double *d,
                           double *restrict out) {
  for (ptrdiff_t c = 0; c < size; c++) out[c] = larger(weighed(q, d, size, n_var, c, c), out[c]);
  for (ptrdiff_t c = step; c < size; c++) out[c] = larger(weighed(q, d, size, n_var, c, c - step), out[c]);
}

AMR_INLINE void fold_axis(const amr_layout *l, int axis, const double *q, const double *d, double *out) {
  const ptrdiff_t size = cells_of(l);
  const ptrdiff_t step = axis == 0 ? 1 : axis == 1 ? l->n : (ptrdiff_t)l->n * l->n;
  switch (l->n_var) { /* known to the loops: unrolled */
    case 1: fold_pairs(size, step, 1, q, d, out); break;
    case 2: fold_pairs(size, step, 2, q, d, out); break;
    case 3: fold_pairs(size, step, 3, q, d, out); break;
    default: fold_pairs(size, step, 4, q, d, out);
  }
}

AMR_CLONES amr_status amr_weigh_detail(const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                                       int64_t n_list, const int32_t *list, const int32_t *first, const int32_t *finer,
                                       const amr_adjoint *adjoint, double *out, double *scratch) {
  const ptrdiff_t stride = layout->block_stride, size = cells_of(layout);
  double *coarse = scratch, *q = coarse + stride, *d = q + stride;
  if (layout->g < 2 || layout->n_var > 1 + layout->dim) return AMR_BAD_ARGUMENT;
  const ptrdiff_t snapshot = layout->n_var * adjoint->cells[0] * adjoint->cells[1] * adjoint->cells[2];
  for (int64_t m = 0; m < n_list; m++) {
    const int32_t b = list[m], up = finer[b] > 0 ? finer[b] : 0;
    const double *from = (ghosts ? ghosts->own : u) + b * stride;
    double *to = out + b * size;
    for (ptrdiff_t c = 0; c < size; c++) to[c] = 0.0;
    if (!(adjoint->factor > 0)) continue;
    if (ghosts && m + 1 < n_list) amr_prefetch(layout, ghosts->own, list[m + 1], 0);
    if (ghosts) amr_ghosts_fill(ghosts, b, coarse, 1);
    for (int axis = 0; axis < layout->dim; axis++) signed_details(layout, from, axis, d + axis * stride);
    for (int s = 0; s < adjoint->n_snapshot; s++)
      for (int child = 0; child < 1 << layout->dim * up; child++) {
        const int mask = (1 << up) - 1, at[3] = {child & mask, child >> up & mask, child >> 2 * up & mask};
        take_weights(layout, adjoint, adjoint->weight + s * snapshot, first + 3 * b, finer[b], at, q);
        for (int axis = 0; axis < layout->dim; axis++) fold_axis(layout, axis, q, d + axis * stride, to);
      }
    for (ptrdiff_t c = 0; c < size; c++) to[c] *= adjoint->factor;
  }
  return AMR_OK;
}
