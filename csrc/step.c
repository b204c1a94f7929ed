#include "step.h"

#include "physics.h"
#include "physics_table.h"
#include "step_scratch.h"
#include "viscous.h"

ptrdiff_t amr_scratch_size(const amr_layout *layout) {
  const int narrow = amr_scratch_planes(layout->dim, 0), wide = layout->g > 2 ? amr_scratch_planes(layout->dim, 1) : 0;
  return (wide > narrow ? wide : narrow) * layout->n_var * amr_scratch_row(layout) + 8;
}

ptrdiff_t amr_gather_size(const amr_layout *layout) {
  /* A coarse box is smaller than a block: n / 2 + 2 ((g + 1) / 2 + 1) <= n + 2 g for n >= 8. */
  return layout->block_stride + amr_viscous_size(layout);
}

amr_status amr_advance(const amr_physics *physics, const amr_layout *layout, amr_step *step) {
  step->n_flattened = step->n_constant = 0;
  step->ghost_seconds = 0;
  if (!amr_physics_offered(physics) || layout->dim != physics->dim || layout->n_var != physics->n_var)
    return AMR_BAD_ARGUMENT;
  if (step->limiter < AMR_LIMIT_MINMOD || step->limiter > AMR_LIMIT_NONE) return AMR_BAD_ARGUMENT;
  if (step->reconstruction < AMR_CONSTANT || step->reconstruction > AMR_WENO5Z) return AMR_BAD_ARGUMENT;
  const int reach = amr_reach(step->reconstruction);
  if (layout->g < reach + 1 || (reach > 1 && step->predictor)) return AMR_BAD_ARGUMENT;
  if (!amr_riemann_offered(physics->id, step->riemann)) return AMR_BAD_ARGUMENT;
  amr_physics_find(physics->id)->advance[physics->dim](physics, layout, step);
  return AMR_OK;
}

amr_status amr_check(const amr_physics *physics, const amr_layout *layout, const double *u, const int32_t *list,
                     int64_t n_list, const double *spacing, double *max_signal, int64_t *n_bad, int64_t *first_bad) {
  if (!amr_physics_offered(physics) || layout->dim != physics->dim || layout->n_var != physics->n_var)
    return AMR_BAD_ARGUMENT;
  amr_physics_find(physics->id)->check(physics, layout, u, list, n_list, spacing, max_signal, n_bad, first_bad);
  return AMR_OK;
}
