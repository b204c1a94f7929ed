#include "viscous.h"

#include <string.h>

/* Where the fluxes along an axis stand, at the cell above their face. */
AMR_INLINE ptrdiff_t flux_at(const amr_layout *l, int axis) { return (1 + axis) * l->block_stride; }

/* Velocity, temperature and scalars of all cells, ghosts included. */
AMR_INLINE void convert(const amr_physics *p, const amr_layout *l, int dim, const double *u, double *w) {
  const ptrdiff_t m = l->var_stride, e = dim + 1;
  const double heat = p->param[0] - 1;
#pragma GCC ivdep
  for (ptrdiff_t c = 0; c < m; c++) {
    const double volume = 1 / u[c], x = u[m + c] * volume;
    double square = x * x;
    w[m + c] = x;
    if (dim > 1) {
      const double y = u[2 * m + c] * volume;
      square += y * y, w[2 * m + c] = y;
    }
    if (dim > 2) {
      const double z = u[3 * m + c] * volume;
      square += z * z, w[3 * m + c] = z;
    }
    w[e * m + c] = heat * (u[e * m + c] * volume - 0.5 * square);
  }
  for (int v = dim + 2; v < l->n_var; v++)
#pragma GCC ivdep
    for (ptrdiff_t c = 0; c < m; c++) w[v * m + c] = u[v * m + c] / u[c];
}

/* Derivative along axis b at the face between cells c - t and c, across its normal: mean of two central differences. */
AMR_INLINE double across(const double *q, ptrdiff_t c, ptrdiff_t t, ptrdiff_t s, double quarter) {
  return ((q[c + s] - q[c - s]) + (q[c - t + s] - q[c - t - s])) * quarter;
}

/* n faces from the lower one of cell `first` on. `dim` and `axis` are constants. Sums over the transverse axes come after the normal
 * part and commute, so that axes may be exchanged. */
AMR_INLINE void flux_row(const amr_physics *p, const amr_layout *l, int dim, int axis, const double *h, int n,
                         ptrdiff_t first, const double *w, double *f) {
  const ptrdiff_t m = l->var_stride, t = l->stride[axis];
  const int a = axis == 0 ? 1 : 0, b = axis == 2 ? 1 : 2; /* transverse axes: a where dim > 1, b where dim > 2 */
  const double mu = p->param[2], k = p->param[3], on = 1 / h[axis];
  const double *x = w + (1 + axis) * m, *y = w + (1 + a) * m, *z = w + (1 + b) * m, *heat = w + (dim + 1) * m;
  double *fx = f + (1 + axis) * m, *fy = f + (1 + a) * m, *fz = f + (1 + b) * m, *fe = f + (dim + 1) * m;
  const double qa = 0.25 / h[a], qb = 0.25 / h[b];
  const ptrdiff_t sa = l->stride[a], sb = l->stride[b];
#pragma GCC ivdep
  for (ptrdiff_t c = first; c < first + n; c++) {
    const double d = (x[c] - x[c - t]) * on;
    double around = 0, side = 0;
    if (dim > 1) {
      const double shear = mu * ((y[c] - y[c - t]) * on + across(x, c, t, sa, qa));
      around = across(y, c, t, sa, qa);
      side = shear * (0.5 * (y[c] + y[c - t]));
      fy[c] = -shear;
    }
    if (dim > 2) {
      const double shear = mu * ((z[c] - z[c - t]) * on + across(x, c, t, sb, qb));
      around += across(z, c, t, sb, qb);
      side += shear * (0.5 * (z[c] + z[c - t]));
      fz[c] = -shear;
    }
    const double normal = mu * (2 * d - 2.0 / 3.0 * (d + around));
    fx[c] = -normal;
    fe[c] = -((normal * (0.5 * (x[c] + x[c - t])) + side) + k * ((heat[c] - heat[c - t]) * on));
  }
  for (int v = dim + 2; v < l->n_var; v++) {
    const double *s = w + v * m, diffusion = p->param[4] * on;
    double *fs = f + v * m;
#pragma GCC ivdep
    for (ptrdiff_t c = first; c < first + n; c++) fs[c] = -(diffusion * (s[c] - s[c - t]));
  }
}

AMR_INLINE void flux_axis(const amr_physics *p, const amr_layout *l, int dim, int axis, const double *h,
                          double *scratch) {
  const int nk = dim > 2 ? l->n + (axis == 2) : 1, nj = dim > 1 ? l->n + (axis == 1) : 1, ni = l->n + (axis == 0);
  for (int k = 0; k < nk; k++)
    for (int j = 0; j < nj; j++)
      flux_row(p, l, dim, axis, h, ni, amr_cell(l, 0, j, k), scratch, scratch + flux_at(l, axis));
}

