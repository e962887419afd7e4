"""What cvxgeom needs and carries. Tool settings stand in pyproject.toml, exact versions in constraints.txt."""

import re
import runpy
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent
# By its path: importing it as a part of cvxgeom would import torch, which is absent while a wheel is built.
CPU_LIBRARY = runpy.run_path(str(HERE / "cvxgeom" / "ops" / "_build.py"))


class BuildCpuLibrary(build_ext):
    """Compiles the CPU library: plain C++, loaded by ctypes, so it depends on neither Python's nor torch's version."""

    def get_ext_filename(self, fullname: str) -> str:
        """The library's own name, without the tag of a Python version."""
        return str(Path(*fullname.split(".")[:-1], CPU_LIBRARY["LIBRARY"]))

    def build_extension(self, ext: Extension) -> None:
        """Compile, or say why not: without the library the reference implementation runs."""
        try:
            CPU_LIBRARY["build"](Path(self.get_ext_fullpath(ext.name)).resolve(), HERE / "cvxgeom")
        except CPU_LIBRARY["BuildError"] as error:
            sys.stderr.write(f"cvxgeom: no CPU library, the plain PyTorch reference will run: {error}\n")


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
    package_data={
        "cvxgeom": [
            "py.typed",
            "assets/*",
            "assets/weights/*",
            "_native/*.cpp",
            "_native/*.h",
            "ops/*/*.cpp",
            "ops/*/*.h",
        ]
    },
    ext_modules=[Extension("cvxgeom._native.library", sources=[], optional=True)],
    cmdclass={"build_ext": BuildCpuLibrary},
    python_requires=">=3.10",
    install_requires=[
        "torch>=2.4",
        "numpy>=1.26",
        "scipy>=1.11",
        "trimesh>=4.4,<6",
        "scikit-image>=0.22",
        "manifold3d>=3",
        "pillow>=10.1",
        "jaxtyping>=0.2.34",
        "rich>=13.8,<15",
        "safetensors>=0.4",
    ],
    extras_require={
        # rays against triangle meshes: the input panel of a picture, depth for data sets; depth maps of renderers
        "render": ["embreex>=4.4", "pyrender==0.1.45", "OpenEXR>=3.3"],
        # for views of one's own in a browser, live or as a page without a server: nothing here imports them
        "viewer": ["viser>=1.1,<2", "plotly>=6"],
        "train": ["tensorboard>=2.16", "h5py>=3.10"],
        # datasets made by several machines; needs train and render besides
        "cluster": ["ray>=2.9"],
        # cvxgeom export --check: a simulator, and readers of the other formats
        "simulation": ["mujoco>=4", "usd-core>=24", "yourdfpy>=0.0.56"],
        # the CUDA kernels, where torch brings no Triton; without a GPU their tests run in Triton's interpreter
        "gpu": ["triton>=3.6"],
        "bench": ["coacd", "vhacdx", "pykeops>=2.3", "matplotlib"],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3",
            "hypothesis>=6",
            "beartype>=0.18",
            "lxml",  # reads the .3mf files that we write
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
