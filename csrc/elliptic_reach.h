/* The faces of a cell but those to coarser blocks, and the cells behind: what plain and irregular rows (elliptic.h) share. */
#ifndef AMR_ELLIPTIC_REACH_H
#define AMR_ELLIPTIC_REACH_H

#include "elliptic_fitted.h"

/* What is behind the faces of a cell. The same for all cells of a block that are at the same of its sides. */
typedef struct {
  int is_plain;
  int n;             /* entries of the row, if it is plain */
  int kind[6];       /* of each direction: relation to what is behind the face, AMR_SAME inside of the block */
  int64_t offset[6]; /* of each direction with AMR_SAME: number of the cell behind less that of the cell */
  int direction[7];  /* of each entry, in the order of the columns; 6 for the cell's own */
  int64_t column[7]; /* of each entry: column less row */
} reach;

enum { N_REACH = 27 };

/* 0 at the lower side of a block, 2 at the upper one, 1 between. */
AMR_INLINE int rim_of(int n, int at) { return at == 0 ? 0 : at == n - 1 ? 2 : 1; }

/* Put an entry where its column belongs. */
AMR_INLINE void insert_entry(reach *r, int direction, int64_t column) {
  int e = r->n++;
  for (; e > 0 && r->column[e - 1] > column; e--)
    r->column[e] = r->column[e - 1], r->direction[e] = r->direction[e - 1];
  r->column[e] = column, r->direction[e] = direction;
}

AMR_INLINE reach make_reach(const block *b, int dim, int n, const int *rim) {
  reach r = {.is_plain = 1};
  const int64_t cells = block_cells(dim, n);
  int64_t stride = 1;
  insert_entry(&r, 6, 0);
  for (int d = 0; d < 2 * dim; d++) {
    const int slot = amr_face_slot(dim, d);
    const int64_t step = d % 2 ? stride : -stride;
    r.kind[d] = AMR_SAME, r.offset[d] = step;
    if (rim[d / 2] == (d % 2 ? 2 : 0)) { /* at the far end of the next block */
      r.kind[d] = b->relation[slot], r.offset[d] += b->neighbor[slot] * cells - b->first - n * step;
      const int is_own = r.kind[d] == AMR_SAME && b->neighbor[slot] * cells == b->first;
      if (r.kind[d] == AMR_COARSER || r.kind[d] == AMR_FINER || (n == 2 && is_own)) r.is_plain = 0;
    }
    if (r.kind[d] == AMR_SAME) insert_entry(&r, d, r.offset[d]);
    if (d % 2) stride *= n;
  }
  return r;
}

/* Those of all cells of a block: number rim_x + 3 rim_y + 9 rim_z, the axes that are not there at 0. Returns whether all are plain. */
AMR_INLINE int make_reaches(const block *b, int dim, int n, reach *r) {
  int is_plain = 1;
  for (int c = 0; c < (dim == 1 ? 3 : dim == 2 ? 9 : N_REACH); c++) {
    const int rim[3] = {c % 3, c / 3 % 3, c / 9};
    r[c] = make_reach(b, dim, n, rim);
    is_plain &= r[c].is_plain;
  }
  return is_plain;
}

/* What a face adds to the diagonal, for beta at the cell; *enter: the coefficient of the cell behind, with the other sign. */
AMR_INLINE double plain_face(const block *b, int is_fitted, int direction, int kind, const double *beta,
                             double *enter) {
  const int axis = direction / 2;
  const double far = beta[(direction % 2 ? 1 : -1) * b->e->layout.stride[axis]];
  double flux = 0;
  *enter = 0;
  if (kind == AMR_OUTSIDE) {
    const double *robin = b->e->robin[direction];
    if (is_fitted) return 0;
    return far * b->conductance[axis] * (2 * robin[0] * b->width[axis] / (robin[0] * b->width[axis] + 2 * robin[1]));
  }
  if (is_fitted) {
    fitted_face(b->conductance[axis], beta[0], far, &flux, enter);
  } else {
    const double sum = beta[0] + far;
    *enter = flux = sum > 0 ? b->conductance[axis] * (2 * beta[0] * far / sum) : 0;
  }
  return flux;
}

#endif
