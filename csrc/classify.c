#include "classify.h"

#include <math.h>

#include "physics.h"

/* Positions in a row, ghosts included, are fewer; so are the wave numbers of a periodogram, and the halves of its rows. */
enum { ROW = 72, BINS = 26, HALF = 34, MIN_N = 8, MAX_N = 64 };

/* A box of positions, counted from the first interior cell. */
typedef struct {
  int lo[3], hi[3];
} box;

/* One variable of a block: data v = (w - lowest) / unit, rounded, unit being a power of two so that second differences are <= 1. */
typedef struct {
  const amr_layout *l;
  double *v, *pairs, *quads, *spare; /* quads: boxes of 4^dim cells */
  double unit, range;                /* range: bound of v */
} block_data;

AMR_INLINE double larger(double x, double y) { return x > y ? x : y; }

/* x rounded to a multiple of 2^-52 magic, for |x| < magic / 4. */
AMR_INLINE double snap(double x, double magic) { return (x + magic) - magic; }

/* Terms of sums are <= 3 and at most 2^18, so that multiples of 2^-32 are added up without error. */
static const double TERM = 1.5 * (1 << 20);

AMR_INLINE double power_of_4(int e) { return ldexp(1.0, 2 * e); }

/* lo..hi - 1 along an axis, 0..across - 1 along the other active ones. */
AMR_INLINE box make_box(const amr_layout *l, int axis, int lo, int hi, int across) {
  box b;
  for (int a = 0; a < 3; a++) {
    b.lo[a] = a == axis ? lo : 0;
    b.hi[a] = a == axis ? hi : a < l->dim ? across : 1;
  }
  return b;
}

AMR_INLINE double second(const double *v, ptrdiff_t i, ptrdiff_t st) { return (v[i + st] - v[i]) - (v[i] - v[i - st]); }

/* ---- normalisation --------------------------------------------------------------------------------------------------------- */

typedef struct {
  double lowest, highest, inside, all;
} extent;

/* Fold values and second differences along an axis of one variable, ghosts of that axis included, into what was found. */
AMR_INLINE void scan_axis(const amr_layout *l, int axis, const double *w, extent *found) {
  const box b = make_box(l, axis, -1, l->n + 1, l->n);
  const ptrdiff_t st = l->stride[axis];
  const int m = b.hi[0] - b.lo[0], skip = axis == 0;
  double lo[ROW], hi[ROW], inner[ROW], outer[ROW];
  for (int i = 0; i < m; i++) lo[i] = INFINITY, hi[i] = -INFINITY, inner[i] = outer[i] = 0.0;
  for (int k = b.lo[2]; k < b.hi[2]; k++)
    for (int j = b.lo[1]; j < b.hi[1]; j++) {
      const int is_inner = (l->dim < 2 || (j >= 0 && j < l->n)) && (l->dim < 3 || (k >= 0 && k < l->n));
      const double *row = w + amr_cell(l, b.lo[0], j, k);
      double *best = is_inner ? inner : outer;
      for (int i = 0; i < m; i++) {
        const double d = fabs(second(row, i, st));
        best[i] = larger(d, best[i]);
        lo[i] = row[i] < lo[i] ? row[i] : lo[i];
        hi[i] = larger(row[i], hi[i]);
      }
    }
  for (int i = 0; i < m; i++) {
    found->lowest = lo[i] < found->lowest ? lo[i] : found->lowest;
    found->highest = larger(hi[i], found->highest);
    found->all = larger(larger(inner[i], outer[i]), found->all);
    if (i >= skip && i < m - skip) found->inside = larger(inner[i], found->inside);
  }
}

AMR_INLINE void normalise(block_data *d, const double *w, const extent *found) {
  int unit, range;
  const double low = found->lowest;
  frexp(found->all, &unit);
  /* Second differences bound what the outermost ghosts, which were not looked at, add to the range. */
  frexp(3 * (found->highest - low) + found->all, &range);
  range -= unit;
  const double scale = ldexp(1.0, -unit), magic = ldexp(1.5, 52 + (range > 10 ? range - 46 : -36));
  for (ptrdiff_t c = 0; c < d->l->var_stride; c++) d->v[c] = snap((w[c] - low) * scale, magic);
  d->unit = ldexp(1.0, unit), d->range = ldexp(1.0, range);
}

