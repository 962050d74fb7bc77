"""What TFX calls by name. Each part of the work is a module of its own."""

from models.preprocessing import preprocessing_fn
from models.training import run_fn
from models.tuning import tuner_fn

__all__ = ["preprocessing_fn", "run_fn", "tuner_fn"]
