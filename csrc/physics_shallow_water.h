/* Shallow water over a flat bottom in 1D and 2D; u = depth, depth * velocity; w = depth, velocity; param[0] = gravity.
 * See physics_euler.h for the roles of the functions.
 */
#ifndef AMR_PHYSICS_SHALLOW_WATER_H
#define AMR_PHYSICS_SHALLOW_WATER_H
#include "amr.h"

#include <math.h>

#define shallow_water_n_fixed(dim) (1 + (dim))
#define shallow_water_n_evolved(dim) (1 + (dim))
#define shallow_water_max_dim 2
#define shallow_water_has_vector 1
#define shallow_water_has_scalars 0
#define shallow_water_has_join 0
#define shallow_water_has_hllc 1
#define shallow_water_has_roe 0
#define shallow_water_has_exact 0

AMR_INLINE void shallow_water_to_primitive(const double *param, int dim, const double *u, double *w) {
  (void)param;
  double inverse = 1 / u[0];
  w[0] = u[0];
  w[1] = u[1] * inverse;
  if (dim > 1) w[2] = u[2] * inverse;
}

AMR_INLINE void shallow_water_to_conserved(const double *param, int dim, const double *w, double *u) {
  (void)param;
  u[0] = w[0];
  u[1] = w[0] * w[1];
  if (dim > 1) u[2] = w[0] * w[2];
}

AMR_INLINE int shallow_water_is_physical(int dim, const double *w) {
  (void)dim;
  return w[0] > 0;
}

AMR_INLINE int shallow_water_faces_physical(int dim, const double *half, const double *sx, const double *sy,
                                            const double *sz) {
  (void)sz;
  double d = fabs(sx[0]);
  if (dim > 1) d = d > fabs(sy[0]) ? d : fabs(sy[0]);
  return half[0] - 0.5 * d > 0;
}

AMR_INLINE void shallow_water_signals(const double *param, int dim, int axis, const double *w, double *slow,
                                      double *fast) {
  (void)dim, (void)axis;
  double c = sqrt(param[0] * w[0]);
  *slow = w[1] - c;
  *fast = w[1] + c;
}

AMR_INLINE void shallow_water_flux(const double *param, int dim, int axis, const double *w, double *u, double *f) {
  (void)axis;
  shallow_water_to_conserved(param, dim, w, u);
  f[0] = u[1];
  f[1] = u[1] * w[1] + 0.5 * param[0] * w[0] * w[0];
  if (dim > 1) f[2] = u[1] * w[2];
}

AMR_INLINE double shallow_water_rate(const double *param, int dim, const double *w, const double *inverse_h) {
  double c = sqrt(param[0] * w[0]), s = (fabs(w[1]) + c) * inverse_h[0];
  if (dim > 1) s += (fabs(w[2]) + c) * inverse_h[1];
  return s;
}

AMR_INLINE void shallow_water_predict(const double *param, int dim, const double *k, const double *w, const double *sx,
                                      const double *sy, const double *sz, double *half) {
  (void)sz;
  double v = k[0] * w[1], depth = v * sx[0] + w[0] * (k[0] * sx[1]), x = v * sx[1], y = 0;
  if (dim > 1) {
    double t = k[1] * w[2];
    depth += t * sy[0] + w[0] * (k[1] * sy[2]);
    x += t * sy[1];
    y = v * sx[2] + t * sy[2];
  }
  half[0] = w[0] - depth;
  half[1] = w[1] - (x + k[0] * param[0] * sx[0]);
  if (dim > 1) half[2] = w[2] - (y + k[1] * param[0] * sy[0]);
}

/* HLLC: with two genuinely nonlinear waves the star states of depth and normal momentum are those of HLL; the contact carries
 * the transverse velocity with the mass (Toro, Shock-Capturing Methods for Free-Surface Shallow Flows, 2001, ch. 10). */
AMR_INLINE void shallow_water_hllc(const double *param, int dim, const double *wl, const double *wr, double *f) {
  double g = param[0], cl = sqrt(g * wl[0]), cr = sqrt(g * wr[0]);
  double a = wl[1] - cl < wr[1] - cr ? wl[1] - cl : wr[1] - cr, b = wl[1] + cl > wr[1] + cr ? wl[1] + cl : wr[1] + cr;
  a = a < 0 ? a : 0.0;
  b = b > 0 ? b : 0.0;
  double inverse = 1 / (b - a), left = b * inverse, right = -a * inverse, jump = a * b * inverse;
  double ml = wl[0] * wl[1], mr = wr[0] * wr[1];
  f[0] = (left * ml + right * mr) + jump * (wr[0] - wl[0]);
  double fl = ml * wl[1] + 0.5 * g * wl[0] * wl[0], fr = mr * wr[1] + 0.5 * g * wr[0] * wr[0];
  f[1] = (left * fl + right * fr) + jump * (mr - ml);
  if (dim > 1) f[2] = f[0] * (f[0] >= 0 ? wl[2] : wr[2]);
}

#endif