/* out[c] := sum of in over the 2^dim cells c, c + shift along each axis. */
AMR_INLINE void add_up(const block_data *d, int shift, const double *in, double *out) {
  const amr_layout *l = d->l;
  const double *from = in;
  ptrdiff_t m = l->var_stride;
  for (int a = 0; a < l->dim; a++) {
    double *restrict to = (l->dim - a) % 2 ? out : d->spare;
    const double *restrict v = from;
    const ptrdiff_t st = shift * l->stride[a];
    m -= st;
    for (ptrdiff_t c = 0; c < m; c++) to[c] = v[c] + v[c + st];
    from = to;
  }
}

/* ---- exponents --------------------------------------------------------------------------------------------------------------- */

/* Sum over a box of factor * (difference of that order of v, spacing st)^2. */
AMR_INLINE double sum_squares(const amr_layout *l, box b, const double *v, ptrdiff_t st, int order, double factor) {
  const int m = b.hi[0] - b.lo[0];
  double sum[ROW], total = 0.0;
  for (int i = 0; i < m; i++) sum[i] = 0.0;
  for (int k = b.lo[2]; k < b.hi[2]; k++)
    for (int j = b.lo[1]; j < b.hi[1]; j++) {
      const double *row = v + amr_cell(l, b.lo[0], j, k);
      for (int i = 0; i < m; i++) {
        const double x = order == 2 ? second(row, i, st) : (row[i + 2 * st] - row[i - st]) - 3 * (row[i + st] - row[i]);
        sum[i] += snap(factor * x * x, TERM);
      }
    }
  for (int i = 0; i < m; i++) total += sum[i];
  return total;
}

/* Mean over positions of the sum over axes of squared differences of boxes of `width` cells (1, 2, 4), `width` apart, as far as two
 * ghosts reach. v: sums over these boxes. */
AMR_INLINE double mean_square(const amr_layout *l, const double *v, int width, int order) {
  /* From 2^(dim * level) times the means, each <= 2^(order - 2 + level * order). */
  const int level = width == 1 ? 0 : width == 2 ? 1 : 2, bound = order - 2 + level * order;
  const int across = l->n + 1 - width, along = l->n + 4 - width * (order + 1) + 1;
  const double factor = power_of_4(-level * l->dim - bound);
  double sum = 0.0, count = along;
  for (int a = 0; a < l->dim; a++) {
    const int lo = width - 2;
    sum += sum_squares(l, make_box(l, a, lo, lo + along, across), v, width * l->stride[a], order, factor);
  }
  for (int a = 1; a < l->dim; a++) count *= across;
  return power_of_4(bound) * (sum / count);
}

AMR_INLINE double exponent(double fine, double coarse) { return fine > 0 ? -0.5 * log2(fine / coarse) : INFINITY; }

/* ---- participation, odd-even modes ------------------------------------------------------------------------------------------- */

typedef struct {
  double mean, pr, chi;
} spread;

AMR_INLINE spread find_spread(const block_data *d) {
  const amr_layout *l = d->l;
  const int n = l->n, nj = l->dim > 1 ? n : 1, nk = l->dim > 2 ? n : 1, n_class = 1 << l->dim;
  double squares[ROW], laplacian[ROW], e_sum[ROW], ee_sum[ROW], power[ROW], parity[4][ROW], by_class[8];
  double e = 0.0, ee = 0.0, p = 0.0;
  for (int i = 0; i < n; i++) e_sum[i] = ee_sum[i] = power[i] = 0.0;
  for (int q = 0; q < 4; q++)
    for (int i = 0; i < n; i++) parity[q][i] = 0.0;
  for (int k = 0; k < nk; k++)
    for (int j = 0; j < nj; j++) {
      const double *row = d->v + amr_cell(l, 0, j, k);
      double *restrict signs = parity[(j & 1) + 2 * (k & 1)];
      for (int i = 0; i < n; i++) squares[i] = laplacian[i] = 0.0;
      for (int a = 0; a < l->dim; a++)
        for (int i = 0; i < n; i++) {
          const double x = second(row, i, l->stride[a]);
          squares[i] += snap(x * x, TERM), laplacian[i] += snap(x, TERM);
        }
      for (int i = 0; i < n; i++) {
        e_sum[i] += squares[i];
        ee_sum[i] += snap(0.25 * squares[i] * squares[i], TERM);
        power[i] += snap(0.25 * laplacian[i] * laplacian[i], TERM);
        signs[i] += laplacian[i];
      }
    }
  for (int c = 0; c < 8; c++) by_class[c] = 0.0;
  for (int i = 0; i < n; i++) {
    e += e_sum[i], ee += ee_sum[i], p += power[i];
    for (int q = 0; q < 4; q++) by_class[(i & 1) + 2 * q] += parity[q][i];
  }
  /* Parseval over the signs of a cell's place: 2^dim * sum of squares, less the even mode. */
  const double cells = (double)n * nj * nk;
  double all = 0.0, modes = 0.0;
  for (int c = 0; c < n_class; c++) {
    const double mean = by_class[c] / cells;
    all += by_class[c], modes += snap(mean * mean, TERM);
  }
  all /= cells;
  const double chi = p > 0 ? (n_class * modes - all * all) / (4 * p / cells) : 0.0;
  return (spread){.mean = e / cells, .pr = e * e / (4 * cells * ee), .chi = chi > 0 ? chi : 0.0};
}

