"""Formula trees → derivatives → Programs. The only importer of sympy."""
