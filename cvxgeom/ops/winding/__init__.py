"""Winding numbers of closed triangle meshes on kernels; their definition is `cvxgeom.data.winding`."""
