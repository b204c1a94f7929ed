/* One stage of a finite-volume step over a list of blocks, and the check of the result.
 *
 * u_out = a u0 + b (u_in + dt L(u_in)) on the interior cells of the listed blocks, L from reconstructed face states (in primitive
 * variables: piecewise linear, with Hancock's half-step predictor or without; PPM; WENO5-Z) and a Riemann solver. Reference: van Leer,
 * SIAM J. Sci. Stat. Comput. 5 (1984) 1; Toro, Riemann Solvers and Numerical Methods for Fluid Dynamics, ch. 14. Viscous fluxes
 * (viscous.h) of u_in are part of L, the same through both sides of a face whatever the mask.
 */
#ifndef AMR_STEP_H
#define AMR_STEP_H
#include "amr.h"
#include "ghosts.h"
#include "limiter.h"
#include "reconstruct.h"
#include "riemann.h"

typedef struct {
  int limiter, riemann, reconstruction; /* ids of limiter.h (for AMR_PLM), riemann.h, reconstruct.h */
  int predictor; /* 1: half-step predictor (MUSCL-Hancock), not with PPM or WENO; 0: method of lines */
  double dt, a, b;
  const double *u_in; /* pool [block][var][k][j][i], ghosts filled as below; layout.g > amr_reach(reconstruction) */
  const amr_ghosts
      *ghosts; /* NULL, or what fills the ghosts of each block before it is advanced, from pools other than u_out;
                               ghosts->own takes the place of u_in */
  int most;    /* ghosts beside a block along more axes than this are not filled: 1 will do for PPM and WENO without
                               viscous fluxes, which do not look at them */
  const double *u0;    /* pool; read only if a != 0; may be u_out or u_in */
  double *u_out;       /* pool; ghosts are left as they are; may be u_in: a plane is overwritten after its last use */
  const int32_t *list; /* n_list block indices */
  int64_t n_list;
  const double *spacing; /* [block][3], cell widths; anything non-zero in an inactive axis */
  const double *mask;    /* pool of one variable, ghosts filled, or NULL: faces with a cell > 0 on either side get the
                               first-order Rusanov flux of the cell averages of u_in */
  const int32_t *face_slot; /* [block][6], or NULL: slot of the face `direction` in flux, -1 for none */
  double *flux; /* [slot][var][n^(dim-1)]: the flux through the face, not multiplied by dt or b; transverse cells
                               in the order (k, j, i) without the face's axis, i fastest */
  double *
      mass; /* NULL, or a pool of dim variables, [block][axis][k][j][i]: mass_weight times the flux of variable 0 through the
                               lower face normal to each axis of each cell; upper faces of the last cells in their upper ghosts */
  double mass_weight;
  int mass_more;   /* 1: added to what is there */
  double *scratch; /* amr_scratch_size(layout) doubles, 64-byte aligned for speed; amr_gather_size more with ghosts or
                               viscous fluxes */
  double *max_signal; /* [block], or NULL: what amr_check says of u_out, of the listed blocks; as if called after */
  int64_t *n_bad, *first_bad;
  int64_t n_flattened; /* out: interior cells whose slopes were set to zero because a face state was unphysical (axis by
                               axis with PPM and WENO: a cell may count once per axis) */
  int64_t n_constant;  /* out: coarse cells prolonged constant by `ghosts` */
  double ghost_seconds; /* out: wall time spent on `ghosts` */
} amr_step;

/* Doubles of scratch that amr_advance needs for blocks of this layout, with any reconstruction that its ghosts suffice for. */
ptrdiff_t amr_scratch_size(const amr_layout *layout);

/* Doubles of scratch for a coarse box of `ghosts`, and after it for viscous.h. */
ptrdiff_t amr_gather_size(const amr_layout *layout);

/* Advance as stated above. Static variables (velocity of AMR_ADVECTION_FIELD) are copied from u_in. Cells whose half-step or
 * face states would be unphysical get zero slopes: decided from the cell and its neighbours alone, so that two blocks that
 * share a face compute the same flux there to the last bit. Returns AMR_BAD_ARGUMENT, and does nothing, for ids, dimensions
 * or counts that are not offered. */
amr_status amr_advance(const amr_physics *physics, const amr_layout *layout, amr_step *step);

/* Check the interior of the n_list blocks of `list` (NULL: blocks 0 .. n_list - 1) of u: max_signal[block] = max over cells of sum over axes of speed / spacing (of the
 * physical cells; 0 if none), n_bad[block] = cells that are not physical (amr_is_physical), first_bad[block] = index
 * i + n (j + n k) of the first of them in that order, or -1. */
amr_status amr_check(const amr_physics *physics, const amr_layout *layout, const double *u, const int32_t *list,
                     int64_t n_list, const double *spacing, double *max_signal, int64_t *n_bad, int64_t *first_bad);

#endif
