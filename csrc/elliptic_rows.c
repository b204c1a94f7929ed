/* Plain rows of the composite operator (elliptic.h), written to their place. */
#include "elliptic_reach.h"

AMR_INLINE void plain_row(amr_csr *a, ptrdiff_t row, const block *b, const reach *r, int what, int is_fitted, int dim,
                          int64_t cell, const double *beta) {
  const int64_t from = amr_csr_get(a->start, a->is_wide, row);
  if (what == PLACES)
    for (int e = 0; e < r->n; e++) amr_csr_put(a->col, a->is_wide, from + e, cell + r->column[e]);
  if (what != VALUES) return;
  double diagonal = 0, coefficient[7];
  for (int axis = 0; axis < dim; axis++) {
    double pair[2], enter; /* added first: mirrors and exchanged axes in 2D give the same bits */
    for (int side = 0; side < 2; side++) {
      const int direction = 2 * axis + side;
      pair[side] = plain_face(b, is_fitted, direction, r->kind[direction], beta, &enter);
      coefficient[direction] = -enter;
    }
    diagonal += pair[0] + pair[1];
  }
  coefficient[6] = diagonal + b->volume * b->alpha[(cell - b->first) * b->e->alpha_step];
  for (int e = 0; e < r->n; e++) a->value[from + e] = coefficient[r->direction[e]];
}

/* All plain rows, or the counts of all rows, where the compiler knows the dimension and what is made; the number of irregular rows. */
AMR_INLINE ptrdiff_t all_rows(const amr_elliptic *e, amr_csr *a, int what, int is_fitted, int dim) {
  const int n = e->layout.n, nj = dim > 1 ? n : 1, nk = dim > 2 ? n : 1;
  ptrdiff_t row = 0, n_irregular = 0;
  for (ptrdiff_t q = 0; q < e->m; q++) {
    const block b = make_block(e, q, what, is_fitted, dim);
    reach of_rim[N_REACH];
    int64_t cell = b.first;
    make_reaches(&b, dim, n, of_rim);
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++) {
        const reach *of_row = of_rim + 3 * (dim > 1 ? rim_of(n, j) : 0) + 9 * (dim > 2 ? rim_of(n, k) : 0);
        const double *beta = what == VALUES ? b.beta + j * e->layout.stride[1] + k * e->layout.stride[2] : NULL;
        for (int i = 0; i < n; i++, row++, cell++) {
          const reach *r = of_row + rim_of(n, i);
          if (what == COUNT)
            amr_csr_put(a->start, a->is_wide, row + 1, r->is_plain ? r->n : -1 - n_irregular++);
          else if (r->is_plain)
            plain_row(a, row, &b, r, what, is_fitted, dim, cell, what == VALUES ? beta + i : NULL);
        }
      }
  }
  return n_irregular;
}

AMR_INLINE ptrdiff_t rows_of(const amr_elliptic *e, amr_csr *a, int what, int is_fitted) {
  if (e->layout.dim == 1) return all_rows(e, a, what, is_fitted, 1);
  if (e->layout.dim == 2) return all_rows(e, a, what, is_fitted, 2);
  return all_rows(e, a, what, is_fitted, 3);
}

ptrdiff_t amr_elliptic_row_counts(const amr_elliptic *e, amr_csr *a) { return rows_of(e, a, COUNT, 0); }

void amr_elliptic_row_places(const amr_elliptic *e, amr_csr *a) { rows_of(e, a, PLACES, 0); }

void amr_elliptic_row_values(const amr_elliptic *e, amr_csr *a) {
  if (e->temperature > 0)
    rows_of(e, a, VALUES, 1);
  else
    rows_of(e, a, VALUES, 0);
}
