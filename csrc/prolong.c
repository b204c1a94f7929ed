#include "physics.h"
#include "physics_table.h"
#include "prolong_low_pass.h"
#include "transfer.h"

/* Coarse cells are taken CHUNK at a time: lines of cells along one axis, side by side along a second one. Their children stand on the
 * stack as child[v * VAR + q * m + c]: variable, child q = x + 2 y + 4 z, cell c of the m of the chunk. */
enum { CHUNK = 32, MAX_CHILD = 8, VAR = MAX_CHILD * CHUNK };

typedef struct {
  int axis[3];                /* of the lines, of the lines side by side, of the planes */
  int first[3], n[3];         /* by axis: coarse cells under the box */
  int begin[3][2], end[3][2]; /* by axis and bit of the child: coarse cells whose child lies in the box */
  int is_whole;               /* all children of all these cells lie in the box */
} coarse_box;

AMR_INLINE coarse_box make_coarse_box(int dim, const int32_t *to, const int32_t *size) {
  coarse_box box = {.is_whole = 1};
  for (int a = 0; a < 3; a++) {
    const int last = to[a] + size[a] - 1;
    box.first[a] = to[a] >> 1; /* towards minus infinity (gcc and clang define it so) */
    box.n[a] = (last >> 1) - box.first[a] + 1;
    for (int bit = 0; bit < 2; bit++)
      box.begin[a][bit] = (to[a] - bit + 1) >> 1, box.end[a][bit] = ((last - bit) >> 1) + 1;
    if (a < dim && ((to[a] | size[a]) & 1)) box.is_whole = 0;
  }
  /* Lines along x unless these are too short for a vector and others are longer. */
  int line = 0;
  for (int a = 1; a < 3; a++)
    if (box.n[line] < 4 && box.n[a] > box.n[line]) line = a;
  const int b = line == 0 ? 1 : 0, c = line == 2 ? 1 : 2, swap = box.n[c] > box.n[b];
  box.axis[0] = line, box.axis[1] = swap ? c : b, box.axis[2] = swap ? b : c;
  return box;
}

/* Monotonized central limiter of the backward and the forward difference. */
AMR_INLINE double limited_mc(double a, double b) {
  double c = 0.5 * (a + b), fa = a < 0 ? -a : a, fb = b < 0 ? -b : b, fc = c < 0 ? -c : c;
  double m = 2 * (fa < fb ? fa : fb);
  m = m < fc ? m : fc;
  return a * b > 0 ? (a > 0 ? m : -m) : 0.0;
}

/* Children of n coarse cells at distance `step`, of one variable; child q to child[q * m]. */
AMR_INLINE void line_children(int dim, const ptrdiff_t *stride, const double *u, ptrdiff_t step, int n, double *child,
                              ptrdiff_t m) {
#pragma GCC ivdep
  for (int i = 0; i < n; i++) {
    const double *c = u + i * step;
    double slope[3] = {0, 0, 0};
#pragma GCC unroll 3
    for (int a = 0; a < dim; a++) slope[a] = 0.25 * limited_mc(c[0] - c[-stride[a]], c[stride[a]] - c[0]);
    for (int q = 0; q < 1 << dim; q++) {
      const double sx = q & 1 ? slope[0] : -slope[0], sy = q & 2 ? slope[1] : -slope[1],
                   sz = q & 4 ? slope[2] : -slope[2];
      child[q * m + i] = c[0] + (dim == 1 ? sx : dim == 2 ? sx + sy : (sx + sy) + sz);
    }
  }
}

/* The same for low-pass prolongation: cells that are not smooth get what line_children gives them. Not inlined: the code of ghosts, which
 * are limited, stays as it is. */
static __attribute__((noinline)) void line_children_low_pass(int dim, const ptrdiff_t *stride, const double *u,
                                                             ptrdiff_t step, int n, double *child, ptrdiff_t m) {
  for (int i = 0; i < n; i++) {
    const double *c = u + i * step;
    const int is_smooth = dim == 1   ? low_pass_children(1, stride, c, child + i, m)
                          : dim == 2 ? low_pass_children(2, stride, c, child + i, m)
                                     : low_pass_children(3, stride, c, child + i, m);
    if (!is_smooth) line_children(dim, stride, c, step, 1, child + i, m);
  }
}

/* The cells of a chunk: `n_line` lines of n cells, from the coarse cell `at`. */
typedef struct {
  int at[3], n, n_line;
  ptrdiff_t step, line_step; /* in the coarse block */
} chunk_cells;

