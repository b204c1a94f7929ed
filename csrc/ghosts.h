/* Ghost cells of a block: what to read from where, and doing it.
 *
 * A plan lists, for each block, the boxes of cells that fill its ghosts, in the order in which they are done. Every value that
 * crosses a rank or a level is taken from the interior of a leaf: a ghost cell depends on its place and level only, and two blocks
 * that see the same ghost cell hold the same bits. A plan is executed block by block, just before the block is used (amr_advance,
 * amr_indicate): it is in the cache then, and so are most of its neighbours.
 *
 * The *coarse box* of a block with a COARSER neighbour has n/2 interior cells per axis (its own region on the next coarser level)
 * and (g + 1) / 2 + 1 ghost cells; prolongation reads from it.
 */
#ifndef AMR_GHOSTS_H
#define AMR_GHOSTS_H
#include "amr.h"
#include "boundary.h"
#include "sfc.h"
#include "transfer.h"

/* Kinds of ops, in the order of execution. */
typedef enum {
  AMR_GHOST_SAME = 0,     /* copy from a leaf of the same level */
  AMR_GHOST_FINER = 1,    /* restrict from a leaf one level finer */
  AMR_GHOST_COARSER = 2,  /* copy from a leaf one level coarser into the coarse box */
  AMR_GHOST_HALO = 3,     /* restrict from the block or a leaf of the same level into the coarse box */
  AMR_GHOST_WALL = 4,     /* one layer of the coarse box outside the domain; `source` is the direction */
  AMR_GHOST_PROLONG = 5,  /* from the coarse box */
  AMR_GHOST_BOUNDARY = 6, /* outside the domain; `source` is the direction */
  AMR_GHOST_KINDS = 7
} amr_ghost_kind;

/* `source`: local block that is read; if negative, the cells, restricted where that is needed, lie in the message buffer, from cell
 * ~source on, [var][k][j][i]. `box`: row of the table of boxes, which tells the kind. */
typedef struct {
  int32_t source, box;
} amr_ghost_op;

/* Columns of the table of boxes: from i, j, k, to i, j, k, size i, j, k, counted from the first interior cell; then the number of axes
 * along which the region to be filled lies beside the block (1: face, 2: edge, 3: corner), and the kind. */
enum { AMR_BOX_BESIDE = 9, AMR_BOX_KIND = 10, AMR_BOX_WIDTH = 11 };

/* The boxes that a dimension, block size and ghost width have: made by amr/scheme/ops.py. Slots: sfc.h. */
typedef struct {
  const int32_t *box; /* [][AMR_BOX_WIDTH] */
  int32_t base
      [AMR_GHOST_KINDS]; /* first row of each kind: SAME, PROLONG by slot; FINER, COARSER by slot and child number; HALO, WALL
                                    by layer; BOUNDARY by direction and the sides of later axes that are outside (16 each) */
  const uint8_t *touches; /* [slot][child]: children of a FINER position that touch the block */
  int32_t n_layer;        /* layers of cells beside COARSER regions that slopes need */
  const int32_t *layer_of, *layer_from,
      *wall_direction; /* [n_layer]: slot of the region, slot of the layer, direction outside */
} amr_ghost_boxes;

/* Ops of the m given leaves, by leaf and in order of kind; first[m + 1] := index of the first op of each. Of what is read, the leaves
 * lo to hi are local: `source` counts them from lo; for any other leaf it is ~leaf, until the caller gives it a place. relation,
 * neighbor [m][3^dim]: as amr_neighbors gives them; 2:1 balanced. Blocks with a face outside the domain in one of the directions of the
 * bit mask `by_function` get no BOUNDARY ops. ops may be NULL: count only. Returns the number of ops. */
ptrdiff_t amr_ghost_ops(const amr_forest *f, const amr_ghost_boxes *boxes, int by_function, ptrdiff_t m,
                        const int32_t *leaves, const int8_t *relation, const int32_t *neighbor, ptrdiff_t lo,
                        ptrdiff_t hi, int32_t *first, amr_ghost_op *ops);

/* A plan and the pools that it reads from. */
typedef struct {
  amr_layout layout, coarse;  /* of a block and of a coarse box */
  const amr_physics *physics; /* decides which prolonged states are physical; not read in constant mode */
  amr_prolong_mode mode;
  const amr_boundary *boundary, *wall;
  const int32_t *first; /* [n_block + 1] */
  const amr_ghost_op *ops;
  const int32_t *box;
  double *own;             /* pool of the block itself and of leaves of the same level */
  const double *finer;     /* pool of the finer leaves */
  const double *coarser;   /* pool of the coarser leaves */
  const double *coarser_2; /* the same at a later time; read if theta != 0 */
  double theta;            /* coarser values are (1 - theta) coarser + theta coarser_2 */
  const double *buffer;    /* messages that have arrived */
} amr_ghosts;

/* Fill the ghosts of a block of `own`, in place. Regions that lie beside the block along more than `most` axes may be left as they are:
 * with most = 1, edges and corners.
 * box: scratch for one coarse box. Returns the number of coarse cells prolonged constant because a child would have been unphysical. */
ptrdiff_t amr_ghosts_fill(const amr_ghosts *ghosts, ptrdiff_t block, double *box, int most);

/* Ask the memory for what amr_ghosts_fill will read of blocks of the same level. */
void amr_ghosts_prefetch(const amr_ghosts *ghosts, ptrdiff_t block);

/* buffer := the cells that the n ops (kinds SAME to HALO, `source` a block) read, those of ops[m] from cell place[m] on. */
void amr_ghosts_pack(const amr_ghosts *ghosts, ptrdiff_t n, const amr_ghost_op *ops, const int32_t *place,
                     double *buffer);

#endif