/* ---- monotone rows ---------------------------------------------------------------------------------------------------------- */

/* Mean over cells and axes of (|v[+2] - v[-2]| / total variation from -2 to +2)^2, weighted with the squared second differences of the
 * cell and its two neighbours. */
AMR_INLINE double find_mono(const block_data *d) {
  const amr_layout *l = d->l;
  const int n = l->n;
  double monotone[ROW], weight[ROW], up = 0.0, all = 0.0;
  for (int i = 0; i < n; i++) monotone[i] = weight[i] = 0.0;
  for (int a = 0; a < l->dim; a++) {
    const box b = make_box(l, a, 0, n, n);
    const ptrdiff_t st = l->stride[a];
    const int m = b.hi[0] - b.lo[0];
    for (int k = b.lo[2]; k < b.hi[2]; k++)
      for (int j = b.lo[1]; j < b.hi[1]; j++) {
        const double *row = d->v + amr_cell(l, b.lo[0], j, k);
        for (int i = 0; i < m; i++) {
          const double *v = row + i;
          const double d0 = v[-st] - v[-2 * st], d1 = v[0] - v[-st], d2 = v[st] - v[0], d3 = v[2 * st] - v[st];
          /* The pairs are mirror images; up to here all is exact. */
          const double variation = (fabs(d0) + fabs(d3)) + (fabs(d1) + fabs(d2)), net = (d0 + d3) + (d1 + d2);
          const double share = net / (variation > 0 ? variation : 1.0);
          const double bend = ((d1 - d0) * (d1 - d0) + (d3 - d2) * (d3 - d2)) + (d2 - d1) * (d2 - d1);
          monotone[i] += snap(0.25 * bend * share * share, TERM);
          weight[i] += snap(0.25 * bend, TERM);
        }
      }
  }
  for (int i = 0; i < n; i++) up += monotone[i], all += weight[i];
  return all > 0 ? up / all : 1.0;
}

/* ---- periodogram ------------------------------------------------------------------------------------------------------------- */

/* Factors of the sum and the difference of the cells i and n-1-i of a row in its real and imaginary part at each wave number; a
 * straight line drops out. Beyond `bins`: 0. */
typedef struct {
  int n, half, low, bins;
  double even[HALF][BINS], odd[HALF][BINS];
} wave_table;

static void make_table(int n, wave_table *t) {
  const double turn = 2 * acos(-1.0) / n;
  double square = 0.0;
  for (int i = 0; i < HALF; i++)
    for (int b = 0; b < BINS; b++) t->even[i][b] = t->odd[i][b] = 0.0;
  t->n = n, t->half = n / 2, t->low = n / 8 + 1, t->bins = n / 2 - n / 8;
  for (int i = 0; i < t->half; i++) square += (i - 0.5 * (n - 1)) * (i - 0.5 * (n - 1));
  for (int b = 0; b < t->bins; b++) {
    double slope = 0.0;
    for (int i = 0; i < t->half; i++) {
      const double x = i - 0.5 * (n - 1), window = 0.5 + 0.5 * cos(turn * x), phase = turn * (t->low + b) * x;
      t->even[i][b] = window * cos(phase), t->odd[i][b] = window * sin(phase);
      slope += t->odd[i][b] * x / square;
    }
    for (int i = 0; i < t->half; i++) t->odd[i][b] -= slope * (i - 0.5 * (n - 1));
  }
}

/* Add the powers of the row v[0], v[st] ... to sum. bins: a constant >= t->bins. */
AMR_INLINE void add_powers(const wave_table *t, int bins, const double *v, ptrdiff_t st, double magic,
                           double *restrict sum) {
  double re[BINS], im[BINS];
  for (int b = 0; b < bins; b++) re[b] = im[b] = 0.0;
  for (int i = 0; i < t->half; i++) {
    const double lower = v[i * st], upper = v[(t->n - 1 - i) * st], plus = lower + upper, minus = lower - upper;
    for (int b = 0; b < bins; b++) re[b] += plus * t->even[i][b], im[b] += minus * t->odd[i][b];
  }
  for (int b = 0; b < bins; b++) sum[b] += snap(re[b] * re[b] + im[b] * im[b], magic);
}

