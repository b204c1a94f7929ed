/* Copies and restrictions of one box of cells, inlined into the loops over many boxes (private to the core).
 *
 * Boxes have `size` cells (i, j, k) of n_var variables; src and dst point to their first cells. With the common lengths of a row
 * known, a row is a few moves and no call: rows of ghosts are 1 to 3 cells long across x, half or whole blocks otherwise.
 */
#ifndef AMR_COPY_BOX_H
#define AMR_COPY_BOX_H
#include "copy.h"

#include <string.h>

AMR_INLINE void copy_rows(const double *src, amr_box_stride s, double *dst, amr_box_stride d, const int32_t *size,
                          int n, int n_var) {
  const int nj = size[1], nk = size[2];
  for (int v = 0; v < n_var; v++)
    for (int k = 0; k < nk; k++) {
      const double *from = src + v * s.var + k * s.k;
      double *to = dst + v * d.var + k * d.k;
      for (int j = 0; j < nj; j++, from += s.j, to += d.j) memcpy(to, from, (size_t)n * sizeof(double));
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

/* dst := (1 - theta) a + theta b, where a and b have the strides s. */
AMR_INLINE void blend_box(const double *a, const double *b, double theta, amr_box_stride s, double *dst,
                          amr_box_stride d, const int32_t *size, int n_var) {
  const int ni = size[0], nj = size[1], nk = size[2];
  for (int v = 0; v < n_var; v++)
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++) {
        const ptrdiff_t from = v * s.var + k * s.k + j * s.j;
        double *to = dst + v * d.var + k * d.k + j * d.j;
#pragma GCC ivdep
        for (int i = 0; i < ni; i++) to[i] = (1 - theta) * a[from + i] + theta * b[from + i];
      }
}

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
  const int nj = size[1], nk = size[2];
  for (int v = 0; v < n_var; v++)
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++) {
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

#endif
