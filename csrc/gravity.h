/* Self-gravity of a gas: momentum by two half kicks, energy by the work on the mass that moves.
 *
 * The gas has the variables density, momentum (dim of them), energy. The potential phi and the work are pools of one variable with the
 * layout of the gas otherwise; phi has one ghost cell beyond each face, at least. The acceleration is the central difference of phi.
 *
 * Energy that a cell gains in a step: -phi (rho_new - rho_old) - dt div(F phi_face), with the mass flux F, the mean phi of the step's two
 * ends, and phi_face the mean of the two cells at a face. Where the operator L of Poisson's equation L phi = 4 pi G rho is symmetric, the
 * gains of all cells are minus the change of the sum of rho phi / 2 (Mullen, Hanawa & Gammie, ApJS 253 (2021) 30, section 2; Springel,
 * MNRAS 401 (2010) 791, section 5.3). The first half kick gives the gas its kinetic energy, which is taken off again at the end.
 */
#ifndef AMR_GRAVITY_H
#define AMR_GRAVITY_H
#include "amr.h"

/* Kick of length dt: momentum += dt rho g, energy += the gain of kinetic energy, which goes to the interior of `work`, too.
 * sums[block][n_var] := sums over the cells of what was added. m blocks, spacing[block][3]. */
void amr_gravity_kick(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double dt,
                      double *u, double *work, double *sums);

/* The same at the end of the step, but energy += work. */
void amr_gravity_finish(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double dt,
                        double *u, const double *work, double *sums);

/* work := -work - phi change - dt div(F phi_face) in the interior. change: pool of one variable, rho_new - rho_old; mass: pool of dim
 * variables, as amr_step writes it. flux[face_slot[block][direction]][n^(dim-1)] := F phi_face, -1 none; order as for amr_step. */
void amr_gravity_work(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *change,
                      const double *mass, const double *spacing, double dt, const int32_t *face_slot, double *flux,
                      double *work);

/* rate[block] := the largest sum over axes of |g| / spacing in a cell [1/s^2]. */
void amr_gravity_rate(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double *rate);

#endif
