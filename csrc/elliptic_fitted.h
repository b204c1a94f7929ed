/* Faces of the exponentially fitted operator (elliptic.h): what csrc/elliptic.c does for beta, for the reduced energy psi = E / T.
 *
 * The flux of p from cell 1 to cell 2, a distance d apart, is that of a stationary current through a linear psi,
 *   F = (T / d) (B(psi2 - psi1) p1 - B(psi1 - psi2) p2),  B(x) = x / (e^x - 1)
 * (Scharfetter & Gummel, 1969; Chang & Cooper, 1970). B(x) e^-psi1 = B(-x) e^-psi2, so that exp(-psi) has no flux, whatever the steps
 * of psi; no exponential of psi itself is taken, so nothing overflows.
 */
#ifndef AMR_ELLIPTIC_FITTED_H
#define AMR_ELLIPTIC_FITTED_H

#include "elliptic_entries.h"
#include <math.h>

AMR_INLINE double bernoulli(double x) { return x == 0 ? 1 : x / expm1(x); }

/* The flux through a face to a coarser block, given to the fine cell `at` and to the coarse cell: that of two points 3/2 fine cells
 * apart. The coarse value is moved along the face by a quarter of a cell, linearly in p e^psi, towards the coarse neighbour there. That
 * takes from the coupling of the two coarse cells, and is limited to what leaves it its sign: with all couplings of the right sign
 * the matrix is an M-matrix. Nothing is moved towards a refined cell or the outside. */
AMR_INLINE void fitted_coarse_face(entries *out, const block *b, int what, int dim, int n, int direction, const int *at,
                                   int64_t cell, const double *psi) {
  const amr_layout *l = &b->e->layout;
  const int axis = direction / 2, side = direction % 2;
  const double *there = what == VALUES ? psi + (side ? 1 : -1) * l->stride[axis] : NULL;
  int behind[3] = {at[0], at[1], at[2]};
  stencil s, own;
  double leave = 0, enter = 0, rest = 0; /* of the fine cell's, the coarse value's and the coarse cell's p */
  behind[axis] = side ? n : -1;
  s.n = own.n = 0;
  add_coarse(&own, b, dim, n, amr_face_slot(dim, direction), axis, side, behind, 1);
  if (what == VALUES) {
    const double conductance = b->conductance[axis] / 1.5;
    leave = conductance * bernoulli(there[0] - psi[0]);
    rest = enter = conductance * bernoulli(psi[0] - there[0]);
  }
  for (int a = 0; a < dim; a++) {
    if (a == axis) continue;
    const int up = at[a] & 1;
    int to[3] = {at[0], at[1], at[2]}, one[3] = {0, 0, 0};
    one[a] = up ? 1 : -1;
    const int slot = move_along(dim, n, axis, direction, one, to);
    if (b->relation[slot] != AMR_COARSER) continue;
    double given = 0;
    if (what == VALUES) {
      const double step = there[((up ? (at[a] & ~1) + 2 : (at[a] & ~1) - 1) - at[a]) * l->stride[a]] - there[0];
      const double most = b->conductance[a] / (dim - 1), taken = 0.25 * enter;
      if (taken <= most * bernoulli(step)) {
        given = enter > 0 ? taken * exp(step) : 0;
        rest -= taken;
      } else {
        given = most * bernoulli(-step);
        rest -= most * bernoulli(step);
      }
    }
    to[axis] = behind[axis];
    add_coarse(&s, b, dim, n, slot, axis, side, to, given);
  }
  for (int i = 0; i < 2; i++) { /* what leaves the fine cell comes into the coarse one */
    const int64_t row = i ? own.cell[0] : cell;
    const double sign = i ? 1 : -1;
    push(out, what, row, cell, -sign * leave);
    push(out, what, row, own.cell[0], sign * rest);
    for (int k = 0; k < s.n; k++) push(out, what, row, s.cell[k], sign * s.weight[k]);
  }
}

/* The face between two cells of one level; *leave is the coefficient of the cell's own p, *enter of the other's. */
AMR_INLINE void fitted_face(double conductance, double near, double far, double *leave, double *enter) {
  *leave = conductance * bernoulli(far - near);
  *enter = conductance * bernoulli(near - far);
}

#endif
