#include "gravity.h"

/* Cells per axis of a block, 1 in an inactive one. */
AMR_INLINE int cells_along(const amr_layout *l, int axis) { return axis < l->dim ? l->n : 1; }

/* A half kick of one row of cells; energy from `given` if it is there, else the gain of kinetic energy, kept in `work`. */
AMR_INLINE void kick_row(const amr_layout *l, int dim, const double *phi, const double *scale, double *u, double *work,
                         const double *given, double *sums) {
  const ptrdiff_t v = l->var_stride;
  double sum[5] = {0};
  for (int i = 0; i < l->n; i++) {
    double gain = 0;
    for (int a = 0; a < dim; a++) {
      double *p = u + (1 + a) * v + i;
      const double kick = -scale[a] * u[i] * (phi[i + l->stride[a]] - phi[i - l->stride[a]]);
      gain += kick * (*p + 0.5 * kick) / u[i];
      *p += kick;
      sum[1 + a] += kick;
    }
    if (given)
      gain = given[i];
    else
      work[i] = gain;
    u[(1 + dim) * v + i] += gain;
    sum[1 + dim] += gain;
  }
  for (int q = 0; q < 2 + dim; q++) sums[q] += sum[q];
}

AMR_INLINE void kick_blocks(const amr_layout *l, int dim, ptrdiff_t m, const double *phi, const double *spacing,
                            double dt, double *u, double *work, const double *given, double *sums) {
  for (ptrdiff_t q = 0; q < m; q++) {
    double scale[3];
    for (int a = 0; a < 3; a++) scale[a] = dt / (2 * spacing[3 * q + a]);
    for (int v = 0; v < l->n_var; v++) sums[q * l->n_var + v] = 0;
    for (int k = 0; k < cells_along(l, 2); k++)
      for (int j = 0; j < cells_along(l, 1); j++) {
        const ptrdiff_t c = amr_cell(l, 0, j, k), one = q * l->var_stride + c;
        kick_row(l, dim, phi + one, scale, u + q * l->block_stride + c, work ? work + one : NULL,
                 given ? given + one : NULL, sums + q * l->n_var);
      }
  }
}

AMR_INLINE void kick_any(const amr_layout *l, ptrdiff_t m, const double *phi, const double *spacing, double dt,
                         double *u, double *work, const double *given, double *sums) {
  if (l->dim == 1) kick_blocks(l, 1, m, phi, spacing, dt, u, work, given, sums);
  if (l->dim == 2) kick_blocks(l, 2, m, phi, spacing, dt, u, work, given, sums);
  if (l->dim == 3) kick_blocks(l, 3, m, phi, spacing, dt, u, work, given, sums);
}

void amr_gravity_kick(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double dt,
                      double *u, double *work, double *sums) {
  kick_any(layout, m, phi, spacing, dt, u, work, NULL, sums);
}

void amr_gravity_finish(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double dt,
                        double *u, const double *work, double *sums) {
  kick_any(layout, m, phi, spacing, dt, u, NULL, work, sums);
}

/* F phi_face through the lower face of a cell. */
AMR_INLINE double carried(const double *phi, const double *mass, ptrdiff_t stride) {
  return mass[0] * (0.5 * (phi[-stride] + phi[0]));
}

/* Energy fluxes through the block's face `direction`. phi, mass: at the first interior cell. */
static void store_face(const amr_layout *l, int direction, const double *phi, const double *mass, double *out) {
  const int axis = direction / 2, at = direction % 2 ? l->n : 0;
  int extent[3];
  for (int a = 0; a < 3; a++) extent[a] = a == axis ? 1 : cells_along(l, a);
  for (int k = 0; k < extent[2]; k++)
    for (int j = 0; j < extent[1]; j++)
      for (int i = 0; i < extent[0]; i++) {
        const ptrdiff_t c = i + j * l->stride[1] + k * l->stride[2] + at * l->stride[axis];
        *out++ = carried(phi + c, mass + axis * l->var_stride + c, l->stride[axis]);
      }
}

void amr_gravity_work(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *change,
                      const double *mass, const double *spacing, double dt, const int32_t *face_slot, double *flux,
                      double *work) {
  const amr_layout *l = layout;
  const ptrdiff_t first = amr_cell(l, 0, 0, 0);
  ptrdiff_t size = 1;
  for (int a = 1; a < l->dim; a++) size *= l->n;
  for (ptrdiff_t q = 0; q < m; q++) {
    const double *p = phi + q * l->var_stride + first, *d = change + q * l->var_stride + first;
    const double *f = mass + q * l->dim * l->var_stride + first;
    double *w = work + q * l->var_stride + first;
    for (int k = 0; k < cells_along(l, 2); k++)
      for (int j = 0; j < cells_along(l, 1); j++) {
        const ptrdiff_t c = j * l->stride[1] + k * l->stride[2];
        for (int i = 0; i < l->n; i++) w[c + i] = -w[c + i] - p[c + i] * d[c + i];
        for (int a = 0; a < l->dim; a++) {
          const ptrdiff_t s = l->stride[a], at = c + a * l->var_stride;
          const double rate = dt / spacing[3 * q + a];
          for (int i = 0; i < l->n; i++)
            w[c + i] -= rate * (carried(p + c + i + s, f + at + i + s, s) - carried(p + c + i, f + at + i, s));
        }
      }
    for (int direction = 0; direction < 2 * l->dim; direction++) {
      const int32_t slot = face_slot[6 * q + direction];
      if (slot >= 0) store_face(l, direction, p, f, flux + slot * size);
    }
  }
}

void amr_gravity_rate(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double *rate) {
  const amr_layout *l = layout;
  for (ptrdiff_t q = 0; q < m; q++) {
    double top = 0;
    for (int k = 0; k < cells_along(l, 2); k++)
      for (int j = 0; j < cells_along(l, 1); j++) {
        const double *p = phi + q * l->var_stride + amr_cell(l, 0, j, k);
        for (int i = 0; i < l->n; i++) {
          double sum = 0;
          for (int a = 0; a < l->dim; a++) {
            const double h = spacing[3 * q + a], slope = p[i + l->stride[a]] - p[i - l->stride[a]];
            sum += (slope < 0 ? -slope : slope) / (2 * h * h);
          }
          top = sum > top ? sum : top;
        }
      }
    rate[q] = top;
  }
}
