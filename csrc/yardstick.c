#include "yardstick.h"

#include <math.h>

/* Planes of all variables, [var][cell] each, for one block. */
typedef struct {
  double *w, *slope[3], *half, *left, *right, *flux;
} planes;
enum { N_PLANES = 8, G = 2 };
static const double GAMMA = 1.4;

AMR_INLINE double limited(double a, double b) {
  const double c = 0.5 * (a + b), fa = fabs(a), fb = fabs(b), fc = fabs(c);
  double m = fa < fb ? fa : fb;
  m = 2 * m < fc ? 2 * m : fc;
  return a * b > 0 ? (a > 0 ? m : -m) : 0.0;
}

AMR_INLINE void primitive(int dim, ptrdiff_t nc, const double *restrict u, double *restrict w) {
  const ptrdiff_t e = (dim + 1) * nc;
  for (ptrdiff_t c = 0; c < nc; c++) {
    const double r = u[c], ir = 1 / r;
    const double vx = u[nc + c] * ir, vy = u[2 * nc + c] * ir, vz = dim == 3 ? u[3 * nc + c] * ir : 0;
    w[c] = r;
    w[nc + c] = vx;
    w[2 * nc + c] = vy;
    if (dim == 3) w[3 * nc + c] = vz;
    w[e + c] = (GAMMA - 1) * (u[e + c] - 0.5 * r * (vx * vx + vy * vy + vz * vz));
  }
}

/* Half a step in primitive variables, of the cells first .. last - 1. */
AMR_INLINE void predict(int dim, ptrdiff_t nc, ptrdiff_t first, ptrdiff_t last, double k, const planes *p) {
  const ptrdiff_t e = (dim + 1) * nc;
  const double *w = p->w, h = 0.5 * k;
  double *half = p->half;
  for (ptrdiff_t c = first; c < last; c++) {
    const double rho = w[c], pressure = w[e + c], ir = 1 / rho;
    double d_rho = 0, d_pressure = 0, dv[3] = {0, 0, 0};
    for (int a = 0; a < dim; a++) {
      const double *s = p->slope[a], v = w[(1 + a) * nc + c], div = s[(1 + a) * nc + c], px = s[e + c];
      d_rho += v * s[c] + rho * div;
      d_pressure += v * px + GAMMA * pressure * div;
      for (int b = 0; b < dim; b++) dv[b] += v * s[(1 + b) * nc + c];
      dv[a] += px * ir;
    }
    half[c] = rho - h * d_rho;
    half[e + c] = pressure - h * d_pressure;
    for (int b = 0; b < dim; b++) half[(1 + b) * nc + c] = w[(1 + b) * nc + c] - h * dv[b];
  }
}

/* HLLC fluxes of n faces in a row: the state of a face's lower cell is l[var * nc + i], that of its upper cell r[var * nc + i]. */
AMR_INLINE void hllc(int dim, int axis, ptrdiff_t n, ptrdiff_t nc, const double *restrict l, const double *restrict r,
                     double *restrict f) {
  const ptrdiff_t vn = (1 + axis) * nc, va = (1 + (axis + 1) % dim) * nc, vb = (1 + (axis + 2) % dim) * nc;
  const ptrdiff_t e = (dim + 1) * nc;
  const int three = dim == 3;
  for (ptrdiff_t i = 0; i < n; i++) {
    const double rl = l[i], ul = l[vn + i], al = l[va + i], bl = three ? l[vb + i] : 0, pl = l[e + i];
    const double rr = r[i], ur = r[vn + i], ar = r[va + i], br = three ? r[vb + i] : 0, pr = r[e + i];
    const double cl = sqrt(GAMMA * pl / rl), cr = sqrt(GAMMA * pr / rr);
    const double el = pl * (1 / (GAMMA - 1)) + 0.5 * rl * (ul * ul + al * al + bl * bl);
    const double er = pr * (1 / (GAMMA - 1)) + 0.5 * rr * (ur * ur + ar * ar + br * br);
    const double s1 = ul - cl, s2 = ur - cr, s3 = ul + cl, s4 = ur + cr;
    const double sl = s1 < s2 ? s1 : s2, sr = s3 > s4 ? s3 : s4;
    const double ql = rl * (sl - ul), qr = rr * (sr - ur);
    const double sm = (pr - pl + ql * ul - qr * ur) / (ql - qr), pm = pl + ql * (sm - ul);
    const int is_left = sm >= 0;
    const double rho = is_left ? rl : rr, v = is_left ? ul : ur, a = is_left ? al : ar, b = is_left ? bl : br;
    const double p = is_left ? pl : pr, energy = is_left ? el : er;
    const double sl0 = sl < 0 ? sl : 0, sr0 = sr > 0 ? sr : 0;
    const double speed = is_left ? sl : sr, q = is_left ? ql : qr, s = is_left ? sl0 : sr0;
    const double id = 1 / (speed - sm), rho_m = q * id, energy_m = (energy * (speed - v) - p * v + pm * sm) * id;
    f[i] = rho * v + s * (rho_m - rho);
    f[vn + i] = rho * v * v + p + s * (rho_m * sm - rho * v);
    f[va + i] = rho * v * a + s * (rho_m * a - rho * a);
    if (three) f[vb + i] = rho * v * b + s * (rho_m * b - rho * b);
    f[e + i] = (energy + p) * v + s * (energy_m - energy);
  }
}

