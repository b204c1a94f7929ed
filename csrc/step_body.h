/* The step of one equation set, instantiated per dimension (included once per equation set, AMR_PHYSICS defined).
 *
 * One pass over the planes k of a block: primitives of plane k + 1, slopes and half-step states of plane k, fluxes of plane k,
 * update of plane k - 1. Every loop over cells runs over a whole flattened plane, ghosts included: longer rows vectorise
 * better than the few extra cells cost, and what comes out of the extra cells is never used. `dim` is always a constant.
 */
#include "physics_body.h"
#include "step.h"
#include "step_scratch.h"
#include "viscous.h"

/* A copy of the parameters that no store can change: what depends on them alone leaves the loops. */
#define AMR_PARAM(p) {(p)[0], (p)[1], (p)[2]}

/* Variables that have slopes: all but the static ones. */
AMR_INLINE int PHYS(n_slope)(const amr_work *work, int dim) {
  (void)dim;
  return PHYS(n_fixed)(dim) == PHYS(n_evolved)(dim) ? work->layout->n_var : PHYS(n_evolved)(dim);
}

/* Primitives of plane `index` (0 .. ext[2] - 1) of u_in. */
AMR_INLINE void PHYS(convert)(const amr_work *work, int dim, ptrdiff_t index, double *w) {
  const amr_layout *l = work->layout;
  const ptrdiff_t row = work->s.row, stride = l->var_stride, cells = amr_plane_cells(l);
  const double *u = work->u_in + (dim == 3 ? index * l->stride[2] : 0), *p = work->physics->param;
  const double param[] = AMR_PARAM(p);
#pragma GCC ivdep
  for (ptrdiff_t c = 0; c < cells; c++) {
    double a[5], b[5];
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) a[v] = u[v * stride + c];
    PHYS(to_primitive)(param, dim, a, b);
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) w[v * row + c] = b[v];
  }
  for (int v = PHYS(n_fixed)(dim); v < l->n_var; v++)
#pragma GCC ivdep
    for (ptrdiff_t c = 0; c < cells; c++) w[v * row + c] = u[v * stride + c] / u[c];
  for (int v = 0; v < l->n_var; v++) /* the last vector of a row finds an ordinary state behind the plane */
    for (int c = 0; c < 8; c++) w[v * row + cells + c] = w[v * row + cells - 1];
}

/* Half-step states of a plane; returns non-zero if a cell (perhaps a ghost that nobody uses) has an unphysical face state. */
AMR_INLINE int64_t PHYS(half_step)(const amr_work *work, int dim, const double *w, double *const *slope, double *half) {
  const ptrdiff_t row = work->s.row, first = work->first, m = amr_whole(work->last - first);
  const double *p = work->physics->param, param[] = AMR_PARAM(p);
  const double *x = slope[0] + first, *y = slope[dim > 1 ? 1 : 0] + first, *z = slope[dim > 2 ? 2 : 0] + first;
  const double on = work->step->predictor ? 0.5 : 0.0, k[3] = {on * work->k[0], on * work->k[1], on * work->k[2]};
  int64_t bad = 0;
  w += first, half += first;
#pragma GCC ivdep
  for (ptrdiff_t c = 0; c < m; c++) {
    double a[5], sx[5], sy[5], sz[5], h[5];
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) a[v] = w[v * row + c], sx[v] = x[v * row + c];
    if (dim > 1)
#pragma GCC unroll 5
      for (int v = 0; v < PHYS(n_fixed)(dim); v++) sy[v] = y[v * row + c];
    if (dim > 2)
#pragma GCC unroll 5
      for (int v = 0; v < PHYS(n_fixed)(dim); v++) sz[v] = z[v * row + c];
    PHYS(predict)(param, dim, k, a, sx, sy, sz, h);
    bad |= !PHYS(faces_physical)(dim, h, sx, sy, sz);
#pragma GCC unroll 5
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) half[v * row + c] = h[v];
  }
  for (int v = PHYS(n_fixed)(dim); v < work->layout->n_var; v++)
