/* What makes a state of conserved variables physical. */
#ifndef AMR_PHYSICS_H
#define AMR_PHYSICS_H
#include "amr.h"

/* 1 if the conserved state u[v * var_stride] is admissible: every variable finite; Euler: density > 0 and pressure > 0;
 * shallow water: depth > 0. Else 0. */
int amr_is_physical(const amr_physics *physics, const double *u, ptrdiff_t var_stride);

#endif
