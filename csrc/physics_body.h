/* Loops over states of one equation set, instantiated for AMR_PHYSICS: whole arrays, and the check of a block. */
#include "riemann_body.h"
#include "step.h"

#include <math.h>

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

/* 1 if all of the m states pass point_physical: the same operations. Integers, because a reduction of doubles would not vectorise. */
AMR_INLINE int PHYS(many_physical)(const amr_physics *p, int dim, ptrdiff_t m, const double *u, ptrdiff_t us) {
  int64_t n_bad = 0;
  for (ptrdiff_t i = 0; i < m; i++) {
    double a[5] = {0}, b[5], sum = 0;
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) a[v] = u[v * us + i], sum += a[v] * 0.0;
    PHYS(to_primitive)(p->param, dim, a, b);
    n_bad += PHYS(is_physical)(dim, b) & (sum == 0) ? 0 : 1;
  }
  for (int v = PHYS(n_fixed)(dim); v < p->n_var; v++)
    for (ptrdiff_t i = 0; i < m; i++) n_bad += u[v * us + i] * 0.0 == 0 ? 0 : 1;
  return n_bad == 0;
}

/* top[i] = max(top[i], rate) for the cells of a row; infinite for a bad cell. */
AMR_INLINE void PHYS(rate_row)(const amr_physics *p, const amr_layout *l, int dim, ptrdiff_t n, const double *row,
                               const double *h, double *top) {
#pragma GCC ivdep
  for (ptrdiff_t i = 0; i < n; i++) {
    double a[5] = {0}, b[5], sum = 0;
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) a[v] = row[v * l->var_stride + i], sum += a[v] * 0.0;
    PHYS(to_primitive)(p->param, dim, a, b);
    const int good = PHYS(is_physical)(dim, b) & (sum == 0);
    const double rate = PHYS(rate)(p->param, dim, b, h), valid = good ? rate : INFINITY;
    top[i] = valid > top[i] ? valid : top[i];
  }
  for (int v = PHYS(n_fixed)(dim); v < p->n_var; v++)
#pragma GCC ivdep
    for (ptrdiff_t i = 0; i < n; i++) top[i] = row[v * l->var_stride + i] * 0.0 == 0 ? top[i] : INFINITY;
}

/* Cell by cell: which are bad, and the highest rate of the others. */
static __attribute__((noinline)) void PHYS(find_bad)(const amr_physics *p, const amr_layout *l, const double *u,
                                                     const double *h, double *max_signal, int64_t *n_bad,
                                                     int64_t *first_bad) {
  const int n = l->n, dim = p->dim;
  *max_signal = 0;
  for (int64_t c = 0; c < (dim > 2 ? n : 1) * (dim > 1 ? n : 1) * (int64_t)n; c++) {
    const double *cell = u + amr_cell(l, c % n, c / n % n, c / n / n);
    double rate = 0;
    if (PHYS(point_physical)(p, cell, l->var_stride)) {
      PHYS(rate_row)(p, l, dim, 1, cell, h, &rate);
      *max_signal = rate > *max_signal ? rate : *max_signal;
    } else {
      if (++*n_bad == 1) *first_bad = c;
    }
  }
}

/* See amr_check. Columns of at most 64 cells are reduced over their rows first: no sums across a vector in the inner loop. */
AMR_INLINE void PHYS(check_block)(const amr_physics *p, const amr_layout *l, int dim, const double *u,
                                  const double *spacing, double *max_signal, int64_t *n_bad, int64_t *first_bad) {
  const double h[3] = {1 / spacing[0], 1 / spacing[1], 1 / spacing[2]};
  double highest = 0;
  for (int start = 0; start < l->n; start += 64) {
    const int n = l->n - start < 64 ? l->n - start : 64;
    double top[64];
    for (int i = 0; i < n; i++) top[i] = 0;
    for (int k = 0; k < (dim > 2 ? l->n : 1); k++)
      for (int j = 0; j < (dim > 1 ? l->n : 1); j++) PHYS(rate_row)(p, l, dim, n, u + amr_cell(l, start, j, k), h, top);
    for (int i = 0; i < n; i++) highest = top[i] > highest ? top[i] : highest;
  }
  *max_signal = highest, *n_bad = 0, *first_bad = -1;
  if (!(highest < INFINITY)) PHYS(find_bad)(p, l, u, h, max_signal, n_bad, first_bad);
}
