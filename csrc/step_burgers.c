/* Burgers' equation: step kernel and pointwise functions. */
#include "physics_burgers.h"
#define AMR_PHYSICS burgers
#include "step_body.h"
#include "physics_row.h"
