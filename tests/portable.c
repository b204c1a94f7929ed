/* Prints the bits that a kernel gives, for tools/portable: equal on every CPU and with every variant chosen at run time. */
#include "yardstick.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_bits(int dim) {
  const amr_layout l = amr_make_layout(dim, 16, 2, dim + 2);
  const ptrdiff_t n_block = 4, n = n_block * l.block_stride;
  double *u = malloc((size_t)n * sizeof *u), *scratch = malloc((size_t)amr_yardstick_scratch(&l) * sizeof *scratch);
  if (!u || !scratch) return 1;
  for (ptrdiff_t c = 0; c < n; c++) {
    const ptrdiff_t v = c / l.var_stride % l.n_var, noise = c * 7919 % 1009;
    u[c] = v == 0 ? 1 + 1e-3 * noise : v == l.n_var - 1 ? 3 + 1e-3 * noise : 1e-4 * (noise - 500);
  }
  const int status = amr_yardstick(&l, n_block, 10, 0.02, u, scratch) != AMR_OK;
  uint64_t hash = 0;
  for (ptrdiff_t c = 0; c < n; c++) {
    uint64_t bits;
    memcpy(&bits, u + c, sizeof bits);
    hash = (hash ^ bits) * 1099511628211u;
  }
  printf("%dD %016llx\n", dim, (unsigned long long)hash);
  free(u), free(scratch);
  return status;
}

int main(void) { return print_bits(2) | print_bits(3); }
