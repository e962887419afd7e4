"""Points × convexes → what the losses of a union want to know, in one pass."""

from .op import TrainingIndicators, training_indicators

__all__ = ["TrainingIndicators", "training_indicators"]
