#include "cells.h"

#include <math.h>

#include "physics.h"

AMR_INLINE double larger(double x, double y) { return x > y ? x : y; }
AMR_INLINE double smaller(double x, double y) { return x < y ? x : y; }

/* ---- values of n cells of a row; w: primitive variables, at the row's first cell ------------------------------------------- */

/* Undivided central difference of velocity component c along an axis. */
AMR_INLINE double change(const amr_layout *l, const amr_sensor *s, const double *w, int i, int c, int axis) {
  const double *v = w + (s->velocity + c) * l->var_stride + i;
  return 0.5 * s->weight[axis] * (v[l->stride[axis]] - v[-l->stride[axis]]);
}

/* Square of the undivided curl. */
AMR_INLINE double curl_squared(const amr_layout *l, const amr_sensor *s, const double *w, int i, int dim) {
  if (dim < 2) return 0.0;
  const double z = change(l, s, w, i, 1, 0) - change(l, s, w, i, 0, 1);
  if (dim < 3) return z * z;
  const double x = change(l, s, w, i, 2, 1) - change(l, s, w, i, 1, 2);
  const double y = change(l, s, w, i, 0, 2) - change(l, s, w, i, 2, 0);
  return (x * x + y * y) + z * z;
}

AMR_INLINE void vorticity_row(const amr_layout *l, const amr_sensor *s, const double *w, int dim,
                              double *restrict out) {
  for (int i = 0; i < l->n; i++) out[i] = sqrt(curl_squared(l, s, w, i, dim)) / s->scale;
}

/* Share of compression in the velocity gradient, after F. Ducros et al., J. Comput. Phys. 152 (1999) 517. */
AMR_INLINE double compression(const amr_layout *l, const amr_sensor *s, const double *w, int i, int dim) {
  double div = change(l, s, w, i, 0, 0);
  for (int a = 1; a < dim; a++) div += change(l, s, w, i, a, a);
  const double square = div * div;
  const double all = square + curl_squared(l, s, w, i, dim) + s->floor * s->floor;
  return div < 0 ? square / all : 0.0;
}

AMR_INLINE void shock_row(const amr_layout *l, const amr_sensor *s, const double *w, int dim, double *restrict out) {
  const double *p = w + s->variable * l->var_stride;
  for (int i = 0; i < l->n; i++) {
    double most = 0.0;
    for (int a = 0; a < dim; a++) {
      const double lo = p[i - l->stride[a]], hi = p[i + l->stride[a]];
      const double sum = (lo + hi) + 2 * p[i];
      most = larger(sum > 0 ? fabs((hi - p[i]) - (p[i] - lo)) / sum : 0.0, most);
    }
    out[i] = most * compression(l, s, w, i, dim);
  }
}

AMR_INLINE double relative_jump(double p, double q) {
  const double least = smaller(p, q);
  return least > 0 ? fabs(p - q) / least : 0.0;
}

AMR_INLINE void pressure_row(const amr_layout *l, const amr_sensor *s, const double *w, int dim, double *restrict out) {
  const double *p = w + s->variable * l->var_stride;
  for (int i = 0; i < l->n; i++) {
    double most = 0.0;
    for (int a = 0; a < dim; a++) {
      const double lo = p[i - l->stride[a]], hi = p[i + l->stride[a]];
      most = larger(larger(relative_jump(hi, p[i]), relative_jump(p[i], lo)), most);
    }
    out[i] = most;
  }
}

AMR_INLINE void gradient_row(const amr_layout *l, const amr_sensor *s, const double *w, int dim, double *restrict out) {
  const double *q = w + s->variable * l->var_stride;
  for (int i = 0; i < l->n; i++) {
    double sum = 0.0;
    for (int a = 0; a < dim; a++) {
      const double lo = q[i - l->stride[a]], hi = q[i + l->stride[a]];
      const double g = s->weight[a] * larger(fabs(hi - q[i]), fabs(q[i] - lo));
      sum += g * g;
    }
    out[i] = sqrt(sum) / s->scale;
  }
}

/* ---- all blocks ---------------------------------------------------------------------------------------------------------------- */