/* One block, one step. The planes are swept as a whole, faces and cells of the ghosts between the rows included. */
AMR_INLINE void step(int dim, int n, double k, double *restrict u, const planes *p) {
  const int n_var = dim + 2;
  const ptrdiff_t s = n + 2 * G, stride[3] = {1, s, s * s}, nc = dim == 2 ? s * s : s * s * s;
  const ptrdiff_t first = stride[dim - 1] + stride[dim - 2] + 1, last = nc - first;
  ptrdiff_t origin = 0, span = 0;
  for (int a = 0; a < dim; a++) {
    origin += G * stride[a];
    span += (n - 1) * stride[a];
  }
  primitive(dim, nc, u, p->w);
  for (int a = 0; a < dim; a++)
    for (int v = 0; v < n_var; v++) {
      const double *restrict w = p->w + v * nc;
      double *restrict slope = p->slope[a] + v * nc;
      for (ptrdiff_t c = first, t = stride[a]; c < last; c++) slope[c] = limited(w[c] - w[c - t], w[c + t] - w[c]);
    }
  predict(dim, nc, first, last, k, p);
  for (int a = 0; a < dim; a++) {
    const ptrdiff_t t = stride[a];
    for (int v = 0; v < n_var; v++) {
      const double *restrict half = p->half + v * nc, *restrict slope = p->slope[a] + v * nc;
      double *restrict left = p->left + v * nc, *restrict right = p->right + v * nc;
      for (ptrdiff_t c = origin - t; c < origin + span + t + 1; c++) {
        left[c] = half[c] + 0.5 * slope[c];
        right[c] = half[c] - 0.5 * slope[c];
      }
    }
    hllc(dim, a, span + t + 1, nc, p->left + origin - t, p->right + origin, p->flux + origin);
    for (int v = 0; v < n_var; v++)
      for (int z = 0; z < (dim == 3 ? n : 1); z++)
        for (int y = 0; y < n; y++) {
          const double *restrict f = p->flux + v * nc + origin + y * s + z * s * s;
          double *restrict row = u + v * nc + origin + y * s + z * s * s;
          for (int x = 0; x < n; x++) row[x] -= k * (f[x + t] - f[x]);
        }
  }
}

ptrdiff_t amr_yardstick_scratch(const amr_layout *l) { return N_PLANES * l->block_stride; }

AMR_CLONES amr_status amr_yardstick(const amr_layout *l, int64_t n_block, int n_step, double dt_over_h, double *u,
                                    double *scratch) {
  if ((l->dim != 2 && l->dim != 3) || l->g != G || l->n_var != l->dim + 2) return AMR_BAD_ARGUMENT;
  const ptrdiff_t size = l->block_stride;
  const planes p = {scratch,
                    {scratch + size, scratch + 2 * size, scratch + 3 * size},
                    scratch + 4 * size,
                    scratch + 5 * size,
                    scratch + 6 * size,
                    scratch + 7 * size};
  for (int t = 0; t < n_step; t++)
    for (int64_t b = 0; b < n_block; b++) {
      if (l->dim == 2)
        step(2, l->n, dt_over_h, u + b * size, &p);
      else
        step(3, l->n, dt_over_h, u + b * size, &p);
    }
  return AMR_OK;
}
