/* Rows of a sparse matrix as PETSc takes them: where each starts, the columns of its entries in ascending order, and their values.
 *
 * Rows may come in two ways: complete, each written by who knows it, or as triplets (row, column, value), of which those of one place are
 * added, in the order in which they are given. No row has both.
 */
#ifndef AMR_CSR_H
#define AMR_CSR_H

#include "amr.h"

typedef struct {
  ptrdiff_t n_row;
  int is_wide;   /* the integers of PETSc: int64, else int32 */
  void *start;   /* [n_row + 1]: row i has the entries start[i] to start[i + 1] */
  void *col;     /* [start[n_row]] */
  double *value; /* [start[n_row]] */
} amr_csr;

AMR_INLINE int64_t amr_csr_get(const void *array, int is_wide, ptrdiff_t i) {
  return is_wide ? ((const int64_t *)array)[i] : ((const int32_t *)array)[i];
}

AMR_INLINE void amr_csr_put(void *array, int is_wide, ptrdiff_t i, int64_t number) {
  if (is_wide)
    ((int64_t *)array)[i] = number;
  else
    ((int32_t *)array)[i] = (int32_t)number;
}

/* The triplets of a matrix. */
typedef struct {
  ptrdiff_t n, n_row; /* triplets, rows that are made of them */
  const int64_t *row; /* [n]: from 0 to the matrix' n_row */
  const int64_t *col; /* [n] */
  int64_t *first;     /* [n_row + 1]: see amr_csr_merge */
  int64_t *order;     /* [n] */
} amr_triplets;

/* Sort the triplets by place and complete a->start. On entry a->start[1 + i] is the number of entries of row i, or -1 - k for the k-th row
 * that triplets make, each of which has one at least. Sets t->first and t->order: triplets order[first[k]] to order[first[k + 1]] are
 * those of the k-th row, by column and then in the order given. Returns the number of entries of the matrix; -1: a triplet of another
 * row, and nothing that is set has a meaning. */
int64_t amr_csr_merge(amr_csr *a, amr_triplets *t);

/* a->col of the rows that triplets make, and place[n]: the entry that each triplet is added to. */
void amr_csr_places(amr_csr *a, const amr_triplets *t, int64_t *place);

/* value[place] := the sums of the triplets' values given[n]. */
void amr_csr_sum(ptrdiff_t n, const int64_t *place, const double *given, double *value);

#endif
