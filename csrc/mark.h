/* From what is wanted to flags that can be carried out: buffer, hysteresis, regions, 2:1 balance, and the cause of each.
 *
 * Each rank says what its own leaves want of all, a byte each; the bytes of all ranks are combined with a bitwise or, and every rank makes the
 * same flags of them. Nothing is allocated: the caller lends the work space.
 */
#ifndef AMR_MARK_H
#define AMR_MARK_H

#include "sfc.h"

/* Why a leaf is as fine as it is: the numbers of amr.indicators.leaf_state.Cause. */
typedef enum {
  AMR_CAUSE_ROOT = 0,
  AMR_CAUSE_INDICATOR = 1,
  AMR_CAUSE_REGION = 3,
  AMR_CAUSE_BUFFER = 4,
  AMR_CAUSE_PATIENCE = 6,
  AMR_CAUSE_SIBLING = 7,
  AMR_CAUSE_BALANCE = 8
} amr_cause;

/* What is wished of a leaf: bits of a byte. */
typedef enum {
  AMR_WISH_HOT = 1,     /* it has hot cells */
  AMR_WISH_CALM = 2,    /* it would rather be coarser */
  AMR_WISH_VETOED = 4,  /* it is not refined for a neighbour's sake, 2:1 apart */
  AMR_WISH_NEAR = 8,    /* cells of a hot leaf come near it, and it is coarser than that leaf will be; HELD, too */
  AMR_WISH_HELD = 16,   /* it must not coarsen: a hot leaf's cells come near it, or are its same-level neighbour's */
  AMR_WISH_RAISED = 32, /* a region wants it finer */
  AMR_WISH_KEPT = 64    /* a region wants it as fine as it is */
} amr_wish_bit;

/* What is known of n leaves. near[i], bit s: a hot cell of the leaf is near its neighbour at slot s; the middle one: it has hot cells.
 * vetoed, least: NULL where there are none; least: the level that regions want of a leaf, -1: none. */
typedef struct {
  const uint32_t *near;
  const uint8_t *calm, *vetoed;
  const int8_t *least;
} amr_wished;

/* What n leaves from `first` on wish of themselves and of those around them: wishes[f->n], all of it written. */
void amr_wish(const amr_forest *f, int max_level, ptrdiff_t first, ptrdiff_t n, const amr_wished *of, uint8_t *wishes);

/* flags[i] := what can be done of the flags -1, 0, +1 in place; the forest is 2:1 balanced. Every refinement below max_level is kept and
 * those that 2:1 needs are added, the fewest possible. A coarsening is kept when all siblings ask for it and no leaf beside their parent
 * ends more than one level finer. work: 2 n entries. */
void amr_balance_flags(const amr_forest *f, int max_level, int8_t *flags, int32_t *work);

/* flags, cause [n] from the wishes of all ranks, combined: a leaf refines where it is hot, where the cells of a hot leaf come near it and it is
 * coarser than that leaf will be, or where a region wants it. It coarsens where it is calm, not held, no region forbids it and amr_balance_flags
 * keeps the flag. work: 2 n entries; before: n entries. */
void amr_mark(const amr_forest *f, int max_level, const uint8_t *wishes, int8_t *flags, uint8_t *cause, int32_t *work,
              int8_t *before);

#endif
