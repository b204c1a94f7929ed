/* Parabolic reconstruction of one variable in one cell from five averages, at compile-time cost only where it is called in a loop.
 *
 * The face values are Colella and Woodward's, fourth order on a uniform mesh (J. Comput. Phys. 54 (1984) 174, eq. 1.6). A face
 * value beyond its two averages is pulled back with the limited second difference of Colella, Dorr, Hittinger and Martin
 * (J. Comput. Phys. 230 (2011) 2952, eqs. 84 and 85), then the parabola is limited as Colella and Sekora do (J. Comput. Phys. 227
 * (2008) 7069, eqs. 22, 23 and 25, C = 1.25): a smooth extremum keeps its curvature.
 *
 * All is written in differences of averages, so that adding a constant changes round-off only and a factor of two nothing, and
 * in pairs of terms that trade places under a mirror: lower and upper side then do so to the last bit.
 */
#ifndef AMR_RECONSTRUCT_PPM_H
#define AMR_RECONSTRUCT_PPM_H
#include "amr.h"

#include <math.h>

#define AMR_PPM_C 1.25

/* Sum of the two second differences a and b beside a face whose averages differ by `jump`; where it would carry the face value
 * beyond them: zero if the signs differ, else no more than `most`. */
AMR_INLINE double amr_ppm_curvature(double jump, double a, double b, double most) {
  const double sum = a + b, size = fabs(sum), least = most < size ? most : size;
  const double limited = a * b > 0 ? copysign(least, sum) : 0.0;
  return size > 6 * fabs(jump) ? limited : sum;
}

/* lower = 2 (q0 - value at the lower face), upper = 2 (value at the upper face - q0), from the differences d0 .. d3 of the averages
 * q-2 .. q2. */
AMR_INLINE void amr_ppm(double d0, double d1, double d2, double d3, double *lower, double *upper) {
  const double below = d1 - d0, here = d2 - d1, above = d3 - d2;
  /* The bounds of the curvatures, twice C times the smaller of two. */
  const double x = 2 * AMR_PPM_C * fabs(below), y = 2 * AMR_PPM_C * fabs(here), z = 2 * AMR_PPM_C * fabs(above);
  const double most_a = x < y ? x : y, most_b = y < z ? y : z;
  const double a = d1 + amr_ppm_curvature(d1, below, here, most_a) * (1.0 / 6);
  const double b = d2 - amr_ppm_curvature(d2, here, above, most_b) * (1.0 / 6);
  /* An extremum: the curvature of the parabola, limited by those around, shrinks it all. Here it is twice 3 (b - a). */
  const double s = 6 * (b - a), size = fabs(s), most = most_a < most_b ? most_a : most_b,
               least = most < size ? most : size;
  const int smooth = (s * here > 0) & (below * here > 0) & (here * above > 0);
  const double share = least / (smooth ? size : 1.0), kept = smooth ? share : 0.0;
  /* Elsewhere neither side may be more than twice the other, which would put an extremum into the cell. */
  const double fa = fabs(a), fb = fabs(b), steep_a = fa < 2 * fb ? a : 2 * b, steep_b = fb < 2 * fa ? b : 2 * a;
  const int extremum = (a * b <= 0) | (d1 * d2 <= 0);
  *lower = extremum ? kept * a : steep_a;
  *upper = extremum ? kept * b : steep_b;
}

#endif