AMR_INLINE void chunk_children(int dim, amr_prolong_mode mode, const amr_layout *l, const chunk_cells *c,
                               const double *u, double *child) {
  const ptrdiff_t m = c->n * c->n_line;
  for (int v = 0; v < l->n_var; v++)
    for (int line = 0; line < c->n_line; line++) {
      const double *from = u + v * l->var_stride + line * c->line_step;
      double *to = child + v * VAR + line * c->n;
      if (mode == AMR_PROLONG_LIMITED)
        line_children(dim, l->stride, from, c->step, c->n, to, m);
      else if (mode == AMR_PROLONG_LOW_PASS)
        line_children_low_pass(dim, l->stride, from, c->step, c->n, to, m);
      else
        for (int q = 0; q < 1 << dim; q++)
          for (int i = 0; i < c->n; i++) to[q * m + i] = from[i * c->step];
    }
}

/* Give the value of the coarse cell to all its children if one of them is unphysical; returns how many cells this happened to. */
static __attribute__((noinline)) ptrdiff_t fall_back(const amr_physics *physics, const amr_layout *l,
                                                     const chunk_cells *c, const double *u, double *child) {
  const int n_child = 1 << l->dim;
  const ptrdiff_t m = c->n * c->n_line;
  ptrdiff_t n_fallback = 0;
  for (int i = 0; i < m; i++) {
    const double *cell = u + i / c->n * c->line_step + i % c->n * c->step;
    int good = 1;
    for (int q = 0; q < n_child; q++) good &= amr_is_physical(physics, child + q * m + i, VAR);
    if (good) continue;
    n_fallback++;
    for (int v = 0; v < l->n_var; v++)
      for (int q = 0; q < n_child; q++) child[v * VAR + q * m + i] = cell[v * l->var_stride];
  }
  return n_fallback;
}

/* Cells of a chunk, lines [begin[1], end[1]) and cells [begin[0], end[0]) of each, whose child q lies in the box. */
typedef struct {
  int begin[2], end[2];
} child_range;

AMR_INLINE child_range children_in_box(const coarse_box *box, const chunk_cells *c, int q) {
  child_range r = {{0, 0}, {c->n, c->n_line}};
  if (box->is_whole) return r;
  for (int d = 0; d < 2; d++) {
    const int a = box->axis[d], first = box->begin[a][q >> a & 1] - c->at[a], last = box->end[a][q >> a & 1] - c->at[a];
    if (first > 0) r.begin[d] = first;
    if (last < r.end[d]) r.end[d] = last;
  }
  const int plane = box->axis[2], bit = q >> plane & 1;
  if (c->at[plane] < box->begin[plane][bit] || c->at[plane] >= box->end[plane][bit]) r.end[1] = 0;
  return r;
}

/* f[line][i] := child[line][i] for the cells of r, and with it that of the next child, which is above it along x, if `is_pair`. */
AMR_INLINE void store_lines(const child_range *r, int is_pair, const double *child, ptrdiff_t n, ptrdiff_t m, double *f,
                            ptrdiff_t step, ptrdiff_t line_step) {
  for (int line = r->begin[1]; line < r->end[1]; line++) {
    const double *from = child + line * n;
    double *to = f + line * line_step;
#pragma GCC ivdep
    for (int i = r->begin[0]; i < r->end[0]; i++) {
      to[i * step] = from[i];
      if (is_pair) to[i * step + 1] = from[m + i];
    }
  }
}

/* Write the children of a chunk into the box; `step` is that between the lower children of a line. */
AMR_INLINE void store_children(int dim, const coarse_box *box, const chunk_cells *c, const double *child,
                               const amr_layout *l, double *dst, ptrdiff_t step) {
  const ptrdiff_t n = c->n, m = n * c->n_line, line_step = 2 * l->stride[box->axis[1]];
  double *corner = dst + amr_cell(l, 2 * c->at[0], 2 * c->at[1], 2 * c->at[2]);
  for (int q = 0; q < 1 << dim; q += 2) {
    double *f = corner + (q >> 1 & 1) * l->stride[1] + (q >> 2) * l->stride[2];
    const double *from = child + q * m;
    const child_range lower = children_in_box(box, c, q), upper = children_in_box(box, c, q + 1);
    const int is_pair = box->is_whole
                        || (lower.begin[0] == upper.begin[0] && lower.end[0] == upper.end[0]
                            && lower.begin[1] == upper.begin[1] && lower.end[1] == upper.end[1]);
    for (int v = 0; v < l->n_var; v++, from += VAR, f += l->var_stride)
      if (is_pair) {
        store_lines(&lower, 1, from, n, m, f, step, line_step);
      } else {
        store_lines(&lower, 0, from, n, m, f, step, line_step);
        store_lines(&upper, 0, from + m, n, m, f + 1, step, line_step);
      }
  }
}

