/* One row of functions per equation set (private to the core): what physics.c and step.c dispatch to. */
#ifndef AMR_PHYSICS_TABLE_H
#define AMR_PHYSICS_TABLE_H
#include "step.h"

typedef struct {
  int solvers;     /* bit mask of the Riemann solvers offered */
  int max_dim;     /* highest dimension offered */
  int has_scalars; /* 1 if passive scalars may follow the fixed variables */
  int n_fixed[4];  /* by dimension: variables without passive scalars */
  void (*advance[4])(const amr_physics *, const amr_layout *, amr_step *);
  void (*check)(const amr_physics *, const amr_layout *, const double *u, const int32_t *list, int64_t n_list,
                const double *spacing, double *max_signal, int64_t *n_bad, int64_t *first_bad);
  int (*is_physical)(const amr_physics *, const double *u, ptrdiff_t stride);
  int (*all_physical)(const amr_physics *, ptrdiff_t m, const double *u, ptrdiff_t us);
  void (*to_primitive)(const amr_physics *, ptrdiff_t m, const double *u, ptrdiff_t us, double *w, ptrdiff_t ws);
  void (*to_conserved)(const amr_physics *, ptrdiff_t m, const double *w, ptrdiff_t ws, double *u, ptrdiff_t us);
  void (*flux)(const amr_physics *, int axis, ptrdiff_t m, const double *w, double *f);
  void (*signal)(const amr_physics *, int axis, ptrdiff_t m, const double *w, double *signal);
  void (*riemann)(const amr_physics *, int solver, int axis, ptrdiff_t m, const double *wl, const double *wr,
                  double *f);
} amr_physics_row;

/* The row of `id`, or NULL. */
const amr_physics_row *amr_physics_find(int id);

extern const amr_physics_row amr_row_advection, amr_row_advection_field, amr_row_burgers, amr_row_acoustics,
    amr_row_euler, amr_row_shallow_water, amr_row_species;

#endif
