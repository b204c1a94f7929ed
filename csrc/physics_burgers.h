/* Burgers' equation, u_t + sum over axes of (u^2 / 2)_x = 0. See physics_euler.h for the roles of the functions. */
#ifndef AMR_PHYSICS_BURGERS_H
#define AMR_PHYSICS_BURGERS_H
#include "amr.h"

#include <math.h>

#define burgers_n_fixed(dim) 1
#define burgers_n_evolved(dim) 1
#define burgers_max_dim 3
#define burgers_has_vector 0
#define burgers_has_scalars 0
#define burgers_has_join 0
#define burgers_has_hllc 0
#define burgers_has_roe 0
#define burgers_has_exact 0

AMR_INLINE void burgers_to_primitive(const double *param, int dim, const double *u, double *w) {
  (void)param, (void)dim;
  w[0] = u[0];
}

AMR_INLINE void burgers_to_conserved(const double *param, int dim, const double *w, double *u) {
  (void)param, (void)dim;
  u[0] = w[0];
}

AMR_INLINE int burgers_is_physical(int dim, const double *w) {
  (void)dim, (void)w;
  return 1;
}

AMR_INLINE int burgers_faces_physical(int dim, const double *half, const double *sx, const double *sy,
                                      const double *sz) {
  (void)dim, (void)half, (void)sx, (void)sy, (void)sz;
  return 1;
}

AMR_INLINE void burgers_signals(const double *param, int dim, int axis, const double *w, double *slow, double *fast) {
  (void)param, (void)dim, (void)axis;
  *slow = *fast = w[0];
}

AMR_INLINE void burgers_flux(const double *param, int dim, int axis, const double *w, double *u, double *f) {
  (void)param, (void)dim, (void)axis;
  u[0] = w[0];
  f[0] = 0.5 * w[0] * w[0];
}

AMR_INLINE double burgers_rate(const double *param, int dim, const double *w, const double *inverse_h) {
  (void)param;
  double s = inverse_h[0];
  if (dim > 1) s += inverse_h[1];
  if (dim > 2) s += inverse_h[2];
  return fabs(w[0]) * s;
}

AMR_INLINE void burgers_predict(const double *param, int dim, const double *k, const double *w, const double *sx,
                                const double *sy, const double *sz, double *half) {
  (void)param;
  double change = k[0] * sx[0];
  if (dim > 1) change += k[1] * sy[0];
  if (dim > 2) change += k[2] * sz[0];
  half[0] = w[0] - w[0] * change;
}

#endif
