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

/* Last i with key[i] <= k, searched outwards from `hint`: neighbours on the curve are mostly near. Needs key[0] <= k. */
AMR_INLINE ptrdiff_t locate(const int64_t *key, ptrdiff_t n, int64_t k, ptrdiff_t hint) {
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
    if (inside) hint = locate(f->key, f->n, encode_one(f->dim, f->key_level, level[q], c), hint);
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
      if (x < 0)
        r.outside |= 1 << (3 * a + d);
      else
        r.part[a][d] = (int64_t)(spread(dim, (uint64_t)x) << a << shift);
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

/* Run the statements with `s`, `k` (key, -1 outside) for every slot; instantiated for a dimension known to the compiler. */
#define FOR_SLOTS(dim, r, ...) \
  do { \
    int s = 0; \
    for (int d2 = 0; d2 < ((dim) > 2 ? 3 : 1); d2++) \
      for (int d1 = 0; d1 < ((dim) > 1 ? 3 : 1); d1++) \
        for (int d0 = 0; d0 < 3; d0++, s++) { \
          int64_t k = slot_key(&(r), dim, d0, d1, d2); \
          __VA_ARGS__ \
        } \
  } while (0)

AMR_INLINE int n_slots(int dim) { return dim == 1 ? 3 : dim == 2 ? 9 : 27; }

AMR_INLINE amr_status neighbors_body(const amr_forest *f, int dim, ptrdiff_t m, const int32_t *leaves, int8_t *relation,
                                     int32_t *neighbor) {
  const int n_slot = n_slots(dim);
  int32_t hint[27]; /* the leaf found for the same slot of the previous leaf: the next one is near it on the curve */
  amr_status status = AMR_OK;
  for (int s = 0; s < n_slot; s++) hint[s] = m ? leaves[0] : 0;
  for (ptrdiff_t q = 0; q < m; q++) {
    ptrdiff_t i = leaves[q];
    int level = f->level[i];
    around r = look_around(f, dim, level, f->coords + 3 * i);
    int8_t *rel = relation + q * n_slot;
    int32_t *nb = neighbor + q * n_slot;
    FOR_SLOTS(dim, r, {
      if (k < 0) {
        rel[s] = AMR_OUTSIDE;
        nb[s] = -1;
        continue;
      }
      ptrdiff_t j = locate(f->key, f->n, k, hint[s]);
      int other = f->level[j];
      hint[s] = (int32_t)j;
      nb[s] = (int32_t)j;
      rel[s] = (int8_t)(other == level ? AMR_SAME : other < level ? AMR_COARSER : AMR_FINER);
      if (other < level - 1) status = AMR_BAD_ARGUMENT;
    });
    rel[n_slot / 2] = AMR_SELF;
    nb[n_slot / 2] = (int32_t)i;
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
      j = locate(f->key, f->n, child, j);
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
  for (ptrdiff_t q = 0; q < n_queue; q++) {
    ptrdiff_t i = queue[q];
    int least = f->level[i] + (flags[i] > 0) - 1;
    if (least <= 0) continue;
    around r = look_around(f, dim, f->level[i], f->coords + 3 * i);
    FOR_SLOTS(dim, r, {
      (void)s;
      if (k < 0) continue;
      ptrdiff_t j = locate(f->key, f->n, k, i);
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

/* May leaf i become part of its parent? Not beside a leaf that ends two levels above the parent. */
AMR_INLINE int may_coarsen(const amr_forest *f, int dim, const int8_t *flags, ptrdiff_t i) {
  int level = f->level[i];
  around r = look_around(f, dim, level, f->coords + 3 * i);
  FOR_SLOTS(dim, r, {
    (void)s;
    if (k < 0) continue;
    ptrdiff_t j = locate(f->key, f->n, k, i);
    /* A FINER position: its first leaf tells for all. Either the position's children coarsen together, or they are not
     * all leaves, and then (whole groups only) none of those that touch i does. */
    int ends = f->level[j] + flags[j];
    if (ends > level) return 0;
  });
  return 1;
}

void amr_balance_coarsen(const amr_forest *f, int8_t *flags, ptrdiff_t m, const int32_t *group) {
  const int n_child = 1 << f->dim;
  for (ptrdiff_t q = 0; q < m; q++) {
    int may = 1;
    for (int c = 0; c < n_child && may; c++) {
      ptrdiff_t i = group[q] + c;
      may = f->dim == 1   ? may_coarsen(f, 1, flags, i)
            : f->dim == 2 ? may_coarsen(f, 2, flags, i)
                          : may_coarsen(f, 3, flags, i);
    }
    if (!may)
      for (int c = 0; c < n_child; c++) flags[group[q] + c] = 0;
  }
}

AMR_INLINE ptrdiff_t unbalanced_body(const amr_forest *f, int dim) {
  for (ptrdiff_t i = 0; i < f->n; i++) {
    int level = f->level[i];
    if (level < 2) continue;
    around r = look_around(f, dim, level, f->coords + 3 * i);
    FOR_SLOTS(dim, r, {
      (void)s;
      if (k >= 0 && f->level[locate(f->key, f->n, k, i)] < level - 1) return i;
    });
  }
  return -1;
}

ptrdiff_t amr_first_unbalanced(const amr_forest *f) {
  return f->dim == 1 ? unbalanced_body(f, 1) : f->dim == 2 ? unbalanced_body(f, 2) : unbalanced_body(f, 3);
}

/* Largest end of a part that starts at i and weighs at most `bound`. */
AMR_INLINE ptrdiff_t reach(ptrdiff_t n, const double *prefix, ptrdiff_t i, double bound) {
  ptrdiff_t lo = i, hi = n;
  while (lo < hi) {
    ptrdiff_t mid = hi - (hi - lo) / 2;
    if (prefix[mid] - prefix[i] <= bound)
      lo = mid;
    else
      hi = mid - 1;
  }
  return lo;
}

/* Smallest start of a part that ends at i and weighs at most `bound`. */
AMR_INLINE ptrdiff_t reach_back(const double *prefix, ptrdiff_t i, double bound) {
  ptrdiff_t lo = 0, hi = i;
  while (lo < hi) {
    ptrdiff_t mid = lo + (hi - lo) / 2;
    if (prefix[i] - prefix[mid] <= bound)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

/* The smallest bound for which taking as much as fits, part by part, covers all items. Exact: every failed probe raises the
 * lower end to the next sum that exists, every successful one lowers the upper end to the largest load it made. */
static double smallest_bound(ptrdiff_t n, const double *prefix, ptrdiff_t n_part) {
  double lo = prefix[n] / (double)n_part, hi = prefix[n];
  for (int first = 1; lo < hi; first = 0) {
    double bound = first ? lo : lo + (hi - lo) / 2, largest = 0, next = hi;
    if (bound >= hi) bound = lo; /* no number between them */
    ptrdiff_t end = 0;
    for (ptrdiff_t p = 0; p < n_part && end < n; p++) {
      ptrdiff_t start = end;
      end = reach(n, prefix, start, bound);
      double load = prefix[end] - prefix[start];
      largest = load > largest ? load : largest;
      if (end < n) {
        double more = prefix[end + 1] - prefix[start];
        next = more < next ? more : next;
      }
    }
    if (end == n)
      hi = largest;
    else
      lo = next;
  }
  return hi;
}

void amr_partition(ptrdiff_t n, const double *prefix, ptrdiff_t n_part, int64_t *starts, int64_t *lowest) {
  const double bound = smallest_bound(n, prefix, n_part);
  lowest[n_part] = n;
  for (ptrdiff_t p = n_part; p-- > 0;) lowest[p] = reach_back(prefix, lowest[p + 1], bound);
  starts[0] = 0;
  for (ptrdiff_t p = 1; p < n_part; p++) {
    const ptrdiff_t top = reach(n, prefix, starts[p - 1], bound);
    const double ideal = prefix[n] * (double)p / (double)n_part;
    ptrdiff_t lo = lowest[p] > starts[p - 1] ? lowest[p] : starts[p - 1], hi = top;
    while (lo < hi) { /* the last allowed cut not beyond the ideal */
      ptrdiff_t mid = hi - (hi - lo) / 2;
      if (prefix[mid] <= ideal)
        lo = mid;
      else
        hi = mid - 1;
    }
    if (lo < top && prefix[lo + 1] - ideal < ideal - prefix[lo]) lo++; /* the next one is nearer */
    starts[p] = lo;
  }
  starts[n_part] = n;
}
