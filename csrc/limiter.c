#include "limiter.h"

AMR_CLONES void amr_limit_row(int id, ptrdiff_t n, const double *a, const double *b, double *out) {
  switch (id) {
    case AMR_LIMIT_MINMOD:
      for (ptrdiff_t c = 0; c < n; c++) out[c] = amr_limit_minmod(a[c], b[c]);
      break;
    case AMR_LIMIT_MC:
      for (ptrdiff_t c = 0; c < n; c++) out[c] = amr_limit_mc(a[c], b[c]);
      break;
    case AMR_LIMIT_VAN_LEER:
      for (ptrdiff_t c = 0; c < n; c++) out[c] = amr_limit_van_leer(a[c], b[c]);
      break;
    default:
      for (ptrdiff_t c = 0; c < n; c++) out[c] = amr_limit_none(a[c], b[c]);
  }
}