#pragma GCC ivdep
    for (ptrdiff_t c = 0; c < m; c++) {
      double change = k[0] * w[row + c] * x[v * row + c];
      if (dim > 1) change += k[1] * w[2 * row + c] * y[v * row + c];
      if (dim > 2) change += k[2] * w[3 * row + c] * z[v * row + c];
      half[v * row + c] = w[v * row + c] - change;
    }
  return bad;
}

AMR_INLINE int PHYS(cell_flat)(const amr_work *work, int dim, ptrdiff_t c, double *const *slope, const double *half) {
  double h[5], s[3][5] = {{0}};
  for (int v = 0; v < PHYS(n_fixed)(dim); v++) h[v] = half[v * work->s.row + c];
  for (int a = 0; a < dim; a++)
    for (int v = 0; v < PHYS(n_fixed)(dim); v++) s[a][v] = slope[a][v * work->s.row + c];
  return !PHYS(faces_physical)(dim, h, s[0], s[1], s[2]);
}

/* Give the cells with an unphysical face state zero slopes (first order in that cell) and the state they started from. */
static __attribute__((noinline)) void PHYS(flatten)(const amr_work *work, int dim, int k, const double *w,
                                                    double *const *slope, double *half) {
  const amr_layout *l = work->layout;
  const int low = dim > 1 ? -1 : 0, high = dim > 1 ? l->n : 0;
  for (int j = low; j <= high; j++)
    for (int i = -1; i <= l->n; i++) {
      ptrdiff_t c = (i + l->gh[0]) + (j + l->gh[1]) * l->stride[1];
      if (!PHYS(cell_flat)(work, dim, c, slope, half)) continue;
      work->step->n_flattened +=
          i >= 0 && i < l->n && (dim < 2 || (j >= 0 && j < l->n)) && (dim < 3 || (k >= 0 && k < l->n));
      for (int v = 0; v < l->n_var; v++) {
        for (int a = 0; a < dim; a++) slope[a][v * work->s.row + c] = 0;
        half[v * work->s.row + c] = w[v * work->s.row + c];
      }
    }
}

#include "step_wide.h"

/* Slopes and half-step states of plane k. */
AMR_INLINE void PHYS(reconstruct)(const amr_work *work, int dim, int k, const double *below, const double *w,
                                  const double *above, double *const *slope, double *half) {
  const amr_step *step = work->step;
  const ptrdiff_t row = work->s.row, first = work->first, last = work->last;
  const int n_row = PHYS(n_slope)(work, dim);
  if (step->reconstruction == AMR_CONSTANT) { /* the slopes are zero since the start of the call */
    memcpy(half, w, work->s.plane * sizeof *w);
    return;
  }
#pragma GCC unroll 1
  for (int a = 0; a < dim; a++) {
    const ptrdiff_t t = work->layout->stride[a];
    const double *lower = a == 2 ? below : w - t, *upper = a == 2 ? above : w + t;
    amr_slopes(step->limiter, n_row, row, first, last, lower, w, upper, slope[a]);
  }
  if (PHYS(half_step)(work, dim, w, slope, half)) PHYS(flatten)(work, dim, k, w, slope, half);
}

/* Fluxes of `rows` of faces: left states from half_left + slope_left / 2, right ones from half_right - slope_right / 2. */
AMR_INLINE void PHYS(flux_row)(const amr_work *work, int solver, int dim, int axis, amr_rows rows,
                               const double *half_left, const double *slope_left, const double *half_right,
                               const double *slope_right, double *flux) {
  const ptrdiff_t row = work->s.row, m = amr_whole(rows.length);
  const double *p = work->physics->param, param[] = AMR_PARAM(p), *hl[5], *dl[5], *hr[5], *dr[5];
  double *f[5];
  for (int v = 0; v < PHYS(n_fixed)(dim); v++) {
    const ptrdiff_t o = row * PHYS(component)(dim, axis, v);
    hl[v] = half_left + o, dl[v] = slope_left + o, hr[v] = half_right + o, dr[v] = slope_right + o, f[v] = flux + o;
  }
  for (ptrdiff_t j = 0, from = rows.first; j < rows.count; j++, from += rows.stride) {
#pragma GCC ivdep
    for (ptrdiff_t i = 0; i < m; i++) {
      const ptrdiff_t c = from + i;
      double wl[5], wr[5], g[5];
#pragma GCC unroll 5
      for (int v = 0; v < PHYS(n_fixed)(dim); v++) wl[v] = hl[v][c] + 0.5 * dl[v][c], wr[v] = hr[v][c] - 0.5 * dr[v][c];
      PHYS(solve)(solver, param, dim, axis, wl, wr, g);
#pragma GCC unroll 5
      for (int v = 0; v < PHYS(n_fixed)(dim); v++) f[v][c] = g[v];
    }
  }
}