/* Whether a row is taken at this place across it: in 3D every other one from either side, by and by enough of them. */
AMR_INLINE int is_taken(const amr_layout *l, int axis, int across, int j) {
  return l->dim < 3 || across == axis || (j < l->n / 2 ? j : l->n - 1 - j) % 2 == 0;
}

/* The same of the rows of an axis. */
AMR_INLINE void add_rows(const wave_table *t, int bins, const block_data *d, int axis, double magic,
                         double *restrict sum) {
  const amr_layout *l = d->l;
  const box rows = make_box(l, axis, -2, -1, l->n);
  for (int k = rows.lo[2]; k < rows.hi[2]; k++)
    for (int j = rows.lo[1]; j < rows.hi[1]; j++)
      for (int i = rows.lo[0]; i < rows.hi[0]; i++) {
        if (!is_taken(l, axis, 0, i) || !is_taken(l, axis, 1, j) || !is_taken(l, axis, 2, k)) continue;
        add_powers(t, bins, d->v + amr_cell(l, i, j, k), l->stride[axis], magic, sum);
      }
}

AMR_INLINE double flatness(const block_data *d, const wave_table *t) {
  const amr_layout *l = d->l;
  const int n = t->n;
  double sum[BINS], product = 0.0, mean = 0.0;
  /* A row less its line is <= n^2 / 8 and <= its range; the window halves the sum; all rows add up without error. */
  const double most = 0.5 * n * (d->range < n * n / 8 ? d->range : n * n / 8);
  int bits;
  frexp(most * most * 3 * (double)n * n, &bits);
  const double magic = ldexp(1.5, bits);
  for (int b = 0; b < BINS; b++) sum[b] = 0.0;
  for (int a = 0; a < l->dim; a++)
    if (t->bins <= 8)
      add_rows(t, 8, d, a, magic, sum);
    else if (t->bins <= 16)
      add_rows(t, 16, d, a, magic, sum);
    else
      add_rows(t, BINS, d, a, magic, sum);
  for (int b = 0; b < t->bins; b++) product += log(sum[b]), mean += sum[b];
  return mean > 0 ? exp(product / t->bins) / (mean / t->bins) : 0.0;
}

/* ---- decision ------------------------------------------------------------------------------------------------------------------ */

/* Whether rows that bend in few cells are monotone there. */
AMR_INLINE int is_discontinuity(const block_data *d, const amr_class_limits *limit, double coarse, int with_all,
                                amr_block_class *c) {
  const amr_layout *l = d->l;
  const int is_steep = !(c->q1 > limit->resolved_q1);
  const int is_narrow = is_steep ? c->pr < limit->steep_pr : c->pr < limit->narrow_pr && c->q1 < limit->jump_q1;
  if (is_narrow || with_all) c->mono = find_mono(d);
  const int is_jump = is_narrow && c->mono > limit->jump_mono && (!is_steep || c->pr < limit->steep_pr * c->mono);
  if ((is_jump && !is_steep) || with_all) {
    add_up(d, 2, d->pairs, d->quads);
    c->q2 = exponent(coarse, mean_square(l, d->quads, 4, 2));
  }
  return is_jump && (is_steep || c->q2 < limit->jump_q2);
}

AMR_INLINE int is_between(double x, const double *limits) { return x > limits[0] && x < limits[1]; }

