#include "indicate.h"

#include <math.h>
#include <string.h>

#include "physics.h"

/* Rows are cut into pieces of this many cells: a piece's accumulators stay in registers or in the first cache lines. */
enum { PIECE = 64 };

AMR_INLINE double larger(double x, double y) { return x > y ? x : y; }

/* ---- one piece of a row: m cells from u; eta starts as 0 ---------------------------------------------------------------- */

AMR_INLINE void jump_axis(const double *u, ptrdiff_t st, int m, double *restrict eta) {
  for (int i = 0; i < m; i++) {
    double a = fabs(u[i + st] - u[i]), b = fabs(u[i] - u[i - st]);
    eta[i] = larger(larger(a, b), eta[i]);
  }
}

AMR_INLINE void second_axis(const double *u, ptrdiff_t st, int m, double *restrict eta) {
  for (int i = 0; i < m; i++) {
    double a = u[i + st] - u[i], b = u[i] - u[i - st];
    eta[i] = larger(fabs(a - b), eta[i]);
  }
}

AMR_INLINE void lohner_axis(const double *u, ptrdiff_t st, int m, double add, double *restrict eta) {
  for (int i = 0; i < m; i++) {
    double a = u[i + st] - u[i], b = u[i] - u[i - st];
    double den = fabs(a) + fabs(b) + add;
    eta[i] = larger(den > 0 ? fabs(a - b) / den : 0.0, eta[i]);
  }
}

AMR_INLINE void flash_axis(const double *u, ptrdiff_t st, int m, double filter, double add, double *restrict num,
                           double *restrict den) {
  for (int i = 0; i < m; i++) {
    double lo = u[i - 2 * st], mid = u[i], hi = u[i + 2 * st];
    double a = hi - mid, b = mid - lo;
    double d = fabs(a) + fabs(b) + (filter * ((fabs(hi) + fabs(lo)) + 2 * fabs(mid)) + add);
    num[i] += (a - b) * (a - b);
    den[i] += d * d;
  }
}

/* Both mixed derivatives of a pair of axes: their numerators are equal but for round-off, their denominators are not. */
AMR_INLINE void flash_pair(const double *u, ptrdiff_t s, ptrdiff_t t, int m, double filter, double add,
                           double *restrict num, double *restrict den) {
  for (int i = 0; i < m; i++) {
    double pp = u[i + s + t], mp = u[i - s + t], pm = u[i + s - t], mm = u[i - s - t];
    double a = pp - mp, b = pm - mm, c = pp - pm, d = mp - mm;
    double f = filter * ((fabs(pp) + fabs(mm)) + (fabs(mp) + fabs(pm))) + add;
    double x = fabs(a) + fabs(b) + f, y = fabs(c) + fabs(d) + f;
    num[i] += (a - b) * (a - b) + (c - d) * (c - d);
    den[i] += x * x + y * y;
  }
}

AMR_INLINE void flash_piece(const amr_layout *l, const amr_indicator *p, const double *u, int m, double *restrict eta) {
  double den[PIECE], add = 4 * p->floor;
  for (int i = 0; i < m; i++) den[i] = 0.0;
  for (int a = 0; a < l->dim; a++) flash_axis(u, l->stride[a], m, p->filter, add, eta, den);
  for (int b = 1; b < l->dim; b++)
    for (int a = 0; a < b; a++) flash_pair(u, l->stride[a], l->stride[b], m, p->filter, add, eta, den);
  for (int i = 0; i < m; i++) eta[i] = den[i] > 0 ? sqrt(eta[i] / den[i]) : 0.0;
}

AMR_INLINE void piece(const amr_layout *l, const amr_indicator *p, int id, const double *u, int m,
                      double *restrict eta) {
  for (int i = 0; i < m; i++) eta[i] = 0.0;
  if (id == AMR_LOHNER_FLASH) {
    flash_piece(l, p, u, m, eta);
    return;
  }
  for (int a = 0; a < l->dim; a++) {
    if (id == AMR_JUMP) jump_axis(u, l->stride[a], m, eta);
    if (id == AMR_SECOND_DIFFERENCE) second_axis(u, l->stride[a], m, eta);
    if (id == AMR_LOHNER) lohner_axis(u, l->stride[a], m, 4 * p->filter * p->scale, eta);
  }
  if (id != AMR_LOHNER)
    for (int i = 0; i < m; i++) eta[i] = eta[i] / p->scale;
}

