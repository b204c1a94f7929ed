#include "transfer.h"

#include "physics.h"

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
    const int a = 2 * i, b = 2 * i + 1;
    c[i] = 0.125 * (((f00[a] + f11[b]) + (f10[b] + f01[a])) + ((f01[b] + f10[a]) + (f11[a] + f00[b])));
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

/* The loops with the dimension and the short rows across x known. */
AMR_INLINE void restrict_box(int dim, const double *src, amr_box_stride s, double *dst, amr_box_stride d,
                             const int32_t *size, int n_var) {
  const int n = size[0];
  if (dim == 1)
    restrict_rows(1, src, s, dst, d, size, n, n_var);
  else if (dim == 2 && n == 2)
    restrict_rows(2, src, s, dst, d, size, 2, n_var);
  else if (dim == 2)
    restrict_rows(2, src, s, dst, d, size, n, n_var);
  else if (n == 1)
    restrict_rows(3, src, s, dst, d, size, 1, n_var);
  else if (n == 2)
    restrict_rows(3, src, s, dst, d, size, 2, n_var);
  else
    restrict_rows(3, src, s, dst, d, size, n, n_var);
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

/* Monotonized central limiter of the backward and the forward difference. */
AMR_INLINE double limited_mc(double a, double b) {
  double c = 0.5 * (a + b), fa = a < 0 ? -a : a, fb = b < 0 ? -b : b, fc = c < 0 ? -c : c;
  double m = 2 * (fa < fb ? fa : fb);
  m = m < fc ? m : fc;
  return a * b > 0 ? (a > 0 ? m : -m) : 0.0;
}

enum { MAX_CHILD = 8 };

/* Values of the children of the coarse cell c, child c = x + 2 y + 4 z; returns 0 if they fell back to the value of c. */
AMR_INLINE int children(int dim, const amr_physics *physics, const amr_layout *coarse, const double *c,
                        double child[AMR_MAX_VAR][MAX_CHILD]) {
  const int n_child = 1 << dim, n_var = coarse->n_var;
  for (int v = 0; v < n_var; v++) {
    const double *u = c + v * coarse->var_stride;
    double slope[3] = {0, 0, 0};
    for (int a = 0; a < dim; a++) {
      const ptrdiff_t s = coarse->stride[a];
      slope[a] = 0.25 * limited_mc(u[0] - u[-s], u[s] - u[0]);
    }
    for (int q = 0; q < n_child; q++) {
      const double sx = q & 1 ? slope[0] : -slope[0], sy = q & 2 ? slope[1] : -slope[1],
                   sz = q & 4 ? slope[2] : -slope[2];
      child[v][q] = u[0] + (dim == 1 ? sx : dim == 2 ? sx + sy : (sx + sy) + sz);
    }
  }
  for (int q = 0; q < n_child; q++)
    if (!amr_is_physical(physics, &child[0][q], MAX_CHILD)) {
      for (int v = 0; v < n_var; v++)
        for (int p = 0; p < n_child; p++) child[v][p] = c[v * coarse->var_stride];
      return 0;
    }
  return 1;
}

AMR_INLINE ptrdiff_t prolong_box(int dim, const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                                 const double *src, const amr_layout *fine, double *dst, const int32_t *to,
                                 const int32_t *size) {
  const int hi[3] = {to[0] + size[0], to[1] + size[1], to[2] + size[2]};
  double child[AMR_MAX_VAR][MAX_CHILD];
  ptrdiff_t n_fallback = 0;
  /* >> rounds towards minus infinity (gcc and clang define it so). */
  for (int K = to[2] >> 1; K <= (hi[2] - 1) >> 1; K++)
    for (int J = to[1] >> 1; J <= (hi[1] - 1) >> 1; J++)
      for (int I = to[0] >> 1; I <= (hi[0] - 1) >> 1; I++) {
        const double *c = src + amr_cell(coarse, I, J, K);
        if (mode == AMR_PROLONG_LIMITED) n_fallback += !children(dim, physics, coarse, c, child);
        for (int q = 0; q < 1 << dim; q++) {
          const int i = 2 * I + (q & 1), j = 2 * J + (q >> 1 & 1), k = 2 * K + (q >> 2);
          if (i < to[0] || i >= hi[0] || j < to[1] || j >= hi[1] || k < to[2] || k >= hi[2]) continue;
          double *f = dst + amr_cell(fine, i, j, k);
          for (int v = 0; v < fine->n_var; v++)
            f[v * fine->var_stride] = mode == AMR_PROLONG_LIMITED ? child[v][q] : c[v * coarse->var_stride];
        }
      }
  return n_fallback;
}

AMR_CLONES ptrdiff_t amr_prolong_box(const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                                     const double *src, const amr_layout *fine, double *dst, const int32_t *to,
                                     const int32_t *size) {
  if (fine->dim == 1) return prolong_box(1, physics, mode, coarse, src, fine, dst, to, size);
  if (fine->dim == 2) return prolong_box(2, physics, mode, coarse, src, fine, dst, to, size);
  return prolong_box(3, physics, mode, coarse, src, fine, dst, to, size);
}

AMR_CLONES ptrdiff_t amr_prolong_boxes(const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                                       const double *src, const amr_layout *fine, double *dst, ptrdiff_t n_op,
                                       const int32_t *ops) {
  ptrdiff_t n_fallback = 0;
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH, *to = op + AMR_OP_TO, *size = op + AMR_OP_SIZE;
    const double *s = src + op[AMR_OP_SRC] * coarse->block_stride;
    double *d = dst + op[AMR_OP_DST] * fine->block_stride;
    if (fine->dim == 1)
      n_fallback += prolong_box(1, physics, mode, coarse, s, fine, d, to, size);
    else if (fine->dim == 2)
      n_fallback += prolong_box(2, physics, mode, coarse, s, fine, d, to, size);
    else
      n_fallback += prolong_box(3, physics, mode, coarse, s, fine, d, to, size);
  }
  return n_fallback;
}
