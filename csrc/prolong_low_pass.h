/* Low-pass prolongation of coarse cells (private to csrc/prolong.c).
 *
 * A child's average is that of the polynomial through the averages of the coarse cell and two neighbours on either side along each
 * axis, and of the mixed terms x y that the corners tell: exact for polynomials up to the third degree, but for x y z. Injected or
 * linear children carry an image of a coarse wave beyond the coarse mesh's Nyquist limit; these hardly do (docs/scheme.md).
 */
#ifndef AMR_PROLONG_LOW_PASS_H
#define AMR_PROLONG_LOW_PASS_H
#include "amr.h"

AMR_INLINE double low_pass_size(double x) { return x < 0 ? -x : x; }

/* Whether the averages c[-2 t] to c[2 t] are smooth enough for the polynomial. *slope := half the difference of its averages over the
 * upper and the lower half of the middle cell. Smooth: the fourth difference is small beside the variation, which holds for waves of
 * more than some 4.5 cells and for no cell within two of a jump; and where the averages are monotone, the children are so, too, as
 * far from the next averages as the steepest limited slope would leave them. NaN is not smooth. */
AMR_INLINE int low_pass_slope(const double *c, ptrdiff_t t, double *slope) {
  const double a = c[-t] - c[-2 * t], b = c[0] - c[-t], d = c[t] - c[0], e = c[2 * t] - c[t];
  const double variation = (low_pass_size(a) + low_pass_size(e)) + (low_pass_size(b) + low_pass_size(d));
  const double s = (22 * (c[t] - c[-t]) - 3 * (c[2 * t] - c[-2 * t])) * (1.0 / 128);
  const double fb = low_pass_size(b), fd = low_pass_size(d), rise = b + d < 0 ? -s : s;
  const int is_monotone = ((a >= 0) & (b >= 0) & (d >= 0) & (e >= 0)) | ((a <= 0) & (b <= 0) & (d <= 0) & (e <= 0));
  const int is_between = (rise >= 0) & (rise <= 0.5 * (fb < fd ? fb : fd));
  *slope = s;
  return (low_pass_size((e - a) - 3 * (d - b)) <= 0.75 * variation) & (is_between >= is_monotone);
}

/* 1/16 of the mixed difference along t and r, as the four corners tell it: their mean, but at most twice the least, and 0 if their
 * signs differ, which they do beside the corner of a jump. */
AMR_INLINE double low_pass_mixed(const double *c, ptrdiff_t t, ptrdiff_t r) {
  const double upper = (c[t + r] + c[0]) - (c[t] + c[r]), lower = (c[-t - r] + c[0]) - (c[-t] + c[-r]);
  const double right = (c[t] + c[-r]) - (c[t - r] + c[0]), left = (c[-t] + c[r]) - (c[r - t] + c[0]);
  const double mean = 0.25 * ((upper + lower) + (right + left));
  const double low_1 = upper < lower ? upper : lower, low_2 = right < left ? right : left;
  const double high_1 = upper < lower ? lower : upper, high_2 = right < left ? left : right;
  const double low = 2 * (low_1 < low_2 ? low_1 : low_2), high = 2 * (high_1 > high_2 ? high_1 : high_2);
  const double limited = low > 0 ? (mean < low ? mean : low) : high < 0 ? (mean > high ? mean : high) : 0.0;
  return 0.0625 * limited;
}

/* Children of a cell, q = x + 2 y + 4 z to child[q * m], if it is smooth along all axes; returns whether. */
AMR_INLINE int low_pass_children(int dim, const ptrdiff_t *stride, const double *c, double *child, ptrdiff_t m) {
  double s[3] = {0, 0, 0}, xy = 0, xz = 0, yz = 0;
  int is_smooth = 1;
  for (int a = 0; a < dim; a++) is_smooth &= low_pass_slope(c, stride[a], s + a);
  if (!is_smooth) return 0;
  if (dim > 1) xy = low_pass_mixed(c, stride[0], stride[1]);
  if (dim > 2) xz = low_pass_mixed(c, stride[0], stride[2]), yz = low_pass_mixed(c, stride[1], stride[2]);
  for (int q = 0; q < 1 << dim; q++) {
    const int x = q & 1 ? 1 : -1, y = q & 2 ? 1 : -1, z = q & 4 ? 1 : -1;
    const double linear = x * s[0] + y * s[1], mixed = x * y * xy;
    child[q * m] = c[0] + (dim < 3 ? linear + mixed : (linear + z * s[2]) + (mixed + z * (x * xz + y * yz)));
  }
  return 1;
}

#endif
