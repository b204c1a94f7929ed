/* Physical boundary conditions on ghost cells. Box ops: copy.h; `dst block` and the `to` box are used, the box lies outside one face of the
 * interior, and `extra` is that face's direction, 2 * axis + side. */
#ifndef AMR_BOUNDARY_H
#define AMR_BOUNDARY_H
#include "amr.h"
#include "copy.h"

typedef enum {
  AMR_BOUNDARY_COPY = 0,        /* the value of the nearest interior cell */
  AMR_BOUNDARY_MIRROR = 1,      /* the mirror cell's value times the parity of the variable along the axis */
  AMR_BOUNDARY_CONSTANT = 2,    /* a given conserved state */
  AMR_BOUNDARY_EXTRAPOLATE = 3, /* linear from the two nearest interior cells: for amr_boundary_coarse */
  AMR_BOUNDARY_NO_SLIP = 4 /* the mirror cell with velocity 2 v_wall - v, for the variables of AMR_EULER. Its state is
                                 linear in the mirror cell's: momentum 2 v_wall rho - m, energy E + 2 v_wall^2 rho - 2 v_wall m;
                                 `state` holds 2 v_wall at the momenta and 2 v_wall^2 at the energy */
} amr_boundary_kind;

/* What to do per direction. parity: [3][n_var], state: [6][n_var] (read for AMR_BOUNDARY_CONSTANT and AMR_BOUNDARY_NO_SLIP). */
typedef struct {
  int kind[6];
  const double *parity, *state;
} amr_boundary;

/* Fill the boxes of the pool u (any kind but EXTRAPOLATE), in order. */
void amr_boundary_fill(const amr_layout *layout, double *u, const amr_boundary *boundary, ptrdiff_t n_op,
                       const int32_t *ops);

/* Fill boxes one cell thick of the coarse pool, whose only use is to give slopes to the cells inside the domain next to them
 * (any kind but CONSTANT). */
void amr_boundary_coarse(const amr_layout *layout, double *u, const amr_boundary *boundary, ptrdiff_t n_op,
                         const int32_t *ops);

/* out[v * m + p] := mirror cell (no parity) of the p-th ghost cell, counted over the ops in order, k slowest and i fastest; m is the
 * number of all these cells. */
void amr_boundary_gather(const amr_layout *layout, const double *u, double *out, ptrdiff_t m, ptrdiff_t n_op,
                         const int32_t *ops);

/* p-th ghost cell := values[v * m + p]; counted as in amr_boundary_gather. */
void amr_boundary_scatter(const amr_layout *layout, double *u, const double *values, ptrdiff_t m, ptrdiff_t n_op,
                          const int32_t *ops);

#endif
