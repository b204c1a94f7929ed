#include "indicate.h"

#include <math.h>
#include <string.h>

#include "copy_box.h"
#include "fields.h"
#include "indicate_detail.h"
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
AMR_INLINE uint32_t hot_sides(const amr_layout *l, const amr_indicator *p, double tau, int i0, int m,
                              const double *eta) {
  const int lower = p->buffer - i0, upper = l->n - p->buffer - i0;
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
AMR_INLINE void column(const amr_layout *l, const amr_indicator *p, int id, double tau, const double *w, int i0, int m,
                       double *eta_max, uint32_t *near) {
  const int nj = l->dim > 1 ? l->n : 1, nk = l->dim > 2 ? l->n : 1;
  double eta[PIECE], best[PIECE];
  for (int i = 0; i < m; i++) best[i] = 0.0;
  for (int k = 0; k < nk; k++)
    for (int j = 0; j < nj; j++) {
      piece(l, p, id, w + amr_cell(l, i0, j, k), m, eta);
      for (int i = 0; i < m; i++) best[i] = larger(eta[i], best[i]);
      const uint32_t x = hot_sides(l, p, tau, i0, m, eta);
      if (x) *near |= spread_sides(l, p, x, j, k);
    }
  for (int i = 0; i < m; i++) *eta_max = larger(best[i], *eta_max);
}

/* With the common lengths of a row known, its accumulators stay in registers. */
AMR_INLINE void one_block(const amr_layout *l, const amr_indicator *p, int id, double tau, const double *w,
                          double *eta_max, uint32_t *near) {
  if (l->n == 8)
    column(l, p, id, tau, w, 0, 8, eta_max, near);
  else if (l->n == 16)
    column(l, p, id, tau, w, 0, 16, eta_max, near);
  else
    for (int i0 = 0; i0 < l->n; i0 += PIECE)
      column(l, p, id, tau, w, i0, l->n - i0 < PIECE ? l->n - i0 : PIECE, eta_max, near);
}

/* ---- multiresolution ------------------------------------------------------------------------------------------------------- */

/* The sides that the cells of e > tau are near. */
AMR_INLINE uint32_t detail_near(const amr_layout *l, const amr_indicator *p, double tau, const double *e) {
  const int n = l->n, nj = l->dim > 1 ? n : 1, nk = l->dim > 2 ? n : 1;
  uint32_t near = 0;
  for (int k = 0; k < nk; k++)
    for (int j = 0; j < nj; j++, e += n) {
      const uint32_t x = hot_sides(l, p, tau, 0, n, e);
      if (x) near |= spread_sides(l, p, x, j, k);
    }
  return near;
}

AMR_INLINE void multiresolution(const amr_layout *l, const amr_indicator *p, double tau, const double *w,
                                double *eta_max, uint32_t *near, double *aligned, double *work) {
  amr_detail d; /* with sizes known: the common blocks and their restrictions */
  if (l->g >= 2 && l->n == 16)
    d = detail_sized(l, 16, 0, w, work);
  else if (l->g >= 2)
    d = l->n == 8 ? detail_sized(l, 8, 0, w, work) : detail_sized(l, l->n, 0, w, work);
  else
    d = l->n == 8 ? detail_sized(l, 8, 1, w, work) : detail_sized(l, l->n, 1, w, work);
  *eta_max = larger(d.all / p->scale, *eta_max);
  *aligned = larger(d.aligned / p->scale, *aligned);
  if (d.all > tau * p->scale) *near |= detail_near(l, p, tau * p->scale, work);
}

/* ---- all blocks ------------------------------------------------------------------------------------------------------------ */

AMR_INLINE void one_job(const amr_layout *l, const amr_indicator *p, double tau, const double *w, double *eta,
                        uint32_t *near, double *aligned, double *work) {
  switch (p->id) {
    case AMR_JUMP: one_block(l, p, AMR_JUMP, tau, w, eta, near); break;
    case AMR_SECOND_DIFFERENCE: one_block(l, p, AMR_SECOND_DIFFERENCE, tau, w, eta, near); break;
    case AMR_LOHNER: one_block(l, p, AMR_LOHNER, tau, w, eta, near); break;
    case AMR_LOHNER_FLASH: one_block(l, p, AMR_LOHNER_FLASH, tau, w, eta, near); break;
    default: multiresolution(l, p, tau, w, eta, near, aligned, work);
  }
}

/* Whether all cells of w that indicators see are equal, those beside the block along more than `most` axes left out: no indicator finds
 * anything then, nor on the cells of the parent. */
AMR_INLINE int is_uniform(const amr_layout *l, const double *w, int most) {
  const double value = w[amr_cell(l, 0, 0, 0)];
  const int g = l->g < 2 ? l->g : 2, gj = l->dim > 1 ? g : 0, gk = l->dim > 2 ? g : 0;
  const int nj = l->dim > 1 ? l->n : 1, nk = l->dim > 2 ? l->n : 1;
  for (int k = -gk; k < nk + gk; k++)
    for (int j = -gj; j < nj + gj; j++) {
      const int beside = (k < 0 || k >= nk) + (j < 0 || j >= nj), wide = beside < most ? g : 0;
      if (beside > most) continue;
      const double *u = w + amr_cell(l, -wide, j, k);
      int differs = 0;
      for (int i = 0; i < l->n + 2 * wide; i++) differs |= u[i] != value;
      if (differs) return 0;
    }
  return 1;
}

/* parent[column]: the indicators on the block with pairs of cells of w joined along every axis, as its parent would see it. */
AMR_INLINE void restricted(const amr_layout *l, const double *w, int n_job, const amr_indicator_job *jobs,
                           const uint8_t *uniform, double *parent, double *work) {
  const amr_layout lc = amr_make_layout(l->dim, l->n / 2, 1, l->n_var);
  /* The same memory as fewer cells with two layers, for a stencil that needs them. */
  const amr_layout inner = amr_make_layout(l->dim, l->n / 2 - 2, 2, l->n_var);
  const ptrdiff_t from = amr_cell(l, -2, l->dim > 1 ? -2 : 0, l->dim > 2 ? -2 : 0);
  const int32_t size[3] = {lc.ext[0], lc.ext[1], lc.ext[2]};
  double *wc = work + 8, ignored = 0.0;
  uint32_t nowhere = 0;
  int last = -1;
  work = wc + lc.var_stride + 8;
  for (int q = 0; q < n_job; q++) {
    const amr_indicator *p = &jobs[q].indicator;
    const int v = jobs[q].variable;
    if (!(p->scale > 0) || jobs[q].column < 0 || uniform[v]) continue;
    if (v != last)
      restrict_box(l->dim, w + v * l->var_stride + from, amr_pool_stride(l), wc, amr_pool_stride(&lc), size, 1);
    last = v;
    one_job(p->id == AMR_LOHNER_FLASH ? &inner : &lc, p, INFINITY, wc, parent + jobs[q].column, &nowhere, &ignored,
            work);
  }
}

static int job_offered(const amr_layout *layout, const amr_indicator_job *job, int n_column) {
  const amr_indicator *p = &job->indicator;
  return p->id >= AMR_JUMP && p->id <= AMR_MULTIRESOLUTION && p->buffer >= 0 && p->buffer <= layout->n
         && layout->g >= (p->id >= AMR_LOHNER_FLASH ? 2 : 1) && job->column < n_column
         && job->column >= (p->id == AMR_MULTIRESOLUTION ? -1 : 0) && job->variable >= 0
         && job->variable < layout->n_var;
}

ptrdiff_t amr_indicate_scratch(const amr_layout *layout) { return 4 * layout->block_stride + 8 * layout->ext[0] + 64; }

AMR_CLONES amr_status amr_indicate(const amr_physics *physics, const amr_layout *layout, const double *u,
                                   const amr_ghosts *ghosts, int64_t n_list, const int32_t *list, int n_job,
                                   const amr_indicator_job *jobs, const amr_indicated *out, double *scratch) {
  const ptrdiff_t cells = layout->var_stride, stride = layout->block_stride;
  const int n_column = out->n_column;
  double *w = scratch + 8, *coarse = w + stride + 8, *work = coarse + stride;
  int most = 1;
  for (int q = 0; q < n_job; q++) {
    if (!job_offered(layout, jobs + q, n_column)) return AMR_BAD_ARGUMENT;
    if (jobs[q].indicator.id == AMR_LOHNER_FLASH) most = AMR_MAX_DIM;
  }
  if (physics->n_var != layout->n_var || physics->dim != layout->dim
      || (out->parent && (layout->g < 2 || layout->n < 8)))
    return AMR_BAD_ARGUMENT;
  for (int64_t m = 0; m < n_list; m++) {
    const double *from = (ghosts ? ghosts->own : u) + list[m] * stride;
    const ptrdiff_t at = list[m] * (ptrdiff_t)n_column;
    double none = 0.0, *aligned = out->detail ? out->detail + list[m] : &none;
    uint8_t uniform[AMR_MAX_VAR];
    if (ghosts && m + 1 < n_list) {
      amr_prefetch(layout, ghosts->own, list[m + 1], 0);
      amr_ghosts_prefetch(ghosts, list[m + 1]);
    }
    if (ghosts) amr_ghosts_fill(ghosts, list[m], coarse, AMR_MAX_DIM);
    amr_to_primitive(physics, cells, from, cells, w, cells);
    for (int v = 0; out->ranged && v < layout->n_var; v++)
      if (out->ranged[v]) amr_fold_range(layout, w + v * cells, out->lowest + v, out->highest + v);
    for (int q = 0; q < n_job; q++) {
      const int v = jobs[q].variable, column = jobs[q].column;
      const double *field = w + v * cells;
      if (q == 0 || v != jobs[q - 1].variable) uniform[v] = (uint8_t)is_uniform(layout, field, most);
      if (!(jobs[q].indicator.scale > 0) || uniform[v]) continue;
      uint32_t nowhere = 0;
      double ignored = 0.0;
      const double tau = column < 0 ? INFINITY : out->tau[at + column];
      one_job(layout, &jobs[q].indicator, tau, field, column < 0 ? &ignored : out->eta + at + column,
              column < 0 ? &nowhere : out->near + at + column, aligned, work);
    }
    if (!out->parent) continue;
    int is_low = 1;
    for (int c = 0; c < n_column; c++) is_low &= out->eta[at + c] <= out->low[at + c];
    if (is_low)
      restricted(layout, w, n_job, jobs, uniform, out->parent + at, work);
    else
      for (int c = 0; c < n_column; c++) out->parent[at + c] = out->eta[at + c];
  }
  return AMR_OK;
}
