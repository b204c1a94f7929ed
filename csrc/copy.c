#include "copy_box.h"

AMR_CLONES void amr_copy_boxes(const amr_layout *from, const double *src, const amr_layout *to, double *dst,
                               ptrdiff_t n_op, const int32_t *ops) {
  const amr_box_stride s = amr_pool_stride(from), d = amr_pool_stride(to);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    copy_box(src + amr_op_from(from, op), s, dst + amr_op_to(to, op), d, op + AMR_OP_SIZE, from->n_var);
  }
}

AMR_CLONES void amr_pack_boxes(const amr_layout *from, const double *src, double *buffer, ptrdiff_t n_op,
                               const int32_t *ops) {
  const amr_box_stride s = amr_pool_stride(from);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    double *to = buffer + (ptrdiff_t)op[AMR_OP_EXTRA] * from->n_var;
    copy_box(src + amr_op_from(from, op), s, to, amr_buffer_stride(op + AMR_OP_SIZE), op + AMR_OP_SIZE, from->n_var);
  }
}

AMR_CLONES void amr_unpack_boxes(const amr_layout *to, const double *buffer, double *dst, ptrdiff_t n_op,
                                 const int32_t *ops) {
  const amr_box_stride d = amr_pool_stride(to);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    const double *from = buffer + (ptrdiff_t)op[AMR_OP_EXTRA] * to->n_var;
    copy_box(from, amr_buffer_stride(op + AMR_OP_SIZE), dst + amr_op_to(to, op), d, op + AMR_OP_SIZE, to->n_var);
  }
}
