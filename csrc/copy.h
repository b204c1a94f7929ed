/* Copies of boxes of cells between blocks, and between blocks and message buffers.
 *
 * A box op is a row of AMR_OP_WIDTH int32:
 *   [src block, dst block, from i, j, k, to i, j, k, size i, j, k, extra]
 * Cells are counted from the first interior cell of their block (ghosts are negative or >= n). The size is in cells of the
 * destination. `extra` is the place of the op in a message buffer, in cells (all variables of earlier ops included, divided by n_var);
 * in a buffer an op is stored [var][k][j][i]. Ops are executed in order; boxes must lie inside their blocks (not checked). Source and
 * destination of one op must not overlap.
 */
#ifndef AMR_COPY_H
#define AMR_COPY_H
#include "amr.h"

enum {
  AMR_OP_SRC = 0,
  AMR_OP_DST = 1,
  AMR_OP_FROM = 2,
  AMR_OP_TO = 5,
  AMR_OP_SIZE = 8,
  AMR_OP_EXTRA = 11,
  AMR_OP_WIDTH = 12
};

/* A box seen by a loop: its first cell and the strides in doubles of j, k and the variable. */
typedef struct {
  ptrdiff_t j, k, var;
} amr_box_stride;

AMR_INLINE amr_box_stride amr_pool_stride(const amr_layout *l) {
  return (amr_box_stride){l->stride[1], l->stride[2], l->var_stride};
}
AMR_INLINE amr_box_stride amr_buffer_stride(const int32_t *size) {
  return (amr_box_stride){size[0], (ptrdiff_t)size[0] * size[1], (ptrdiff_t)size[0] * size[1] * size[2]};
}
AMR_INLINE ptrdiff_t amr_op_from(const amr_layout *l, const int32_t *op) {
  return op[AMR_OP_SRC] * l->block_stride + amr_cell(l, op[AMR_OP_FROM], op[AMR_OP_FROM + 1], op[AMR_OP_FROM + 2]);
}
AMR_INLINE ptrdiff_t amr_op_to(const amr_layout *l, const int32_t *op) {
  return op[AMR_OP_DST] * l->block_stride + amr_cell(l, op[AMR_OP_TO], op[AMR_OP_TO + 1], op[AMR_OP_TO + 2]);
}

/* dst box := src box. The pools may be one and the same; both layouts have the same n_var and dim. */
void amr_copy_boxes(const amr_layout *from, const double *src, const amr_layout *to, double *dst, ptrdiff_t n_op,
                    const int32_t *ops);

/* buffer := src box (`dst` and `to` of the ops are not used). */
void amr_pack_boxes(const amr_layout *from, const double *src, double *buffer, ptrdiff_t n_op, const int32_t *ops);

/* dst box := buffer (`src` and `from` of the ops are not used). */
void amr_unpack_boxes(const amr_layout *to, const double *buffer, double *dst, ptrdiff_t n_op, const int32_t *ops);

#endif
