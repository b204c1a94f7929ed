#include "reconstruct_wide.h"

#include "reconstruct_ppm.h"
#include "reconstruct_weno.h"

/* One row of cells, the reconstruction constant at compile time. */
AMR_INLINE void wide_row(int reconstruction, ptrdiff_t n, const double *q0, const double *q1, const double *q2,
                         const double *q3, const double *q4, double *restrict lower, double *restrict upper) {
  for (ptrdiff_t c = 0; c < n; c++) {
    const double d0 = q1[c] - q0[c], d1 = q2[c] - q1[c], d2 = q3[c] - q2[c], d3 = q4[c] - q3[c];
    if (reconstruction == AMR_PPM)
      amr_ppm(d0, d1, d2, d3, lower + c, upper + c);
    else
      amr_weno5z(d0, d1, d2, d3, lower + c, upper + c);
  }
}

AMR_INLINE void wide_rows(int reconstruction, int n_row, ptrdiff_t row, amr_rows rows, const double *const w[5],
                          double *lower, double *upper) {
  for (int v = 0; v < n_row; v++)
    for (ptrdiff_t j = 0; j < rows.count; j++) {
      const ptrdiff_t o = v * row + rows.first + j * rows.stride;
      wide_row(reconstruction, rows.length, w[0] + o, w[1] + o, w[2] + o, w[3] + o, w[4] + o, lower + o, upper + o);
    }
}

AMR_CLONES void amr_wide_slopes(int reconstruction, int n_row, ptrdiff_t row, amr_rows rows, const double *const w[5],
                                double *lower, double *upper) {
  if (reconstruction == AMR_PPM)
    wide_rows(AMR_PPM, n_row, row, rows, w, lower, upper);
  else
    wide_rows(AMR_WENO5Z, n_row, row, rows, w, lower, upper);
}
