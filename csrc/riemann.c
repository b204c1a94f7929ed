#include "riemann.h"

#include "physics.h"
#include "physics_table.h"

int amr_riemann_offered(int physics_id, int solver) {
  const amr_physics_row *row = amr_physics_find(physics_id);
  return row && solver >= AMR_RUSANOV && solver <= AMR_EXACT && (row->solvers >> solver & 1);
}

amr_status amr_riemann(const amr_physics *p, int solver, int axis, ptrdiff_t n, const double *w_left,
                       const double *w_right, double *f) {
  if (!amr_physics_offered(p) || axis < 0 || axis >= p->dim || !amr_riemann_offered(p->id, solver))
    return AMR_BAD_ARGUMENT;
  amr_physics_find(p->id)->riemann(p, solver, axis, n, w_left, w_right, f);
  return AMR_OK;
}
