#include "elliptic_reach.h"

AMR_INLINE int is_jump(double a, double b) { return a > AMR_BETA_JUMP * b || b > AMR_BETA_JUMP * a; }

/* Weights of the lower, middle and upper of three coarse cells at a quarter of a cell to the given side of the middle. */
AMR_INLINE void quarter_weights(int side, int has_lower, int has_upper, double *w) {
  const double p = side ? 0.25 : -0.25;
  w[0] = has_lower ? has_upper ? p * (p - 1) / 2 : -p : 0;
  w[2] = has_upper ? has_lower ? p * (p + 1) / 2 : p : 0;
  w[1] = 1 - w[0] - w[2];
}

/* The coarse value behind the face `direction` of the fine cell `at`; beta at its place is beta[there]. */
AMR_INLINE void coarse_value(stencil *s, const block *b, int what, int dim, int n, int direction, const int *at,
                             const double *there) {
  const amr_layout *l = &b->e->layout;
  const int axis = direction / 2, side = direction % 2;
  double w[3][3];
  int step[3] = {0, 0, 0}, reach[3] = {0, 0, 0};
  for (int a = 0; a < dim; a++) {
    int has[2];
    if (a == axis) continue;
    reach[a] = 1;
    for (int e = 0; e < 2 && what == VALUES; e++) {
      int to[3] = {at[0], at[1], at[2]}, one[3] = {0, 0, 0};
      one[a] = e ? 1 : -1;
      const int slot = move_along(dim, n, axis, direction, one, to);
      const ptrdiff_t move = (e ? (at[a] & ~1) + 2 : (at[a] & ~1) - 1) - at[a];
      has[e] = b->relation[slot] != AMR_OUTSIDE && !is_jump(*there, there[move * l->stride[a]]);
    }
    if (what == VALUES) quarter_weights(at[a] & 1, has[0], has[1], w[a]);
  }
  s->n = 0;
  for (step[2] = -reach[2]; step[2] <= reach[2]; step[2]++)
    for (step[1] = -reach[1]; step[1] <= reach[1]; step[1]++)
      for (step[0] = -reach[0]; step[0] <= reach[0]; step[0]++) {
        int to[3] = {at[0], at[1], at[2]};
        double weight = 1;
        const int slot = move_along(dim, n, axis, direction, step, to);
        to[axis] = side ? n : -1;
        for (int a = 0; a < dim && what == VALUES; a++)
          if (reach[a]) weight *= w[a][step[a] + 1];
        if (b->relation[slot] != AMR_OUTSIDE) add_coarse(s, b, dim, n, slot, axis, side, to, weight);
      }
}

/* beta dphi/dn times the area, outwards, of a face to a coarser block, as weights of cells, the fine cell `cell` first; returns the coarse
 * cell behind the face. */
AMR_INLINE int64_t coarse_flux(stencil *flux, const block *b, int what, int dim, int n, int direction, const int *at,
                               int64_t cell, const double *beta) {
  const amr_layout *l = &b->e->layout;
  const int axis = direction / 2, outward = direction % 2 ? 1 : -1;
  const ptrdiff_t step = outward * l->stride[axis];
  int inner[3] = {at[0], at[1], at[2]}, behind[3] = {at[0], at[1], at[2]};
  stencil value, own;
  double w1 = 0, w2 = 0, wc = 0; /* first and second fine cell, coarse value */
  coarse_value(&value, b, what, dim, n, direction, at, what == VALUES ? beta + step : NULL);
  if (what == VALUES) {
    const double near = beta[0], far = beta[step], conductance = b->conductance[axis];
    if (is_jump(near, far) || is_jump(near, beta[-step])) {
      const double sum = near + 0.5 * far; /* 1 / (0.5 / near + 1 / far) = near far / (near + far / 2) */
      wc = sum > 0 ? conductance * near * far / sum : 0, w1 = -wc;
    } else {
      const double sum = near + 2 * far; /* harmonic, at a third of the way from the fine cell */
      const double face = sum > 0 ? conductance * 3 * near * far / sum : 0;
      wc = face * 8 / 15, w1 = -face / 3, w2 = -face / 5;
    }
  }
  inner[axis] -= outward, behind[axis] = outward > 0 ? n : -1;
  own.n = 0;
  add_coarse(&own, b, dim, n, amr_face_slot(dim, direction), axis, direction % 2, behind, 1);
  flux->cell[0] = cell, flux->weight[0] = w1;
  flux->cell[1] = b->first + cell_of(dim, n, 0, inner), flux->weight[1] = w2;
  for (int k = 0; k < value.n; k++) flux->cell[2 + k] = value.cell[k], flux->weight[2 + k] = wc * value.weight[k];
  flux->n = 2 + value.n;
  return own.cell[0];
}

