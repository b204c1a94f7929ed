/* Rows of limited slopes: whole flattened planes, one variable after another (SoA). */
#ifndef AMR_RECONSTRUCT_H
#define AMR_RECONSTRUCT_H
#include "amr.h"
#include "limiter.h"

#include <string.h>

typedef enum { AMR_CONSTANT = 0, AMR_PLM = 1, AMR_PPM = 2, AMR_WENO5Z = 3 } amr_reconstruction_id;

/* Cells on either side that the faces of a cell depend on; a block needs one ghost cell more. */
AMR_INLINE int amr_reach(int reconstruction) { return reconstruction >= AMR_PPM ? 2 : 1; }

/* Part of a plane: `count` rows of `length` at distance `stride`. */
typedef struct {
  ptrdiff_t first, length, count, stride;
} amr_rows;

/* slope[v][c] = limit(w[c] - lower[c], upper[c] - w[c]) for v < n_row, lo <= c < lo + amr_whole(hi - lo), limiter constant at
 * compile time. */
AMR_INLINE void amr_slope_rows(int limiter, int n_row, ptrdiff_t row, ptrdiff_t lo, ptrdiff_t hi, const double *lower,
                               const double *w, const double *upper, double *slope) {
  for (int v = 0; v < n_row; v++) {
    const double *a = lower + v * row + lo, *b = w + v * row + lo, *c = upper + v * row + lo;
    double *restrict s = slope + v * row + lo;
    for (ptrdiff_t i = 0; i < amr_whole(hi - lo); i++) s[i] = amr_limit(limiter, b[i] - a[i], c[i] - b[i]);
  }
}

/* The same with the limiter chosen once per call, outside all loops. */
AMR_INLINE void amr_slopes(int limiter, int n_row, ptrdiff_t row, ptrdiff_t lo, ptrdiff_t hi, const double *lower,
                           const double *w, const double *upper, double *slope) {
  switch (limiter) {
    case AMR_LIMIT_MINMOD: amr_slope_rows(AMR_LIMIT_MINMOD, n_row, row, lo, hi, lower, w, upper, slope); break;
    case AMR_LIMIT_MC: amr_slope_rows(AMR_LIMIT_MC, n_row, row, lo, hi, lower, w, upper, slope); break;
    case AMR_LIMIT_VAN_LEER: amr_slope_rows(AMR_LIMIT_VAN_LEER, n_row, row, lo, hi, lower, w, upper, slope); break;
    default: amr_slope_rows(AMR_LIMIT_NONE, n_row, row, lo, hi, lower, w, upper, slope);
  }
}

#endif