#if PHYS(has_exact)
/* Iterative, one face at a time: nothing is gained from a body per instruction set. */
static __attribute__((noinline)) void PHYS(exact_row)(const amr_work *work, int solver, int dim, int axis,
                                                      amr_rows rows, const double *half_left, const double *slope_left,
                                                      const double *half_right, const double *slope_right,
                                                      double *flux) {
  if (dim == 1) PHYS(flux_row)(work, solver, 1, axis, rows, half_left, slope_left, half_right, slope_right, flux);
  if (dim == 2) PHYS(flux_row)(work, solver, 2, axis, rows, half_left, slope_left, half_right, slope_right, flux);
  if (dim == 3) PHYS(flux_row)(work, solver, 3, axis, rows, half_left, slope_left, half_right, slope_right, flux);
}
#endif

/* A passive scalar goes with the mass, from the side the mass comes from: a constant one stays constant. */
AMR_INLINE void PHYS(scalar_flux)(const amr_work *work, int dim, amr_rows rows, const double *half_left,
                                  const double *slope_left, const double *half_right, const double *slope_right,
                                  double *flux) {
  const ptrdiff_t m = amr_whole(rows.length);
  (void)dim;
  for (int v = PHYS(n_fixed)(dim); v < work->layout->n_var; v++) {
    const double *hl = half_left + v * work->s.row, *dl = slope_left + v * work->s.row;
    const double *hr = half_right + v * work->s.row, *dr = slope_right + v * work->s.row;
    double *f = flux + v * work->s.row;
    for (ptrdiff_t j = 0, from = rows.first; j < rows.count; j++, from += rows.stride) {
#pragma GCC ivdep
      for (ptrdiff_t i = 0; i < m; i++) {
        const ptrdiff_t c = from + i;
        f[c] = flux[c] * (flux[c] >= 0 ? hl[c] + 0.5 * dl[c] : hr[c] - 0.5 * dr[c]);
      }
    }
  }
}

/* First-order fluxes through the faces of plane k that touch a flagged cell; w_lower: averages below the faces. */
static __attribute__((noinline)) void PHYS(mask_faces)(const amr_work *work, int dim, int axis, int k,
                                                       const double *w_lower, const double *w, double *flux) {
  const amr_layout *l = work->layout;
  const ptrdiff_t row = work->s.row, step = l->stride[axis];
  const int nj = dim > 1 ? l->n + (axis == 1) : 1, ni = l->n + (axis == 0);
  for (int j = 0; j < nj; j++)
    for (int i = 0; i < ni; i++) {
      const double *flag = work->mask + amr_cell(l, i, j, dim == 3 ? k : 0);
      if (!(flag[0] > 0) && !(flag[-step] > 0)) continue;
      const ptrdiff_t c = (i + l->gh[0]) + (j + l->gh[1]) * l->stride[1];
      double wl[5], wr[5], g[5];
      for (int v = 0; v < PHYS(n_fixed)(dim); v++) {
        const ptrdiff_t o = row * PHYS(component)(dim, axis, v) + c;
        wl[v] = w_lower[o], wr[v] = w[o];
      }
      PHYS(solve)(AMR_RUSANOV, work->physics->param, dim, axis, wl, wr, g);
      for (int v = 0; v < PHYS(n_fixed)(dim); v++) flux[row * PHYS(component)(dim, axis, v) + c] = g[v];
      for (int v = PHYS(n_fixed)(dim); v < l->n_var; v++)
        flux[v * row + c] = flux[c] * (flux[c] >= 0 ? w_lower[v * row + c] : w[v * row + c]);
    }
}

