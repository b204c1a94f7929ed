/* Pointwise operations of an equation set over arrays of states: conversions, admissibility, fluxes, signals, check.
 *
 * Arrays of m states are var-major, x[v * stride + i], all n_var variables, velocities in x, y, z order. The input and the
 * output of a conversion may be the same array. Nothing here fails; unphysical states give unphysical numbers.
 */
#ifndef AMR_PHYSICS_H
#define AMR_PHYSICS_H
#include "amr.h"

/* 1 if the id, the dimension and the variable counts belong together, else 0. */
int amr_physics_offered(const amr_physics *physics);

/* 1 if the conserved state u[v * var_stride] is admissible: every variable finite; Euler: density > 0 and pressure > 0, the
 * pressure being that of amr_to_primitive; shallow water: depth > 0. Else 0. */
int amr_is_physical(const amr_physics *physics, const double *u, ptrdiff_t var_stride);

void amr_to_primitive(const amr_physics *physics, ptrdiff_t m, const double *u, ptrdiff_t u_stride, double *w,
                      ptrdiff_t w_stride);
void amr_to_conserved(const amr_physics *physics, ptrdiff_t m, const double *w, ptrdiff_t w_stride, double *u,
                      ptrdiff_t u_stride);

/* f[v * m + i]: physical flux along `axis` of the primitive states w[v * m + i]. */
void amr_flux(const amr_physics *physics, int axis, ptrdiff_t m, const double *w, double *f);

/* signal[i]: largest |speed| along `axis` of the primitive states w[v * m + i]. */
void amr_signal(const amr_physics *physics, int axis, ptrdiff_t m, const double *w, double *signal);

#endif
