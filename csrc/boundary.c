#include "boundary.h"

/* Walk the cells (i, j, k) of the box of an op, k slowest. */
#define FOR_CELLS(op, i, j, k) \
  for (int k = (op)[AMR_OP_TO + 2]; k < (op)[AMR_OP_TO + 2] + (op)[AMR_OP_SIZE + 2]; k++) \
    for (int j = (op)[AMR_OP_TO + 1]; j < (op)[AMR_OP_TO + 1] + (op)[AMR_OP_SIZE + 1]; j++) \
      for (int i = (op)[AMR_OP_TO]; i < (op)[AMR_OP_TO] + (op)[AMR_OP_SIZE]; i++)

AMR_INLINE int along(int axis, int i, int j, int k) { return axis == 0 ? i : axis == 1 ? j : k; }

AMR_INLINE int mirror_of(int c, int side, int n) { return side ? 2 * n - 1 - c : -1 - c; }

/* The cell outside a wall that the gas sticks to, from its mirror cell (`step` doubles away); wall: row of amr_boundary.state. */
AMR_INLINE void no_slip(const amr_layout *l, const double *wall, double *cell, ptrdiff_t step) {
  const ptrdiff_t s = l->var_stride;
  const int e = l->dim + 1;
  const double density = cell[step];
  double energy = cell[e * s + step] + wall[e] * density;
  for (int a = 1; a <= l->dim; a++) {
    const double m = cell[a * s + step];
    energy -= wall[a] * m;
    cell[a * s] = wall[a] * density - m;
  }
  cell[0] = density;
  cell[e * s] = energy;
  for (int v = e + 1; v < l->n_var; v++) cell[v * s] = cell[v * s + step];
}

void amr_boundary_fill(const amr_layout *layout, double *u, const amr_boundary *boundary, ptrdiff_t n_op,
                       const int32_t *ops) {
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    const int direction = op[AMR_OP_EXTRA], axis = direction / 2, side = direction % 2,
              kind = boundary->kind[direction];
    const int nearest = side ? layout->n - 1 : 0;
    if (kind == AMR_BOUNDARY_NO_SLIP) {
      FOR_CELLS(op, i, j, k) {
        const int normal = along(axis, i, j, k);
        const ptrdiff_t step = (mirror_of(normal, side, layout->n) - normal) * layout->stride[axis];
        no_slip(layout, boundary->state + direction * layout->n_var,
                u + op[AMR_OP_DST] * layout->block_stride + amr_cell(layout, i, j, k), step);
      }
      continue;
    }
    for (int v = 0; v < layout->n_var; v++) {
      double *block = u + op[AMR_OP_DST] * layout->block_stride + v * layout->var_stride;
      const double state = boundary->state[direction * layout->n_var + v];
      const double factor = kind == AMR_BOUNDARY_MIRROR ? boundary->parity[axis * layout->n_var + v] : 1.0;
      FOR_CELLS(op, i, j, k) {
        double *cell = block + amr_cell(layout, i, j, k);
        const int normal = along(axis, i, j, k);
        const int source = kind == AMR_BOUNDARY_MIRROR ? mirror_of(normal, side, layout->n) : nearest;
        *cell = kind == AMR_BOUNDARY_CONSTANT ? state : factor * cell[(source - normal) * layout->stride[axis]];
      }
    }
  }
}

void amr_boundary_coarse(const amr_layout *layout, double *u, const amr_boundary *boundary, ptrdiff_t n_op,
                         const int32_t *ops) {
  for (ptrdiff_t m = 0; m < n_op; m++) {
    const int32_t *op = ops + m * AMR_OP_WIDTH;
    const int direction = op[AMR_OP_EXTRA], axis = direction / 2, kind = boundary->kind[direction];
    const ptrdiff_t inward = direction % 2 ? -layout->stride[axis] : layout->stride[axis];
    if (kind == AMR_BOUNDARY_NO_SLIP) {
      FOR_CELLS(op, i, j, k)
      no_slip(layout, boundary->state + direction * layout->n_var,
              u + op[AMR_OP_DST] * layout->block_stride + amr_cell(layout, i, j, k), inward);
      continue;
    }
    for (int v = 0; v < layout->n_var; v++) {
      double *block = u + op[AMR_OP_DST] * layout->block_stride + v * layout->var_stride;
      const double factor = kind == AMR_BOUNDARY_MIRROR ? boundary->parity[axis * layout->n_var + v] : 1.0;
      FOR_CELLS(op, i, j, k) {
        double *cell = block + amr_cell(layout, i, j, k);
        *cell = kind == AMR_BOUNDARY_EXTRAPOLATE ? 2 * cell[inward] - cell[2 * inward] : factor * cell[inward];
      }
    }
  }
}

void amr_boundary_gather(const amr_layout *layout, const double *u, double *out, ptrdiff_t m, ptrdiff_t n_op,
                         const int32_t *ops) {
  ptrdiff_t p = 0;
  for (ptrdiff_t q = 0; q < n_op; q++) {
    const int32_t *op = ops + q * AMR_OP_WIDTH;
    const int axis = op[AMR_OP_EXTRA] / 2, side = op[AMR_OP_EXTRA] % 2;
    const double *block = u + op[AMR_OP_DST] * layout->block_stride;
    FOR_CELLS(op, i, j, k) {
      const int normal = along(axis, i, j, k);
      const ptrdiff_t step = (mirror_of(normal, side, layout->n) - normal) * layout->stride[axis];
      const double *cell = block + amr_cell(layout, i, j, k) + step;
      for (int v = 0; v < layout->n_var; v++) out[v * m + p] = cell[v * layout->var_stride];
      p++;
    }
  }
}

void amr_boundary_scatter(const amr_layout *layout, double *u, const double *values, ptrdiff_t m, ptrdiff_t n_op,
                          const int32_t *ops) {
  ptrdiff_t p = 0;
  for (ptrdiff_t q = 0; q < n_op; q++) {
    const int32_t *op = ops + q * AMR_OP_WIDTH;
    double *block = u + op[AMR_OP_DST] * layout->block_stride;
    FOR_CELLS(op, i, j, k) {
      double *cell = block + amr_cell(layout, i, j, k);
      for (int v = 0; v < layout->n_var; v++) cell[v * layout->var_stride] = values[v * m + p];
      p++;
    }
  }
}
