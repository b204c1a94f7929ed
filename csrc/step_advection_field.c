/* Linear advection in a stored velocity field: step kernel and pointwise functions. */
#include "physics_advection.h"
#define AMR_PHYSICS advection_field
#include "step_body.h"
#include "physics_row.h"