/* The flux through a face to a coarser block, given to the fine cell `at` and to the coarse cell. */
AMR_INLINE void coarse_face(entries *out, const block *b, int what, int dim, int n, int direction, const int *at,
                            int64_t cell, const double *beta) {
  stencil flux;
  const int64_t coarse = coarse_flux(&flux, b, what, dim, n, direction, at, cell, beta);
  for (int i = 0; i < 2; i++) /* what leaves the fine cell comes into the coarse one */
    for (int k = 0; k < flux.n; k++)
      push(out, what, i ? coarse : cell, flux.cell[k], i ? flux.weight[k] : -flux.weight[k]);
}

/* The triplets of an irregular cell: its own row, and its faces to coarser blocks in the rows of the cells there. */
AMR_INLINE void cell_entries(entries *out, const block *b, const reach *r, int what, int is_fitted, int dim,
                             const int *at, int64_t cell) {
  const amr_layout *l = &b->e->layout;
  const double *beta = what == VALUES ? b->beta + at[0] + at[1] * l->stride[1] + at[2] * l->stride[2] : NULL;
  double diagonal = 0;
  for (int a = 0; a < dim; a++) {
    double pair[2] = {0, 0}; /* added first: mirrors and exchanged axes in 2D give the same bits */
    for (int side = 0; side < 2; side++) {
      const int direction = 2 * a + side, kind = r->kind[direction];
      if (kind == AMR_FINER) continue; /* the finer block's */
      if (kind == AMR_COARSER && is_fitted) fitted_coarse_face(out, b, what, dim, l->n, direction, at, cell, beta);
      if (kind == AMR_COARSER && !is_fitted) coarse_face(out, b, what, dim, l->n, direction, at, cell, beta);
      if (kind == AMR_COARSER) continue;
      double enter = 0;
      if (what == VALUES) pair[side] = plain_face(b, is_fitted, direction, kind, beta, &enter);
      if (kind == AMR_SAME) push(out, what, cell, cell + r->offset[direction], -enter);
    }
    diagonal += pair[0] + pair[1];
  }
  if (what == VALUES) diagonal += b->volume * b->alpha[(cell - b->first) * b->e->alpha_step];
  push(out, what, cell, cell, diagonal);
}

/* All irregular cells, where the compiler knows the dimension and what is made. */
AMR_INLINE void all_entries(const amr_elliptic *e, entries *out, int what, int is_fitted, int dim) {
  const int n = e->layout.n, nj = dim > 1 ? n : 1, nk = dim > 2 ? n : 1;
  for (ptrdiff_t q = 0; q < e->m; q++) {
    const block b = make_block(e, q, what, is_fitted, dim);
    reach of_rim[N_REACH];
    if (make_reaches(&b, dim, n, of_rim)) continue;
    int64_t cell = b.first;
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++)
        for (int i = 0; i < n; i++, cell++) {
          const int at[3] = {i, j, k};
          const reach *r = of_rim + rim_of(n, i) + 3 * (dim > 1 ? rim_of(n, j) : 0) + 9 * (dim > 2 ? rim_of(n, k) : 0);
          if (!r->is_plain) cell_entries(out, &b, r, what, is_fitted, dim, at, cell);
        }
  }
}

