/* Multiresolution detail of a block, folded into cells (private to csrc/indicate.c).
 *
 * Along one axis cells are joined in pairs U, and d = u - P(U) is what the third-order P, child = U -/+ (U[+1] - U[-1]) / 8, cannot make of
 * the pairs: A. Harten, Multiresolution algorithms for the numerical solution of hyperbolic conservation laws, CPAM 48 (1995) 1305. d is
 * antisymmetric in a pair, so that one |d| stands for both of its cells. Both alignments of the pairs are looked at: that of the tree alone
 * flickers when a feature moves by a cell.
 */
#ifndef AMR_INDICATE_DETAIL_H
#define AMR_INDICATE_DETAIL_H
#include "amr.h"

#include <math.h>

AMR_INLINE double detail_larger(double x, double y) { return x > y ? x : y; }

/* |d| of the pair u[0], u[t]; two cells on either side. */
AMR_INLINE double detail_pair(const double *u, ptrdiff_t t) {
  return fabs(0.5 * (u[0] - u[t]) + 0.0625 * ((u[2 * t] + u[3 * t]) - (u[-t] + u[-2 * t])));
}

/* The same with one cell on either side; the factor gives it the answer of detail_pair to a third derivative. */
AMR_INLINE double detail_rim(const double *u, ptrdiff_t t) {
  return 2.25 * fabs(0.5 * (u[0] - u[t]) + (1.0 / 6.0) * (u[2 * t] - u[-t]));
}

/* n pairs across rows or planes: of the cells of a row, to e, and those t further on, to `up`, which is written anew. */
AMR_INLINE void detail_rows(const double *u, ptrdiff_t t, int n, int narrow, double *restrict e, double *restrict up,
                            double *restrict best) {
  for (int i = 0; i < n; i++) {
    const double d = narrow ? detail_rim(u + i, t) : detail_pair(u + i, t);
    e[i] = detail_larger(d, e[i]), up[i] = d, best[i] = detail_larger(d, best[i]);
  }
}

typedef struct {
  double all, aligned; /* largest |d|: of both alignments, of the tree's */
} amr_detail;

enum { DETAIL_PIECE = 64 };

/* most[i] := the largest of the pairs along x that cell i0 + i belongs to and before[i]; x[i]: the largest of the pair it begins. */
AMR_INLINE void detail_row_x(const double *u, int n, int narrow, int i0, int m, const double *restrict before,
                             double *restrict x, double *restrict most) {
#pragma GCC ivdep
  for (int i = 0; i < m; i++) {
    const int at = i0 + i;
    double p = detail_pair(u + i, 1), q = detail_pair(u + i - 1, 1);
    if (narrow) { /* at the rim one layer has to do */
      const double thin_p = detail_rim(u + i, 1), thin_q = detail_rim(u + i - 1, 1);
      p = (at == 0) | (at == n - 2) ? thin_p : p;
      q = (at == 1) | (at == n - 1) ? thin_q : q;
    }
    p = at < n - 1 ? p : 0.0; /* the other cell is the neighbour's */
    q = at > 0 ? q : 0.0;
    x[i] = detail_larger(p, x[i]);
    most[i] = detail_larger(detail_larger(p, q), before[i]);
  }
}

/* The cells i0 <= i < i0 + m of all rows; m at most DETAIL_PIECE. */
AMR_INLINE amr_detail detail_piece(const amr_layout *l, int n, int narrow, const double *w, int i0, int m, double *e) {
  const int nj = l->dim > 1 ? n : 1, nk = l->dim > 2 ? n : 1;
  const ptrdiff_t ty = l->stride[1], tz = l->stride[2], plane = (ptrdiff_t)n * n;
  double x[DETAIL_PIECE], even[DETAIL_PIECE], odd[DETAIL_PIECE], before[DETAIL_PIECE], most[DETAIL_PIECE];
  amr_detail found = {0.0, 0.0};
  for (int i = 0; i < m; i++) x[i] = even[i] = odd[i] = 0.0;
  if (l->dim > 2)
    for (int j = 0; j < n; j++)
      for (int i = 0; i < m; i++) e[j * n + i0 + i] = 0.0; /* no pair below the first plane */
  for (int k = 0; k < nk; k++) {
    for (int i = 0; i < m; i++) before[i] = 0.0;
    for (int j = 0; j < nj; j++) {
      const double *u = w + amr_cell(l, i0, j, k);
      double *restrict to = e + ((ptrdiff_t)k * n + j) * n + i0, *restrict up = to + plane;
      const int thin_y = narrow && (j == 0 || j == n - 2), thin_z = narrow && (k == 0 || k == n - 2);
      detail_row_x(u, n, narrow, i0, m, before, x, most);
      if (l->dim > 2) /* what the plane below has left here */
        for (int i = 0; i < m; i++) to[i] = detail_larger(to[i], most[i]);
      else
        for (int i = 0; i < m; i++) to[i] = most[i];
      if (l->dim > 1 && j < n - 1) detail_rows(u, ty, m, thin_y, to, before, j % 2 ? odd : even);
      if (l->dim > 2 && k < n - 1) detail_rows(u, tz, m, thin_z, to, up, k % 2 ? odd : even);
    }
  }
  for (int i = 0; i < m; i++) {
    found.all = detail_larger(detail_larger(x[i], detail_larger(even[i], odd[i])), found.all);
    found.aligned = detail_larger(detail_larger((i0 + i) % 2 ? 0.0 : x[i], even[i]), found.aligned);
  }
  return found;
}

/* e[(k n + j) n + i] := largest |d| of the pairs of each interior cell. narrow: the block has one layer of ghosts, not two or more.
 * Reads, but does not use, some cells behind the ghosts on either side of the block. */
AMR_INLINE amr_detail detail_block(const amr_layout *l, int n, int narrow, const double *w, double *e) {
  amr_detail found = {0.0, 0.0};
  for (int i0 = 0; i0 < n; i0 += DETAIL_PIECE) {
    const amr_detail d = detail_piece(l, n, narrow, w, i0, n - i0 < DETAIL_PIECE ? n - i0 : DETAIL_PIECE, e);
    found.all = detail_larger(d.all, found.all), found.aligned = detail_larger(d.aligned, found.aligned);
  }
  return found;
}

#endif
