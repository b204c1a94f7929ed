"""Elliptic and implicit problems on the composite mesh, solved by PETSc: the only importer of petsc4py, when it is needed."""