/* ---- where the hot cells are --------------------------------------------------------------------------------------------- */

/* Bits d+1 of the sides of an axis that cell i is near: always the middle. */
AMR_INLINE uint32_t sides(int i, int n, int buffer) {
  return 2u | (i < buffer ? 1u : 0u) | (i >= n - buffer ? 4u : 0u);
}

/* The same of all hot cells i0 <= i < i0 + m of a row; 0 if there is none. */
AMR_INLINE uint32_t hot_sides(const amr_layout *l, const amr_indicator *p, int i0, int m, const double *eta) {
  const int lower = p->buffer - i0, upper = l->n - p->buffer - i0;
  const double tau = p->tau;
  int hot = 0, low = 0, high = 0;
  for (int i = 0; i < m; i++) {
    const int is_hot = eta[i] > tau;
    hot |= is_hot, low |= is_hot & (i < lower), high |= is_hot & (i >= upper);
  }
  return (uint32_t)(low | hot << 1 | high << 2);
}

AMR_INLINE uint32_t spread_sides(const amr_layout *l, const amr_indicator *p, uint32_t x, int j, int k) {
  uint32_t mask = 0;
  const uint32_t y = l->dim > 1 ? sides(j, l->n, p->buffer) : 1u, z = l->dim > 2 ? sides(k, l->n, p->buffer) : 1u;
  for (int dz = 0; dz < 3; dz++)
    for (int dy = 0; dy < 3; dy++)
      if ((z >> dz & 1u) && (y >> dy & 1u)) mask |= x << (3 * dy + 9 * dz);
  return mask;
}

/* ---- all blocks ------------------------------------------------------------------------------------------------------------ */

/* The cells i0 <= i < i0 + m of all rows. */
AMR_INLINE void column(const amr_layout *l, const amr_indicator *p, int id, const double *w, int i0, int m,
                       double *eta_max, uint32_t *near) {
  const int nj = l->dim > 1 ? l->n : 1, nk = l->dim > 2 ? l->n : 1;
  double eta[PIECE], best[PIECE];
  for (int i = 0; i < m; i++) best[i] = 0.0;
  for (int k = 0; k < nk; k++)
    for (int j = 0; j < nj; j++) {
      piece(l, p, id, w + amr_cell(l, i0, j, k), m, eta);
      for (int i = 0; i < m; i++) best[i] = larger(eta[i], best[i]);
      const uint32_t x = hot_sides(l, p, i0, m, eta);
      if (x) *near |= spread_sides(l, p, x, j, k);
    }
  for (int i = 0; i < m; i++) *eta_max = larger(best[i], *eta_max);
}

/* With the common lengths of a row known, its accumulators stay in registers. */
AMR_INLINE void one_block(const amr_layout *l, const amr_indicator *p, int id, const double *w, double *eta_max,
                          uint32_t *near) {
  if (l->n == 8)
    column(l, p, id, w, 0, 8, eta_max, near);
  else if (l->n == 16)
    column(l, p, id, w, 0, 16, eta_max, near);
  else
    for (int i0 = 0; i0 < l->n; i0 += PIECE)
      column(l, p, id, w, i0, l->n - i0 < PIECE ? l->n - i0 : PIECE, eta_max, near);
}

AMR_INLINE void one_job(const amr_layout *l, const amr_indicator *p, const double *w, double *eta, uint32_t *near) {
  switch (p->id) {
    case AMR_JUMP: one_block(l, p, AMR_JUMP, w, eta, near); break;
    case AMR_SECOND_DIFFERENCE: one_block(l, p, AMR_SECOND_DIFFERENCE, w, eta, near); break;
    case AMR_LOHNER: one_block(l, p, AMR_LOHNER, w, eta, near); break;
    default: one_block(l, p, AMR_LOHNER_FLASH, w, eta, near);
  }
}

