#include "fields.h"

#include <string.h>

#include "physics.h"

static int offered(const amr_physics *physics, const amr_layout *layout, int n_pick, const int32_t *pick) {
  for (int p = 0; p < n_pick; p++)
    if (pick[p] < 0 || pick[p] >= layout->n_var) return 0;
  return physics->n_var == layout->n_var && physics->dim == layout->dim;
}

AMR_CLONES amr_status amr_primitive_ranges(const amr_physics *physics, const amr_layout *layout, const double *u,
                                           int64_t n_block, int n_pick, const int32_t *pick, double *lowest,
                                           double *highest, double *signal, double *scratch) {
  const amr_layout *l = layout;
  const ptrdiff_t cells = l->var_stride;
  double ignored = INFINITY, *speed = scratch + l->n_var * cells;
  if (!offered(physics, layout, n_pick, pick)) return AMR_BAD_ARGUMENT;
  for (int p = 0; p < n_pick; p++) lowest[p] = INFINITY, highest[p] = -INFINITY;
  if (signal) *signal = 0.0;
  for (int64_t b = 0; b < n_block; b++) {
    if (b + 1 < n_block) amr_prefetch(l, u, b + 1, 0);
    amr_to_primitive(physics, cells, u + b * l->block_stride, cells, scratch, cells);
    for (int p = 0; p < n_pick; p++) amr_fold_range(l, scratch + pick[p] * cells, lowest + p, highest + p);
    for (int a = 0; signal && a < l->dim; a++) {
      amr_signal(physics, a, cells, scratch, speed);
      amr_fold_range(l, speed, &ignored, signal);
    }
  }
  return AMR_OK;
}

amr_status amr_primitive_fields(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                int n_pick, const int32_t *pick, double *w, double *scratch) {
  const ptrdiff_t cells = layout->var_stride;
  if (!offered(physics, layout, n_pick, pick)) return AMR_BAD_ARGUMENT;
  for (int64_t b = 0; b < n_block; b++) {
    amr_to_primitive(physics, cells, u + b * layout->block_stride, cells, scratch, cells);
    for (int p = 0; p < n_pick; p++)
      memcpy(w + (p * n_block + b) * cells, scratch + pick[p] * cells, (size_t)cells * sizeof *w);
  }
  return AMR_OK;
}