AMR_INLINE void fluxes(const amr_physics *p, const amr_layout *l, int dim, const double *u, const double *h,
                       double *scratch) {
  convert(p, l, dim, u, scratch);
  flux_axis(p, l, dim, 0, h, scratch);
  if (dim > 1) flux_axis(p, l, dim, 1, h, scratch);
  if (dim > 2) flux_axis(p, l, dim, 2, h, scratch);
}

AMR_CLONES void amr_viscous_fluxes(const amr_physics *physics, const amr_layout *layout, const double *u,
                                   const double *spacing, double *scratch) {
  switch (layout->dim) {
    case 1: fluxes(physics, layout, 1, u, spacing, scratch); break;
    case 2: fluxes(physics, layout, 2, u, spacing, scratch); break;
    default: fluxes(physics, layout, 3, u, spacing, scratch);
  }
}

/* Add the fluxes through a block's face to its slot: cells in the order (k, j, i) without the face's axis. */
static void add_to_slot(const amr_layout *l, int direction, const double *f, double *out) {
  const int axis = direction / 2, low = axis == 0 ? 1 : 0, high = axis == 2 ? 1 : 2;
  const int n_low = l->dim > 1 ? l->n : 1, n_high = l->dim > 2 ? l->n : 1;
  const double *from = f + amr_cell(l, 0, 0, 0) + (direction % 2 ? l->n * l->stride[axis] : 0);
  const ptrdiff_t size = (ptrdiff_t)n_low * n_high;
  for (int v = 1; v < l->n_var; v++)
    for (int j = 0; j < n_high; j++)
      for (int i = 0; i < n_low; i++)
        out[v * size + j * n_low + i] += from[v * l->var_stride + j * l->stride[high] + i * l->stride[low]];
}

AMR_CLONES void amr_viscous_add(const amr_layout *layout, const double *scratch, const double *spacing, double scale,
                                double *u_out, const int32_t *slot, double *flux) {
  const amr_layout *l = layout;
  const int nj = l->dim > 1 ? l->n : 1, nk = l->dim > 2 ? l->n : 1;
  const ptrdiff_t sj = l->stride[1], sk = l->stride[2];
  const double hx = scale / spacing[0], hy = scale / spacing[1], hz = scale / spacing[2];
  for (int v = 1; v < l->n_var; v++)
    for (int k = 0; k < nk; k++)
      for (int j = 0; j < nj; j++) {
        const ptrdiff_t at = v * l->var_stride + amr_cell(l, 0, j, k);
        const double *fx = scratch + flux_at(l, 0) + at, *fy = scratch + flux_at(l, l->dim > 1 ? 1 : 0) + at,
                     *fz = scratch + flux_at(l, l->dim > 2 ? 2 : 0) + at;
        double *out = u_out + at;
        if (l->dim == 1)
          for (int i = 0; i < l->n; i++) out[i] -= hx * (fx[i + 1] - fx[i]);
        else if (l->dim == 2)
#pragma GCC ivdep
          for (int i = 0; i < l->n; i++) out[i] -= hx * (fx[i + 1] - fx[i]) + hy * (fy[i + sj] - fy[i]);
        else
#pragma GCC ivdep
          for (int i = 0; i < l->n; i++)
            out[i] -= hx * (fx[i + 1] - fx[i]) + hy * (fy[i + sj] - fy[i]) + hz * (fz[i + sk] - fz[i]);
      }
  if (!slot) return;
  ptrdiff_t size = l->n_var;
  for (int a = 1; a < l->dim; a++) size *= l->n;
  for (int d = 0; d < 2 * l->dim; d++)
    if (slot[d] >= 0) add_to_slot(l, d, scratch + flux_at(l, d / 2), flux + slot[d] * size);
}

void amr_viscous_rate(const amr_physics *physics, const amr_layout *layout, ptrdiff_t n, const double *u,
                      const double *spacing, const int32_t *face_slot, double *flux, double *rate, double *scratch) {
  ptrdiff_t size = layout->n_var;
  for (int a = 1; a < layout->dim; a++) size *= layout->n;
  for (ptrdiff_t b = 0; b < n; b++) {
    const double *h = spacing + 3 * b;
    const int32_t *slot = face_slot + 6 * b;
    double *out = rate + b * layout->block_stride;
    memset(out, 0, (size_t)layout->block_stride * sizeof *out);
    for (int d = 0; d < 2 * layout->dim; d++)
      if (slot[d] >= 0) memset(flux + slot[d] * size, 0, (size_t)size * sizeof *flux);
    amr_viscous_fluxes(physics, layout, u + b * layout->block_stride, h, scratch);
    amr_viscous_add(layout, scratch, h, 1.0, out, slot, flux);
  }
}
