/* Flux correction at faces between levels.
 *
 * Fluxes through a face of a block: flux[slot][var][n^(dim-1)], transverse cells with the higher axis slowest. A *row* holds what one fine
 * face gives to a coarse one: row[var][(n/2)^(dim-1)], averages over the fine faces of each coarse cell face. */
#ifndef AMR_REFLUX_H
#define AMR_REFLUX_H
#include "amr.h"
#include "sfc.h"

/* Faces of a rank's blocks that keep their flux, each list by block, then direction. */
typedef struct {
  ptrdiff_t n_outside, n_fine, n_coarse;
  int32_t *outside; /* [n_outside][2]: block, direction, where the domain ends */
  int32_t *fine;    /* [n_fine][2]: block, direction, where the neighbour is COARSER */
  int64_t *
      key; /* [n_fine]: (6 coarse leaf + its direction) 8 + child number of the block, the order of the rows that are sent */
  int32_t *coarse; /* [n_coarse][2]: block, direction, where the neighbour is FINER */
  int32_t *leaf;   /* [n_coarse][2^(dim-1)]: the leaves there, lower transverse axis fastest */
} amr_reflux_faces;

/* List the faces of the m given leaves (block q: leaves[q]); face_slot[m][6] := number of the face among all that are listed, by block,
 * then direction, -1 elsewhere. relation, neighbor [m][3^dim]: as amr_neighbors gives them; 2:1 balanced. touches: amr_ghost_boxes. The
 * arrays have room for 2 dim m faces each. Returns the number of all faces. */
ptrdiff_t amr_reflux_list(const amr_forest *f, const uint8_t *touches, ptrdiff_t m, const int32_t *leaves,
                          const int8_t *relation, const int32_t *neighbor, int32_t *face_slot, amr_reflux_faces *out);

/* rows[ops[2m+1]] := weight * average of flux[ops[2m]], for m < n_op; += if `more`. In 3D the sum pairs opposite corners. */
void amr_reflux_average(const amr_layout *layout, const double *flux, double *rows, double weight, int more,
                        ptrdiff_t n_op, const int32_t *ops);

typedef struct {
  const int32_t *block;                /* [n]: coarse blocks that have a finer neighbour */
  const int32_t *slot;                 /* [n][6]: slot of the coarse face flux, -1 where the neighbour is not finer */
  const int32_t *row;                  /* [n][6][4]: rows of the 2^(dim-1) fine faces, lower transverse axis fastest */
  const double *flux, *rows, *spacing; /* spacing[pool block][3] */
} amr_reflux_plan;

/* u += scale * sum over axes of +-(F_coarse - F_fine) / h in the cells of the n coarse blocks at such faces (+ on the upper side). The sum
 * over the faces of a cell is formed first and applied once, so that in 2D exchanging x and y changes no bit. */
void amr_reflux_apply(const amr_layout *layout, double *u, double scale, ptrdiff_t n, const amr_reflux_plan *plan);

#endif