/* Copy the fluxes of plane k through the block's face `direction` to its slot, if it has one. */
AMR_INLINE void PHYS(store_face)(const amr_work *work, int dim, int direction, int k, const double *flux) {
  const amr_layout *l = work->layout;
  const int32_t slot = work->slot ? work->slot[direction] : -1;
  if (slot < 0) return;
  const int axis = direction / 2, n = l->n;
  const ptrdiff_t size = dim == 1 ? 1 : dim == 2 ? n : (ptrdiff_t)n * n, at = direction % 2 ? n : 0;
  const ptrdiff_t start = l->gh[0] + l->gh[1] * l->stride[1] + (axis < 2 ? at * l->stride[axis] : 0);
  const ptrdiff_t si = l->stride[axis == 0 ? 1 : 0], sj = l->stride[1];
  double *out = work->step->flux + (ptrdiff_t)slot * l->n_var * size + (dim == 3 && axis < 2 ? (ptrdiff_t)k * n : 0);
  for (int v = 0; v < l->n_var; v++, out += size)
    for (int j = 0; j < (axis == 2 ? n : 1); j++)
      for (int i = 0; i < (dim == 1 ? 1 : n); i++) out[j * n + i] = flux[v * work->s.row + start + j * sj + i * si];
}

/* Keep the flux of the first variable through the faces of plane k. */
static __attribute__((noinline)) void PHYS(store_mass)(const amr_work *work, int dim, int axis, int k,
                                                       const double *flux) {
  const amr_layout *l = work->layout;
  const int nj = dim > 1 ? l->n + (axis == 1) : 1, ni = l->n + (axis == 0), more = work->step->mass_more;
  const double weight = work->step->mass_weight;
  for (int j = 0; j < nj; j++) {
    double *out = work->mass + axis * l->var_stride + amr_cell(l, 0, j, dim == 3 ? k : 0);
    const double *f = flux + l->gh[0] + (j + l->gh[1]) * l->stride[1];
#pragma GCC ivdep
    for (int i = 0; i < ni; i++) out[i] = more ? out[i] + weight * f[i] : weight * f[i];
  }
}

/* Fluxes normal to `axis` of plane k; w_below, half_below: states of plane k - 1 (z faces only). */
AMR_INLINE void PHYS(faces)(const amr_work *work, int dim, int axis, int k, int r, const double *w_below,
                            const double *w, const double *half_below, const double *half) {
  const amr_layout *l = work->layout;
  const ptrdiff_t t = axis < 2 ? l->stride[axis] : 0;
  const amr_rows rows = amr_make_face_rows(l, axis);
  const double *sr = work->s.slope[axis][r], *sl = axis < 2 ? work->s.upper[axis][r] - t : work->s.upper[axis][!r];
  const double *hr = half, *hl = axis < 2 ? half - t : half_below;
  double *f = work->s.flux[axis][r];
#define AMR_CASE(id, row) \
  case id: row(work, id, dim, axis, rows, hl, sl, hr, sr, f); break
  switch (work->step->riemann) {
    AMR_CASE(AMR_RUSANOV, PHYS(flux_row));
    AMR_CASE(AMR_HLL, PHYS(flux_row));
#if PHYS(has_hllc)
    AMR_CASE(AMR_HLLC, PHYS(flux_row));
#endif
#if PHYS(has_roe)
    AMR_CASE(AMR_ROE, PHYS(flux_row));
#endif
#if PHYS(has_exact)
    AMR_CASE(AMR_EXACT, PHYS(exact_row));
#endif
  }
#undef AMR_CASE
  PHYS(scalar_flux)(work, dim, rows, hl, sl, hr, sr, f);
  if (work->mask) PHYS(mask_faces)(work, dim, axis, k, axis < 2 ? w - t : w_below, w, f);
  if (work->mass) PHYS(store_mass)(work, dim, axis, k, f);
  if (axis < 2 || k == 0) PHYS(store_face)(work, dim, 2 * axis, k, f);
  if (axis < 2 || k == l->n) PHYS(store_face)(work, dim, 2 * axis + 1, k, f);
}

