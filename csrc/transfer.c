#include "transfer.h"

AMR_INLINE void restrict_row_1(const double *f, double *c, int n) {
  for (int i = 0; i < n; i++) c[i] = 0.5 * (f[2 * i] + f[2 * i + 1]);
}

AMR_INLINE void restrict_row_2(const double *f0, ptrdiff_t sj, double *c, int n) {
  const double *f1 = f0 + sj;
  for (int i = 0; i < n; i++) c[i] = 0.25 * ((f0[2 * i] + f1[2 * i + 1]) + (f0[2 * i + 1] + f1[2 * i]));
}

AMR_INLINE void restrict_row_3(const double *f00, ptrdiff_t sj, ptrdiff_t sk, double *c, int n) {
  const double *f10 = f00 + sj, *f01 = f00 + sk, *f11 = f00 + sj + sk; /* f<j><k> */
  for (int i = 0; i < n; i++) {
    double half[2]; /* the sums of either parity of i: two lanes of a vector */
#pragma GCC unroll 2
    for (int l = 0; l < 2; l++) {
      const int a = 2 * i + l, b = 2 * i + 1 - l;
      half[l] = (f00[a] + f11[b]) + (f10[b] + f01[a]);
    }
    c[i] = 0.125 * (half[0] + half[1]);
  }
}

AMR_INLINE void restrict_rows(int dim, const double *src, amr_box_stride s, double *dst, amr_box_stride d,
                              const int32_t *size, int n, int n_var) {
  for (int v = 0; v < n_var; v++)
    for (int k = 0; k < size[2]; k++)
      for (int j = 0; j < size[1]; j++) {
        const double *f = src + v * s.var + 2 * k * s.k + 2 * j * s.j;
        double *c = dst + v * d.var + k * d.k + j * d.j;
        if (dim == 1)
          restrict_row_1(f, c, n);
        else if (dim == 2)
          restrict_row_2(f, s.j, c, n);
        else
          restrict_row_3(f, s.j, s.k, c, n);
      }
}

/* The loops with the dimension and the common lengths of a row known. */
AMR_INLINE void restrict_box(int dim, const double *src, amr_box_stride s, double *dst, amr_box_stride d,
                             const int32_t *size, int n_var) {
  const int n = size[0];
  if (dim == 1)
    restrict_rows(1, src, s, dst, d, size, n, n_var);
  else if (dim == 2)
    switch (n) {
      case 1: restrict_rows(2, src, s, dst, d, size, 1, n_var); break;
      case 2: restrict_rows(2, src, s, dst, d, size, 2, n_var); break;
      case 4: restrict_rows(2, src, s, dst, d, size, 4, n_var); break;
      case 8: restrict_rows(2, src, s, dst, d, size, 8, n_var); break;
      default: restrict_rows(2, src, s, dst, d, size, n, n_var);
    }
  else
    switch (n) {
      case 1: restrict_rows(3, src, s, dst, d, size, 1, n_var); break;
      case 2: restrict_rows(3, src, s, dst, d, size, 2, n_var); break;
      case 4: restrict_rows(3, src, s, dst, d, size, 4, n_var); break;
      case 8: restrict_rows(3, src, s, dst, d, size, 8, n_var); break;
      default: restrict_rows(3, src, s, dst, d, size, n, n_var);
    }
}

AMR_CLONES void amr_restrict_box(int dim, const double *src, amr_box_stride s, double *dst, amr_box_stride d,
                                 const int32_t *size, int n_var) {
  restrict_box(dim, src, s, dst, d, size, n_var);
}

AMR_CLONES void amr_restrict_boxes(const amr_layout *from, const double *src, const amr_layout *to, double *dst,
                                   ptrdiff_t n_op, const int32_t *ops) {
  const amr_box_stride s = amr_pool_stride(from), d = amr_pool_stride(to);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    restrict_box(from->dim, src + amr_op_from(from, op), s, dst + amr_op_to(to, op), d, op + AMR_OP_SIZE, from->n_var);
  }
}

AMR_CLONES void amr_restrict_pack(const amr_layout *from, const double *src, double *buffer, ptrdiff_t n_op,
                                  const int32_t *ops) {
  const amr_box_stride s = amr_pool_stride(from);
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    double *to = buffer + (ptrdiff_t)op[AMR_OP_EXTRA] * from->n_var;
    restrict_box(from->dim, src + amr_op_from(from, op), s, to, amr_buffer_stride(op), op + AMR_OP_SIZE, from->n_var);
  }
}
