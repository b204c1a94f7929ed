/* Viscous stress, heat conduction and diffusion of passive scalars in a gas with the variables of AMR_EULER.
 *
 * f_momentum = -tau, tau = mu (grad v + grad v^T - 2/3 div v); f_energy = -(tau v + k grad T), T = p / density; f_scalar = -D grad s, with
 * constant mu, k and D (param[2], param[3], param[4]). At a face: differences of its two cells along the normal, the mean of their
 * central differences across it, the mean of their velocities. Second order, compact along the normal, so that no odd-even
 * pattern is left alone. Two blocks that share a face form its flux from the same numbers in the same way.
 *
 * Two calls around the update of a block, which may overwrite the state that the fluxes are made of. */
#ifndef AMR_VISCOUS_H
#define AMR_VISCOUS_H
#include "amr.h"

/* 1 if the equation set has any of these fluxes. */
static inline int amr_is_viscous(const amr_physics *p) { return p->id == AMR_EULER && p->param[1] > 0; }

/* Doubles of scratch for one block: velocity, temperature and scalars, and the fluxes along each axis. */
static inline ptrdiff_t amr_viscous_size(const amr_layout *l) { return (1 + l->dim) * l->block_stride; }

/* Make the fluxes of one block u (conserved variables, all ghosts filled, corners too) in scratch; spacing: its cell widths. */
void amr_viscous_fluxes(const amr_physics *physics, const amr_layout *layout, const double *u, const double *spacing,
                        double *scratch);

/* u_out -= scale * div f on the interior cells of the block, scale = b dt, and flux[slot[direction]] += f on the faces that keep
 * their flux (slot[6], -1 for none; NULL: no face does). flux: as in amr_step. */
void amr_viscous_add(const amr_layout *layout, const double *scratch, const double *spacing, double scale,
                     double *u_out, const int32_t *slot, double *flux);

/* rate[b] := -div f on the interior cells of the n blocks of a pool u (ghosts as above), 0 elsewhere; flux[face_slot[b][direction]] := f.
 * What an integrator needs that takes these terms by themselves. scratch: amr_viscous_size(layout) doubles. */
void amr_viscous_rate(const amr_physics *physics, const amr_layout *layout, ptrdiff_t n, const double *u,
                      const double *spacing, const int32_t *face_slot, double *flux, double *rate, double *scratch);

#endif
