#include "modal.h"

#include <math.h>

/* Lines of an axis: cell c of line m lies at first + c * along + m0 * step[0] + m1 * step[1]. */
typedef struct {
  ptrdiff_t along, step[2];
  int size[2];
} lines;

static lines lines_of(const amr_layout *l, int axis) {
  lines s = {.along = l->stride[axis], .size = {1, 1}};
  int q = 0;
  for (int a = 0; a < l->dim; a++)
    if (a != axis) s.size[q] = l->n, s.step[q] = l->stride[a], q++;
  return s;
}

/* even[c][m], odd[c][m] := sum and difference of the cells c and n-1-c of line m, c < n / 2. */
AMR_INLINE void fold_lines(const lines *s, int n, const double *w, double *even, double *odd) {
  for (int c = 0; c < n / 2; c++)
    for (int m1 = 0; m1 < s->size[1]; m1++)
      for (int m0 = 0; m0 < s->size[0]; m0++) {
        const double *at = w + m0 * s->step[0] + m1 * s->step[1];
        const double lo = at[c * s->along], hi = at[(n - 1 - c) * s->along];
        *even++ = lo + hi, *odd++ = lo - hi;
      }
}

/* energy[m] := sum over modes of (coefficient of line m)^2. */
AMR_INLINE void project(int n, int n_line, int n_mode, const double *basis, const int32_t *is_odd, const double *even,
                        const double *odd, double *restrict coefficient, double *restrict energy) {
  for (int m = 0; m < n_line; m++) energy[m] = 0.0;
  for (int q = 0; q < n_mode; q++, basis += n / 2) {
    const double *half = is_odd[q] ? odd : even;
    for (int m = 0; m < n_line; m++) coefficient[m] = 0.0;
    for (int c = 0; c < n / 2; c++)
      for (int m = 0; m < n_line; m++) coefficient[m] += basis[c] * half[c * n_line + m];
    for (int m = 0; m < n_line; m++) energy[m] += coefficient[m] * coefficient[m];
  }
}

AMR_CLONES void amr_modal(const amr_layout *layout, int64_t n_block, const double *w, int n_mode, const double *basis,
                          const int32_t *is_odd, double scale, double *eta, double *scratch) {
  const int n = layout->n;
  if (!(scale > 0)) return;
  for (int64_t b = 0; b < n_block; b++) {
    const double *block = w + b * layout->var_stride + amr_cell(layout, 0, 0, 0);
    for (int axis = 0; axis < layout->dim; axis++) {
      const lines s = lines_of(layout, axis);
      const int n_line = s.size[0] * s.size[1];
      double *even = scratch, *odd = even + n / 2 * n_line, *coefficient = odd + n / 2 * n_line;
      double *energy = coefficient + n_line, most = 0.0;
      fold_lines(&s, n, block, even, odd);
      project(n, n_line, n_mode, basis, is_odd, even, odd, coefficient, energy);
      for (int m = 0; m < n_line; m++) most = energy[m] > most ? energy[m] : most;
      const double found = sqrt(most / n) / scale;
      eta[b] = found > eta[b] ? found : eta[b];
    }
  }
}
