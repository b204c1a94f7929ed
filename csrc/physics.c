#include "physics.h"

#include "physics_table.h"

static const amr_physics_row *const rows[] = {
    [AMR_ADVECTION] = &amr_row_advection, [AMR_ADVECTION_FIELD] = &amr_row_advection_field,
    [AMR_BURGERS] = &amr_row_burgers,     [AMR_ACOUSTICS] = &amr_row_acoustics,
    [AMR_EULER] = &amr_row_euler,         [AMR_SHALLOW_WATER] = &amr_row_shallow_water,
    [AMR_SPECIES] = &amr_row_species,
};

const amr_physics_row *amr_physics_find(int id) {
  return id >= 0 && id < (int)(sizeof rows / sizeof rows[0]) ? rows[id] : NULL;
}

int amr_physics_offered(const amr_physics *p) {
  const amr_physics_row *row = amr_physics_find(p->id);
  if (!row || p->dim < 1 || p->dim > row->max_dim || p->n_scalar < 0 || p->n_var > AMR_MAX_VAR) return 0;
  return p->n_var == row->n_fixed[p->dim] + p->n_scalar && (row->has_scalars || p->n_scalar == 0);
}

int amr_is_physical(const amr_physics *p, const double *u, ptrdiff_t var_stride) {
  return amr_physics_find(p->id)->is_physical(p, u, var_stride);
}

void amr_to_primitive(const amr_physics *p, ptrdiff_t m, const double *u, ptrdiff_t u_stride, double *w,
                      ptrdiff_t w_stride) {
  amr_physics_find(p->id)->to_primitive(p, m, u, u_stride, w, w_stride);
}

void amr_to_conserved(const amr_physics *p, ptrdiff_t m, const double *w, ptrdiff_t w_stride, double *u,
                      ptrdiff_t u_stride) {
  amr_physics_find(p->id)->to_conserved(p, m, w, w_stride, u, u_stride);
}

void amr_flux(const amr_physics *p, int axis, ptrdiff_t m, const double *w, double *f) {
  amr_physics_find(p->id)->flux(p, axis, m, w, f);
}

void amr_signal(const amr_physics *p, int axis, ptrdiff_t m, const double *w, double *signal) {
  amr_physics_find(p->id)->signal(p, axis, m, w, signal);
}
