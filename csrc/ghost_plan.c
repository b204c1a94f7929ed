#include "ghosts.h"

/* Where the ops of one leaf go; counts only where ops is NULL. Leaves lo to hi are local. */
typedef struct {
  amr_ghost_op *ops;
  ptrdiff_t n, lo, hi;
} op_list;

AMR_INLINE void push(op_list *list, ptrdiff_t source, int32_t box) {
  if (list->ops) list->ops[list->n] = (amr_ghost_op){(int32_t)source, box};
  list->n++;
}

/* An op that reads a leaf. */
AMR_INLINE void push_read(op_list *list, ptrdiff_t leaf, int32_t box) {
  push(list, leaf >= list->lo && leaf < list->hi ? leaf - list->lo : ~leaf, box);
}

/* Children of the FINER position whose lowest corner leaf `at` has, that touch the block of `level`. */
AMR_INLINE void push_finer(op_list *list, const amr_forest *f, const amr_ghost_boxes *t, int dim, int level, int slot,
                           ptrdiff_t at) {
  const int n_child = 1 << dim;
  for (int c = 0; c < n_child; c++)
    if (t->touches[slot * n_child + c])
      push_read(list, list->ops ? amr_finer_child(f, level, at, c) : 0, t->base[AMR_GHOST_FINER] + slot * n_child + c);
}

/* What a block with COARSER neighbours needs in its coarse box. */
static void push_coarser(op_list *list, const amr_forest *f, const amr_ghost_boxes *t, ptrdiff_t leaf,
                         const int8_t *relation, const int32_t *neighbor, int n_slot) {
  const int n_child = 1 << f->dim;
  int child = 0;
  for (int a = 0; a < f->dim; a++) child |= (f->coords[3 * leaf + a] & 1) << a;
  for (int s = 0; s < n_slot; s++)
    if (relation[s] == AMR_COARSER) push_read(list, neighbor[s], t->base[AMR_GHOST_COARSER] + s * n_child + child);
  for (int p = 0; p < t->n_layer; p++) {
    const int from = t->layer_from[p];
    if (relation[t->layer_of[p]] == AMR_COARSER && (relation[from] == AMR_SAME || relation[from] == AMR_SELF))
      push_read(list, neighbor[from], t->base[AMR_GHOST_HALO] + p);
  }
  for (int p = 0; p < t->n_layer; p++)
    if (relation[t->layer_of[p]] == AMR_COARSER && relation[t->layer_from[p]] == AMR_OUTSIDE)
      push(list, t->wall_direction[p], t->base[AMR_GHOST_WALL] + p);
  for (int s = 0; s < n_slot; s++)
    if (relation[s] == AMR_COARSER) push(list, 0, t->base[AMR_GHOST_PROLONG] + s);
}

/* Faces outside the domain, x first: a box spans the ghosts of earlier axes, and those of later axes unless they are outside
 * themselves (their own pass fills these corners). */
static void push_boundary(op_list *list, const amr_ghost_boxes *t, int dim, int outside) {
  for (int direction = 0; direction < 2 * dim; direction++)
    if (outside >> direction & 1) {
      const int later = outside >> (2 * (direction / 2) + 2) & 15;
      push(list, direction, t->base[AMR_GHOST_BOUNDARY] + 16 * direction + later);
    }
}

/* amr_ghost_ops where the compiler knows the dimension, and whether ops is NULL. */
AMR_INLINE ptrdiff_t list_ops(const amr_forest *f, int dim, const amr_ghost_boxes *t, int by_function, ptrdiff_t m,
                              const int32_t *leaves, const int8_t *relation, const int32_t *neighbor, ptrdiff_t lo,
                              ptrdiff_t hi, int32_t *first, amr_ghost_op *ops) {
  const int n_slot = dim == 1 ? 3 : dim == 2 ? 9 : 27;
  op_list list = {ops, 0, lo, hi};
  for (ptrdiff_t q = 0; q < m; q++, relation += n_slot, neighbor += n_slot) {
    int has_coarser = 0, has_finer = 0, outside = 0;
    first[q] = (int32_t)list.n;
    for (int s = 0; s < n_slot; s++) {
      has_coarser |= relation[s] == AMR_COARSER, has_finer |= relation[s] == AMR_FINER;
      if (relation[s] == AMR_SAME) push_read(&list, neighbor[s], t->base[AMR_GHOST_SAME] + s);
    }
    for (int s = 0; has_finer && s < n_slot; s++)
      if (relation[s] == AMR_FINER) push_finer(&list, f, t, dim, f->level[leaves[q]], s, neighbor[s]);
    if (has_coarser) push_coarser(&list, f, t, leaves[q], relation, neighbor, n_slot);
    for (int d = 0; d < 2 * dim; d++) outside |= (relation[amr_face_slot(dim, d)] == AMR_OUTSIDE) << d;
    if (outside && !(outside & by_function)) push_boundary(&list, t, dim, outside);
  }
  first[m] = (int32_t)list.n;
  return list.n;
}

ptrdiff_t amr_ghost_ops(const amr_forest *f, const amr_ghost_boxes *t, int by_function, ptrdiff_t m,
                        const int32_t *leaves, const int8_t *relation, const int32_t *neighbor, ptrdiff_t lo,
                        ptrdiff_t hi, int32_t *first, amr_ghost_op *ops) {
#define LIST(dim, out) list_ops(f, dim, t, by_function, m, leaves, relation, neighbor, lo, hi, first, out)
  if (f->dim == 1) return ops ? LIST(1, ops) : LIST(1, NULL);
  if (f->dim == 2) return ops ? LIST(2, ops) : LIST(2, NULL);
  return ops ? LIST(3, ops) : LIST(3, NULL);
#undef LIST
}
