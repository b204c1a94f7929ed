#include "mark.h"

#include <string.h>

enum { MOST_SLOTS = 27, MOST_CHILDREN = 8, MOST_LEVELS = 64 };

/* Whether leaf i is the first of a group of siblings that are all leaves and all flagged -1. */
AMR_INLINE int is_whole_group(const amr_forest *f, const int8_t *flags, ptrdiff_t i) {
  const int n_child = 1 << f->dim;
  const int32_t *at = f->coords + 3 * i;
  if (f->level[i] == 0 || ((at[0] | at[1] | at[2]) & 1) || i + n_child > f->n) return 0;
  /* The leaves after a first child lie in the parent; those on the child's level are its children. */
  for (int c = 0; c < n_child; c++)
    if (flags[i + c] >= 0 || f->level[i + c] != f->level[i]) return 0;
  return 1;
}

/* group[]: first leaves of the whole groups flagged -1, finest level first; the other -1 become 0. Returns their number. */
static ptrdiff_t whole_groups(const amr_forest *f, int8_t *flags, int32_t *group) {
  const int n_child = 1 << f->dim;
  ptrdiff_t place[MOST_LEVELS + 1] = {0}, m = 0;
  for (ptrdiff_t i = 0; i < f->n; i++)
    if (flags[i] < 0 && is_whole_group(f, flags, i)) {
      place[f->level[i]]++;
      m++;
      i += n_child - 1;
    } else if (flags[i] < 0) {
      flags[i] = 0;
    }
  for (ptrdiff_t level = MOST_LEVELS, from = 0; level >= 0; level--) {
    const ptrdiff_t count = place[level];
    place[level] = from;
    from += count;
  }
  for (ptrdiff_t i = 0; i < f->n; i++)
    if (flags[i] < 0) {
      group[place[f->level[i]]++] = (int32_t)i;
      i += n_child - 1;
    }
  return m;
}

void amr_balance_flags(const amr_forest *f, int max_level, int8_t *flags, int32_t *work) {
  ptrdiff_t n_refine = 0;
  for (ptrdiff_t i = 0; i < f->n; i++) {
    if (flags[i] <= 0) continue;
    if (f->level[i] >= max_level)
      flags[i] = 0;
    else
      work[n_refine++] = (int32_t)i;
  }
  if (n_refine) amr_balance_refine(f, flags, work, n_refine, NULL);
  /* Whether a group may coarsen depends on finer groups only: finest first settles it in one pass. */
  const ptrdiff_t n_group = whole_groups(f, flags, work);
  if (n_group) amr_balance_coarsen(f, flags, n_group, work);
}

/* The neighbours of hot leaf b: NEAR where its cells come near and they are too coarse; HELD where they must not coarsen. */
static void spread(const amr_forest *f, int max_level, ptrdiff_t b, uint32_t near, uint8_t *wishes) {
  const int n_slot = f->dim == 1 ? 3 : f->dim == 2 ? 9 : 27, n_child = 1 << f->dim;
  const int target = f->level[b] < max_level ? f->level[b] + 1 : max_level;
  const int32_t leaf = (int32_t)b;
  int8_t relation[MOST_SLOTS];
  int32_t beside[MOST_SLOTS], children[MOST_CHILDREN];
  amr_neighbors(f, 1, &leaf, relation, beside);
  for (int32_t s = 0; s < n_slot; s++) {
    const int is_near = near >> s & 1;
    /* What is next to a hot leaf will soon be near: let go now, it would be refined again. */
    if (relation[s] == AMR_SAME) wishes[beside[s]] |= AMR_WISH_HELD;
    if (!is_near || s == n_slot / 2) continue;
    if (relation[s] == AMR_SAME || relation[s] == AMR_COARSER) {
      wishes[beside[s]] |= f->level[beside[s]] < target ? AMR_WISH_HELD | AMR_WISH_NEAR : AMR_WISH_HELD;
    } else if (relation[s] == AMR_FINER) {
      /* All children, not only those that touch: the buffer may be wider than a child. Those that are refined further (-1) stay fine
       * enough even if they coarsen. */
      amr_neighbor_children(f, 1, &leaf, &s, children);
      for (int c = 0; c < n_child; c++)
        if (children[c] >= 0) wishes[children[c]] |= AMR_WISH_HELD;
    }
  }
}

void amr_wish(const amr_forest *f, int max_level, ptrdiff_t first, ptrdiff_t n, const amr_wished *of, uint8_t *wishes) {
  const uint32_t centre = 1u << (f->dim == 1 ? 1 : f->dim == 2 ? 4 : 13);
  memset(wishes, 0, (size_t)f->n);
  for (ptrdiff_t i = 0; i < n; i++) {
    const int level = f->level[first + i], is_hot = (of->near[i] & centre) != 0;
    int wish = (is_hot ? AMR_WISH_HOT : 0) | (of->calm[i] ? AMR_WISH_CALM : 0);
    if (of->vetoed && of->vetoed[i]) wish |= AMR_WISH_VETOED;
    if (of->least && level <= of->least[i]) wish |= level < of->least[i] ? AMR_WISH_RAISED : AMR_WISH_KEPT;
    wishes[first + i] |= (uint8_t)wish;
    if (is_hot) spread(f, max_level, first + i, of->near[i], wishes);
  }
}

/* Flags and causes before balance. */
static void before_balance(const amr_forest *f, const uint8_t *wishes, int8_t *flags, uint8_t *cause) {
  for (ptrdiff_t i = 0; i < f->n; i++) {
    const int wish = wishes[i], is_hot = wish & AMR_WISH_HOT;
    const int is_raised = is_hot || (wish & AMR_WISH_NEAR && !(wish & AMR_WISH_VETOED));
    const int may_coarsen = wish & AMR_WISH_CALM && !(wish & AMR_WISH_HELD);
    flags[i] = (int8_t)(is_raised ? 1 : may_coarsen ? -1 : 0);
    if (is_hot)
      cause[i] = AMR_CAUSE_INDICATOR;
    else if (wish & AMR_WISH_HELD || is_raised)
      cause[i] = AMR_CAUSE_BUFFER;
    else
      cause[i] = f->level[i] > 0 ? AMR_CAUSE_PATIENCE : AMR_CAUSE_ROOT;
    if (wish & (AMR_WISH_RAISED | AMR_WISH_KEPT)) {
      const int8_t wanted = wish & AMR_WISH_RAISED ? 1 : 0;
      if (flags[i] < wanted) flags[i] = wanted, cause[i] = AMR_CAUSE_REGION;
    }
  }
}

void amr_mark(const amr_forest *f, int max_level, const uint8_t *wishes, int8_t *flags, uint8_t *cause, int32_t *work,
              int8_t *before) {
  const int n_child = 1 << f->dim;
  before_balance(f, wishes, flags, cause);
  memcpy(before, flags, (size_t)f->n);
  amr_balance_flags(f, max_level, flags, work);
  for (ptrdiff_t i = 0; i < f->n; i++) {
    if (before[i] < 0 && is_whole_group(f, before, i)) {
      for (int c = 0; c < n_child; c++)
        if (flags[i + c] >= 0) cause[i + c] = AMR_CAUSE_BALANCE;
      i += n_child - 1;
    } else if (before[i] <= 0 && flags[i] > 0) {
      cause[i] = AMR_CAUSE_BALANCE;
    } else if (before[i] < 0 && flags[i] == 0) {
      cause[i] = AMR_CAUSE_SIBLING;
    }
  }
}
