/* Riemann solvers: the flux through a face from the states on its two sides.
 *
 * Every solver is a function of one face that the step kernel inlines into rows of faces; riemann_body.h holds those that
 * serve any equation set, riemann_euler.h and riemann_shallow_water.h the special ones. This header has their names and the
 * one-face entry for tests and tools.
 */
#ifndef AMR_RIEMANN_H
#define AMR_RIEMANN_H
#include "amr.h"

typedef enum { AMR_RUSANOV = 0, AMR_HLL = 1, AMR_HLLC = 2, AMR_ROE = 3, AMR_EXACT = 4 } amr_riemann_id;

/* 1 if `solver` is offered for the equation set `physics_id`: rusanov and hll for every one, hllc for Euler and shallow
 * water, roe and exact for Euler. */
int amr_riemann_offered(int physics_id, int solver);

/* Fluxes f[v * n + i] through n faces normal to `axis` between primitive states w_left, w_right (same layout, all variables,
 * velocity in x, y, z order). Returns AMR_BAD_ARGUMENT if the physics, its dimension or the solver is not offered. */
amr_status amr_riemann(const amr_physics *physics, int solver, int axis, ptrdiff_t n, const double *w_left,
                       const double *w_right, double *f);

#endif
