/* What the faces of elliptic.c and elliptic_fitted.h share: the entries, a block, and where the cells behind a face are. */
#ifndef AMR_ELLIPTIC_ENTRIES_H
#define AMR_ELLIPTIC_ENTRIES_H

#include "elliptic.h"

enum { COUNT, PLACES, VALUES };

/* Where the entries go. */
typedef struct {
  ptrdiff_t n;
  int64_t *row, *col;
  double *value;
} entries;

/* One block while its entries are made. */
typedef struct {
  const amr_elliptic *e;
  const int8_t *relation;
  const int32_t *neighbor;
  const double *beta;              /* first interior cell */
  const double *alpha;             /* [n^dim], or one number */
  double conductance[3], width[3]; /* area / spacing, spacing */
  double volume;
  int64_t first; /* number of the first cell */
  int32_t origin[3];
} block;

/* Weights of cells: of the coarse value behind a fine face, of the flux through it. */
typedef struct {
  int n;
  int64_t cell[2 + 9 * 8];
  double weight[2 + 9 * 8];
} stencil;

AMR_INLINE void push(entries *out, int what, int64_t row, int64_t col, double value) {
  if (what == PLACES) out->row[out->n] = row, out->col[out->n] = col;
  if (what == VALUES) out->value[out->n] = value;
  out->n++;
}

AMR_INLINE int64_t block_cells(int dim, int n) { return (int64_t)n * (dim > 1 ? n : 1) * (dim > 2 ? n : 1); }

/* Number of the cell of `leaf` at a position counted on the leaf's level from anywhere: blocks start at multiples of n. */
AMR_INLINE int64_t cell_of(int dim, int n, int64_t leaf, const int *at) {
  int64_t cell = 0;
  for (int a = dim - 1; a >= 0; a--) cell = cell * n + ((at[a] % n) + n) % n;
  return leaf * block_cells(dim, n) + cell;
}

/* Add the cells of one coarse cell with its weight: itself, or its children where it is refined. `at`: fine position of its corner
 * or of any child along the normal axis; below the fine block in the slot's direction. */
AMR_INLINE void add_coarse(stencil *s, const block *b, int dim, int n, int slot, int axis, int side, const int *at,
                           double weight) {
  const int64_t leaf = b->neighbor[slot];
  int cell[3];
  if (b->relation[slot] == AMR_COARSER) {
    for (int a = 0; a < dim; a++) {
      const int64_t global = (int64_t)b->origin[a] * n + at[a];
      cell[a] = (int)((global >> 1) % n + n); /* negative across a periodic side */
    }
    s->cell[s->n] = cell_of(dim, n, leaf, cell), s->weight[s->n++] = weight;
    return;
  }
  for (int c = 0; c < 1 << dim; c++) {
    const int present = b->relation[slot] == AMR_SAME;
    for (int a = 0; a < dim; a++) cell[a] = at[a] + (a == axis && !side ? -(c >> a & 1) : c >> a & 1);
    s->cell[s->n] = present ? cell_of(dim, n, leaf, cell) : b->first;
    s->weight[s->n++] = present ? weight / (1 << dim) : 0;
  }
}

/* Slot of the block that holds the coarse cell at `step` (-1, 0, 1) along the tangential axes from that behind the fine cell `at`; at is
 * moved to the coarse cell's lowest fine cell along those axes. */
AMR_INLINE int move_along(int dim, int n, int axis, int direction, const int *step, int *at) {
  int slot = amr_face_slot(dim, direction), stride = 1;
  for (int a = 0; a < dim; a++, stride *= 3) {
    if (a == axis) continue;
    at[a] = (at[a] & ~1) + 2 * step[a];
    slot += at[a] < 0 ? -stride : at[a] >= n ? stride : 0;
  }
  return slot;
}

AMR_INLINE block make_block(const amr_elliptic *e, ptrdiff_t q, int what, int is_fitted, int dim) {
  const int n_slot = dim == 1 ? 3 : dim == 2 ? 9 : 27;
  const int64_t cells = block_cells(dim, e->layout.n);
  block b = {.e = e, .relation = e->relation + q * n_slot, .neighbor = e->neighbor + q * n_slot, .volume = 1};
  b.first = (e->lo + q) * cells;
  for (int a = 0; a < 3; a++) b.origin[a] = e->forest->coords[3 * (e->lo + q) + a];
  if (what == VALUES) {
    const double *h = e->spacing + 3 * q;
    for (int a = 0; a < dim; a++) b.width[a] = h[a], b.volume *= h[a];
    for (int a = 0; a < dim; a++) b.conductance[a] = b.volume / (h[a] * h[a]) * (is_fitted ? e->temperature : 1);
    b.beta = e->beta + q * e->layout.block_stride + amr_cell(&e->layout, 0, 0, 0);
    b.alpha = e->alpha ? e->alpha + q * cells * e->alpha_step : NULL;
  }
  return b;
}

#endif