static int offered(const amr_physics *physics, const amr_layout *layout, int n_pick, const int32_t *pick) {
  for (int p = 0; p < n_pick; p++)
    if (pick[p] < 0 || pick[p] >= layout->n_var) return 0;
  return physics->n_var == layout->n_var && physics->dim == layout->dim;
}

static int job_offered(const amr_layout *layout, const amr_indicator_job *job, int n_column) {
  const amr_indicator *p = &job->indicator;
  return p->id >= AMR_JUMP && p->id <= AMR_LOHNER_FLASH && p->buffer >= 0 && p->buffer <= layout->n
         && layout->g >= (p->id == AMR_LOHNER_FLASH ? 2 : 1) && job->column >= 0 && job->column < n_column;
}

AMR_CLONES amr_status amr_indicate(const amr_physics *physics, const amr_layout *layout, const double *u,
                                   const amr_ghosts *ghosts, int64_t n_list, const int32_t *list, int n_job,
                                   const amr_indicator_job *jobs, int n_column, double *eta, uint32_t *near,
                                   double *scratch) {
  const ptrdiff_t cells = layout->var_stride, stride = layout->block_stride;
  double *block = scratch, *w = block + stride, *coarse = w + stride;
  int most = 1;
  for (int q = 0; q < n_job; q++) {
    if (!job_offered(layout, jobs + q, n_column) || !offered(physics, layout, 1, &jobs[q].variable))
      return AMR_BAD_ARGUMENT;
    if (jobs[q].indicator.id == AMR_LOHNER_FLASH) most = AMR_MAX_DIM;
  }
  for (int64_t m = 0; m < n_list; m++) {
    const double *from = ghosts ? block : u + list[m] * stride;
    if (ghosts && m + 1 < n_list) amr_prefetch(layout, ghosts->own, list[m + 1], 0);
    if (ghosts) amr_ghosts_fill(ghosts, list[m], block, coarse, most);
    amr_to_primitive(physics, cells, from, cells, w, cells);
    for (int q = 0; q < n_job; q++)
      if (jobs[q].indicator.scale > 0) {
        const ptrdiff_t at = list[m] * (ptrdiff_t)n_column + jobs[q].column;
        one_job(layout, &jobs[q].indicator, w + jobs[q].variable * cells, eta + at, near + at);
      }
  }
  return AMR_OK;
}

/* ---- primitive variables ----------------------------------------------------------------------------------------------------- */

/* Fold the interior cells of one block's variable into *lowest and *highest. */
AMR_INLINE void fold_range(const amr_layout *l, const double *w, double *lowest, double *highest) {
  int nj = l->dim > 1 ? l->n : 1, nk = l->dim > 2 ? l->n : 1;
  for (int i0 = 0; i0 < l->n; i0 += PIECE) {
    int m = l->n - i0 < PIECE ? l->n - i0 : PIECE;
    double lo[PIECE], hi[PIECE];
    for (int i = 0; i < m; i++) lo[i] = INFINITY, hi[i] = -INFINITY;
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++) {
        const double *row = w + amr_cell(l, i0, j, k);
        for (int i = 0; i < m; i++) {
          lo[i] = row[i] < lo[i] ? row[i] : lo[i];
          hi[i] = row[i] > hi[i] ? row[i] : hi[i];
        }
      }
    for (int i = 0; i < m; i++) {
      *lowest = lo[i] < *lowest ? lo[i] : *lowest;
      *highest = larger(hi[i], *highest);
    }
  }
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
    for (int p = 0; p < n_pick; p++) fold_range(l, scratch + pick[p] * cells, lowest + p, highest + p);
    for (int a = 0; signal && a < l->dim; a++) {
      amr_signal(physics, a, cells, scratch, speed);
      fold_range(l, speed, &ignored, signal);
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
