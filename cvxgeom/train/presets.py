"""Training runs by name, for the models of the same names."""

from dataclasses import replace

from .config import TrainConfig

# Ours: an hour or less on two cores. Few shapes, so everything that leaves a shape a shape is done to them.
_FIRST = TrainConfig(
    steps=1200,
    batch_size=16,
    learning_rate=7e-4,
    warmup=100,
    weight_decay=1e-2,
    betas=(0.9, 0.98),
    precision="bfloat16",
    n_uniform=1024,
    n_inside=256,
    n_near=1024,
    views=(1, 20),
    depth_noise=0.01,
    yaw="quarter",
    mirror=True,
    scale=(0.78, 1.28),
    checkpoint_every=100,
    validate_every=400,
)
# Begins with the weights of the first: now what is put outside of the box counts as well.
_SEVERAL_VIEWS = replace(_FIRST, steps=400, learning_rate=5e-4, n_outside=512, validate_every=200)
# Two more turns, which the baselines do not get: with equal steps ours is far ahead already.
_SEVERAL_VIEWS_LONG = replace(_SEVERAL_VIEWS, steps=3000, validate_every=300)
# Begins with weights for several views, which learn what solids are like while more of them can be seen.
_ONE_VIEW = replace(_SEVERAL_VIEWS, steps=1500, views=(1, 1), learning_rate=7e-4, depth_noise=0.005, validate_every=300)
_PICTURE_AND_SOLID = replace(
    _ONE_VIEW, inputs="color", depth_noise=0.0, steps=800, learning_rate=5e-4, n_outside=0, validate_every=400
)
_DEPTH_OF_PICTURES = replace(_PICTURE_AND_SOLID, steps=4500, learning_rate=1e-3, n_uniform=1, n_inside=0, n_near=1)
# Begins with weights for one depth view.
_ONE_PICTURE = replace(
    _ONE_VIEW, inputs="estimated", depth_noise=0.0, steps=600, learning_rate=3e-4, warmup=30, validate_every=150
)

# As in the paper: 20 views as channels in their order, which the encoder takes without cameras; so nothing moves.
_PAPER = TrainConfig(
    steps=800_000,
    batch_size=32,
    learning_rate=1e-4,
    warmup=0,
    final_fraction=1.0,
    ema_decay=0.999,
    views=(20, 20),
    view_choice="first",
    yaw="none",
    mirror=False,
    scale=(1.0, 1.0),
    checkpoint_every=5000,
    validate_every=20_000,
    workers=8,
)

PRESETS: dict[str, TrainConfig] = {
    "furniture-depth20-first": _FIRST,
    "furniture-depth20-second": _SEVERAL_VIEWS,
    "furniture-depth20-third": _SEVERAL_VIEWS_LONG,
    "furniture-depth20": replace(_SEVERAL_VIEWS_LONG, steps=2000),
    "furniture-depth1": replace(_ONE_VIEW, steps=1200, validate_every=150),  # it begins with more steps behind it
    "furniture-rgb1": _ONE_PICTURE,
    "furniture-rgb1-depth-first": _DEPTH_OF_PICTURES,  # its first part alone
    "furniture-rgb1-depth": _DEPTH_OF_PICTURES,  # again: where it ends, training and validation errors are still alike
    "furniture-rgb1-joint": _PICTURE_AND_SOLID,  # both parts at once, after which the first is better
    "occupancy-depth20-first": _FIRST,
    "occupancy-depth20": _SEVERAL_VIEWS,
    "occupancy-depth1": _ONE_VIEW,
    "occupancy-rgb1": _ONE_PICTURE,
    "voxel-depth20-first": _FIRST,
    "voxel-depth20": _SEVERAL_VIEWS,
    "voxel-depth1": _ONE_VIEW,
    "voxel-rgb1": _ONE_PICTURE,
    "paper-depth": _PAPER,
    "paper-rgb": replace(_PAPER, inputs="color", views=(1, 1), view_choice="random"),
}

# Runs whose model is not named as they are.
MODEL_OF = {
    "furniture-depth20-first": "furniture-depth20",
    "furniture-depth20-second": "furniture-depth20",
    "furniture-depth20-third": "furniture-depth20",
    "occupancy-depth20-first": "occupancy-depth20",
    "voxel-depth20-first": "voxel-depth20",
    "furniture-rgb1-depth-first": "furniture-rgb1",
    "furniture-rgb1-depth": "furniture-rgb1",
    "furniture-rgb1-joint": "furniture-rgb1",
}
