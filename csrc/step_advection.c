/* Linear advection with a constant velocity: step kernel and pointwise functions. */
#include "physics_advection.h"
#define AMR_PHYSICS advection
#include "step_body.h"
#include "physics_row.h"
