/* Solvers for any equation set, instantiated for AMR_PHYSICS (included once per equation set, after its physics header).
 *
 * PHYS(hllc) etc. need to exist only where PHYS(has_hllc) etc. are 1. The face states stand normal velocity first. Static
 * variables (n_evolved <= v < n_fixed) have no flux.
 */
#ifndef AMR_PHYSICS
#error "define AMR_PHYSICS before including riemann_body.h"
#endif
#include "riemann.h"

#ifndef PHYS
#define AMR_PASTE2(a, b) a##_##b
#define AMR_PASTE(a, b) AMR_PASTE2(a, b)
#define PHYS(name) AMR_PASTE(AMR_PHYSICS, name)
#endif

/* Rusanov (local Lax-Friedrichs): J. Comput. Math. Phys. USSR 1 (1961) 267. */
AMR_INLINE void PHYS(rusanov)(const double *param, int dim, int axis, const double *wl, const double *wr, double *f) {
  double ul[5] = {0}, ur[5] = {0}, fl[5] = {0}, fr[5] = {0}, slow[2], fast[2];
  PHYS(flux)(param, dim, axis, wl, ul, fl);
  PHYS(flux)(param, dim, axis, wr, ur, fr);
  PHYS(signals)(param, dim, axis, wl, &slow[0], &fast[0]);
  PHYS(signals)(param, dim, axis, wr, &slow[1], &fast[1]);
  double a = -slow[0] > fast[0] ? -slow[0] : fast[0], b = -slow[1] > fast[1] ? -slow[1] : fast[1], s = a > b ? a : b;
#pragma GCC unroll 5
  for (int v = 0; v < PHYS(n_evolved)(dim); v++) f[v] = 0.5 * ((fl[v] + fr[v]) - s * (ur[v] - ul[v]));
}

/* HLL: Harten, Lax, van Leer, SIAM Review 25 (1983) 35, with Davis' signal speeds. */
AMR_INLINE void PHYS(hll)(const double *param, int dim, int axis, const double *wl, const double *wr, double *f) {
  double ul[5] = {0}, ur[5] = {0}, fl[5] = {0}, fr[5] = {0}, slow[2], fast[2];
  PHYS(flux)(param, dim, axis, wl, ul, fl);
  PHYS(flux)(param, dim, axis, wr, ur, fr);
  PHYS(signals)(param, dim, axis, wl, &slow[0], &fast[0]);
  PHYS(signals)(param, dim, axis, wr, &slow[1], &fast[1]);
  double a = slow[0] < slow[1] ? slow[0] : slow[1], b = fast[0] > fast[1] ? fast[0] : fast[1];
  a = a < 0 ? a : 0.0;
  b = b > 0 ? b : 0.0;
  /* Both are 0 only where nothing moves; then the flux is the mean of two equal ones. */
  double width = b - a, inverse = 1 / (width > 0 ? width : 1.0), ab = a * b;
  double left = width > 0 ? b * inverse : 0.5, right = width > 0 ? -a * inverse : 0.5, jump = ab * inverse;
#pragma GCC unroll 5
  for (int v = 0; v < PHYS(n_evolved)(dim); v++) f[v] = (left * fl[v] + right * fr[v]) + jump * (ur[v] - ul[v]);
}

/* The solver by id; a compile-time constant id costs nothing. */
AMR_INLINE void PHYS(solve)(int solver, const double *param, int dim, int axis, double *wl, double *wr, double *f) {
#if PHYS(has_join)
  PHYS(join)(wl, wr);
#endif
  if (solver == AMR_RUSANOV) PHYS(rusanov)(param, dim, axis, wl, wr, f);
  if (solver == AMR_HLL) PHYS(hll)(param, dim, axis, wl, wr, f);
#if PHYS(has_hllc)
  if (solver == AMR_HLLC) PHYS(hllc)(param, dim, wl, wr, f);
#endif
#if PHYS(has_roe)
  if (solver == AMR_ROE) PHYS(roe)(param, dim, wl, wr, f);
#endif
#if PHYS(has_exact)
  if (solver == AMR_EXACT) PHYS(exact)(param, dim, wl, wr, f);
#endif
#pragma GCC unroll 5
  for (int v = PHYS(n_evolved)(dim); v < PHYS(n_fixed)(dim); v++) f[v] = 0;
}

/* Variable of component v of a face state: the velocity (variables 1..dim where there is one) is rotated, normal first. */
AMR_INLINE int PHYS(component)(int dim, int axis, int v) {
  return PHYS(has_vector) && v >= 1 && v <= dim ? 1 + (axis + v - 1) % dim : v;
}
