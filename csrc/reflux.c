#include "reflux.h"

/* Transverse extents of a face, fast axis first. */
AMR_INLINE void face_extent(const amr_layout *l, int cells, int extent[2]) {
  extent[0] = l->dim > 1 ? cells : 1;
  extent[1] = l->dim > 2 ? cells : 1;
}

void amr_reflux_average(const amr_layout *layout, const double *flux, double *rows, double weight, int more,
                        ptrdiff_t n_op, const int32_t *ops) {
  int fine[2], half[2];
  face_extent(layout, layout->n, fine);
  face_extent(layout, layout->n / 2, half);
  const ptrdiff_t n_fine = (ptrdiff_t)fine[0] * fine[1], n_half = (ptrdiff_t)half[0] * half[1];
  for (ptrdiff_t m = 0; m < n_op; m++)
    for (int v = 0; v < layout->n_var; v++) {
      const double *f = flux + (ops[2 * m] * (ptrdiff_t)layout->n_var + v) * n_fine;
      double *row = rows + (ops[2 * m + 1] * (ptrdiff_t)layout->n_var + v) * n_half;
      for (int b = 0; b < half[1]; b++)
        for (int a = 0; a < half[0]; a++) {
          const double *f0 = f + 2 * b * fine[0] + 2 * a, *f1 = f0 + fine[0];
          const double mean = layout->dim == 1   ? f0[0]
                              : layout->dim == 2 ? 0.5 * (f0[0] + f0[1])
                                                 : 0.25 * ((f0[0] + f1[1]) + (f0[1] + f1[0]));
          double *r = row + b * half[0] + a;
          *r = more ? *r + weight * mean : weight * mean;
        }
    }
}

/* A face of a coarse block: the axes of its cells (low is the fast one), its own fluxes and the rows of the fine ones. */
typedef struct {
  int direction, low, high, extent[2];
  double inverse_h;
  const double *coarse, *fine[4];
} coarse_face;

AMR_INLINE coarse_face make_face(const amr_layout *l, const amr_reflux_plan *plan, ptrdiff_t q, int direction,
                                 double scale) {
  const int axis = direction / 2;
  const ptrdiff_t at = 6 * q + direction;
  coarse_face face = {.direction = direction, .low = axis == 0 ? 1 : 0, .high = axis == 2 ? 1 : 2};
  int half[2];
  face_extent(l, l->n, face.extent);
  face_extent(l, l->n / 2, half);
  face.inverse_h = scale / plan->spacing[3 * plan->block[q] + axis];
  face.coarse = plan->flux + plan->slot[at] * (ptrdiff_t)l->n_var * face.extent[0] * face.extent[1];
  for (int part = 0; part < 1 << (l->dim - 1); part++)
    face.fine[part] = plan->rows + plan->row[4 * at + part] * (ptrdiff_t)l->n_var * half[0] * half[1];
  return face;
}

/* Signed difference of the coarse and the fine flux over h of n <= n/2 cells from (a, b) on, which see one fine face; out[i] += it. */
AMR_INLINE void add_terms(const amr_layout *l, const coarse_face *face, int v, int a, int b, int n, double *out,
                          ptrdiff_t step) {
  const int half = l->n / 2, upper_a = a >= half, upper_b = b >= half;
  const int part_a = l->dim > 1 ? half : 1, part_b = l->dim > 2 ? half : 1;
  const double *coarse = face->coarse + ((ptrdiff_t)v * face->extent[1] + b) * face->extent[0] + a;
  const double *fine = face->fine[upper_a + 2 * upper_b] + ((ptrdiff_t)v * part_b + (b - upper_b * half)) * part_a
                       + (a - upper_a * half);
  const double inverse_h = face->inverse_h;
#pragma GCC ivdep
  for (int i = 0; i < n; i++) {
    const double term = (coarse[i] - fine[i]) * inverse_h;
    out[i * step] += 0.0 + (face->direction % 2 ? term : -term);
  }
}

/* The cells of a face that no other face between levels shares, row by row and half by half. */
AMR_INLINE void correct_rows(const amr_layout *l, const coarse_face *face, const int a_range[2], const int b_range[2],
                             double *plane, ptrdiff_t step) {
  const int split = l->dim > 1 ? l->n / 2 : 1;
  for (int v = 0; v < l->n_var; v++)
    for (int b = b_range[0]; b < b_range[1]; b++) {
      double *row = plane + v * l->var_stride + b * l->stride[face->high];
      add_terms(l, face, v, a_range[0], b, split - a_range[0], row + a_range[0] * step, step);
      add_terms(l, face, v, split, b, a_range[1] - split, row + split * step, step);
    }
}

/* The other cells of a face: all faces of such a cell in axis order, summed first; what an earlier direction has met is done. */
static void correct_rim(const amr_layout *l, const coarse_face *const face[6], int direction, const int a_range[2],
                        const int b_range[2], double *block) {
  const int axis = direction / 2, last = l->n - 1;
  const coarse_face *f = face[direction];
  for (int b = 0; b < f->extent[1]; b++)
    for (int a = 0; a < f->extent[0]; a++) {
      if (b >= b_range[0] && b < b_range[1] && a >= a_range[0] && a < a_range[1]) {
        a = a_range[1] - 1;
        continue;
      }
      int c[3] = {0, 0, 0}, faces[3], n_face = 0, is_done = 0;
      c[axis] = direction % 2 ? last : 0, c[f->low] = a, c[f->high] = b;
      for (int d = 0; d < l->dim; d++) {
        const int of = c[d] == 0 ? 2 * d : c[d] == last ? 2 * d + 1 : -1;
        if (of < 0 || !face[of]) continue;
        if (d < axis) is_done = 1;
        faces[n_face++] = of;
      }
      for (int v = 0; v < l->n_var && !is_done; v++) {
        double sum = 0;
        for (int m = 0; m < n_face; m++) {
          const coarse_face *one = face[faces[m]];
          add_terms(l, one, v, c[one->low], c[one->high], 1, &sum, 1);
        }
        block[v * l->var_stride + amr_cell(l, c[0], c[1], c[2])] += sum;
      }
    }
}

AMR_CLONES void amr_reflux_apply(const amr_layout *layout, double *u, double scale, ptrdiff_t n,
                                 const amr_reflux_plan *plan) {
  for (ptrdiff_t q = 0; q < n; q++) {
    double *block = u + plan->block[q] * layout->block_stride;
    coarse_face made[6];
    const coarse_face *face[6] = {0};
    for (int d = 0; d < 2 * layout->dim; d++)
      if (plan->slot[6 * q + d] >= 0) made[d] = make_face(layout, plan, q, d, scale), face[d] = &made[d];
    for (int d = 0; d < 2 * layout->dim; d++) {
      if (!face[d]) continue;
      const int low = face[d]->low, high = face[d]->high, *extent = face[d]->extent;
      const int a_range[2] = {face[2 * low] != 0, extent[0] - (face[2 * low + 1] != 0)},
                b_range[2] = {face[2 * high] != 0, extent[1] - (face[2 * high + 1] != 0)};
      int first[3] = {0, 0, 0};
      first[d / 2] = d % 2 ? layout->n - 1 : 0;
      double *plane = block + amr_cell(layout, first[0], first[1], first[2]);
      if (low == 0)
        correct_rows(layout, face[d], a_range, b_range, plane, 1);
      else
        correct_rows(layout, face[d], a_range, b_range, plane, layout->stride[low]);
      if (a_range[1] - a_range[0] < extent[0] || b_range[1] - b_range[0] < extent[1])
        correct_rim(layout, face, d, a_range, b_range, block);
    }
  }
}