/* One chunk; returns how many of its cells fell back. */
AMR_INLINE ptrdiff_t prolong_chunk(int dim, const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                                   const double *src, const amr_layout *fine, double *dst, const coarse_box *box,
                                   const chunk_cells *c) {
  double child[AMR_MAX_VAR * VAR] __attribute__((aligned(64)));
  const double *u = src + amr_cell(coarse, c->at[0], c->at[1], c->at[2]);
  const ptrdiff_t n_state = (ptrdiff_t)c->n * c->n_line << dim,
                  step = c->step == 1 ? 2 : 2 * fine->stride[box->axis[0]];
  ptrdiff_t n_fallback = 0;
  chunk_children(dim, mode, coarse, c, u, child);
  if (mode != AMR_PROLONG_CONSTANT && !amr_physics_find(physics->id)->all_physical(physics, n_state, child, VAR))
    n_fallback = fall_back(physics, coarse, c, u, child);
  store_children(dim, box, c, child, fine, dst, step);
  return n_fallback;
}

AMR_INLINE ptrdiff_t prolong_box(int dim, const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                                 const double *src, const amr_layout *fine, double *dst, const int32_t *to,
                                 const int32_t *size) {
  const coarse_box box = make_coarse_box(dim, to, size);
  const int line = box.axis[0], beside = box.axis[1], plane = box.axis[2],
            n = box.n[line] < CHUNK ? box.n[line] : CHUNK;
  const int most = CHUNK / n;
  ptrdiff_t n_fallback = 0;
  for (int k = 0; k < box.n[plane]; k++)
    for (int j = 0; j < box.n[beside]; j += most)
      for (int i = 0; i < box.n[line]; i += n) {
        chunk_cells c = {.n = box.n[line] - i < n ? box.n[line] - i : n,
                         .n_line = box.n[beside] - j < most ? box.n[beside] - j : most,
                         .step = coarse->stride[line],
                         .line_step = coarse->stride[beside]};
        c.at[line] = box.first[line] + i, c.at[beside] = box.first[beside] + j, c.at[plane] = box.first[plane] + k;
#define AMR_CHUNK prolong_chunk(dim, physics, mode, coarse, src, fine, dst, &box, &c)
        /* The same with what is common known: corners, and lines along x. */
        if (box.is_whole && c.n == 1 && c.n_line == 1)
          c.n = c.n_line = 1, c.step = 1, n_fallback += AMR_CHUNK;
        else if (box.is_whole && line == 0 && c.n == 4)
          c.n = 4, c.step = 1, n_fallback += AMR_CHUNK;
        else if (box.is_whole && line == 0 && c.n == 8)
          c.n = 8, c.step = 1, n_fallback += AMR_CHUNK;
        else if (line == 0)
          c.step = 1, n_fallback += AMR_CHUNK;
        else
          n_fallback += AMR_CHUNK;
#undef AMR_CHUNK
      }
  return n_fallback;
}

AMR_CLONES ptrdiff_t amr_prolong_box(const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                                     const double *src, const amr_layout *fine, double *dst, const int32_t *to,
                                     const int32_t *size) {
  if (fine->dim == 1) return prolong_box(1, physics, mode, coarse, src, fine, dst, to, size);
  if (fine->dim == 2) return prolong_box(2, physics, mode, coarse, src, fine, dst, to, size);
  return prolong_box(3, physics, mode, coarse, src, fine, dst, to, size);
}

ptrdiff_t amr_prolong_boxes(const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                            const double *src, const amr_layout *fine, double *dst, ptrdiff_t n_op,
                            const int32_t *ops) {
  ptrdiff_t n_fallback = 0;
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    n_fallback += amr_prolong_box(physics, mode, coarse, src + op[AMR_OP_SRC] * coarse->block_stride, fine,
                                  dst + op[AMR_OP_DST] * fine->block_stride, op + AMR_OP_TO, op + AMR_OP_SIZE);
  }
  return n_fallback;
}
