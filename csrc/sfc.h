/* Space-filling curve of the leaves: Morton keys, search, refine/coarsen, 2:1 balance, neighbours.
 *
 * A forest is three flat arrays in curve order (level, coords, key). The key of a leaf is the Morton index of its lowest
 * corner at depth key_level, so that a leaf covers the keys [key, key + 2^(dim * (key_level - level))) and the leaf that
 * contains a position is the last one whose key is <= the position's: every question is a binary search.
 *
 * Neighbour offsets D in {-1,0,1}^dim have the slot s = (Dx+1) + 3 (Dy+1) + 9 (Dz+1); inactive axes are left out.
 */
#ifndef AMR_SFC_H
#define AMR_SFC_H

#include "amr.h"

enum { AMR_SAME = 0, AMR_COARSER = -1, AMR_FINER = 1, AMR_OUTSIDE = 2, AMR_SELF = 3 };

typedef struct {
  int dim, key_level;
  int32_t root[3];     /* root blocks per axis; 1 in an inactive axis */
  int32_t periodic[3]; /* 0 in an inactive axis */
  ptrdiff_t n;         /* leaves */
  const int8_t *level;
  const int32_t *coords; /* [n][3], on the leaf's own level */
  const int64_t *key;    /* strictly increasing */
} amr_forest;

/* Last i with key[i] <= k, searched outwards from `hint`: neighbours on the curve are mostly near. Needs key[0] <= k. */
AMR_INLINE ptrdiff_t amr_locate(const int64_t *key, ptrdiff_t n, int64_t k, ptrdiff_t hint) {
  ptrdiff_t lo, length = 1;
  if (key[hint] <= k) {
    lo = hint;
    while (lo + length < n && key[lo + length] <= k) {
      lo += length;
      length *= 2;
    }
    if (length > n - lo) length = n - lo;
  } else {
    ptrdiff_t hi = hint;
    while (hi - length > 0 && key[hi - length] > k) {
      hi -= length;
      length *= 2;
    }
    if (length > hi) length = hi;
    lo = hi - length;
  }
  /* key[lo] <= k and the answer lies in [lo, lo + length): halve without a branch that could be mispredicted */
  while (length > 1) {
    ptrdiff_t half = length / 2;
    lo += key[lo + half] <= k ? half : 0;
    length -= half;
  }
  return lo;
}

/* Slot of the neighbour through the face `direction`. */
AMR_INLINE int amr_face_slot(int dim, int direction) {
  const int step = direction / 2 == 0 ? 1 : direction / 2 == 1 ? 3 : 9, centre = dim == 1 ? 1 : dim == 2 ? 4 : 13;
  return direction % 2 ? centre + step : centre - step;
}

/* Leaf that is child c of the FINER neighbour position of a block of `level` whose lowest corner leaf is `at`; of a child that is
 * refined further its first leaf. */
AMR_INLINE ptrdiff_t amr_finer_child(const amr_forest *f, int level, ptrdiff_t at, int c) {
  const int64_t key = f->key[at] + ((int64_t)c << f->dim * (f->key_level - level - 1));
  return at + c < f->n && f->key[at + c] == key ? at + c : amr_locate(f->key, f->n, key, at);
}

/* key[m] of the blocks (level[m], coords[m][3]). Coordinates must be in range. */
void amr_morton_encode(int dim, int key_level, ptrdiff_t m, const int8_t *level, const int32_t *coords, int64_t *key);

/* coords[m][3] on their own level of the blocks (level[m], key[m]). */
void amr_morton_decode(int dim, int key_level, ptrdiff_t m, const int8_t *level, const int64_t *key, int32_t *coords);

/* leaf[m] := index of the leaf that contains the lowest corner of the block (level[m], coords[m][3]); periodic axes wrap,
 * -1 outside the domain. */
void amr_find(const amr_forest *f, ptrdiff_t m, const int8_t *level, const int32_t *coords, int32_t *leaf);

/* Leaves after adapt with these flags. Returns -1 - i when flag i is not possible: a refinement at max_level, or a
 * coarsening that is not part of a whole group of siblings all flagged -1. */
ptrdiff_t amr_adapt_count(const amr_forest *f, int max_level, const int8_t *flags);

/* Fill the adapted leaves (arrays of amr_adapt_count entries): level, coords, key, old leaf `source` and `change`. */
void amr_adapt_fill(const amr_forest *f, const int8_t *flags, int8_t *level, int32_t *coords, int64_t *key,
                    int32_t *source, int8_t *change);

/* Raise flags to +1 where 2:1 needs it. queue[0..n_queue) holds the leaves to look around of; a leaf of target level
 * level + max(flag, 0) needs every touching leaf at target level >= its own - 1. A leaf whose flag is raised is appended
 * (room for n_queue + n entries). open[i] := 1 for leaves some of whose neighbours need more than one level, if open is
 * not NULL. Returns the length of the queue. */
ptrdiff_t amr_balance_refine(const amr_forest *f, int8_t *flags, int32_t *queue, ptrdiff_t n_queue, int8_t *open);

/* Clear the -1 flags of sibling groups whose parent would touch a leaf two levels finer. group[m]: first leaves of whole
 * groups flagged -1, finest level first. Needs a 2:1 balanced forest and flags from amr_balance_refine. */
void amr_balance_coarsen(const amr_forest *f, int8_t *flags, ptrdiff_t m, const int32_t *group);

/* First leaf that touches a leaf more than one level coarser, or -1 when the forest is balanced. */
ptrdiff_t amr_first_unbalanced(const amr_forest *f);

/* relation[m][3^dim] and neighbour[m][3^dim] of the given leaves: see amr/mesh/neighbors.py. Returns AMR_BAD_ARGUMENT when
 * a neighbour is more than one level coarser. */
amr_status amr_neighbors(const amr_forest *f, ptrdiff_t m, const int32_t *leaves, int8_t *relation, int32_t *neighbor);

/* children[m][2^dim]: the leaves that are the children of the neighbour position at slot[m] of leaf[m], -1 for a child that
 * is not a leaf (refined further, or absent). The position must be inside the domain or across a periodic side. */
void amr_neighbor_children(const amr_forest *f, ptrdiff_t m, const int32_t *leaf, const int32_t *slot,
                           int32_t *children);

#endif
