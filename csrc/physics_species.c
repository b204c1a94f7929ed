/* Quantities that no flux carries (they diffuse and react: amr/implicit): any number of variables, conserved and primitive alike. The
 * first one is the fixed variable of the table, the others stand in the place of passive scalars. */
#include "physics_table.h"

#include <math.h>
#include <string.h>

AMR_INLINE int is_finite_state(int n_var, const double *u, ptrdiff_t stride) {
  double sum = 0;
  for (int v = 0; v < n_var; v++) sum += u[v * stride] * 0.0; /* NaN if one is not finite */
  return sum == 0;
}

static int point_physical(const amr_physics *p, const double *u, ptrdiff_t stride) {
  return is_finite_state(p->n_var, u, stride);
}

static int rows_physical(const amr_physics *p, ptrdiff_t m, const double *u, ptrdiff_t us) {
  int64_t n_bad = 0;
  for (int v = 0; v < p->n_var; v++)
    for (ptrdiff_t i = 0; i < m; i++) n_bad += u[v * us + i] * 0.0 == 0 ? 0 : 1;
  return n_bad == 0;
}

static void copy_rows(const amr_physics *p, ptrdiff_t m, const double *from, ptrdiff_t from_stride, double *to,
                      ptrdiff_t to_stride) {
  if (from == to) return;
  for (int v = 0; v < p->n_var; v++) memcpy(to + v * to_stride, from + v * from_stride, (size_t)m * sizeof *to);
}

static void no_flux(const amr_physics *p, int axis, ptrdiff_t m, const double *w, double *f) {
  (void)axis, (void)w;
  memset(f, 0, (size_t)(p->n_var * m) * sizeof *f);
}

static void no_signal(const amr_physics *p, int axis, ptrdiff_t m, const double *w, double *signal) {
  (void)p, (void)axis, (void)w;
  memset(signal, 0, (size_t)m * sizeof *signal);
}

static void no_riemann(const amr_physics *p, int solver, int axis, ptrdiff_t m, const double *wl, const double *wr,
                       double *f) {
  (void)solver, (void)wr;
  no_flux(p, axis, m, wl, f);
}

static void check(const amr_physics *p, const amr_layout *l, const double *u, const int32_t *list, int64_t n_list,
                  const double *spacing, double *max_signal, int64_t *n_bad, int64_t *first_bad) {
  const int n = l->n;
  const int64_t cells = (int64_t)n * (l->dim > 1 ? n : 1) * (l->dim > 2 ? n : 1);
  (void)spacing;
  for (int64_t q = 0; q < n_list; q++) {
    const int64_t b = list ? list[q] : q;
    max_signal[b] = 0, n_bad[b] = 0, first_bad[b] = -1;
    for (int64_t c = 0; c < cells; c++) {
      const double *cell = u + b * l->block_stride + amr_cell(l, (int)(c % n), (int)(c / n % n), (int)(c / n / n));
      if (!is_finite_state(p->n_var, cell, l->var_stride) && ++n_bad[b] == 1) first_bad[b] = c;
    }
  }
}

/* A stage without fluxes: u_out = a u0 + b u_in, and zeros in the flux register. */
static void advance(const amr_physics *p, const amr_layout *l, amr_step *step) {
  const int n = l->n, nj = l->dim > 1 ? n : 1, nk = l->dim > 2 ? n : 1;
  const double *from = step->ghosts ? step->ghosts->own : step->u_in;
  for (int64_t q = 0; q < step->n_list; q++) {
    const ptrdiff_t block = step->list[q], offset = block * l->block_stride;
    for (int v = 0; v < l->n_var; v++)
      for (int k = 0; k < nk; k++)
        for (int j = 0; j < nj; j++) {
          const ptrdiff_t row = offset + v * l->var_stride + amr_cell(l, 0, j, k);
          for (int i = 0; i < n; i++) {
            const double scaled = step->b * from[row + i];
            step->u_out[row + i] = step->a == 0 ? scaled : step->a * step->u0[row + i] + scaled;
          }
        }
    for (int d = 0; d < 6 && step->face_slot; d++) {
      const int32_t slot = step->face_slot[6 * block + d];
      const ptrdiff_t size = (ptrdiff_t)l->n_var * (l->dim > 1 ? n : 1) * (l->dim > 2 ? n : 1);
      if (slot >= 0) memset(step->flux + slot * size, 0, (size_t)size * sizeof *step->flux);
    }
  }
  if (step->max_signal)
    check(p, l, step->u_out, step->list, step->n_list, step->spacing, step->max_signal, step->n_bad, step->first_bad);
}

const amr_physics_row amr_row_species = {
    .solvers = 1 << AMR_RUSANOV | 1 << AMR_HLL,
    .max_dim = 3,
    .has_scalars = 1,
    .n_fixed = {0, 1, 1, 1},
    .advance = {0, advance, advance, advance},
    .check = check,
    .is_physical = point_physical,
    .all_physical = rows_physical,
    .to_primitive = copy_rows,
    .to_conserved = copy_rows,
    .flux = no_flux,
    .signal = no_signal,
    .riemann = no_riemann,
};
