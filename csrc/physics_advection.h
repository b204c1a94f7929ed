/* Linear advection, with a constant velocity (param[0..2]) or with one stored beside the advected value as static variables
 * (w[1..dim], the same numbers in conserved and primitive form). See physics_euler.h for the roles of the functions.
 */
#ifndef AMR_PHYSICS_ADVECTION_H
#define AMR_PHYSICS_ADVECTION_H
#include "amr.h"

#include <math.h>

#define advection_n_fixed(dim) 1
#define advection_n_evolved(dim) 1
#define advection_max_dim 3
#define advection_has_vector 0
#define advection_has_scalars 0
#define advection_has_join 0
#define advection_has_hllc 0
#define advection_has_roe 0
#define advection_has_exact 0

AMR_INLINE void advection_to_primitive(const double *param, int dim, const double *u, double *w) {
  (void)param, (void)dim;
  w[0] = u[0];
}

AMR_INLINE void advection_to_conserved(const double *param, int dim, const double *w, double *u) {
  (void)param, (void)dim;
  u[0] = w[0];
}

AMR_INLINE int advection_is_physical(int dim, const double *w) {
  (void)dim, (void)w;
  return 1;
}

AMR_INLINE int advection_faces_physical(int dim, const double *half, const double *sx, const double *sy,
                                        const double *sz) {
  (void)dim, (void)half, (void)sx, (void)sy, (void)sz;
  return 1;
}

AMR_INLINE void advection_signals(const double *param, int dim, int axis, const double *w, double *slow, double *fast) {
  (void)dim, (void)w;
  *slow = *fast = param[axis];
}

AMR_INLINE void advection_flux(const double *param, int dim, int axis, const double *w, double *u, double *f) {
  (void)dim;
  u[0] = w[0];
  f[0] = param[axis] * w[0];
}

AMR_INLINE double advection_rate(const double *param, int dim, const double *w, const double *inverse_h) {
  (void)w;
  double s = fabs(param[0]) * inverse_h[0];
  if (dim > 1) s += fabs(param[1]) * inverse_h[1];
  if (dim > 2) s += fabs(param[2]) * inverse_h[2];
  return s;
}

AMR_INLINE void advection_predict(const double *param, int dim, const double *k, const double *w, const double *sx,
                                  const double *sy, const double *sz, double *half) {
  double change = k[0] * param[0] * sx[0];
  if (dim > 1) change += k[1] * param[1] * sy[0];
  if (dim > 2) change += k[2] * param[2] * sz[0];
  half[0] = w[0] - change;
}

#define advection_field_n_fixed(dim) (1 + (dim))
#define advection_field_n_evolved(dim) 1
#define advection_field_max_dim 3
#define advection_field_has_vector 1
#define advection_field_has_scalars 0
#define advection_field_has_join 1
#define advection_field_has_hllc 0
#define advection_field_has_roe 0
#define advection_field_has_exact 0

AMR_INLINE void advection_field_copy(int dim, const double *a, double *b) {
  b[0] = a[0];
  b[1] = a[1];
  if (dim > 1) b[2] = a[2];
  if (dim > 2) b[3] = a[3];
}

AMR_INLINE void advection_field_to_primitive(const double *param, int dim, const double *u, double *w) {
  (void)param;
  advection_field_copy(dim, u, w);
}

AMR_INLINE void advection_field_to_conserved(const double *param, int dim, const double *w, double *u) {
  (void)param;
  advection_field_copy(dim, w, u);
}

AMR_INLINE int advection_field_is_physical(int dim, const double *w) { return advection_is_physical(dim, w); }

AMR_INLINE int advection_field_faces_physical(int dim, const double *half, const double *sx, const double *sy,
                                              const double *sz) {
  return advection_faces_physical(dim, half, sx, sy, sz);
}

/* The velocity of a face is the mean of its two cells': single-valued, and as free of divergence as the field allows. */
AMR_INLINE void advection_field_join(double *wl, double *wr) { wl[1] = wr[1] = 0.5 * (wl[1] + wr[1]); }

AMR_INLINE void advection_field_signals(const double *param, int dim, int axis, const double *w, double *slow,
                                        double *fast) {
  (void)param, (void)dim, (void)axis;
  *slow = *fast = w[1];
}

AMR_INLINE void advection_field_flux(const double *param, int dim, int axis, const double *w, double *u, double *f) {
  (void)param, (void)dim, (void)axis;
  u[0] = w[0];
  f[0] = w[1] * w[0];
}

AMR_INLINE double advection_field_rate(const double *param, int dim, const double *w, const double *inverse_h) {
  (void)param;
  return advection_rate(w + 1, dim, w, inverse_h);
}

AMR_INLINE void advection_field_predict(const double *param, int dim, const double *k, const double *w,
                                        const double *sx, const double *sy, const double *sz, double *half) {
  (void)param;
  advection_field_copy(dim, w, half);
  advection_predict(w + 1, dim, k, w, sx, sy, sz, half);
}

#endif
