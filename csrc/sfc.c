#include "sfc.h"

/* Spread the low bits of x so that dim - 1 zero bits stand between them (magic numbers: portable, vectorisable). */
AMR_INLINE uint64_t spread(int dim, uint64_t x) {
  if (dim == 2) {
    x = (x | x << 16) & 0x0000ffff0000ffffu;
    x = (x | x << 8) & 0x00ff00ff00ff00ffu;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
    x = (x | x << 2) & 0x3333333333333333u;
    x = (x | x << 1) & 0x5555555555555555u;
  } else if (dim == 3) {
    x = (x | x << 32) & 0x001f00000000ffffu;
    x = (x | x << 16) & 0x001f0000ff0000ffu;
    x = (x | x << 8) & 0x100f00f00f00f00fu;
    x = (x | x << 4) & 0x10c30c30c30c30c3u;
    x = (x | x << 2) & 0x1249249249249249u;
  }
  return x;
}

AMR_INLINE uint64_t compact(int dim, uint64_t x) {
  if (dim == 2) {
    x &= 0x5555555555555555u;
    x = (x | x >> 1) & 0x3333333333333333u;
    x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0fu;
    x = (x | x >> 4) & 0x00ff00ff00ff00ffu;
    x = (x | x >> 8) & 0x0000ffff0000ffffu;
    x = (x | x >> 16) & 0x00000000ffffffffu;
  } else if (dim == 3) {
    x &= 0x1249249249249249u;
    x = (x | x >> 2) & 0x10c30c30c30c30c3u;
    x = (x | x >> 4) & 0x100f00f00f00f00fu;
    x = (x | x >> 8) & 0x001f0000ff0000ffu;
    x = (x | x >> 16) & 0x001f00000000ffffu;
    x = (x | x >> 32) & 0x00000000001fffffu;
  }
  return x;
}

AMR_INLINE int64_t encode_one(int dim, int key_level, int level, const int32_t *c) {
  uint64_t key = spread(dim, (uint64_t)c[0]);
  if (dim > 1) key |= spread(dim, (uint64_t)c[1]) << 1;
  if (dim > 2) key |= spread(dim, (uint64_t)c[2]) << 2;
  return (int64_t)(key << dim * (key_level - level));
}

AMR_CLONES
void amr_morton_encode(int dim, int key_level, ptrdiff_t m, const int8_t *level, const int32_t *coords, int64_t *key) {
  if (dim == 1)
    for (ptrdiff_t q = 0; q < m; q++) key[q] = encode_one(1, key_level, level[q], coords + 3 * q);
  else if (dim == 2)
    for (ptrdiff_t q = 0; q < m; q++) key[q] = encode_one(2, key_level, level[q], coords + 3 * q);
  else
    for (ptrdiff_t q = 0; q < m; q++) key[q] = encode_one(3, key_level, level[q], coords + 3 * q);
}

void amr_morton_decode(int dim, int key_level, ptrdiff_t m, const int8_t *level, const int64_t *key, int32_t *coords) {
  for (ptrdiff_t q = 0; q < m; q++) {
    uint64_t k = (uint64_t)key[q] >> dim * (key_level - level[q]);
    for (int a = 0; a < 3; a++) coords[3 * q + a] = a < dim ? (int32_t)compact(dim, k >> a) : 0;
  }
}

/* Coordinate moved into [0, extent) across a periodic side; -1 when it is outside. */
AMR_INLINE int64_t wrap(int64_t x, int64_t extent, int periodic) {
  if (x >= 0 && x < extent) return x;
  if (!periodic) return -1;
  x %= extent;
  return x < 0 ? x + extent : x;
}

void amr_find(const amr_forest *f, ptrdiff_t m, const int8_t *level, const int32_t *coords, int32_t *leaf) {
  ptrdiff_t hint = 0;
  for (ptrdiff_t q = 0; q < m; q++) {
    int32_t c[3] = {0, 0, 0};
    int inside = 1;
    for (int a = 0; a < f->dim; a++) {
      int64_t x = wrap(coords[3 * q + a], (int64_t)f->root[a] << level[q], f->periodic[a]);
      inside &= x >= 0;
      c[a] = (int32_t)x;
    }
    if (inside) hint = amr_locate(f->key, f->n, encode_one(f->dim, f->key_level, level[q], c), hint);
    leaf[q] = inside ? (int32_t)hint : -1;
  }
}

