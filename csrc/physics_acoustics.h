/* Linear acoustics: p_t + rho c^2 div v = 0, v_t + grad p / rho = 0; w = u = pressure, velocity. param[0] = density rho,
 * param[1] = sound speed c. See physics_euler.h for the roles of the functions.
 */
#ifndef AMR_PHYSICS_ACOUSTICS_H
#define AMR_PHYSICS_ACOUSTICS_H
#include "amr.h"

#define acoustics_n_fixed(dim) (1 + (dim))
#define acoustics_n_evolved(dim) (1 + (dim))
#define acoustics_max_dim 3
#define acoustics_has_vector 1
#define acoustics_has_scalars 0
#define acoustics_has_join 0
#define acoustics_has_hllc 0
#define acoustics_has_roe 0
#define acoustics_has_exact 0

AMR_INLINE void acoustics_copy(int dim, const double *a, double *b) {
  b[0] = a[0];
  b[1] = a[1];
  if (dim > 1) b[2] = a[2];
  if (dim > 2) b[3] = a[3];
}

AMR_INLINE void acoustics_to_primitive(const double *param, int dim, const double *u, double *w) {
  (void)param;
  acoustics_copy(dim, u, w);
}

AMR_INLINE void acoustics_to_conserved(const double *param, int dim, const double *w, double *u) {
  (void)param;
  acoustics_copy(dim, w, u);
}

AMR_INLINE int acoustics_is_physical(int dim, const double *w) {
  (void)dim, (void)w;
  return 1;
}

AMR_INLINE int acoustics_faces_physical(int dim, const double *half, const double *sx, const double *sy,
                                        const double *sz) {
  (void)dim, (void)half, (void)sx, (void)sy, (void)sz;
  return 1;
}

AMR_INLINE void acoustics_signals(const double *param, int dim, int axis, const double *w, double *slow, double *fast) {
  (void)dim, (void)axis, (void)w;
  *slow = -param[1];
  *fast = param[1];
}

AMR_INLINE void acoustics_flux(const double *param, int dim, int axis, const double *w, double *u, double *f) {
  (void)axis;
  acoustics_copy(dim, w, u);
  f[0] = param[0] * param[1] * param[1] * w[1];
  f[1] = w[0] / param[0];
  if (dim > 1) f[2] = 0;
  if (dim > 2) f[3] = 0;
}

AMR_INLINE double acoustics_rate(const double *param, int dim, const double *w, const double *inverse_h) {
  (void)w;
  double s = inverse_h[0];
  if (dim > 1) s += inverse_h[1];
  if (dim > 2) s += inverse_h[2];
  return param[1] * s;
}

AMR_INLINE void acoustics_predict(const double *param, int dim, const double *k, const double *w, const double *sx,
                                  const double *sy, const double *sz, double *half) {
  double stiffness = param[0] * param[1] * param[1], divergence = k[0] * sx[1];
  if (dim > 1) divergence += k[1] * sy[2];
  if (dim > 2) divergence += k[2] * sz[3];
  half[0] = w[0] - stiffness * divergence;
  half[1] = w[1] - k[0] * sx[0] / param[0];
  if (dim > 1) half[2] = w[2] - k[1] * sy[0] / param[0];
  if (dim > 2) half[3] = w[3] - k[2] * sz[0] / param[0];
}

#endif