/* Update plane k; fz, fz_above: fluxes through its lower and upper z faces; n: cells per row. */
AMR_INLINE void PHYS(update_rows)(const amr_work *work, int dim, int k, ptrdiff_t n, const double *fz,
                                  const double *fz_above) {
  const amr_layout *l = work->layout;
  const double a = work->step->a, b = work->step->b, h[3] = {work->k[0], work->k[1], work->k[2]},
               *fx = work->s.flux[0][0], *fy = dim > 1 ? work->s.flux[1][0] : fx;
  const ptrdiff_t row = work->s.row, s = l->stride[1];
  for (int v = 0; v < l->n_var; v++) {
    const int is_static = v >= PHYS(n_evolved)(dim) && v < PHYS(n_fixed)(dim);
    for (int j = 0; j < (dim > 1 ? l->n : 1); j++) {
      const ptrdiff_t cell = amr_cell(l, 0, j, dim == 3 ? k : 0) + v * l->var_stride,
                      c = v * row + l->gh[0] + (j + l->gh[1]) * s;
      const double *u = work->u_in + cell, *u0 = work->u0 + cell;
      double *out = work->u_out + cell;
#define AMR_CHANGE(i) \
  double change = h[0] * (fx[c + i + 1] - fx[c + i]); \
  if (dim > 1) change += h[1] * (fy[c + i + s] - fy[c + i]); \
  if (dim > 2) change += h[2] * (fz_above[c + i] - fz[c + i])
      if (is_static) {
        for (ptrdiff_t i = 0; i < n; i++) out[i] = u[i];
      } else if (a == 0) {
#pragma GCC ivdep
        for (ptrdiff_t i = 0; i < n; i++) {
          AMR_CHANGE(i);
          out[i] = b * (u[i] - change);
        }
      } else {
#pragma GCC ivdep
        for (ptrdiff_t i = 0; i < n; i++) {
          AMR_CHANGE(i);
          out[i] = a * u0[i] + b * (u[i] - change);
        }
      }
#undef AMR_CHANGE
    }
  }
}

AMR_INLINE void PHYS(update)(const amr_work *work, int dim, int k, const double *fz, const double *fz_above) {
  const ptrdiff_t n = work->layout->n;
  if (amr_whole(n) == n) /* as most often: no remainder loops */
    PHYS(update_rows)(work, dim, k, amr_whole(n), fz, fz_above);
  else
    PHYS(update_rows)(work, dim, k, n, fz, fz_above);
}

/* One block. The wide reconstructions have no half-step states: their face states start from the primitives. */
AMR_INLINE void PHYS(block)(const amr_work *work, int dim) {
  const amr_layout *l = work->layout;
  const amr_scratch *s = &work->s;
  const int low = dim == 3 ? -1 : 0, high = dim == 3 ? l->n : 0, base = dim == 3 ? l->g : 0;
  const int reach = amr_reach(work->step->reconstruction), window = 2 * reach + 1;
  if (dim == 3)
    for (int m = base - 1 - reach; m < base - 1 + reach; m++) PHYS(convert)(work, dim, m, s->w[m % window]);
  for (int k = low; k <= high; k++) {
    const int m = k + base, r = m & 1;
    double *w = s->w[m % window], *below = s->w[(m + window - 1) % window], *above = s->w[(m + 1) % window];
    double *slope[3] = {s->slope[0][0], s->slope[1][0], s->slope[2][r]};
    double *half = reach > 1 ? w : s->half[r], *half_below = reach > 1 ? below : s->half[!r];
    PHYS(convert)(work, dim, dim == 3 ? m + reach : 0, dim == 3 ? s->w[(m + reach) % window] : w);
    if (reach > 1)
      PHYS(reconstruct_wide)(work, dim, k);
    else
      PHYS(reconstruct)(work, dim, k, below, w, above, slope, half);
#pragma GCC unroll 1
    for (int axis = dim - 1; axis >= 0; axis--) {
      if (dim == 3 && (axis == 2 ? k < 0 : k < 0 || k == l->n)) continue;
      PHYS(faces)(work, dim, axis, k, r, below, w, half_below, half);
      /* Plane k - 1 has its last fluxes now, and those of x and y in plane k are not yet there. */
      if (axis == 2 && k >= 1) PHYS(update)(work, dim, k - 1, s->flux[2][!r], s->flux[2][r]);
    }
    if (dim < 3) PHYS(update)(work, dim, 0, NULL, NULL);
  }
}

