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

typedef struct {
  double all, aligned; /* largest |d|: of both alignments, of the tree's */
} amr_detail;

enum { DETAIL_CELLS = 64 }; /* per row at most */

/* pairs[1 + i] := |d| of cells i and i + 1 along x; 0 at both ends, where the other cell is the neighbour's. */
AMR_INLINE void detail_along_row(const double *u, int n, int narrow, double *restrict pairs) {
#pragma GCC ivdep
  for (int i = 0; i < n; i++) pairs[1 + i] = detail_pair(u + i, 1);
  if (narrow) { /* at the rim one layer has to do */
    pairs[1] = detail_rim(u, 1);
    pairs[n - 1] = detail_rim(u + n - 2, 1);
  }
  pairs[0] = pairs[n] = 0.0;
}

/* The pairs across rows or planes of the n cells of a row and those t further on: to e, and to `up`, written anew. */
AMR_INLINE void detail_across(const double *u, ptrdiff_t t, int n, int narrow, double *restrict e, double *restrict up,
                              double *restrict best) {
#pragma GCC ivdep
  for (int i = 0; i < n; i++) {
    const double d = narrow ? detail_rim(u + i, t) : detail_pair(u + i, t);
    e[i] = detail_larger(d, e[i]), up[i] = d, best[i] = detail_larger(d, best[i]);
  }
}

/* e[(k n + j) n + i] := largest |d| of the pairs of each interior cell; n at most DETAIL_CELLS, dim that of the layout. narrow: the
 * block has one layer of ghosts, not two or more. Behind e: n (n + 8) doubles of work space. Reads, but does not use, some cells
 * behind the ghosts on either side of the block. */
AMR_INLINE amr_detail detail_block(const amr_layout *l, int dim, int n, int narrow, const double *w, double *e) {
  const int nj = dim > 1 ? n : 1, nk = dim > 2 ? n : 1;
  const ptrdiff_t ty = l->stride[1], tz = l->stride[2], plane = (ptrdiff_t)n * nj;
  double x[DETAIL_CELLS], even[DETAIL_CELLS], odd[DETAIL_CELLS], before[DETAIL_CELLS];
  double *restrict pairs = e + plane * nk;
  amr_detail found = {0.0, 0.0};
  for (int i = 0; i < n; i++) x[i] = even[i] = odd[i] = 0.0;
  if (dim > 2)
    for (int c = 0; c < plane; c++) e[c] = 0.0; /* no pair below the first plane */
  for (int k = 0; k < nk; k++) {
    /* All rows of a plane first, or values would be read while they are still being written. */
    for (int j = 0; j < nj; j++) detail_along_row(w + amr_cell(l, 0, j, k), n, narrow, pairs + j * (n + 8));
    for (int i = 0; i < n; i++) before[i] = 0.0;
    for (int j = 0; j < nj; j++) {
      const double *u = w + amr_cell(l, 0, j, k), *p = pairs + j * (n + 8);
      double *restrict to = e + k * plane + j * n, *restrict up = to + plane;
      const int thin_y = narrow && (j == 0 || j == n - 2), thin_z = narrow && (k == 0 || k == n - 2);
#pragma GCC ivdep
      for (int i = 0; i < n; i++) {
        const double most = detail_larger(detail_larger(p[i], p[i + 1]), before[i]);
        to[i] = dim > 2 ? detail_larger(to[i], most) : most; /* what the plane below has left here */
        x[i] = detail_larger(p[i + 1], x[i]);
      }
      if (dim > 1 && j < n - 1) detail_across(u, ty, n, thin_y, to, before, j % 2 ? odd : even);
      if (dim > 2 && k < n - 1) detail_across(u, tz, n, thin_z, to, up, k % 2 ? odd : even);
    }
  }
  for (int i = 0; i < n; i++) {
    found.all = detail_larger(detail_larger(x[i], detail_larger(even[i], odd[i])), found.all);
    found.aligned = detail_larger(detail_larger(i % 2 ? 0.0 : x[i], even[i]), found.aligned);
  }
  return found;
}

/* The same with the number of dimensions known to the compiler. */
AMR_INLINE amr_detail detail_sized(const amr_layout *l, int n, int narrow, const double *w, double *e) {
  switch (l->dim) {
    case 1: return detail_block(l, 1, n, narrow, w, e);
    case 2: return detail_block(l, 2, n, narrow, w, e);
    default: return detail_block(l, 3, n, narrow, w, e);
  }
}

#endif
