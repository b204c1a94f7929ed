#include "csr.h"

/* Sort triplet numbers by column; equal columns keep their order. The columns of a row come as a few runs that ascend. */
AMR_INLINE void sort_row(int64_t *order, ptrdiff_t n, const int64_t *col) {
  for (ptrdiff_t i = 1; i < n; i++) {
    const int64_t t = order[i], c = col[t];
    ptrdiff_t to = i;
    for (; to > 0 && col[order[to - 1]] > c; to--) order[to] = order[to - 1];
    order[to] = t;
  }
}

AMR_INLINE int64_t merge(amr_csr *a, amr_triplets *t, int is_wide) {
  int64_t *first = t->first, total = 0;
  for (ptrdiff_t k = 0; k <= t->n_row; k++) first[k] = 0;
  for (ptrdiff_t i = 0; i < t->n; i++) {
    const int64_t k = t->row[i] >= 0 && t->row[i] < a->n_row ? -1 - amr_csr_get(a->start, is_wide, t->row[i] + 1) : -1;
    if (k < 0 || k >= t->n_row) return -1;
    first[k]++;
  }
  for (ptrdiff_t k = 0; k <= t->n_row; k++) { /* where row k ends: below it is filled from its end */
    total += first[k];
    first[k] = total;
  }
  for (ptrdiff_t i = t->n - 1; i >= 0; i--) t->order[--first[-1 - amr_csr_get(a->start, is_wide, t->row[i] + 1)]] = i;
  int64_t end = 0;
  amr_csr_put(a->start, is_wide, 0, 0);
  for (ptrdiff_t row = 0; row < a->n_row; row++) {
    int64_t n = amr_csr_get(a->start, is_wide, row + 1);
    if (n < 0) {
      const int64_t from = first[-1 - n], to = first[-n];
      n = 0;
      sort_row(t->order + from, to - from, t->col);
      for (int64_t i = from; i < to; i++) n += i == from || t->col[t->order[i]] != t->col[t->order[i - 1]];
    }
    end += n;
    amr_csr_put(a->start, is_wide, row + 1, end);
  }
  return end;
}

int64_t amr_csr_merge(amr_csr *a, amr_triplets *t) { return a->is_wide ? merge(a, t, 1) : merge(a, t, 0); }

void amr_csr_places(amr_csr *a, const amr_triplets *t, int64_t *place) {
  for (ptrdiff_t k = 0; k < t->n_row; k++) {
    const int64_t *order = t->order + t->first[k];
    const ptrdiff_t n = t->first[k + 1] - t->first[k];
    int64_t to = amr_csr_get(a->start, a->is_wide, t->row[order[0]]);
    for (ptrdiff_t i = 0; i < n; i++) {
      if (i > 0 && t->col[order[i]] != t->col[order[i - 1]]) to++;
      amr_csr_put(a->col, a->is_wide, to, t->col[order[i]]);
      place[order[i]] = to;
    }
  }
}

void amr_csr_sum(ptrdiff_t n, const int64_t *place, const double *given, double *value) {
  for (ptrdiff_t i = 0; i < n; i++) value[place[i]] = 0;
  for (ptrdiff_t i = 0; i < n; i++) value[place[i]] += given[i];
}
