/* What the step kernel knows of the block at work, and the division of its scratch memory into planes (private to it).
 *
 * A plane is one k of a block, all (i, j) with ghosts flattened into one row, and its variables follow each other at distance
 * `row`. In 3D the planes roll: three of primitives (five for the wide reconstructions), two of everything that a z face takes from
 * both its sides. Loops over a plane run in whole vectors: the first cell with slopes is at the start of a cache line, and a row
 * has 8 doubles to spare.
 */
#ifndef AMR_STEP_SCRATCH_H
#define AMR_STEP_SCRATCH_H
#include "step.h"

#include <time.h>

typedef struct {
  ptrdiff_t row;                     /* doubles from one variable of a plane to the next */
  ptrdiff_t plane;                   /* n_var * row */
  double *w[5];                      /* primitives of plane k at [k % 3], [k % 5] for the wide reconstructions */
  double *half[2];                   /* half-step primitives at [k % 2] */
  double *slope[3][2], *upper[3][2]; /* slopes; the wide reconstructions have others towards the upper face */
  double *flux[3][2];                /* fluxes through the lower faces; x and y have one plane only */
} amr_scratch;

/* Cells of a plane. */
AMR_INLINE ptrdiff_t amr_plane_cells(const amr_layout *l) { return l->stride[1] * l->ext[1]; }

/* The first cell of a plane that has slopes: -1 in x and y. */
AMR_INLINE ptrdiff_t amr_first_slope(const amr_layout *l) { return (l->g - 1) * (1 + (l->dim > 1 ? l->stride[1] : 0)); }

AMR_INLINE ptrdiff_t amr_scratch_row(const amr_layout *l) {
  /* Whole cache lines, an odd number of them, so that variables do not fall on the same cache set. */
  return amr_whole(amr_plane_cells(l) + 8) | 8;
}

/* Planes that amr_scratch_make hands out: primitives, half-step states, slopes and fluxes; primitives, both slopes and fluxes. */
AMR_INLINE int amr_scratch_planes(int dim, int wide) {
  if (wide) return dim == 3 ? 5 + 3 * 4 : 1 + 3 * dim;
  return dim == 3 ? 3 + 2 + 2 * 4 : 1 + 1 + 2 * dim;
}

AMR_INLINE amr_scratch amr_scratch_make(const amr_layout *l, int wide, double *memory) {
  amr_scratch s = {.row = amr_scratch_row(l)};
  s.plane = s.row * l->n_var;
  int rolls = l->dim == 3;
  double *next = memory + amr_whole(amr_first_slope(l)) - amr_first_slope(l);
  for (int r = 0; r < (wide ? 5 : 3); r++) s.w[r] = next, next += rolls ? s.plane : 0;
  next = rolls ? next : next + s.plane;
  for (int r = 0; r < 2 && !wide; r++) s.half[r] = next, next += rolls ? s.plane : 0;
  next = rolls || wide ? next : next + s.plane;
  for (int a = 0; a < l->dim; a++)
    for (int r = 0; r < 2; r++) {
      int own = a == 2 || r == 0;
      s.slope[a][r] = own ? next : s.slope[a][0], next += own ? s.plane : 0;
      s.upper[a][r] = wide && own ? next : wide ? s.upper[a][0] : s.slope[a][r], next += wide && own ? s.plane : 0;
      s.flux[a][r] = own ? next : s.flux[a][0], next += own ? s.plane : 0;
    }
  return s;
}

/* Blocks whose ghosts are filled together before they are advanced: 32 kB, so that they stay in the cache, and the clock is not read
 * for each of many small ones. */
AMR_INLINE ptrdiff_t amr_gather_blocks(const amr_layout *l) {
  const ptrdiff_t fit = (1 << 12) / l->block_stride;
  return fit < 1 ? 1 : fit > 64 ? 64 : fit;
}

AMR_INLINE double amr_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The faces of a plane. One long row where vectors would not fill short ones. */
AMR_INLINE amr_rows amr_make_face_rows(const amr_layout *l, int axis) {
  const ptrdiff_t first = l->gh[0] + l->gh[1] * l->stride[1], count = l->dim > 1 ? l->n + (axis == 1) : 1;
  const ptrdiff_t length = l->n + (axis == 0), stride = l->stride[1];
  if (count > 1 && length % 8 == 0) return (amr_rows){first, length, count, stride};
  return (amr_rows){first, (count - 1) * stride + length, 1, 0};
}

/* One block at work. */
typedef struct {
  const amr_physics *physics;
  const amr_layout *layout;
  amr_step *step;
  amr_scratch s;
  const double *u_in, *u0, *mask; /* of this block; mask NULL if no cell of the block is flagged */
  double *u_out, *mass;
  double *viscous; /* scratch of viscous.h, or NULL without viscous fluxes */
  const int32_t *slot;
  double k[3];     /* dt / h */
  ptrdiff_t first; /* first cell of a plane that has slopes: -1 in x and y */
  ptrdiff_t last;  /* one past the last: n in x and y */
} amr_work;

#endif