/* Key parts of a block's three positions per axis: the key of offset D is the union of part[a][D_a + 1]. */
typedef struct {
  int64_t part[3][3];
  int outside; /* bit 3 a + D_a + 1: outside the domain in axis a */
} around;

AMR_INLINE around look_around(const amr_forest *f, int dim, int level, const int32_t *c) {
  around r = {.outside = 0};
  int shift = dim * (f->key_level - level);
  for (int a = 0; a < dim; a++)
    for (int d = 0; d < 3; d++) {
      int64_t x = wrap((int64_t)c[a] + d - 1, (int64_t)f->root[a] << level, f->periodic[a]);
      if (x < 0) r.outside |= 1 << (3 * a + d);
      r.part[a][d] = x < 0 ? 0 : (int64_t)(spread(dim, (uint64_t)x) << a << shift);
    }
  return r;
}

/* Key of the position at slot (d0, d1, d2) in 0..2, or -1 outside the domain. */
AMR_INLINE int64_t slot_key(const around *r, int dim, int d0, int d1, int d2) {
  int outside = 1 << d0;
  int64_t k = r->part[0][d0];
  if (dim > 1) outside |= 1 << (3 + d1), k |= r->part[1][d1];
  if (dim > 2) outside |= 1 << (6 + d2), k |= r->part[2][d2];
  return outside & r->outside ? -1 : k;
}

/* What surrounds the leaf being looked at. Siblings share what is found around their parent: most of their own neighbours
 * then cost one comparison instead of a search. */
typedef struct {
  const amr_forest *f;
  int level;          /* of the leaf */
  int odd[3];         /* its place in its parent */
  around own;         /* keys around it */
  int64_t parent;     /* key of its parent; -1 at first and on level 0 */
  int parent_level;   /* level of the parent that `beside` is about */
  int32_t beside[27]; /* leaf at the lowest corner of each position around the parent */
} view;

AMR_INLINE view make_view(const amr_forest *f, ptrdiff_t first) {
  view v = {.f = f, .parent = -1};
  for (int s = 0; s < 27; s++) v.beside[s] = (int32_t)first;
  return v;
}

/* Run the statements with the slot `s` and its three digits for every slot; instantiated for a dimension known to the
 * compiler. */
#define FOR_SLOTS(dim, ...) \
  do { \
    int s = 0; \
    for (int d2 = 0; d2 < ((dim) > 2 ? 3 : 1); d2++) \
      for (int d1 = 0; d1 < ((dim) > 1 ? 3 : 1); d1++) \
        for (int d0 = 0; d0 < 3; d0++, s++) { __VA_ARGS__ } \
  } while (0)

AMR_INLINE void look_at(view *v, int dim, ptrdiff_t i) {
  const amr_forest *f = v->f;
  const int32_t *c = f->coords + 3 * i;
  const int level = f->level[i];
  v->level = level;
  v->own = look_around(f, dim, level, c);
  if (level == 0) return;
  int32_t up[3] = {0, 0, 0};
  for (int a = 0; a < dim; a++) {
    up[a] = c[a] >> 1;
    v->odd[a] = c[a] & 1;
  }
  const int shift = dim * (f->key_level - level + 1);
  const int64_t parent = f->key[i] >> shift << shift;
  if (parent == v->parent && v->parent_level == level - 1) return;
  v->parent = parent;
  v->parent_level = level - 1;
  around r = look_around(f, dim, level - 1, up);
  FOR_SLOTS(dim, {
    int64_t k = slot_key(&r, dim, d0, d1, d2);
    if (k >= 0) v->beside[s] = (int32_t)amr_locate(f->key, f->n, k, v->beside[s]); /* near where the last one was */
  });
}

/* Leaf at the lowest corner of the position at slot (d0, d1, d2) of the leaf looked at; -1 outside the domain. */
AMR_INLINE ptrdiff_t leaf_at(const view *v, int dim, int d0, int d1, int d2) {
  const amr_forest *f = v->f;
  const int64_t k = slot_key(&v->own, dim, d0, d1, d2);
  if (k < 0) return -1;
  if (v->level == 0) return amr_locate(f->key, f->n, k, v->beside[0]);
  /* the position around the parent that contains this one, and the child it is of that */
  int s = (d0 + v->odd[0] + 1) >> 1;
  if (dim > 1) s += 3 * ((d1 + v->odd[1] + 1) >> 1);
  if (dim > 2) s += 9 * ((d2 + v->odd[2] + 1) >> 1);
  const ptrdiff_t j = v->beside[s];
  if (f->level[j] < v->level) return j;
  const ptrdiff_t guess = j + (k >> dim * (f->key_level - v->level) & ((1 << dim) - 1));
  if (guess < f->n && f->key[guess] == k) return guess;
  return amr_locate(f->key, f->n, k, j);
}

