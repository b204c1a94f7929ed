#include "partition.h"

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