/* Advance one block of the list, whose state with its ghosts is u_in. */
AMR_INLINE void PHYS(advance_block)(amr_work *work, int dim, ptrdiff_t block, const double *u_in) {
  const amr_layout *l = work->layout;
  const amr_step *step = work->step;
  work->u_in = u_in;
  work->u0 = step->u0 + block * l->block_stride;
  work->u_out = step->u_out + block * l->block_stride;
  work->mass = step->mass ? step->mass + block * dim * l->var_stride : NULL;
  work->slot = step->face_slot ? step->face_slot + 6 * block : NULL;
  work->mask = NULL;
  if (step->mask)
    for (ptrdiff_t c = 0; c < l->var_stride && !work->mask; c++)
      if (step->mask[block * l->var_stride + c] > 0) work->mask = step->mask + block * l->var_stride;
  const double *h = step->spacing + 3 * block;
  for (int a = 0; a < 3; a++) work->k[a] = step->dt / h[a];
  if (work->viscous) amr_viscous_fluxes(work->physics, l, u_in, h, work->viscous); /* u_out may be u_in */
  PHYS(block)(work, dim);
  if (work->viscous) amr_viscous_add(l, work->viscous, h, step->b * step->dt, work->u_out, work->slot, step->flux);
  if (step->max_signal) /* now, while the block is in the cache */
    PHYS(check_block)(work->physics, l, dim, work->u_out, h, step->max_signal + block, step->n_bad + block,
                      step->first_bad + block);
}

AMR_INLINE void PHYS(advance)(const amr_physics *physics, const amr_layout *l, amr_step *step, int dim) {
  const int wide = amr_reach(step->reconstruction) > 1;
  amr_work work = {.physics = physics, .layout = l, .step = step, .s = amr_scratch_make(l, wide, step->scratch)};
  work.first = amr_first_slope(l);
  work.last = amr_plane_cells(l) - work.first;
  /* Static variables and first order have no slopes. */
  for (int a = 0; a < dim; a++)
    for (int r = 0; r < 2; r++) {
      memset(work.s.slope[a][r], 0, work.s.plane * sizeof(double));
      if (wide) memset(work.s.upper[a][r], 0, work.s.plane * sizeof(double));
    }
  const ptrdiff_t together = amr_gather_blocks(l);
  double *coarse = step->scratch + amr_scratch_size(l);
  work.viscous = amr_is_viscous(physics) ? coarse + l->block_stride : NULL;
  const double *u_in = step->ghosts ? step->ghosts->own : step->u_in;
  for (int64_t q = 0; q < step->n_list; q += together) {
    const ptrdiff_t n = step->n_list - q < together ? step->n_list - q : together;
    if (step->ghosts) {
      const double begin = amr_seconds();
      for (ptrdiff_t m = 0; m < n; m++)
        step->n_constant += amr_ghosts_fill(step->ghosts, step->list[q + m], coarse, step->most);
      step->ghost_seconds += amr_seconds() - begin;
    }
    /* One call of the inlined body: two would compile it twice. */
    for (ptrdiff_t m = 0; m < n; m++) {
      const ptrdiff_t block = step->list[q + m];
      if (step->ghosts && q + m + together < step->n_list) {
        amr_prefetch(l, step->ghosts->own, step->list[q + m + together], 0);
        amr_ghosts_prefetch(step->ghosts, step->list[q + m + together]);
      }
      amr_prefetch(l, step->u_out, block, 1);
      PHYS(advance_block)(&work, dim, block, u_in + block * l->block_stride);
    }
  }
}
