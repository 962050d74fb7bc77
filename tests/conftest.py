"""The process environment of every test, set before anything imports TensorFlow, and how long a property may take."""

import os

import hypothesis

# tensorflow_transform turns an unset variable into 1, and tf.keras is then Keras 2 without a word.
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several test processes share a GPU.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

# How long one example takes says how busy the machine is; a whole test has pytest's timeout. In CI the examples are the
# same in every run, so that a red one is the change's doing.
hypothesis.settings.register_profile("skewless", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("skewless")
