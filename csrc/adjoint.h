/* What the details of cells mean for a goal: the details of all conserved variables, weighed with adjoint states of a uniform mesh.
 *
 * The detail d of a cell along an axis is that of indicate_detail.h, with its sign, of each conserved variable; both pairs a cell belongs
 * to within its block count. Values are arrays [block][k][j][i] of interior cells without ghosts, n^dim per block. Terms of the axes x and y
 * are combined commutatively, so that mirrored or (in 2D) transposed data give the same bits.
 */
#ifndef AMR_ADJOINT_H
#define AMR_ADJOINT_H
#include "amr.h"
#include "ghosts.h"

/* Adjoint states, [snapshot][var][k][j][i]: one weight for each conserved variable in every cell of a uniform mesh. */
typedef struct {
  int n_snapshot;
  int64_t cells[3];     /* of that mesh along each axis; 1 along an inactive one */
  const double *weight; /* of the first snapshot */
  double factor;        /* of all values, >= 0 */
} amr_adjoint;

/* Doubles of work space of amr_weigh_detail. */
ptrdiff_t amr_weigh_scratch(const amr_layout *layout);

/* out[list[m]] := for the cells of the n_list blocks of `list`, factor times the largest over axes, pairs, snapshots, and cells of the
 * adjoint mesh within the cell, of |sum over the variables of weight * d|. A cell smaller than one of the adjoint mesh takes the weights of the
 * one it lies in.
 *
 * first[block][3]: index of the block's first cell among the cells of its level; finer[block]: levels by which the adjoint mesh is finer than
 * the block, negative where it is coarser; the adjoint mesh covers the whole domain. The ghosts are those of the pool u, or, unless `ghosts` is
 * NULL, filled by it (ghosts->own takes the place of u); two layers along the axes are read. scratch: amr_weigh_scratch(layout) doubles.
 * AMR_BAD_ARGUMENT, and nothing done: g < 2, more than 1 + dim variables. */
amr_status amr_weigh_detail(const amr_layout *layout, const double *u, const amr_ghosts *ghosts, int64_t n_list,
                            const int32_t *list, const int32_t *first, const int32_t *finer, const amr_adjoint *adjoint,
                            double *out, double *scratch);

#endif
