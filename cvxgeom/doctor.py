"""What is installed here, which implementation of the ops runs and why, and how to get what is missing."""

import importlib
import importlib.metadata
import os
import platform
import sys
from dataclasses import asdict, dataclass
from typing import Any

from . import __version__

CORE = (
    "torch",
    "numpy",
    "scipy",
    "trimesh",
    "scikit-image",
    "manifold3d",
    "pillow",
    "jaxtyping",
    "rich",
    "safetensors",
)

# package -> (extra that installs it, what it is for)
OPTIONAL = {
    "triton": ("gpu", "the ops on CUDA devices"),
    "embreex": ("render", "the input mesh in pictures, rays against meshes"),
    "pyrender": ("render", "pictures of meshes in data sets"),
    "OpenEXR": ("render", "depth maps in .exr files"),
    "tensorboard": ("train", "curves of a training run"),
    "h5py": ("train", "data sets in one file"),
    "ray": ("cluster", "data sets made by several machines"),
    "coacd": ("bench", "another decomposition to compare with"),
    "mujoco": ("simulation", "a simulator that checks an export"),
    "usd-core": ("simulation", "checks an export to USD"),
    "yourdfpy": ("simulation", "checks an export to URDF"),
    "pytest": ("dev", "the tests"),
    "beartype": ("dev", "checked annotations in the tests"),
}


@dataclass(frozen=True)
class Package:
    """One package: its installed version (None: not installed), the extra it belongs to, and what it is for."""

    name: str
    version: str | None
    extra: str | None
    purpose: str


@dataclass(frozen=True)
class Diagnosis:
    """The state of an installation.

    Args:
        versions: of cvxgeom, Python and the platform, in words.
        packages: core packages first, then the optional ones.
        device: what torch computes on, in words; None if torch does not import.
        backends: each implementation of the ops with a sentence that says whether it runs, and why.
        problems: a sentence for each thing that keeps the core from working; empty is healthy.
        advice: a sentence for each optional piece that is missing, with the command that installs it.
    """

    versions: dict[str, str]
    packages: tuple[Package, ...]
    device: str | None
    backends: dict[str, str]
    problems: tuple[str, ...]
    advice: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        return asdict(self)


def diagnose() -> Diagnosis:
    """Look at the installation; nothing is changed, and nothing missing or broken raises.

    Returns:
        What was found.

    Example:
        >>> report = diagnose()
        >>> report.problems
        ()
        >>> "reference" in report.backends
        True
    """
    packages = [Package(name, _version(name), None, "core") for name in CORE]
    packages += [Package(name, _version(name), extra, purpose) for name, (extra, purpose) in OPTIONAL.items()]
    problems = [f"{p.name} is missing: pip install cvxgeom" for p in packages if not (p.extra or p.version)]
    device, backends = None, {}
    try:
        device = _device()
        backends = importlib.import_module("cvxgeom.ops").available_backends()
    except Exception as error:  # a broken binary may raise anything while it is imported
        problems.append(f"the core does not import: {type(error).__name__}: {error}")
    lacking: dict[str, list[Package]] = {}
    for package in packages:
        if package.extra and package.version is None:
            lacking.setdefault(package.extra, []).append(package)
    advice = [
        f"{', '.join(f'{p.name} ({p.purpose})' for p in group)}: {install_command(extra)}"
        for extra, group in lacking.items()
    ]
    versions = {
        "cvxgeom": __version__,
        "Python": platform.python_version(),
        "platform": platform.platform(),
        "executable": sys.executable,
    }
    return Diagnosis(versions, tuple(packages), device, backends, tuple(problems), tuple(advice))


def install_command(extra: str) -> str:
    """The command that installs an extra.

    Example:
        >>> install_command("render")
        'pip install "cvxgeom[render]"'
    """
    return f'pip install "cvxgeom[{extra}]"'


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device() -> str:
    torch = importlib.import_module("torch")
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda}), and the CPU"
    reason = "this torch is built without CUDA" if torch.version.cuda is None else "no CUDA device is visible"
    return f"CPU, {torch.get_num_threads()} threads of {os.cpu_count()} cores ({reason})"