AMR_INLINE int n_slots(int dim) { return dim == 1 ? 3 : dim == 2 ? 9 : 27; }

AMR_INLINE amr_status neighbors_body(const amr_forest *f, int dim, ptrdiff_t m, const int32_t *leaves, int8_t *relation,
                                     int32_t *neighbor) {
  const int n_slot = n_slots(dim);
  amr_status status = AMR_OK;
  view v = make_view(f, m ? leaves[0] : 0);
  for (ptrdiff_t q = 0; q < m; q++, relation += n_slot, neighbor += n_slot) {
    look_at(&v, dim, leaves[q]);
    FOR_SLOTS(dim, {
      ptrdiff_t j = leaf_at(&v, dim, d0, d1, d2);
      int finer = j < 0 ? 0 : f->level[j] - v.level;
      neighbor[s] = (int32_t)j;
      relation[s] = (int8_t)(j < 0 ? AMR_OUTSIDE : finer > 0 ? AMR_FINER : finer < 0 ? AMR_COARSER : AMR_SAME);
      if (finer < -1) status = AMR_BAD_ARGUMENT;
    });
    relation[n_slot / 2] = AMR_SELF;
    neighbor[n_slot / 2] = leaves[q];
  }
  return status;
}

amr_status amr_neighbors(const amr_forest *f, ptrdiff_t m, const int32_t *leaves, int8_t *relation, int32_t *neighbor) {
  if (f->dim == 1) return neighbors_body(f, 1, m, leaves, relation, neighbor);
  if (f->dim == 2) return neighbors_body(f, 2, m, leaves, relation, neighbor);
  return neighbors_body(f, 3, m, leaves, relation, neighbor);
}

void amr_neighbor_children(const amr_forest *f, ptrdiff_t m, const int32_t *leaf, const int32_t *slot,
                           int32_t *children) {
  const int dim = f->dim, n_child = 1 << dim;
  for (ptrdiff_t q = 0; q < m; q++) {
    int level = f->level[leaf[q]];
    around r = look_around(f, dim, level, f->coords + 3 * (ptrdiff_t)leaf[q]);
    int64_t k = slot_key(&r, dim, slot[q] % 3, slot[q] / 3 % 3, slot[q] / 9);
    ptrdiff_t j = leaf[q];
    for (int c = 0; c < n_child; c++) {
      children[q * n_child + c] = -1;
      if (k < 0 || level >= f->key_level) continue;
      int64_t child = k + ((int64_t)c << dim * (f->key_level - level - 1));
      j = amr_locate(f->key, f->n, child, j);
      if (f->level[j] == level + 1) children[q * n_child + c] = (int32_t)j;
    }
  }
}

ptrdiff_t amr_adapt_count(const amr_forest *f, int max_level, const int8_t *flags) {
  const int n_child = 1 << f->dim;
  ptrdiff_t count = 0;
  for (ptrdiff_t i = 0; i < f->n;) {
    if (flags[i] >= 0) {
      if (flags[i] > 1 || (flags[i] == 1 && f->level[i] >= max_level)) return -1 - i;
      count += flags[i] ? n_child : 1;
      i++;
      continue;
    }
    int level = f->level[i], odd = 0;
    for (int a = 0; a < f->dim; a++) odd |= f->coords[3 * i + a] & 1;
    if (flags[i] < -1 || level == 0 || odd || i + n_child > f->n) return -1 - i;
    /* the next 2^dim leaves start in the parent's key range and have its child level: they are its children */
    for (int c = 1; c < n_child; c++)
      if (flags[i + c] != -1 || f->level[i + c] != level) return -1 - i;
    count++;
    i += n_child;
  }
  return count;
}

