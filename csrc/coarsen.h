/* Transfer between a mesh and the one that is a level coarser, as entries of matrices: geometric multigrid (amr/implicit/multigrid.py).
 *
 * Of the leaves of the finer mesh some are as they are in the coarser one, the others have a parent there. Cells are numbered as in
 * elliptic.h. Interpolation is linear, exact for linear functions where all neighbours are of the parent's level: a child has 1 - dim / 4
 * of the cell it lies in and 1 / 4 of that cell's neighbour on its side of each axis. What is restricted are balances: a coarse cell gets
 * the sum over the cells in it.
 */
#ifndef AMR_COARSEN_H
#define AMR_COARSEN_H

#include "amr.h"
#include "csr.h"
#include "sfc.h"

typedef struct {
  int dim, n,
      n_coarse; /* cells per axis of a block; n_coarse is n, or n / 2 where leaves stay and their blocks are coarsened */
  ptrdiff_t lo, m;        /* the leaves lo to lo + m of the finer mesh are those of this rank */
  const int32_t *parent;  /* [m]: the leaf of the coarser mesh that the leaf is, or is in */
  const int8_t *octant;   /* [m]: which child, -1 where the leaf is kept as it is; 0 where n_coarse is n / 2 */
  const int8_t *relation; /* [m][3^dim] of the parent in the coarser mesh, as amr_neighbors gives them; none is FINER */
  const int32_t *neighbor; /* [m][3^dim] */
  const int32_t *origin;   /* [m][3]: coordinates of the parent */
  const double *outside;   /* [m][6]: value beyond a side of the domain over that of the cell at it */
} amr_coarsening;

/* Entries that the interpolation has at most: 1 + dim a cell with a parent, 1 a cell that is kept. */
ptrdiff_t amr_interpolation_count(const amr_coarsening *c);

/* The interpolation, a row for each cell of this rank's leaves, with as many entries as it returns; own[m n^dim], of the kind of a's
 * integers: the coarse cell that each cell lies in. The restriction has a 1 for each of these. */
int64_t amr_interpolation(const amr_coarsening *c, amr_csr *a, void *own);

#endif
