/* WENO5-Z reconstruction of one variable in one cell from five averages.
 *
 * Borges, Carmona, Costa, Don, J. Comput. Phys. 227 (2008) 3191, with exponent 2 (fifth order at critical points too), applied to
 * cell averages. The nonlinear weights are alpha_k = d_k (1 + (tau / beta_k)^2), tau = |beta_0 - beta_2|. Both faces share the
 * betas, which are first divided by their sum: this makes all that follows independent of the variable's unit, and epsilon a
 * pure number, small enough to matter only where a beta is round-off of the others. Multiplied by all beta_k^2 the
 * alphas need no division; the two faces share the one that normalises them.
 *
 * Terms that trade places under a mirror are added first: lower and upper side then do so to the last bit.
 */
#ifndef AMR_RECONSTRUCT_WENO_H
#define AMR_RECONSTRUCT_WENO_H
#include "amr.h"

#include <float.h>
#include <math.h>

#define AMR_WENO_EPSILON 1e-16

/* lower = 2 (q0 - value at the lower face), upper = 2 (value at the upper face - q0), from the differences d0 .. d3 of the averages
 * q-2 .. q2. */
AMR_INLINE void amr_weno5z(double d0, double d1, double d2, double d3, double *lower, double *upper) {
  const double c0 = d1 - d0, c1 = d2 - d1, c2 = d3 - d2, e0 = 3 * d1 - d0, e1 = d1 + d2, e2 = 3 * d2 - d3;
  /* Four times the smoothness indicators of Jiang and Shu, J. Comput. Phys. 126 (1996) 202. */
  const double k = 13.0 / 3, b0 = k * (c0 * c0) + e0 * e0, b1 = k * (c1 * c1) + e1 * e1, b2 = k * (c2 * c2) + e2 * e2;
  const double unit = 1 / (((b0 + b2) + b1) + DBL_MIN), s0 = b0 * unit + AMR_WENO_EPSILON,
               s1 = b1 * unit + AMR_WENO_EPSILON, s2 = b2 * unit + AMR_WENO_EPSILON;
  const double q0 = s0 * s0, q1 = s1 * s1, q2 = s2 * s2, t = (s0 - s2) * (s0 - s2);
  const double z0 = (q0 + t) * (q1 * q2), z1 = 6 * ((q1 + t) * (q0 * q2)), z2 = (q2 + t) * (q0 * q1);
  /* Face values of the three parabolas, six times their distance from q0. */
  const double y0 = 3 * z0, y2 = 3 * z2;
  const double l = (z2 * (e2 + (e2 - d2)) + y0 * (e0 + d1)) + z1 * (e1 + d1);
  const double u = (z0 * (e0 + (e0 - d1)) + y2 * (e2 + d2)) + z1 * (e1 + d2);
  const double sl = (y0 + z2) + z1, su = (z0 + y2) + z1, inverse = 1 / (3 * (sl * su));
  *lower = l * (su * inverse);
  *upper = u * (sl * inverse);
}

#endif