/* Everything that decides after the amplitude. */
AMR_INLINE void decide(block_data *d, double scale, const amr_class_limits *limit, const wave_table *table,
                       int with_all, amr_block_class *c) {
  const amr_layout *l = d->l;
  const spread s = find_spread(d);
  add_up(d, 1, d->v, d->pairs);
  const double coarse = mean_square(l, d->pairs, 2, 2);
  c->q1 = exponent(mean_square(l, d->v, 1, 2), coarse);
  c->pr = s.pr, c->chi = s.chi, c->rms = sqrt(s.mean) * (d->unit / scale);
  c->cells_per_wave = c->q1 < 2 ? acos(-1.0) / acos(exp2((c->q1 - 2) / 3)) : INFINITY;
  const int is_jump = is_discontinuity(d, limit, coarse, with_all, c);
  const int is_resolved = !is_jump && c->q1 > limit->resolved_q1;
  const int is_odd_even = !is_jump && !is_resolved && c->chi > limit->odd_even_chi && c->pr > limit->odd_even_pr;
  if (with_all || !(is_jump || is_resolved || is_odd_even)) {
    c->q3 = exponent(mean_square(l, d->v, 1, 3), mean_square(l, d->pairs, 2, 3));
    c->flh = flatness(d, table);
  }
  if (is_jump)
    c->kind = AMR_DISCONTINUITY;
  else if (is_resolved)
    c->kind = c->cells_per_wave < limit->wave_cells ? AMR_RESOLVED_WAVE : AMR_SMOOTH;
  else if (is_odd_even)
    c->kind = AMR_ODD_EVEN;
  else if (c->flh > limit->noise_flh && c->q3 < limit->noise_q3 && is_between(c->pr, limit->noise_pr)
           && c->chi < limit->noise_chi)
    c->kind = AMR_NOISE;
  else
    c->kind = AMR_UNDER_RESOLVED;
}

AMR_INLINE amr_block_class classify_variable(block_data *d, const double *w, double scale,
                                             const amr_class_limits *limit, const wave_table *table, int with_all) {
  amr_block_class c = {.rms = NAN, .q1 = NAN, .q2 = NAN, .q3 = NAN, .pr = NAN, .mono = NAN, .chi = NAN, .flh = NAN};
  extent found = {.lowest = INFINITY, .highest = -INFINITY};
  c.cells_per_wave = NAN;
  for (int a = 0; a < d->l->dim; a++) scan_axis(d->l, a, w, &found);
  c.amplitude = scale > 0 ? found.inside / scale : 0.0;
  if (!(c.amplitude > 0) || c.amplitude < limit->alarm) return c;
  normalise(d, w, &found);
  decide(d, scale, limit, table, with_all, &c);
  return c;
}

/* What an alarmed variable's class weighs against those of the others; not alarmed: nothing. */
AMR_INLINE int gravity(const amr_block_class *c, const amr_class_limits *limit) {
  static const int of_kind[] = {[AMR_ODD_EVEN] = 1,      [AMR_NOISE] = 2,         [AMR_SMOOTH] = 3,
                                [AMR_RESOLVED_WAVE] = 4, [AMR_DISCONTINUITY] = 5, [AMR_UNDER_RESOLVED] = 6};
  return c->amplitude >= limit->alarm ? of_kind[c->kind] : 0;
}

ptrdiff_t amr_classify_scratch(const amr_layout *layout) { return 2 * layout->block_stride + 4 * layout->var_stride; }

AMR_CLONES amr_status amr_classify(const amr_physics *physics, const amr_layout *layout, const double *u,
                                   const amr_ghosts *ghosts, int64_t n_list, const int32_t *list, int n_pick,
                                   const int32_t *pick, const double *scale, const amr_class_limits *limits,
                                   int with_all, amr_block_class *found, double *scratch) {
  const ptrdiff_t cells = layout->var_stride, stride = layout->block_stride;
  double *w = scratch, *coarse = w + stride, *field = coarse + stride;
  block_data d = {
      .l = layout, .v = field, .pairs = field + cells, .quads = field + 2 * cells, .spare = field + 3 * cells};
  wave_table table;
  if (n_pick < 1 || layout->g < 2 || layout->n < MIN_N || layout->n > MAX_N || layout->n % 2) return AMR_BAD_ARGUMENT;
  if (physics->n_var != layout->n_var || physics->dim != layout->dim) return AMR_BAD_ARGUMENT;
  for (int p = 0; p < n_pick; p++)
    if (pick[p] < 0 || pick[p] >= layout->n_var) return AMR_BAD_ARGUMENT;
  make_table(layout->n + 4, &table);
  for (int64_t m = 0; m < n_list; m++) {
    const double *from = (ghosts ? ghosts->own : u) + list[m] * stride;
    if (ghosts) amr_ghosts_fill(ghosts, list[m], coarse, 1);
    amr_to_primitive(physics, cells, from, cells, w, cells);
    for (int p = 0; p < n_pick; p++) {
      amr_block_class c = classify_variable(&d, w + pick[p] * cells, scale[p], limits, &table, with_all);
      c.variable = (int16_t)pick[p];
      const int more = p ? gravity(&c, limits) - gravity(found + m, limits) : 1;
      if (more > 0 || (more == 0 && c.amplitude > found[m].amplitude)) found[m] = c;
    }
  }
  return AMR_OK;
}
