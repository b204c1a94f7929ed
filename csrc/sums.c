#include "sums.h"

#include <math.h>
#include <string.h>

/* Eight lanes, added pairwise: a fixed order that vectors of any length follow. */
AMR_INLINE double term(int absolute, double x) { return absolute ? fabs(x) : x; }

AMR_INLINE double sum_row(int absolute, int n, const double *row) {
  double lane[8] = {0};
  int i = 0;
  for (; i + 8 <= n; i += 8)
#pragma GCC unroll 8
    for (int l = 0; l < 8; l++) lane[l] += term(absolute, row[i + l]);
  for (int l = 0; i < n; i++, l++) lane[l] += term(absolute, row[i]);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

AMR_INLINE double sum_cells(const amr_layout *l, int absolute, int n, const double *u) {
  double total = 0;
  for (int k = 0; k < (l->dim > 2 ? n : 1); k++)
    for (int j = 0; j < (l->dim > 1 ? n : 1); j++) total += sum_row(absolute, n, u + amr_cell(l, 0, j, k));
  return total;
}

AMR_INLINE void block_sums(const amr_layout *l, int absolute, const double *u, const int32_t *list, int64_t n_list,
                           double *sums) {
  for (int64_t q = 0; q < n_list; q++)
    for (int v = 0; v < l->n_var; v++) {
      const double *cells = u + (list ? list[q] : q) * l->block_stride + v * l->var_stride;
      /* With the common lengths of a row known. */
      sums[q * l->n_var + v] = l->n == 8    ? sum_cells(l, absolute, 8, cells)
                               : l->n == 16 ? sum_cells(l, absolute, 16, cells)
                                            : sum_cells(l, absolute, l->n, cells);
    }
}

AMR_CLONES void amr_block_sums(const amr_layout *l, int absolute, const double *u, const int32_t *list, int64_t n_list,
                               double *sums) {
  if (absolute)
    block_sums(l, 1, u, list, n_list, sums);
  else
    block_sums(l, 0, u, list, n_list, sums);
}

/* Add x exactly: its 53 bits, shifted to their place, touch three digits. */
static void add(double x, int64_t *limbs) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  const int exponent = bits >> 52 & 0x7ff, place = exponent ? exponent - 1 : 0, at = place / 32;
  const uint64_t mantissa = (bits & ((1ull << 52) - 1)) | (exponent ? 1ull << 52 : 0);
  const unsigned __int128 shifted = (unsigned __int128)mantissa << place % 32;
  const int64_t sign = bits >> 63 ? -1 : 1;
  limbs[at] += sign * (int64_t)(uint32_t)shifted;
  limbs[at + 1] += sign * (int64_t)(uint32_t)(shifted >> 32);
  limbs[at + 2] += sign * (int64_t)(uint32_t)(shifted >> 64);
}

void amr_sum_carry(int n_var, int64_t *limbs) {
  for (int v = 0; v < n_var; v++, limbs += AMR_SUM_LIMBS)
    for (int i = 0; i + 1 < AMR_SUM_LIMBS; i++) {
      const int64_t low = limbs[i] & 0xffffffff;
      limbs[i + 1] += (limbs[i] - low) / 4294967296;
      limbs[i] = low;
    }
}

amr_status amr_sum_add(int64_t m, int n_var, const double *values, const double *weights, int64_t *limbs) {
  const int64_t until_carry = 1 << 29;
  for (int64_t i = 0; i < m; i++)
    for (int v = 0; v < n_var; v++)
      if (!isfinite(values[i * n_var + v] * (weights ? weights[i] : 1.0))) return AMR_UNPHYSICAL;
  for (int64_t i = 0; i < m; i++) {
    for (int v = 0; v < n_var; v++)
      add(values[i * n_var + v] * (weights ? weights[i] : 1.0), limbs + v * AMR_SUM_LIMBS);
    if (i % until_carry == until_carry - 1) amr_sum_carry(n_var, limbs);
  }
  amr_sum_carry(n_var, limbs);
  return AMR_OK;
}
