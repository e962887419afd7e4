"""Training runs by name, for the models of the same names."""

from .config import TrainConfig

PRESETS: dict[str, TrainConfig] = {
    # As in the paper: 20 views as channels in their order, which the encoder takes without cameras; so nothing moves.
    "paper-depth": TrainConfig(
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
    ),
    "paper-rgb": TrainConfig(
        steps=800_000,
        batch_size=32,
        learning_rate=1e-4,
        warmup=0,
        final_fraction=1.0,
        ema_decay=0.999,
        inputs="rgb",
        views=(1, 1),
        yaw="none",
        mirror=False,
        scale=(1.0, 1.0),
        checkpoint_every=5000,
        validate_every=20_000,
        workers=8,
    ),
}
