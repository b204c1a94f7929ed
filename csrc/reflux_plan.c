#include "reflux.h"

/* Leaves of the FINER position at `slot` that touch the block of `level`. */
AMR_INLINE void list_finer(const amr_forest *f, const uint8_t *touches, int level, ptrdiff_t at, int32_t *leaf) {
  for (int c = 0; c < 1 << f->dim; c++)
    if (touches[c]) *leaf++ = (int32_t)amr_finer_child(f, level, at, c);
}

ptrdiff_t amr_reflux_list(const amr_forest *f, const uint8_t *touches, ptrdiff_t m, const int32_t *leaves,
                          const int8_t *relation, const int32_t *neighbor, int32_t *face_slot, amr_reflux_faces *out) {
  const int dim = f->dim, n_child = 1 << dim, n_slot = dim == 1 ? 3 : dim == 2 ? 9 : 27;
  ptrdiff_t n_face = 0;
  out->n_outside = out->n_fine = out->n_coarse = 0;
  for (ptrdiff_t q = 0; q < m; q++, relation += n_slot, neighbor += n_slot, face_slot += 6)
    for (int direction = 0; direction < 6; direction++) {
      face_slot[direction] = -1;
      if (direction >= 2 * dim) continue;
      const int slot = amr_face_slot(dim, direction), kind = relation[slot];
      if (kind != AMR_OUTSIDE && kind != AMR_COARSER && kind != AMR_FINER) continue;
      face_slot[direction] = (int32_t)n_face++;
      int32_t *row = kind == AMR_OUTSIDE   ? out->outside + 2 * out->n_outside++
                     : kind == AMR_COARSER ? out->fine + 2 * out->n_fine
                                           : out->coarse + 2 * out->n_coarse;
      row[0] = (int32_t)q, row[1] = direction;
      if (kind == AMR_COARSER) {
        const int32_t *coords = f->coords + 3 * (ptrdiff_t)leaves[q];
        int child = 0;
        for (int a = 0; a < dim; a++) child |= (coords[a] & 1) << a;
        out->key[out->n_fine++] = ((int64_t)neighbor[slot] * 6 + (direction ^ 1)) * 8 + child;
      } else if (kind == AMR_FINER) {
        list_finer(f, touches + slot * n_child, f->level[leaves[q]], neighbor[slot],
                   out->leaf + n_child / 2 * out->n_coarse++);
      }
    }
  return n_face;
}
