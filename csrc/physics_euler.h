/* Euler equations of an ideal gas, point by point; `dim` is a compile-time constant where it is called in a loop.
 *
 * u = density, momentum, energy; w = density, velocity, pressure; any number of passive scalars (u: density * s, w: s) is
 * handled by the rows that call these. In a face state the velocity stands normal component first.
 * param[0] = gamma; param[1] = largest diffusivity times density, 0 without viscous fluxes. All sums over components commute in x and y, so that 2D results are symmetric to the last bit.
 */
#ifndef AMR_PHYSICS_EULER_H
#define AMR_PHYSICS_EULER_H
#include "amr.h"

#include <math.h>

#define euler_n_fixed(dim) ((dim) + 2)
#define euler_n_evolved(dim) ((dim) + 2)
#define euler_max_dim 3
#define euler_has_vector 1
#define euler_has_scalars 1
#define euler_has_join 0
#define euler_has_hllc 1
#define euler_has_roe 1
#define euler_has_exact 1

AMR_INLINE double euler_square(int dim, const double *v) {
  double s = v[0] * v[0];
  if (dim > 1) s += v[1] * v[1];
  if (dim > 2) s += v[2] * v[2];
  return s;
}

AMR_INLINE void euler_to_primitive(const double *param, int dim, const double *u, double *w) {
  double volume = 1 / u[0];
  w[0] = u[0];
  w[1] = u[1] * volume;
  if (dim > 1) w[2] = u[2] * volume;
  if (dim > 2) w[3] = u[3] * volume;
  w[dim + 1] = (param[0] - 1) * (u[dim + 1] - 0.5 * u[0] * euler_square(dim, w + 1));
}

AMR_INLINE void euler_to_conserved(const double *param, int dim, const double *w, double *u) {
  u[0] = w[0];
  u[1] = w[0] * w[1];
  if (dim > 1) u[2] = w[0] * w[2];
  if (dim > 2) u[3] = w[0] * w[3];
  u[dim + 1] = w[dim + 1] * (1 / (param[0] - 1)) + 0.5 * w[0] * euler_square(dim, w + 1);
}

AMR_INLINE int euler_is_physical(int dim, const double *w) { return (w[0] > 0) & (w[dim + 1] > 0); }

/* The smallest of what must be positive in w +- slope / 2 on all faces. */
AMR_INLINE int euler_faces_physical(int dim, const double *half, const double *sx, const double *sy, const double *sz) {
  double dr = fabs(sx[0]), dp = fabs(sx[dim + 1]);
  if (dim > 1) dr = dr > fabs(sy[0]) ? dr : fabs(sy[0]), dp = dp > fabs(sy[dim + 1]) ? dp : fabs(sy[dim + 1]);
  if (dim > 2) dr = dr > fabs(sz[0]) ? dr : fabs(sz[0]), dp = dp > fabs(sz[dim + 1]) ? dp : fabs(sz[dim + 1]);
  return (half[0] - 0.5 * dr > 0) & (half[dim + 1] - 0.5 * dp > 0);
}

AMR_INLINE double euler_sound(const double *param, int dim, const double *w) {
  return sqrt(param[0] * w[dim + 1] / w[0]);
}

/* Slowest and fastest signal along the normal. */
AMR_INLINE void euler_signals(const double *param, int dim, int axis, const double *w, double *slow, double *fast) {
  double c = euler_sound(param, dim, w);
  (void)axis;
  *slow = w[1] - c;
  *fast = w[1] + c;
}

/* Flux through a face whose normal is the first component, and the conserved state. */
AMR_INLINE void euler_flux(const double *param, int dim, int axis, const double *w, double *u, double *f) {
  (void)axis;
  euler_to_conserved(param, dim, w, u);
  f[0] = u[1];
  f[1] = u[1] * w[1] + w[dim + 1];
  if (dim > 1) f[2] = u[1] * w[2];
  if (dim > 2) f[3] = u[1] * w[3];
  f[dim + 1] = (u[dim + 1] + w[dim + 1]) * w[1];
}

/* Sum over axes of (|v| + c) / h + 2 diffusivity / h^2: forward Euler stays monotone to dt = 1 / rate. Without viscous fluxes the
 * second part is +0 and changes no bit. */
AMR_INLINE double euler_rate(const double *param, int dim, const double *w, const double *inverse_h) {
  double volume = 1 / w[0]; /* shared with the conversion that came before */
  double c = sqrt(param[0] * w[dim + 1] * volume), s = (fabs(w[1]) + c) * inverse_h[0];
  double squares = inverse_h[0] * inverse_h[0];
  if (dim > 1) s += (fabs(w[2]) + c) * inverse_h[1], squares += inverse_h[1] * inverse_h[1];
  if (dim > 2) s += (fabs(w[3]) + c) * inverse_h[2], squares += inverse_h[2] * inverse_h[2];
  return s + 2 * param[1] * squares * volume;
}

/* Change along one axis over k = dt / (2 h): rate += k A(w) slope without the pressure gradient (added last, by component). */
AMR_INLINE void euler_predict_axis(const double *param, int dim, int axis, double k, const double *w, const double *s,
                                   double *rate, int first) {
  const int e = dim + 1;
  double v = k * w[1 + axis], divergence = k * s[1 + axis];
  double r[5];
  r[0] = v * s[0] + w[0] * divergence;
  r[1] = v * s[1];
  if (dim > 1) r[2] = v * s[2];
  if (dim > 2) r[3] = v * s[3];
  r[e] = v * s[e] + param[0] * w[e] * divergence;
  rate[0] = first ? r[0] : rate[0] + r[0];
  rate[1] = first ? r[1] : rate[1] + r[1];
  if (dim > 1) rate[2] = first ? r[2] : rate[2] + r[2];
  if (dim > 2) rate[3] = first ? r[3] : rate[3] + r[3];
  rate[e] = first ? r[e] : rate[e] + r[e];
}

/* half = w - dt/2 sum_axes A(w) slope / h, with k[axis] = dt / (2 h). */
AMR_INLINE void euler_predict(const double *param, int dim, const double *k, const double *w, const double *sx,
                              const double *sy, const double *sz, double *half) {
  const int e = dim + 1;
  double rate[5], volume = 1 / w[0];
  euler_predict_axis(param, dim, 0, k[0], w, sx, rate, 1);
  if (dim > 1) euler_predict_axis(param, dim, 1, k[1], w, sy, rate, 0);
  if (dim > 2) euler_predict_axis(param, dim, 2, k[2], w, sz, rate, 0);
  half[0] = w[0] - rate[0];
  half[1] = w[1] - (rate[1] + k[0] * sx[e] * volume);
  if (dim > 1) half[2] = w[2] - (rate[2] + k[1] * sy[e] * volume);
  if (dim > 2) half[3] = w[3] - (rate[3] + k[2] * sz[e] * volume);
  half[e] = w[e] - rate[e];
}

#endif
