/* The exact solution of the Riemann problem of an ideal gas, vacuum included.
 * Reference: Toro, Riemann Solvers and Numerical Methods for Fluid Dynamics, 3rd ed., ch. 4.
 */
#ifndef AMR_RIEMANN_EXACT_H
#define AMR_RIEMANN_EXACT_H
#include "amr.h"

/* out = density, normal velocity, pressure at x / t = speed of the solution between left and right (density, normal velocity,
 * pressure; density 0 is vacuum). Returns 1 if the gas there comes from the left of the contact, else 0. States that are
 * neither physical nor vacuum give NaN. */
int amr_euler_exact(double gamma, const double left[3], const double right[3], double speed, double out[3]);

/* The same at n speeds: out[v * n + i]. star[0], star[1]: pressure and velocity of the star region (0, NaN in vacuum). */
void amr_euler_exact_profile(double gamma, const double left[3], const double right[3], ptrdiff_t n,
                             const double *speed, double *out, double star[2]);

#endif