void amr_adapt_fill(const amr_forest *f, const int8_t *flags, int8_t *level, int32_t *coords, int64_t *key,
                    int32_t *source, int8_t *change) {
  const int n_child = 1 << f->dim;
  ptrdiff_t o = 0;
  for (ptrdiff_t i = 0; i < f->n; i += flags[i] < 0 ? n_child : 1) {
    const int flag = flags[i], count = flag > 0 ? n_child : 1;
    for (int c = 0; c < count; c++, o++) {
      level[o] = (int8_t)(f->level[i] + flag);
      for (int a = 0; a < 3; a++) {
        int32_t x = f->coords[3 * i + a];
        coords[3 * o + a] = flag == 0 || a >= f->dim ? x : flag < 0 ? x >> 1 : 2 * x + (c >> a & 1);
      }
      key[o] = f->key[i];
      if (flag > 0) key[o] += (int64_t)c << f->dim * (f->key_level - level[o]);
      source[o] = (int32_t)i;
      change[o] = (int8_t)flag;
    }
  }
}

AMR_INLINE ptrdiff_t refine_body(const amr_forest *f, int dim, int8_t *flags, int32_t *queue, ptrdiff_t n_queue,
                                 int8_t *open) {
  view v = make_view(f, n_queue ? queue[0] : 0);
  for (ptrdiff_t q = 0; q < n_queue; q++) {
    ptrdiff_t i = queue[q];
    int least = f->level[i] + (flags[i] > 0) - 1;
    if (least <= 0) continue;
    look_at(&v, dim, i);
    FOR_SLOTS(dim, {
      (void)s;
      ptrdiff_t j = leaf_at(&v, dim, d0, d1, d2);
      if (j < 0) continue;
      int lack = least - f->level[j] - (flags[j] > 0);
      if (lack <= 0) continue;
      if (flags[j] <= 0) {
        flags[j] = 1;
        queue[n_queue++] = (int32_t)j;
        lack--;
      }
      if (lack > 0 && open) open[i] = 1;
    });
  }
  return n_queue;
}

ptrdiff_t amr_balance_refine(const amr_forest *f, int8_t *flags, int32_t *queue, ptrdiff_t n_queue, int8_t *open) {
  if (f->dim == 1) return refine_body(f, 1, flags, queue, n_queue, open);
  if (f->dim == 2) return refine_body(f, 2, flags, queue, n_queue, open);
  return refine_body(f, 3, flags, queue, n_queue, open);
}

/* May the leaf looked at become part of its parent? Not beside a leaf that ends two levels above the parent. */
AMR_INLINE int may_coarsen(const view *v, int dim, const int8_t *flags) {
  FOR_SLOTS(dim, {
    (void)s;
    ptrdiff_t j = leaf_at(v, dim, d0, d1, d2);
    /* A FINER position: its first leaf tells for all. Either the position's children coarsen together, or they are not
     * all leaves, and then (whole groups only) none of those that touch this leaf does. */
    if (j >= 0 && v->f->level[j] + flags[j] > v->level) return 0;
  });
  return 1;
}

AMR_INLINE void coarsen_body(const amr_forest *f, int dim, int8_t *flags, ptrdiff_t m, const int32_t *group) {
  const int n_child = 1 << dim;
  view v = make_view(f, m ? group[0] : 0);
  for (ptrdiff_t q = 0; q < m; q++) {
    int may = 1;
    for (int c = 0; c < n_child && may; c++) {
      look_at(&v, dim, group[q] + c);
      may = may_coarsen(&v, dim, flags);
    }
    for (int c = 0; c < n_child && !may; c++) flags[group[q] + c] = 0;
  }
}

void amr_balance_coarsen(const amr_forest *f, int8_t *flags, ptrdiff_t m, const int32_t *group) {
  if (f->dim == 1) coarsen_body(f, 1, flags, m, group);
  if (f->dim == 2) coarsen_body(f, 2, flags, m, group);
  if (f->dim == 3) coarsen_body(f, 3, flags, m, group);
}

AMR_INLINE ptrdiff_t unbalanced_body(const amr_forest *f, int dim) {
  view v = make_view(f, 0);
  for (ptrdiff_t i = 0; i < f->n; i++) {
    if (f->level[i] < 2) continue;
    look_at(&v, dim, i);
    FOR_SLOTS(dim, {
      (void)s;
      ptrdiff_t j = leaf_at(&v, dim, d0, d1, d2);
      if (j >= 0 && f->level[j] < v.level - 1) return i;
    });
  }
  return -1;
}

ptrdiff_t amr_first_unbalanced(const amr_forest *f) {
  return f->dim == 1 ? unbalanced_body(f, 1) : f->dim == 2 ? unbalanced_body(f, 2) : unbalanced_body(f, 3);
}
