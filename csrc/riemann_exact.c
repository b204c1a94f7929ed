#include "riemann_exact.h"

#include <math.h>

/* Velocity change across the left or right wave for star pressure p, and its derivative. */
static double wave(double gamma, const double w[3], double c, double p, double *slope) {
  if (p > w[2]) {
    double a = 2 / ((gamma + 1) * w[0]), b = (gamma - 1) / (gamma + 1) * w[2], root = sqrt(a / (p + b));
    *slope = root * (1 - 0.5 * (p - w[2]) / (p + b));
    return (p - w[2]) * root;
  }
  double ratio = p / w[2];
  *slope = pow(ratio, -(gamma + 1) / (2 * gamma)) / (w[0] * c);
  return 2 * c / (gamma - 1) * (pow(ratio, (gamma - 1) / (2 * gamma)) - 1);
}

/* Pressure between the waves: Newton from the two-rarefaction state, which is never below the root by much and, the function
 * being concave and rising, converges from any start that stays positive. */
static double star_pressure(double gamma, const double l[3], const double r[3], double cl, double cr) {
  const double z = (gamma - 1) / (2 * gamma), du = r[1] - l[1];
  double p = pow((cl + cr - 0.5 * (gamma - 1) * du) / (cl / pow(l[2], z) + cr / pow(r[2], z)), 1 / z);
  for (int i = 0; i < 60; i++) {
    double dl, dr, f = wave(gamma, l, cl, p, &dl) + wave(gamma, r, cr, p, &dr) + du, next = p - f / (dl + dr);
    if (!(next > 0)) next = 0.1 * p;
    if (!(fabs(next - p) > 1e-15 * p)) return next;
    p = next;
  }
  return p;
}

/* The state on the left of the contact at `s`; the right one follows by mirroring. */
static void sample_left(double gamma, const double w[3], double c, double p, double u, double s, double out[3]) {
  const double ratio = p / w[2], g = (gamma - 1) / (gamma + 1);
  double density, head;
  if (p > w[2]) {
    head = w[1] - c * sqrt((gamma + 1) / (2 * gamma) * ratio + (gamma - 1) / (2 * gamma));
    density = w[0] * (ratio + g) / (g * ratio + 1);
    if (s > head)
      out[0] = density, out[1] = u, out[2] = p;
    else
      out[0] = w[0], out[1] = w[1], out[2] = w[2];
    return;
  }
  head = w[1] - c;
  density = w[0] * pow(ratio, 1 / gamma);
  const double tail = u - c * pow(ratio, (gamma - 1) / (2 * gamma));
  if (s <= head) {
    out[0] = w[0], out[1] = w[1], out[2] = w[2];
  } else if (s >= tail) {
    out[0] = density, out[1] = u, out[2] = p;
  } else {
    const double fan = 2 / (gamma + 1) + g / c * (w[1] - s);
    out[0] = w[0] * pow(fan, 2 / (gamma - 1));
    out[1] = 2 / (gamma + 1) * (c + 0.5 * (gamma - 1) * w[1] + s);
    out[2] = w[2] * pow(fan, 2 * gamma / (gamma - 1));
  }
}

/* Rarefaction from w (a left state) into vacuum. */
static void sample_vacuum(double gamma, const double w[3], double c, double s, double out[3]) {
  const double front = w[1] + 2 * c / (gamma - 1);
  if (!(w[0] > 0) || s >= front) {
    out[0] = 0, out[1] = w[0] > 0 ? front : s, out[2] = 0;
    return;
  }
  sample_left(gamma, w, c, 0.0, front, s, out);
}

typedef struct {
  double l[3], r[3]; /* the right state mirrored into a left one */
  double cl, cr, p, u;
  int vacuum;
} solution;

static solution solve(double gamma, const double left[3], const double right[3]) {
  solution q = {.l = {left[0], left[1], left[2]}, .r = {right[0], -right[1], right[2]}};
  q.cl = left[0] > 0 ? sqrt(gamma * left[2] / left[0]) : 0;
  q.cr = right[0] > 0 ? sqrt(gamma * right[2] / right[0]) : 0;
  q.vacuum = left[0] == 0 || right[0] == 0 || 2 / (gamma - 1) * (q.cl + q.cr) <= right[1] - left[1];
  if (q.vacuum) {
    q.u = NAN;
    return q;
  }
  double slope;
  q.p = star_pressure(gamma, left, right, q.cl, q.cr);
  q.u = 0.5 * ((left[1] + right[1]) + (wave(gamma, right, q.cr, q.p, &slope) - wave(gamma, left, q.cl, q.p, &slope)));
  return q;
}

static int sample(double gamma, const solution *q, double s, double out[3]) {
  int from_left;
  if (!q->vacuum) {
    from_left = q->u >= s;
    if (from_left)
      sample_left(gamma, q->l, q->cl, q->p, q->u, s, out);
    else
      sample_left(gamma, q->r, q->cr, q->p, -q->u, -s, out);
  } else {
    const double front = q->l[1] + 2 * q->cl / (gamma - 1);
    from_left = q->l[0] > 0 && (s < front || !(q->r[0] > 0));
    if (from_left)
      sample_vacuum(gamma, q->l, q->cl, s, out);
    else
      sample_vacuum(gamma, q->r, q->cr, -s, out);
  }
  if (!from_left) out[1] = -out[1];
  return from_left;
}

int amr_euler_exact(double gamma, const double left[3], const double right[3], double speed, double out[3]) {
  const solution q = solve(gamma, left, right);
  return sample(gamma, &q, speed, out);
}

void amr_euler_exact_profile(double gamma, const double left[3], const double right[3], ptrdiff_t n,
                             const double *speed, double *out, double star[2]) {
  const solution q = solve(gamma, left, right);
  for (ptrdiff_t i = 0; i < n; i++) {
    double state[3];
    sample(gamma, &q, speed[i], state);
    for (int v = 0; v < 3; v++) out[v * n + i] = state[v];
  }
  star[0] = q.p, star[1] = q.u;
}
