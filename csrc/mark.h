/* From what is wanted to flags that can be carried out: buffer, hysteresis, regions, 2:1 balance, and the cause of each.
 *
 * Every rank does this for all leaves from the same values. Nothing is allocated: the caller lends the work space.
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

/* What is known of each leaf. */
typedef struct {
  const uint32_t
      *near; /* bit s: a hot cell of the leaf is near its neighbour at slot s; the middle one: it has hot cells */
  const uint8_t *calm;   /* it would rather be coarser */
  const uint8_t *vetoed; /* it is not refined for a neighbour's sake, 2:1 apart; NULL: none is */
  const int8_t *least;   /* level of the regions that it overlaps, -1: none; NULL: there are no regions */
} amr_wishes;

/* flags[i] := what can be done of the flags -1, 0, +1 in place; the forest is 2:1 balanced. Every refinement below max_level is kept and
 * those that 2:1 needs are added, the fewest possible. A coarsening is kept when all siblings ask for it and no leaf beside their parent
 * ends more than one level finer. work: 2 n entries. */
void amr_balance_flags(const amr_forest *f, int max_level, int8_t *flags, int32_t *work);

/* flags, cause [n]: a leaf refines where it is hot, where the cells of a hot leaf come near it and it is coarser than that leaf will be, or
 * where a region wants it. It coarsens where it is calm, is not the same-level neighbour of a hot leaf nor near its cells, no region
 * forbids it and amr_balance_flags keeps the flag. work: 2 n entries; before: n entries. */
void amr_mark(const amr_forest *f, int max_level, const amr_wishes *wishes, int8_t *flags, uint8_t *cause,
              int32_t *work, int8_t *before);

#endif
