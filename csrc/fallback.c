#include "fallback.h"

#include "physics.h"

/* Interior cells per axis. */
static int cells(const amr_layout *l, int axis) { return axis < l->dim ? l->n : 1; }

void amr_mark_unphysical(const amr_physics *physics, const amr_layout *layout, int64_t n_block, const double *u,
                         double *mask) {
  for (int64_t b = 0; b < n_block; b++)
    for (int k = 0; k < cells(layout, 2); k++)
      for (int j = 0; j < cells(layout, 1); j++)
        for (int i = 0; i < layout->n; i++) {
          ptrdiff_t c = amr_cell(layout, i, j, k);
          if (!amr_is_physical(physics, u + b * layout->block_stride + c, layout->var_stride))
            mask[b * layout->var_stride + c] = 1;
        }
}

int64_t amr_count_mask(const amr_layout *layout, int64_t n_block, const double *mask) {
  int64_t count = 0;
  for (int64_t b = 0; b < n_block; b++)
    for (int k = 0; k < cells(layout, 2); k++)
      for (int j = 0; j < cells(layout, 1); j++)
        for (int i = 0; i < layout->n; i++) count += mask[b * layout->var_stride + amr_cell(layout, i, j, k)] > 0;
  return count;
}

int amr_find_unphysical(const amr_physics *physics, const amr_layout *layout, int64_t n_block, const double *u,
                        int64_t *where, double *state) {
  for (int64_t b = 0; b < n_block; b++)
    for (int k = 0; k < cells(layout, 2); k++)
      for (int j = 0; j < cells(layout, 1); j++)
        for (int i = 0; i < layout->n; i++) {
          const double *cell = u + b * layout->block_stride + amr_cell(layout, i, j, k);
          if (amr_is_physical(physics, cell, layout->var_stride)) continue;
          where[0] = b, where[1] = i, where[2] = j, where[3] = k;
          for (int v = 0; v < layout->n_var; v++) state[v] = cell[v * layout->var_stride];
          return 1;
        }
  return 0;
}
