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

/* Signed difference of the coarse and the fine flux over h at the cell `c` of face `direction` of the q-th coarse block. */
AMR_INLINE double face_term(const amr_layout *l, const amr_reflux_plan *plan, ptrdiff_t q, int direction,
                            const int c[3], int v, double inverse_h) {
  const int axis = direction / 2, low = axis == 0 ? 1 : 0, high = axis == 2 ? 1 : 2, half = l->n / 2;
  int extent[2], part[2];
  face_extent(l, l->n, extent);
  face_extent(l, half, part);
  const int a = c[low], b = c[high], upper_a = a >= half, upper_b = b >= half;
  const ptrdiff_t slot = plan->slot[6 * q + direction],
                  row = plan->row[4 * (6 * q + direction) + upper_a + 2 * upper_b];
  const double coarse = plan->flux[((slot * l->n_var + v) * extent[1] + b) * extent[0] + a];
  const double fine =
      plan->rows[((row * l->n_var + v) * part[1] + (b - upper_b * half)) * part[0] + (a - upper_a * half)];
  const double term = (coarse - fine) * inverse_h;
  return direction % 2 ? term : -term;
}

void amr_reflux_apply(const amr_layout *layout, double *u, double scale, ptrdiff_t n, const amr_reflux_plan *plan) {
  const int last = layout->n - 1;
  for (ptrdiff_t q = 0; q < n; q++) {
    double *block = u + plan->block[q] * layout->block_stride;
    double inverse_h[3];
    for (int a = 0; a < 3; a++) inverse_h[a] = scale / plan->spacing[3 * plan->block[q] + a];
    for (int direction = 0; direction < 2 * layout->dim; direction++) {
      if (plan->slot[6 * q + direction] < 0) continue;
      const int axis = direction / 2;
      int lo[3], hi[3], c[3];
      for (int a = 0; a < 3; a++) {
        lo[a] = a == axis && direction % 2 ? last : 0;
        hi[a] = a >= layout->dim || (a == axis && direction % 2 == 0) ? 0 : last;
      }
      for (c[2] = lo[2]; c[2] <= hi[2]; c[2]++)
        for (c[1] = lo[1]; c[1] <= hi[1]; c[1]++)
          for (c[0] = lo[0]; c[0] <= hi[0]; c[0]++) {
            /* All faces of this cell in axis order; a cell that an earlier direction has met is done. */
            int faces[3], n_face = 0, done = 0;
            for (int a = 0; a < layout->dim; a++) {
              const int d = c[a] == 0 ? 2 * a : c[a] == last ? 2 * a + 1 : -1;
              if (d < 0 || plan->slot[6 * q + d] < 0) continue;
              if (a < axis) done = 1;
              faces[n_face++] = d;
            }
            if (done) continue;
            double *cell = block + amr_cell(layout, c[0], c[1], c[2]);
            for (int v = 0; v < layout->n_var; v++) {
              double sum = 0;
              for (int m = 0; m < n_face; m++)
                sum += face_term(layout, plan, q, faces[m], c, v, inverse_h[faces[m] / 2]);
              cell[v * layout->var_stride] += sum;
            }
          }
    }
  }
}
