/* Riemann solvers for the Euler equations; face states stand normal velocity first. */
#ifndef AMR_RIEMANN_EULER_H
#define AMR_RIEMANN_EULER_H
#include "physics_euler.h"
#include "riemann_exact.h"

/* HLLC: Toro, Spruce, Speares, Shock Waves 4 (1994) 25, with Davis' signal speeds.
 *
 * The flux is written as the physical flux of the state at the face (the left or right state, or the star state with its
 * velocity s and pressure p): a contact at rest then has exactly no mass flux, and the flux of the mirrored problem is the
 * mirrored flux to the last bit. */
AMR_INLINE void euler_hllc(const double *param, int dim, const double *wl, const double *wr, double *f) {
  const int e = dim + 1;
  double gamma = param[0], igm1 = 1 / (gamma - 1);
  double rl = wl[0], ul = wl[1], pl = wl[e], rr = wr[0], ur = wr[1], pr = wr[e];
  /* Divisions cost most here, so that two quotients share one where they can. */
  double volume = gamma / (rl * rr), cl = sqrt(pl * rr * volume), cr = sqrt(pr * rl * volume);
  double a = ul - cl, b = ur - cr, sl = a < b ? a : b, c = ul + cl, d = ur + cr, sr = c > d ? c : d;
  double ql = rl * (sl - ul), qr = rr * (sr - ur);
  /* s = num / den, with den < 0; below x = (speed - s) den. */
  double num = (pr - pl) + (ql * ul - qr * ur), den = ql - qr;
  int left = num <= 0;
  double speed = left ? sl : sr, x = speed * den - num, shared = 1 / (x * den), s = num * x * shared,
         inverse = den * den * shared;
  double p_star = 0.5 * ((pl + ql * (s - ul)) + (pr + qr * (s - ur)));
  double outward = left ? speed : -speed; /* no masks of masks: compilers turn those into vectors of another width */
  int star = outward < 0;
  double r = left ? rl : rr, u = left ? ul : ur, p = left ? pl : pr, q = left ? ql : qr;
  double ta = 0, tb = 0, t2 = 0;
  if (dim > 1) ta = left ? wl[2] : wr[2], t2 = ta * ta;
  if (dim > 2) tb = left ? wl[3] : wr[3], t2 = t2 + tb * tb;
  double energy = p * igm1 + 0.5 * r * (u * u + t2);
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

/* From riemann_body.h. */
AMR_INLINE void euler_hll(const double *param, int dim, int axis, const double *wl, const double *wr, double *f);

/* Roe: J. Comput. Phys. 43 (1981) 357, with Harten and Hyman's entropy fix (J. Comput. Phys. 50 (1983) 235) on the acoustic
 * waves. Where a state between the linearised waves has no positive density or pressure, the flux is HLL's (Einfeldt et al.,
 * J. Comput. Phys. 92 (1991) 273: no linearised solver is positive there). */
AMR_INLINE void euler_roe(const double *param, int dim, const double *wl, const double *wr, double *f) {
  const int e = dim + 1;
  double ul[5], ur[5], fl[5], fr[5], fallback[5] = {0}, v[3] = {0, 0, 0}, dv[3] = {0, 0, 0}, gm1 = param[0] - 1;
  euler_flux(param, dim, 0, wl, ul, fl);
  euler_flux(param, dim, 0, wr, ur, fr);
  euler_hll(param, dim, 0, wl, wr, fallback);
  double root_l = sqrt(wl[0]), root_r = sqrt(wr[0]), inverse = 1 / (root_l + root_r), density = root_l * root_r;
  double enthalpy = ((ul[e] + wl[e]) / root_l + (ur[e] + wr[e]) / root_r) * inverse;
#pragma GCC unroll 3
  for (int a = 0; a < dim; a++) {
    v[a] = (root_l * wl[1 + a] + root_r * wr[1 + a]) * inverse;
    dv[a] = wr[1 + a] - wl[1 + a];
  }
  double v2 = euler_square(dim, v), c2 = gm1 * (enthalpy - 0.5 * v2), c = sqrt(c2), dp = wr[e] - wl[e];
  double minus = (dp - density * c * dv[0]) / (2 * c2), plus = (dp + density * c * dv[0]) / (2 * c2);
  double contact = (wr[0] - wl[0]) - dp / c2;
  double cl = euler_sound(param, dim, wl), cr = euler_sound(param, dim, wr);
  double m = v[0] - c, p = v[0] + c, me = m - (wl[1] - cl), pe = (wr[1] + cr) - p;
  double me2 = (wr[1] - cr) - m, pe2 = p - (wl[1] + cl);
  me = me > me2 ? me : me2, pe = pe > pe2 ? pe : pe2;
  double am = fabs(m) > me ? fabs(m) : me, ap = fabs(p) > pe ? fabs(p) : pe, a0 = fabs(v[0]);
  double sm = am * minus, sp = ap * plus, s0 = a0 * contact, shear = 0;
  double d[5], left[5], right[5];
  d[0] = (sm + sp) + s0;
  d[1] = (sm * m + sp * p) + s0 * v[0];
  left[0] = ul[0] + minus, right[0] = ur[0] - plus;
  left[1] = ul[1] + minus * m, right[1] = ur[1] - plus * p;
#pragma GCC unroll 2
  for (int a = 1; a < dim; a++) {
    d[1 + a] = d[0] * v[a] + a0 * density * dv[a];
    shear += v[a] * dv[a];
    left[1 + a] = ul[1 + a] + minus * v[a], right[1 + a] = ur[1 + a] - plus * v[a];
  }
  double hm = enthalpy - v[0] * c, hp = enthalpy + v[0] * c;
  d[e] = (sm * hm + sp * hp) + (s0 * 0.5 * v2 + a0 * density * shear);
  left[e] = ul[e] + minus * hm, right[e] = ur[e] - plus * hp;
  int good = (left[0] > 0) & (right[0] > 0) & (c2 > 0);
  good &= (left[e] * left[0] - 0.5 * euler_square(dim, left + 1) > 0)
          & (right[e] * right[0] - 0.5 * euler_square(dim, right + 1) > 0);
#pragma GCC unroll 5
  for (int i = 0; i < dim + 2; i++) {
    double roe = 0.5 * ((fl[i] + fr[i]) - d[i]);
    f[i] = good ? roe : fallback[i];
  }
}

/* Godunov's flux, from the exact solution at the face (csrc/riemann_exact.h). */
AMR_INLINE void euler_exact(const double *param, int dim, const double *wl, const double *wr, double *f) {
  const int e = dim + 1;
  double l[3] = {wl[0], wl[1], wl[e]}, r[3] = {wr[0], wr[1], wr[e]}, state[3], w[5], u[5];
  const int from_left = amr_euler_exact(param[0], l, r, 0.0, state);
  w[0] = state[0], w[1] = state[1], w[e] = state[2];
  if (dim > 1) w[2] = from_left ? wl[2] : wr[2];
  if (dim > 2) w[3] = from_left ? wl[3] : wr[3];
  euler_flux(param, dim, 0, w, u, f);
}

#endif
