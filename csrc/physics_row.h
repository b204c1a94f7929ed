/* The compiled functions of one equation set and its row of the table (included last, once per equation set). */
#include "physics_table.h"

/* Per dimension a body in which `dim` is a constant. */
AMR_CLONES static void PHYS(advance_1d)(const amr_physics *p, const amr_layout *l, amr_step *step) {
  PHYS(advance)(p, l, step, 1);
}
AMR_CLONES static void PHYS(advance_2d)(const amr_physics *p, const amr_layout *l, amr_step *step) {
  PHYS(advance)(p, l, step, 2);
}
#if PHYS(max_dim) > 2
AMR_CLONES static void PHYS(advance_3d)(const amr_physics *p, const amr_layout *l, amr_step *step) {
  PHYS(advance)(p, l, step, 3);
}
#endif

#if PHYS(max_dim) > 2
#define AMR_BY_DIM(call) \
  if (p->dim == 1) \
    call(1); \
  else if (p->dim == 2) \
    call(2); \
  else \
    call(3)
#else
#define AMR_BY_DIM(call) \
  if (p->dim == 1) \
    call(1); \
  else \
    call(2)
#endif

AMR_CLONES static void PHYS(check)(const amr_physics *p, const amr_layout *l, const double *u, const int32_t *list,
                                   int64_t n_list, const double *spacing, double *max_signal, int64_t *n_bad,
                                   int64_t *first_bad) {
#define AMR_CALL(dim) \
  PHYS(check_block)(p, l, dim, u + b * l->block_stride, spacing + 3 * b, max_signal + b, n_bad + b, first_bad + b)
  for (int64_t q = 0; q < n_list; q++) {
    const int64_t b = list ? list[q] : q;
    AMR_BY_DIM(AMR_CALL);
  }
#undef AMR_CALL
}

AMR_CLONES static void PHYS(rows_to_primitive)(const amr_physics *p, ptrdiff_t m, const double *u, ptrdiff_t us,
                                               double *w, ptrdiff_t ws) {
#define AMR_CALL(dim) PHYS(many_to_primitive)(p, dim, m, u, us, w, ws)
  AMR_BY_DIM(AMR_CALL);
#undef AMR_CALL
}

AMR_CLONES static void PHYS(rows_to_conserved)(const amr_physics *p, ptrdiff_t m, const double *w, ptrdiff_t ws,
                                               double *u, ptrdiff_t us) {
#define AMR_CALL(dim) PHYS(many_to_conserved)(p, dim, m, w, ws, u, us)
  AMR_BY_DIM(AMR_CALL);
#undef AMR_CALL
}

AMR_CLONES static int PHYS(rows_physical)(const amr_physics *p, ptrdiff_t m, const double *u, ptrdiff_t us) {
#define AMR_CALL(dim) return PHYS(many_physical)(p, dim, m, u, us)
  AMR_BY_DIM(AMR_CALL);
#undef AMR_CALL
}

#define AMR_ROW AMR_PASTE(amr_row, AMR_PHYSICS)
const amr_physics_row AMR_ROW = {
    .solvers = 1 << AMR_RUSANOV | 1 << AMR_HLL | PHYS(has_hllc) << AMR_HLLC | PHYS(has_roe) << AMR_ROE
               | PHYS(has_exact) << AMR_EXACT,
    .max_dim = PHYS(max_dim),
    .has_scalars = PHYS(has_scalars),
    .n_fixed = {0, PHYS(n_fixed)(1), PHYS(n_fixed)(2), PHYS(n_fixed)(3)},
#if PHYS(max_dim) > 2
    .advance = {0, PHYS(advance_1d), PHYS(advance_2d), PHYS(advance_3d)},
#else
    .advance = {0, PHYS(advance_1d), PHYS(advance_2d), 0},
#endif
    .check = PHYS(check),
    .is_physical = PHYS(point_physical),
    .all_physical = PHYS(rows_physical),
    .to_primitive = PHYS(rows_to_primitive),
    .to_conserved = PHYS(rows_to_conserved),
    .flux = PHYS(many_flux),
    .signal = PHYS(many_signal),
    .riemann = PHYS(many_riemann),
};
