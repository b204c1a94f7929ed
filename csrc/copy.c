#include "copy.h"

#include <string.h>

/* Rows of ghosts are 1 to 3 cells long across x, half or whole blocks otherwise: with the common lengths known, a row is a few
 * moves and no call. */
AMR_INLINE void copy_rows(const double *src, amr_box_stride s, double *dst, amr_box_stride d, const int32_t *size,
                          int n, int n_var) {
  for (int v = 0; v < n_var; v++)
    for (int k = 0; k < size[2]; k++) {
      const double *from = src + v * s.var + k * s.k;
      double *to = dst + v * d.var + k * d.k;
      for (int j = 0; j < size[1]; j++) memcpy(to + j * d.j, from + j * s.j, (size_t)n * sizeof(double));
    }
}

AMR_INLINE void copy_box(const double *src, amr_box_stride s, double *dst, amr_box_stride d, const int32_t *size,
                         int n_var) {
  switch (size[0]) {
    case 1: copy_rows(src, s, dst, d, size, 1, n_var); break;
    case 2: copy_rows(src, s, dst, d, size, 2, n_var); break;
    case 3: copy_rows(src, s, dst, d, size, 3, n_var); break;
    case 4: copy_rows(src, s, dst, d, size, 4, n_var); break;
    case 8: copy_rows(src, s, dst, d, size, 8, n_var); break;
    case 16: copy_rows(src, s, dst, d, size, 16, n_var); break;
    default: copy_rows(src, s, dst, d, size, size[0], n_var);
  }
}

AMR_CLONES void amr_copy_box(const double *src, amr_box_stride s, double *dst, amr_box_stride d, const int32_t *size,
                             int n_var) {
  copy_box(src, s, dst, d, size, n_var);
}

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
    copy_box(src + amr_op_from(from, op), s, to, amr_buffer_stride(op), op + AMR_OP_SIZE, from->n_var);
  }
}

AMR_CLONES void amr_unpack_boxes(const amr_layout *to, const double *buffer, double *dst, ptrdiff_t n_op,
                                 const int32_t *ops) {
  const amr_box_stride d = amr_pool_stride(to);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    const double *from = buffer + (ptrdiff_t)op[AMR_OP_EXTRA] * to->n_var;
    copy_box(from, amr_buffer_stride(op), dst + amr_op_to(to, op), d, op + AMR_OP_SIZE, to->n_var);
  }
}
