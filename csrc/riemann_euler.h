/* Riemann solvers for the Euler equations; face states stand normal velocity first. */
#ifndef AMR_RIEMANN_EULER_H
#define AMR_RIEMANN_EULER_H
#include "physics_euler.h"

#define euler_has_vector 1
#define euler_has_scalars 1
#define euler_max_dim 3
#define euler_has_hllc 1
#define euler_has_roe 0
#define euler_has_exact 0

AMR_INLINE void euler_join(int dim, double *wl, double *wr) { (void)dim, (void)wl, (void)wr; }
AMR_INLINE void euler_roe(const double *p, int dim, const double *wl, const double *wr, double *f) { (void)p,(void)dim,(void)wl,(void)wr,(void)f; }
AMR_INLINE void euler_exact(const double *p, int dim, const double *wl, const double *wr, double *f) { (void)p,(void)dim,(void)wl,(void)wr,(void)f; }

/* HLLC: Toro, Spruce, Speares, Shock Waves 4 (1994) 25, with Davis' signal speeds.
 *
 * The flux is written as the physical flux of the state at the face (the left or right state, or the star state with its
 * velocity s and pressure p): a contact at rest then has exactly no mass flux, and the flux of the mirrored problem is the
 * mirrored flux to the last bit. */
AMR_INLINE void euler_hllc(const double *param, int dim, const double *wl, const double *wr, double *f) {
  const int e = dim + 1;
  double gamma = param[0], igm1 = 1 / (gamma - 1);
  double rl = wl[0], ul = wl[1], pl = wl[e], rr = wr[0], ur = wr[1], pr = wr[e];
  double cl = sqrt(gamma * pl / rl), cr = sqrt(gamma * pr / rr);
  double a = ul - cl, b = ur - cr, sl = a < b ? a : b, c = ul + cl, d = ur + cr, sr = c > d ? c : d;
  double ql = rl * (sl - ul), qr = rr * (sr - ur);
  double s = ((pr - pl) + (ql * ul - qr * ur)) / (ql - qr);
  double p_star = 0.5 * ((pl + ql * (s - ul)) + (pr + qr * (s - ur)));
  int left = s >= 0, star = left ? sl < 0 : sr > 0;
  double r = left ? rl : rr, u = left ? ul : ur, p = left ? pl : pr, speed = left ? sl : sr, q = left ? ql : qr;
  double ta = 0, tb = 0, t2 = 0;
  if (dim > 1) ta = left ? wl[2] : wr[2], t2 = ta * ta;
  if (dim > 2) tb = left ? wl[3] : wr[3], t2 = t2 + tb * tb;
  double energy = p * igm1 + 0.5 * r * (u * u + t2);
  double inverse = 1 / (speed - s);
  double r_star = q * inverse, e_star = (energy * (speed - u) + (p_star * s - p * u)) * inverse;
  r = star ? r_star : r;
  u = star ? s : u;
  p = star ? p_star : p;
  energy = star ? e_star : energy;
  f[0] = r * u;
  f[1] = f[0] * u + p;
  if (dim > 1) f[2] = f[0] * ta;
  if (dim > 2) f[3] = f[0] * tb;
  f[e] = (energy + p) * u;
}

#endif
