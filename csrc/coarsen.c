#include "coarsen.h"

#include "elliptic_entries.h"

ptrdiff_t amr_interpolation_count(const amr_coarsening *c) {
  const ptrdiff_t cells = block_cells(c->dim, c->n);
  ptrdiff_t count = 0;
  for (ptrdiff_t q = 0; q < c->m; q++) count += c->octant[q] < 0 ? cells : (1 + c->dim) * cells;
  return count;
}

/* The neighbour of coarse cell `at`, whose number is `own`, of block q in `direction`: its number, or -1 outside the domain. */
AMR_INLINE int64_t neighbor_of(const amr_coarsening *c, ptrdiff_t q, int dim, const int *at, int64_t own,
                               int direction) {
  const int n = c->n_coarse, axis = direction / 2, n_slot = dim == 1 ? 3 : dim == 2 ? 9 : 27;
  int next[3] = {at[0], at[1], at[2]};
  next[axis] += direction % 2 ? 1 : -1;
  if (next[axis] >= 0 && next[axis] < n) {
    const int64_t stride = axis == 0 ? 1 : axis == 1 ? n : (int64_t)n * n;
    return own + (direction % 2 ? stride : -stride);
  }
  const ptrdiff_t slot = q * n_slot + amr_face_slot(dim, direction);
  if (c->relation[slot] == AMR_OUTSIDE) return -1;
  if (c->relation[slot] == AMR_COARSER)
    for (int a = 0; a < dim; a++) next[a] = (int)((((int64_t)c->origin[3 * q + a] * n + next[a]) >> 1) % n);
  return cell_of(dim, n, c->neighbor[slot], next);
}

/* Columns of a row in ascending order with their weights; those of one column are added. */
typedef struct {
  int n;
  int64_t col[1 + AMR_MAX_DIM];
  double weight[1 + AMR_MAX_DIM];
} sorted_row;

AMR_INLINE void add_weight(sorted_row *r, int64_t col, double weight) {
  int to = r->n;
  while (to > 0 && r->col[to - 1] > col) to--;
  if (to > 0 && r->col[to - 1] == col) {
    r->weight[to - 1] += weight;
    return;
  }
  for (int e = r->n++; e > to; e--) r->col[e] = r->col[e - 1], r->weight[e] = r->weight[e - 1];
  r->col[to] = col, r->weight[to] = weight;
}

/* The row of fine cell (i, j, k) of block q, which has a parent; returns the coarse cell that it lies in. */
AMR_INLINE int64_t child_row(const amr_coarsening *c, sorted_row *r, ptrdiff_t q, int dim, int i, int j, int k) {
  const int fine[3] = {i, j, k}, half = c->n_coarse == c->n ? c->n / 2 : 0;
  int at[3] = {0};
  int64_t in = 0;
  for (int d = dim - 1; d >= 0; d--) {
    at[d] = fine[d] / 2 + (c->octant[q] >> d & 1) * half;
    in = in * c->n_coarse + at[d];
  }
  in += c->parent[q] * block_cells(dim, c->n_coarse);
  add_weight(r, in, 1 - 0.25 * dim);
  for (int d = 0; d < dim; d++) {
    const int direction = 2 * d + (fine[d] & 1);
    const int64_t other = neighbor_of(c, q, dim, at, in, direction);
    add_weight(r, other < 0 ? in : other, other < 0 ? 0.25 * c->outside[6 * q + direction] : 0.25);
  }
  return in;
}

AMR_INLINE int64_t interpolate(const amr_coarsening *c, int dim, int is_wide, amr_csr *a, void *own) {
  const int n = c->n, nj = dim > 1 ? n : 1, nk = dim > 2 ? n : 1;
  const int64_t cells = block_cells(dim, n);
  int64_t row = 0, end = 0;
  amr_csr_put(a->start, is_wide, 0, 0);
  for (ptrdiff_t q = 0; q < c->m; q++)
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++)
        for (int i = 0; i < n; i++) {
          sorted_row r = {.n = 0};
          int64_t in = c->parent[q] * cells + row - q * cells;
          if (c->octant[q] < 0)
            add_weight(&r, in, 1);
          else
            in = child_row(c, &r, q, dim, i, j, k);
          for (int e = 0; e < r.n; e++, end++) amr_csr_put(a->col, is_wide, end, r.col[e]), a->value[end] = r.weight[e];
          amr_csr_put(own, is_wide, row, in);
          amr_csr_put(a->start, is_wide, ++row, end);
        }
  return end;
}

AMR_INLINE int64_t interpolate_wide(const amr_coarsening *c, int is_wide, amr_csr *a, void *own) {
  if (c->dim == 1) return interpolate(c, 1, is_wide, a, own);
  if (c->dim == 2) return interpolate(c, 2, is_wide, a, own);
  return interpolate(c, 3, is_wide, a, own);
}

int64_t amr_interpolation(const amr_coarsening *c, amr_csr *a, void *own) {
  return a->is_wide ? interpolate_wide(c, 1, a, own) : interpolate_wide(c, 0, a, own);
}
