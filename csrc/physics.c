#include "physics.h"

#include <math.h>

int amr_is_physical(const amr_physics *physics, const double *u, ptrdiff_t var_stride) {
  for (int v = 0; v < physics->n_var; v++)
    if (!isfinite(u[v * var_stride])) return 0;
  if (physics->id == AMR_SHALLOW_WATER) return u[0] > 0;
  if (physics->id != AMR_EULER) return 1;
  double momentum2 = 0;
  for (int a = 0; a < physics->dim; a++) momentum2 += u[(1 + a) * var_stride] * u[(1 + a) * var_stride];
  return u[0] > 0 && u[(1 + physics->dim) * var_stride] - 0.5 * momentum2 / u[0] > 0;
}
