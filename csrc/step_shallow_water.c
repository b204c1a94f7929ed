/* Shallow water: step kernel and pointwise functions. */
#include "physics_shallow_water.h"
#define AMR_PHYSICS shallow_water
#include "step_body.h"
#include "physics_row.h"
