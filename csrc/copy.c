#include "copy.h"

#include <string.h>

/* Rows of ghosts are 1 to 3 cells long across x and whole rows otherwise: short ones are not worth a call of memcpy. */
AMR_INLINE void copy_row(const double *src, double *dst, ptrdiff_t n) {
  if (n == 2) {
    double a = src[0], b = src[1];
    dst[0] = a;
    dst[1] = b;
  } else if (n == 1) {
    dst[0] = src[0];
  } else if (n == 3) {
    double a = src[0], b = src[1], c = src[2];
    dst[0] = a;
    dst[1] = b;
    dst[2] = c;
  } else {
    memcpy(dst, src, (size_t)n * sizeof(double));
  }
}

static void copy_box(const double *src, amr_box_stride s, double *dst, amr_box_stride d, const int32_t *size,
                     int n_var) {
  for (int v = 0; v < n_var; v++)
    for (int k = 0; k < size[2]; k++) {
      const double *from = src + v * s.var + k * s.k;
      double *to = dst + v * d.var + k * d.k;
      for (int j = 0; j < size[1]; j++) copy_row(from + j * s.j, to + j * d.j, size[0]);
    }
}

void amr_copy_boxes(const amr_layout *from, const double *src, const amr_layout *to, double *dst, ptrdiff_t n_op,
                    const int32_t *ops) {
  const amr_box_stride s = amr_pool_stride(from), d = amr_pool_stride(to);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    copy_box(src + amr_op_from(from, op), s, dst + amr_op_to(to, op), d, op + AMR_OP_SIZE, from->n_var);
  }
}

void amr_pack_boxes(const amr_layout *from, const double *src, double *buffer, ptrdiff_t n_op, const int32_t *ops) {
  const amr_box_stride s = amr_pool_stride(from);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    double *to = buffer + (ptrdiff_t)op[AMR_OP_EXTRA] * from->n_var;
    copy_box(src + amr_op_from(from, op), s, to, amr_buffer_stride(op), op + AMR_OP_SIZE, from->n_var);
  }
}

void amr_unpack_boxes(const amr_layout *to, const double *buffer, double *dst, ptrdiff_t n_op, const int32_t *ops) {
  const amr_box_stride d = amr_pool_stride(to);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    const double *from = buffer + (ptrdiff_t)op[AMR_OP_EXTRA] * to->n_var;
    copy_box(from, amr_buffer_stride(op), dst + amr_op_to(to, op), d, op + AMR_OP_SIZE, to->n_var);
  }
}
