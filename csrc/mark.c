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

/* The neighbours of hot leaf b: +1 where its cells come near and they are too coarse; held[] := 1 where they must not coarsen. */
static void spread(const amr_forest *f, int max_level, ptrdiff_t b, uint32_t near, int8_t *flags, int32_t *held) {
  const int n_slot = f->dim == 1 ? 3 : f->dim == 2 ? 9 : 27, n_child = 1 << f->dim;
  const int target = f->level[b] < max_level ? f->level[b] + 1 : max_level;
  const int32_t leaf = (int32_t)b;
  int8_t relation[MOST_SLOTS];
  int32_t beside[MOST_SLOTS], children[MOST_CHILDREN];
  amr_neighbors(f, 1, &leaf, relation, beside);
  for (int32_t s = 0; s < n_slot; s++) {
    const int is_near = near >> s & 1;
    /* What is next to a hot leaf will soon be near: let go now, it would be refined again. */
    if (relation[s] == AMR_SAME) held[beside[s]] = 1;
    if (!is_near || s == n_slot / 2) continue;
    if (relation[s] == AMR_SAME || relation[s] == AMR_COARSER) {
      held[beside[s]] = 1;
      if (f->level[beside[s]] < target) flags[beside[s]] = 1;
    } else if (relation[s] == AMR_FINER) {
      /* All children, not only those that touch: the buffer may be wider than a child. Those that are refined further (-1) stay fine
       * enough even if they coarsen. */
      amr_neighbor_children(f, 1, &leaf, &s, children);
      for (int c = 0; c < n_child; c++)
        if (children[c] >= 0) held[children[c]] = 1;
    }
  }
}

/* Flags and causes before balance; held: n entries. */
static void wish(const amr_forest *f, int max_level, const amr_wishes *w, int8_t *flags, uint8_t *cause,
                 int32_t *held) {
  const uint32_t centre = 1u << (f->dim == 1 ? 1 : f->dim == 2 ? 4 : 13);
  memset(held, 0, (size_t)f->n * sizeof *held);
  for (ptrdiff_t i = 0; i < f->n; i++) flags[i] = w->near[i] & centre ? 1 : w->calm[i] ? -1 : 0;
  for (ptrdiff_t i = 0; i < f->n; i++)
    if (w->near[i] & centre) spread(f, max_level, i, w->near[i], flags, held);
  for (ptrdiff_t i = 0; i < f->n; i++) {
    const int is_hot = (w->near[i] & centre) != 0, level = f->level[i];
    if (w->vetoed && w->vetoed[i] && !is_hot && flags[i] > 0) flags[i] = 0;
    if (held[i] && flags[i] < 0) flags[i] = 0;
    if (is_hot)
      cause[i] = AMR_CAUSE_INDICATOR;
    else if (held[i] || flags[i] > 0)
      cause[i] = AMR_CAUSE_BUFFER;
    else
      cause[i] = level > 0 ? AMR_CAUSE_PATIENCE : AMR_CAUSE_ROOT;
    if (w->least && level <= w->least[i]) {
      const int8_t wanted = level < w->least[i] ? 1 : 0;
      if (flags[i] < wanted) flags[i] = wanted, cause[i] = AMR_CAUSE_REGION;
    }
  }
}

void amr_mark(const amr_forest *f, int max_level, const amr_wishes *wishes, int8_t *flags, uint8_t *cause,
              int32_t *work, int8_t *before) {
  const int n_child = 1 << f->dim;
  wish(f, max_level, wishes, flags, cause, work);
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
