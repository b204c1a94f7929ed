#include "ghosts.h"

/* Where the ops of one leaf go; counts only where ops is NULL. */
typedef struct {
  amr_ghost_op *ops;
  ptrdiff_t n;
} op_list;

AMR_INLINE void push(op_list *list, int kind, ptrdiff_t source, int32_t box) {
  if (list->ops) list->ops[list->n] = (amr_ghost_op){(int32_t)source, kind, box, 0};
  list->n++;
}

AMR_INLINE int slot_of_direction(int dim, int direction) {
  const int step = direction / 2 == 0 ? 1 : direction / 2 == 1 ? 3 : 9, centre = dim == 1 ? 1 : dim == 2 ? 4 : 13;
  return direction % 2 ? centre + step : centre - step;
}

/* Children of the FINER position whose lowest corner leaf `at` has, that touch the block of `level`. */
AMR_INLINE void push_finer(op_list *list, const amr_forest *f, const amr_ghost_boxes *t, int level, int slot,
                           ptrdiff_t at) {
  const int n_child = 1 << f->dim, shift = f->dim * (f->key_level - level - 1);
  ptrdiff_t j = at;
  for (int c = 0; c < n_child; c++) {
    if (!t->touches[slot * n_child + c]) continue;
    if (list->ops) {
      /* Leaves of this position stand together; those between may be refined further. */
      const int64_t key = f->key[at] + ((int64_t)c << shift);
      while (f->key[j] < key) j++;
    }
    push(list, AMR_GHOST_FINER, j, t->base[AMR_GHOST_FINER] + slot * n_child + c);
  }
}

/* What a block with COARSER neighbours needs in its coarse box. */
static void push_coarser(op_list *list, const amr_forest *f, const amr_ghost_boxes *t, ptrdiff_t leaf,
                         const int8_t *relation, const int32_t *neighbor, int n_slot) {
  const int n_child = 1 << f->dim;
  int child = 0;
  for (int a = 0; a < f->dim; a++) child |= (f->coords[3 * leaf + a] & 1) << a;
  for (int s = 0; s < n_slot; s++)
    if (relation[s] == AMR_COARSER)
      push(list, AMR_GHOST_COARSER, neighbor[s], t->base[AMR_GHOST_COARSER] + s * n_child + child);
  for (int p = 0; p < t->n_layer; p++) {
    const int from = t->layer_from[p];
    if (relation[t->layer_of[p]] == AMR_COARSER && (relation[from] == AMR_SAME || relation[from] == AMR_SELF))
      push(list, AMR_GHOST_HALO, neighbor[from], t->base[AMR_GHOST_HALO] + p);
  }
  for (int p = 0; p < t->n_layer; p++)
    if (relation[t->layer_of[p]] == AMR_COARSER && relation[t->layer_from[p]] == AMR_OUTSIDE)
      push(list, AMR_GHOST_WALL, t->wall_direction[p], t->base[AMR_GHOST_WALL] + p);
  for (int s = 0; s < n_slot; s++)
    if (relation[s] == AMR_COARSER) push(list, AMR_GHOST_PROLONG, 0, t->base[AMR_GHOST_PROLONG] + s);
}

/* Faces outside the domain, x first: a box spans the ghosts of earlier axes, and those of later axes unless they are outside
 * themselves (their own pass fills these corners). */
static void push_boundary(op_list *list, const amr_ghost_boxes *t, int dim, int outside) {
  for (int direction = 0; direction < 2 * dim; direction++)
    if (outside >> direction & 1) {
      const int later = outside >> (2 * (direction / 2) + 2) & 15;
      push(list, AMR_GHOST_BOUNDARY, direction, t->base[AMR_GHOST_BOUNDARY] + 16 * direction + later);
    }
}

ptrdiff_t amr_ghost_ops(const amr_forest *f, const amr_ghost_boxes *t, int by_function, ptrdiff_t m,
                        const int32_t *leaves, const int8_t *relation, const int32_t *neighbor, int32_t *first,
                        amr_ghost_op *ops) {
  const int dim = f->dim, n_slot = dim == 1 ? 3 : dim == 2 ? 9 : 27;
  op_list list = {ops, 0};
  for (ptrdiff_t q = 0; q < m; q++, relation += n_slot, neighbor += n_slot) {
    int has_coarser = 0, has_finer = 0, outside = 0;
    first[q] = (int32_t)list.n;
    for (int s = 0; s < n_slot; s++) {
      has_coarser |= relation[s] == AMR_COARSER, has_finer |= relation[s] == AMR_FINER;
      if (relation[s] == AMR_SAME) push(&list, AMR_GHOST_SAME, neighbor[s], t->base[AMR_GHOST_SAME] + s);
    }
    for (int s = 0; has_finer && s < n_slot; s++)
      if (relation[s] == AMR_FINER) push_finer(&list, f, t, f->level[leaves[q]], s, neighbor[s]);
    if (has_coarser) push_coarser(&list, f, t, leaves[q], relation, neighbor, n_slot);
    for (int d = 0; d < 2 * dim; d++) outside |= (relation[slot_of_direction(dim, d)] == AMR_OUTSIDE) << d;
    if (outside && !(outside & by_function)) push_boundary(&list, t, dim, outside);
  }
  first[m] = (int32_t)list.n;
  return list.n;
}