/* With the dimension known, the loops over axes are unrolled and the rows vectorised. */
AMR_INLINE void sense_block(const amr_layout *l, const amr_sensor *s, const double *w, int dim, double *out) {
  const int nj = dim > 1 ? l->n : 1, nk = dim > 2 ? l->n : 1;
  for (int k = 0; k < nk; k++)
    for (int j = 0; j < nj; j++, out += l->n) {
      const double *row = w + amr_cell(l, 0, j, k);
      switch (s->id) {
        case AMR_VORTICITY: vorticity_row(l, s, row, dim, out); break;
        case AMR_SHOCK_SENSOR: shock_row(l, s, row, dim, out); break;
        case AMR_PRESSURE_JUMP: pressure_row(l, s, row, dim, out); break;
        default: gradient_row(l, s, row, dim, out);
      }
    }
}

static int offered(const amr_physics *physics, const amr_layout *l, const amr_sensor *s) {
  const int has_velocity = s->velocity >= 0 && s->velocity + l->dim <= l->n_var;
  const int has_variable = s->variable >= 0 && s->variable < l->n_var;
  if (physics->n_var != l->n_var || physics->dim != l->dim || l->g < 1) return 0;
  switch (s->id) {
    case AMR_VORTICITY: return has_velocity && l->dim > 1;
    case AMR_SHOCK_SENSOR: return has_velocity && has_variable;
    case AMR_PRESSURE_JUMP:
    case AMR_SCALAR_GRADIENT: return has_variable;
    default: return 0;
  }
}

AMR_CLONES amr_status amr_sense(const amr_physics *physics, const amr_layout *layout, const double *u,
                                const amr_ghosts *ghosts, int64_t n_list, const int32_t *list, const amr_sensor *sensor,
                                double *out, double *scratch) {
  const ptrdiff_t cells = layout->var_stride, stride = layout->block_stride;
  double *w = scratch, *coarse = w + stride;
  ptrdiff_t size = 1;
  for (int a = 0; a < layout->dim; a++) size *= layout->n;
  if (!offered(physics, layout, sensor)) return AMR_BAD_ARGUMENT;
  for (int64_t m = 0; m < n_list; m++) {
    double *to = out + list[m] * size;
    const double *from = (ghosts ? ghosts->own : u) + list[m] * stride;
    if (!(sensor->scale > 0)) {
      for (ptrdiff_t c = 0; c < size; c++) to[c] = 0.0;
      continue;
    }
    if (ghosts && m + 1 < n_list) amr_prefetch(layout, ghosts->own, list[m + 1], 0);
    if (ghosts) amr_ghosts_fill(ghosts, list[m], coarse, 1);
    amr_to_primitive(physics, cells, from, cells, w, cells);
    switch (layout->dim) {
      case 1: sense_block(layout, sensor, w, 1, to); break;
      case 2: sense_block(layout, sensor, w, 2, to); break;
      default: sense_block(layout, sensor, w, 3, to);
    }
  }
  return AMR_OK;
}

/* ---- from cells to blocks -------------------------------------------------------------------------------------------------------- */

/* Bits d+1 of the sides of an axis that cell i is near: always the middle. */
AMR_INLINE uint32_t sides(int i, int n, int buffer) {
  return 2u | (i < buffer ? 1u : 0u) | (i >= n - buffer ? 4u : 0u);
}

/* The same of all cells of a row that are above tau; 0 if there is none. */
AMR_INLINE uint32_t hot_sides(int n, int buffer, const double *value, double tau) {
  int hot = 0, low = 0, high = 0;
  for (int i = 0; i < n; i++) {
    const int is_hot = value[i] > tau;
    hot |= is_hot, low |= is_hot & (i < buffer), high |= is_hot & (i >= n - buffer);
  }
  return (uint32_t)(low | hot << 1 | high << 2);
}

AMR_CLONES void amr_fold_cells(int dim, int n, int64_t n_block, const double *values, const double *tau, int buffer,
                               double *eta, uint32_t *near) {
  const int nj = dim > 1 ? n : 1, nk = dim > 2 ? n : 1;
  for (int64_t b = 0; b < n_block; b++) {
    double most = 0.0;
    uint32_t mask = 0;
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++, values += n) {
        for (int i = 0; i < n; i++) most = larger(values[i], most);
        const uint32_t x = hot_sides(n, buffer, values, tau[b]);
        if (!x) continue;
        const uint32_t y = dim > 1 ? sides(j, n, buffer) : 1u, z = dim > 2 ? sides(k, n, buffer) : 1u;
        for (int s = 0; s < 9; s++)
          if ((y >> s % 3 & 1u) && (z >> s / 3 & 1u)) mask |= x << 3 * s;
      }
    eta[b] = most, near[b] = mask;
  }
}
