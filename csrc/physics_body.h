/* Loops over states of one equation set, instantiated for AMR_PHYSICS: whole arrays, and the check of a block. */
#include "riemann_body.h"
#include "step.h"

static void PHYS(rotate)(int dim, int axis, const double *x, ptrdiff_t stride, double *y) {
  for (int v = 0; v < PHYS(n_fixed)(dim); v++) y[v] = x[PHYS(component)(dim, axis, v) * stride];
}

static void PHYS(rotate_back)(int dim, int axis, const double *x, double *y, ptrdiff_t stride) {
  for (int v = 0; v < PHYS(n_fixed)(dim); v++) y[PHYS(component)(dim, axis, v) * stride] = x[v];
}

AMR_INLINE void PHYS(many_to_primitive)(const amr_physics *p, int dim, ptrdiff_t m, const double *u, ptrdiff_t us,
                                        double *w, ptrdiff_t ws) {
  for (int v = PHYS(n_fixed)(dim); v < p->n_var; v++)
#pragma GCC ivdep
    for (ptrdiff_t i = 0; i < m; i++) w[v * ws + i] = u[v * us + i] / u[i];
#pragma GCC ivdep
  for (ptrdiff_t i = 0; i < m; i++) {
    double a[5], b[5] = {0};
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) a[v] = u[v * us + i];
    PHYS(to_primitive)(p->param, dim, a, b);
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) w[v * ws + i] = b[v];
  }
}

AMR_INLINE void PHYS(many_to_conserved)(const amr_physics *p, int dim, ptrdiff_t m, const double *w, ptrdiff_t ws,
                                        double *u, ptrdiff_t us) {
  for (int v = PHYS(n_fixed)(dim); v < p->n_var; v++)
#pragma GCC ivdep
    for (ptrdiff_t i = 0; i < m; i++) u[v * us + i] = w[v * ws + i] * w[i];
#pragma GCC ivdep
  for (ptrdiff_t i = 0; i < m; i++) {
    double a[5], b[5] = {0};
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) a[v] = w[v * ws + i];
    PHYS(to_conserved)(p->param, dim, a, b);
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) u[v * us + i] = b[v];
  }
}

static void PHYS(many_flux)(const amr_physics *p, int axis, ptrdiff_t m, const double *w, double *f) {
  const int dim = p->dim;
  for (ptrdiff_t i = 0; i < m; i++) {
    double a[5] = {0}, u[5], g[5] = {0};
    PHYS(rotate)(dim, axis, w + i, m, a);
    PHYS(flux)(p->param, dim, axis, a, u, g);
    for (int v = PHYS(n_evolved)(dim); v < PHYS(n_fixed)(dim); v++) g[v] = 0;
    PHYS(rotate_back)(dim, axis, g, f + i, m);
    for (int v = PHYS(n_fixed)(dim); v < p->n_var; v++) f[v * m + i] = f[i] * w[v * m + i];
  }
}

static void PHYS(many_signal)(const amr_physics *p, int axis, ptrdiff_t m, const double *w, double *signal) {
  for (ptrdiff_t i = 0; i < m; i++) {
    double a[5] = {0}, slow, fast;
    PHYS(rotate)(p->dim, axis, w + i, m, a);
    PHYS(signals)(p->param, p->dim, axis, a, &slow, &fast);
    signal[i] = fabs(slow) > fabs(fast) ? fabs(slow) : fabs(fast);
  }
}

static void PHYS(many_riemann)(const amr_physics *p, int solver, int axis, ptrdiff_t m, const double *wl,
                               const double *wr, double *f) {
  const int dim = p->dim;
  for (ptrdiff_t i = 0; i < m; i++) {
    double a[5] = {0}, b[5] = {0}, g[5] = {0};
    PHYS(rotate)(dim, axis, wl + i, m, a);
    PHYS(rotate)(dim, axis, wr + i, m, b);
    PHYS(solve)(solver, p->param, dim, axis, a, b, g);
    PHYS(rotate_back)(dim, axis, g, f + i, m);
    for (int v = PHYS(n_fixed)(dim); v < p->n_var; v++)
      f[v * m + i] = f[i] * (f[i] >= 0 ? wl[v * m + i] : wr[v * m + i]);
  }
}

static int PHYS(point_physical)(const amr_physics *p, const double *u, ptrdiff_t stride) {
  double a[5] = {0}, b[5], sum = 0;
  for (int v = 0; v < p->n_var; v++) sum += u[v * stride] * 0.0; /* NaN if one is not finite */
  for (int v = 0; v < PHYS(n_fixed)(p->dim); v++) a[v] = u[v * stride];
  PHYS(to_primitive)(p->param, p->dim, a, b);
  return PHYS(is_physical)(p->dim, b) & (sum == 0);
}

/* Cells of a row that are bad, and the highest rate of the others. */
AMR_INLINE int64_t PHYS(check_row)(const amr_physics *p, const amr_layout *l, int dim, const double *row,
                                   const double *h, double *highest) {
  double top = *highest;
  int64_t bad = 0;
#pragma omp simd reduction(max : top) reduction(+ : bad)
  for (int i = 0; i < l->n; i++) {
    double a[5], b[5], sum = 0;
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) a[v] = row[v * l->var_stride + i], sum += a[v] * 0.0;
    PHYS(to_primitive)(p->param, dim, a, b);
    const int good = PHYS(is_physical)(dim, b) & (sum == 0);
    const double rate = PHYS(rate)(p->param, dim, b, h), valid = good ? rate : 0.0;
    top = valid > top ? valid : top;
    bad += !good;
  }
  for (int v = PHYS(n_fixed)(dim); v < p->n_var; v++)
    for (int i = 0; i < l->n; i++) bad += !(row[v * l->var_stride + i] * 0.0 == 0);
  *highest = top;
  return bad;
}

/* See amr_check: a bad cell is looked for only in rows that have one. */
AMR_INLINE void PHYS(check_block)(const amr_physics *p, const amr_layout *l, int dim, const double *u,
                                  const double *spacing, double *max_signal, int64_t *n_bad, int64_t *first_bad) {
  const double h[3] = {1 / spacing[0], 1 / spacing[1], 1 / spacing[2]};
  *max_signal = 0, *n_bad = 0, *first_bad = -1;
  for (int k = 0; k < (dim > 2 ? l->n : 1); k++)
    for (int j = 0; j < (dim > 1 ? l->n : 1); j++) {
      const double *row = u + amr_cell(l, 0, j, k);
      if (!PHYS(check_row)(p, l, dim, row, h, max_signal)) continue;
      for (int i = 0; i < l->n; i++)
        if (!PHYS(point_physical)(p, row + i, l->var_stride)) {
          if (*first_bad < 0) *first_bad = i + (int64_t)l->n * (j + (int64_t)l->n * k);
          ++*n_bad;
        }
    }
}