AMR_INLINE ptrdiff_t entries_of_kind(const amr_elliptic *e, entries out, int what, int is_fitted) {
  if (e->layout.dim == 1) all_entries(e, &out, what, is_fitted, 1);
  if (e->layout.dim == 2) all_entries(e, &out, what, is_fitted, 2);
  if (e->layout.dim == 3) all_entries(e, &out, what, is_fitted, 3);
  return out.n;
}

AMR_INLINE ptrdiff_t entries_of(const amr_elliptic *e, entries out, int what) {
  return e->temperature > 0 ? entries_of_kind(e, out, what, 1) : entries_of_kind(e, out, what, 0);
}

ptrdiff_t amr_elliptic_count(const amr_elliptic *e) { return entries_of(e, (entries){0}, COUNT); }

void amr_elliptic_places(const amr_elliptic *e, int64_t *row, int64_t *col) {
  entries_of(e, (entries){.row = row, .col = col}, PLACES);
}

void amr_elliptic_values(const amr_elliptic *e, double *value) { entries_of(e, (entries){.value = value}, VALUES); }

/* All faces to coarser blocks: entries of the flux in row 0, 1, ... of these faces, and the cells on both sides. */
AMR_INLINE void all_faces(const amr_elliptic *e, entries *out, int what, int dim, amr_elliptic_faces *faces) {
  const int n = e->layout.n;
  for (ptrdiff_t q = 0; q < e->m; q++) {
    const block b = make_block(e, q, what == COUNT ? COUNT : VALUES, 0, dim);
    for (int direction = 0; direction < 2 * dim; direction++) {
      if (b.relation[amr_face_slot(dim, direction)] != AMR_COARSER) continue;
      const int axis = direction / 2;
      int from[3] = {0, 0, 0}, to[3] = {n, dim > 1 ? n : 1, dim > 2 ? n : 1};
      from[axis] = direction % 2 ? n - 1 : 0, to[axis] = from[axis] + 1;
      for (int k = from[2]; k < to[2]; k++)
        for (int j = from[1]; j < to[1]; j++)
          for (int i = from[0]; i < to[0]; i++, faces->n++) {
            const int at[3] = {i, j, k};
            const int64_t cell = b.first + cell_of(dim, n, 0, at);
            const double *beta = what == COUNT ? NULL : b.beta + i + j * e->layout.stride[1] + k * e->layout.stride[2];
            stencil flux;
            const int64_t coarse =
                coarse_flux(&flux, &b, what == COUNT ? COUNT : VALUES, dim, n, direction, at, cell, beta);
            if (what != COUNT) faces->fine[faces->n] = cell, faces->coarse[faces->n] = coarse;
            for (int c = 0; c < flux.n; c++) {
              if (what != COUNT) out->value[out->n] = flux.weight[c];
              push(out, what == COUNT ? COUNT : PLACES, faces->n, flux.cell[c], 0);
            }
          }
    }
  }
}

static void faces_of_dim(const amr_elliptic *e, entries out, int what, amr_elliptic_faces *faces) {
  faces->n = 0;
  if (e->layout.dim == 1) all_faces(e, &out, what, 1, faces);
  if (e->layout.dim == 2) all_faces(e, &out, what, 2, faces);
  if (e->layout.dim == 3) all_faces(e, &out, what, 3, faces);
  faces->n_entry = out.n;
}

void amr_elliptic_face_count(const amr_elliptic *e, amr_elliptic_faces *faces) {
  faces_of_dim(e, (entries){0}, COUNT, faces);
}

void amr_elliptic_face_fluxes(const amr_elliptic *e, amr_elliptic_faces *faces) {
  faces_of_dim(e, (entries){.row = faces->row, .col = faces->col, .value = faces->value}, VALUES, faces);
}
