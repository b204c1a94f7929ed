#include "ghosts.h"

#include "copy_box.h"

AMR_INLINE ptrdiff_t first_cell(const amr_layout *l, const int32_t *at) { return amr_cell(l, at[0], at[1], at[2]); }

/* Physical boundary of one box, as a row of copy.h. */
static void outside(const amr_layout *l, double *block, const amr_boundary *boundary, int direction, const int32_t *to,
                    int is_coarse) {
  const int32_t row[AMR_OP_WIDTH] = {0, 0, 0, 0, 0, to[0], to[1], to[2], to[3], to[4], to[5], direction};
  (is_coarse ? amr_boundary_coarse : amr_boundary_fill)(l, block, boundary, 1, row);
}

/* Read what an op of the kinds SAME to HALO wants. */
AMR_INLINE void read_box(const amr_ghosts *g, const amr_ghost_op *op, double *dst, amr_box_stride d) {
  const int32_t *box = g->box + AMR_BOX_WIDTH * op->box, *size = box + 6;
  const int n_var = g->layout.n_var;
  if (op->source < 0) {
    copy_box(g->buffer + (ptrdiff_t)~op->source * n_var, amr_buffer_stride(size), dst, d, size, n_var);
    return;
  }
  const amr_box_stride s = amr_pool_stride(&g->layout);
  const ptrdiff_t at = op->source * g->layout.block_stride + first_cell(&g->layout, box);
  switch (box[AMR_BOX_KIND]) {
    case AMR_GHOST_SAME: copy_box(g->own + at, s, dst, d, size, n_var); break;
    case AMR_GHOST_FINER: restrict_box(g->layout.dim, g->finer + at, s, dst, d, size, n_var); break;
    case AMR_GHOST_COARSER:
      if (g->theta == 0)
        copy_box(g->coarser + at, s, dst, d, size, n_var);
      else
        blend_box(g->coarser + at, g->coarser_2 + at, g->theta, s, dst, d, size, n_var);
      break;
    default: restrict_box(g->layout.dim, g->own + at, s, dst, d, size, n_var);
  }
}

AMR_CLONES ptrdiff_t amr_ghosts_fill(const amr_ghosts *g, ptrdiff_t block, double *coarse, int most) {
  const amr_layout *l = &g->layout, *lc = &g->coarse;
  const amr_box_stride s = amr_pool_stride(l), sc = amr_pool_stride(lc);
  double *out = g->own + block * l->block_stride;
  ptrdiff_t n_fallback = 0;
  for (int32_t m = g->first[block]; m < g->first[block + 1]; m++) {
    const amr_ghost_op *op = g->ops + m;
    const int32_t *box = g->box + AMR_BOX_WIDTH * op->box, *to = box + 3, *size = box + 6;
    if (box[AMR_BOX_BESIDE] > most) continue;
    switch (box[AMR_BOX_KIND]) {
      case AMR_GHOST_SAME:
      case AMR_GHOST_FINER: read_box(g, op, out + first_cell(l, to), s); break;
      case AMR_GHOST_COARSER:
      case AMR_GHOST_HALO: read_box(g, op, coarse + first_cell(lc, to), sc); break;
      case AMR_GHOST_WALL: outside(lc, coarse, g->wall, op->source, to, 1); break;
      case AMR_GHOST_PROLONG: n_fallback += amr_prolong_box(g->physics, g->mode, lc, coarse, l, out, to, size); break;
      default: outside(l, out, g->boundary, op->source, to, 0);
    }
  }
  return n_fallback;
}

void amr_ghosts_prefetch(const amr_ghosts *g, ptrdiff_t block) {
  const amr_layout *l = &g->layout;
  const amr_box_stride s = amr_pool_stride(l);
  for (int32_t m = g->first[block]; m < g->first[block + 1]; m++) {
    const amr_ghost_op *op = g->ops + m;
    const int32_t *box = g->box + AMR_BOX_WIDTH * op->box, *size = box + 6;
    if (box[AMR_BOX_KIND] != AMR_GHOST_SAME || op->source < 0) continue;
    const double *from = g->own + op->source * l->block_stride + first_cell(l, box);
    for (int v = 0; v < l->n_var; v++)
      for (int k = 0; k < size[2]; k++)
        for (int j = 0; j < size[1]; j++)
          for (int i = 0; i < size[0]; i += 8) __builtin_prefetch(from + v * s.var + k * s.k + j * s.j + i, 0, 2);
  }
}

AMR_CLONES void amr_ghosts_pack(const amr_ghosts *g, ptrdiff_t n, const amr_ghost_op *ops, const int32_t *place,
                                double *buffer) {
  for (ptrdiff_t m = 0; m < n; m++) {
    const int32_t *size = g->box + AMR_BOX_WIDTH * ops[m].box + 6;
    read_box(g, ops + m, buffer + (ptrdiff_t)place[m] * g->layout.n_var, amr_buffer_stride(size));
  }
}
