#include "coarsen.h"

#include "elliptic_entries.h"

ptrdiff_t amr_interpolation_count(const amr_coarsening *c) {
  const ptrdiff_t cells = block_cells(c->dim, c->n);
  ptrdiff_t count = 0;
  for (ptrdiff_t q = 0; q < c->m; q++) count += c->octant[q] < 0 ? cells : (1 + c->dim) * cells;
  return count;
}

/* The neighbour of coarse cell `at` of block q in `direction`: its number, or -1 outside the domain. */
AMR_INLINE int64_t neighbor_of(const amr_coarsening *c, ptrdiff_t q, int dim, const int *at, int direction) {
  const int n = c->n_coarse, axis = direction / 2, n_slot = dim == 1 ? 3 : dim == 2 ? 9 : 27;
  int next[3] = {at[0], at[1], at[2]};
  next[axis] += direction % 2 ? 1 : -1;
  if (next[axis] >= 0 && next[axis] < n) return cell_of(dim, n, c->parent[q], next);
  const ptrdiff_t slot = q * n_slot + amr_face_slot(dim, direction);
  if (c->relation[slot] == AMR_OUTSIDE) return -1;
  if (c->relation[slot] == AMR_COARSER)
    for (int a = 0; a < dim; a++) next[a] = (int)((((int64_t)c->origin[3 * q + a] * n + next[a]) >> 1) % n);
  return cell_of(dim, n, c->neighbor[slot], next);
}

AMR_INLINE void interpolate(const amr_coarsening *c, int dim, int64_t *row, int64_t *col, double *value,
                            int64_t *first) {
  const int n = c->n, half = c->n_coarse == n ? n / 2 : 0;
  const int64_t cells = block_cells(dim, n);
  int64_t e = 0;
  for (ptrdiff_t q = 0; q < c->m; q++) {
    const int octant = c->octant[q];
    for (int64_t m = 0; m < cells; m++) {
      const int64_t cell = (c->lo + q) * cells + m;
      *first++ = e;
      if (octant < 0) {
        row[e] = cell, col[e] = c->parent[q] * cells + m, value[e++] = 1;
        continue;
      }
      const int fine[3] = {(int)(m % n), (int)(m / n % n), (int)(m / ((int64_t)n * n))};
      int at[3] = {0};
      for (int a = 0; a < dim; a++) at[a] = fine[a] / 2 + (octant >> a & 1) * half;
      const int64_t own = cell_of(dim, c->n_coarse, c->parent[q], at);
      row[e] = cell, col[e] = own, value[e++] = 1 - 0.25 * dim;
      for (int a = 0; a < dim; a++) {
        const int direction = 2 * a + (fine[a] & 1);
        const int64_t other = neighbor_of(c, q, dim, at, direction);
        row[e] = cell, col[e] = other < 0 ? own : other;
        value[e++] = other < 0 ? 0.25 * c->outside[6 * q + direction] : 0.25;
      }
    }
  }
}

void amr_interpolation(const amr_coarsening *c, int64_t *row, int64_t *col, double *value, int64_t *first) {
  if (c->dim == 1) interpolate(c, 1, row, col, value, first);
  if (c->dim == 2) interpolate(c, 2, row, col, value, first);
  if (c->dim == 3) interpolate(c, 3, row, col, value, first);
}
