/* Slope limiters: from the differences to the lower and the upper neighbour to the difference across a cell.
 *
 * Every limiter is symmetric, limit(a, b) = limit(b, a), odd, and (but for AMR_LIMIT_NONE) zero at an extremum and within
 * [0, 2 min(|a|, |b|)]: total variation diminishing. References: van Leer, J. Comput. Phys. 32 (1979) 101; Sweby, SIAM J.
 * Numer. Anal. 21 (1984) 995. Written with a < b ? a : b, not fmin, whose NaN rule would stop vectorisation.
 */
#ifndef AMR_LIMITER_H
#define AMR_LIMITER_H
#include "amr.h"

#include <math.h>

typedef enum { AMR_LIMIT_MINMOD = 0, AMR_LIMIT_MC = 1, AMR_LIMIT_VAN_LEER = 2, AMR_LIMIT_NONE = 3 } amr_limiter_id;

AMR_INLINE double amr_limit_minmod(double a, double b) {
  double m = fabs(a) < fabs(b) ? a : b;
  return a * b > 0 ? m : 0.0;
}

AMR_INLINE double amr_limit_mc(double a, double b) {
  double fa = fabs(a), fb = fabs(b), least = fa < fb ? fa : fb, m = least + least, c = fabs(0.5 * (a + b));
  m = m < c ? m : c;
  return a * b > 0 ? copysign(m, a) : 0.0;
}

AMR_INLINE double amr_limit_van_leer(double a, double b) {
  double product = a * b, slope = 2 * product / (a + b);
  return product > 0 ? slope : 0.0;
}

AMR_INLINE double amr_limit_none(double a, double b) { return 0.5 * (a + b); }

/* The limiter by id; a compile-time constant id costs nothing. */
AMR_INLINE double amr_limit(int id, double a, double b) {
  return id == AMR_LIMIT_MINMOD     ? amr_limit_minmod(a, b)
         : id == AMR_LIMIT_MC       ? amr_limit_mc(a, b)
         : id == AMR_LIMIT_VAN_LEER ? amr_limit_van_leer(a, b)
                                    : amr_limit_none(a, b);
}

/* out[c] = limit(id, a[c], b[c]) for c < n; for tests and tools. */
void amr_limit_row(int id, ptrdiff_t n, const double *a, const double *b, double *out);

#endif
