"""What cvxgeom needs and carries. Tool settings stand in pyproject.toml, exact versions in constraints.txt."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def _version() -> str:
    """The version written in the package, read without importing it: torch is absent while a wheel is built."""
    text = (HERE / "cvxgeom" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise RuntimeError("cvxgeom/__init__.py does not state __version__")
    return match.group(1)


def _readme() -> str:
    path = HERE / "README.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


setup(
    name="cvxgeom",
    version=_version(),
    description="Solids as unions of smooth convexes, differentiable and exact",
    long_description=_readme(),
    long_description_content_type="text/markdown",
    author="cvxgeom contributors",
    license="MIT",
    license_files=["LICENSE", "CREDITS.md"],
    packages=find_packages(include=["cvxgeom", "cvxgeom.*"]),
    package_data={"cvxgeom": ["py.typed", "assets/*"]},
    python_requires=">=3.10",
    install_requires=[
        "torch>=2.4",
        "numpy>=1.26",
        "scipy>=1.11",
        "trimesh>=4.4,<6",
        "scikit-image>=0.22",
        "manifold3d>=3",
        "pillow>=10",
        "jaxtyping>=0.2.34",
        "rich>=13.8,<15",
    ],
    extras_require={
        # rays against triangle meshes: the input panel of a picture, depth for data sets
        "render": ["embreex>=4.4", "pyrender==0.1.45"],
        "viewer": ["viser>=1.1,<2", "plotly>=6"],
        "train": ["tensorboard", "h5py", "safetensors", "tyro>=1"],
        "bench": ["libigl", "coacd", "mujoco", "numba", "cvxpylayers"],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3",
            "hypothesis>=6",
            "beartype>=0.18",
            "nbmake>=1.5",
            "ruff",
            "pyright[nodejs]",
        ],
    },
    entry_points={"console_scripts": ["cvxgeom = cvxgeom.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Mathematics",
    ],
)
