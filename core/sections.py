"""The sections of the configuration, each a frozen model with its defaults. What a section means is said here, once."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from core.fields import Column, Count, CountOrNone, Positive, Section, Seed, Share, Slices, Texts, check_amount
from core.spec import Payload, Unit

Role = Literal["numeric", "categorical", "text", "timestamp", "ignore"]


class Csv(Section):
    """How CSV files are written, where looking at them is not enough."""

    delimiter: Annotated[str, Field(min_length=1, max_length=4)] | None = None
    quote: Annotated[str, Field(max_length=1)] | None = None
    escape: Annotated[str, Field(max_length=1)] | None = None
    header: bool | None = None
    decimal: Literal[".", ","] | None = None
    encoding: Annotated[str, Field(min_length=1)] | None = None
    nulls: Texts | None = None
    date_format: str | None = None


class Data(Section):
    """Where the rows are.

    Attributes:
        files: paths, globs, `{SPAN}` or `{VERSION}` patterns, or `package:NAME/PATH` inside an installed package.
        spans: how many of the newest spans, or days, are read.
        query: SQL that makes the table out of `data`, the rows of the files.
        format: what the files are; by their names where not given.
        on_bad_rows: whether a row that cannot be read stops the run or is kept aside and counted.
        max_bad_rows: the largest share of rows that may be kept aside.
        memory: how much memory DuckDB may use.
        csv: the dialect, where it cannot be found out.
    """

    files: Annotated[Texts, Field(min_length=1)]
    spans: Count = 1
    query: str | None = None
    format: str | None = None
    on_bad_rows: Literal["stop", "quarantine"] = "stop"
    max_bad_rows: Share = 0.001
    memory: Annotated[str, AfterValidator(check_amount)] = "1GB"
    csv: Csv = Csv()


class Fractions(Section):
    """The share of rows that each split gets. They add up to 1."""

    train: Annotated[float, Field(gt=0, lt=1)] = 0.8
    eval: Annotated[float, Field(gt=0, lt=1)] = 0.1
    test: Annotated[float, Field(gt=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _add_up(self) -> "Fractions":
        total = self.train + self.eval + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the fractions add up to {total:g}, expected 1. Set all of train, eval and test.")
        return self


class Split(Section):
    """How rows get to train, eval and test.

    Attributes:
        by: `hash` of the row, or of `column` where one is given; `time`: the latest rows by `column` are test; `group`:
            rows that share a value of `column` stay together; `column`: it holds train, eval or test.
        column: the column that `by` speaks of.
        fractions: the share of each split; not used when `by` is `column`.
        seed: another number gives other splits by hash and group.
    """

    by: Literal["hash", "time", "group", "column"] = "hash"
    column: Column | None = None
    fractions: Fractions = Fractions()
    seed: Seed = 0

    @model_validator(mode="after")
    def _has_column(self) -> "Split":
        if self.by != "hash" and self.column is None:
            raise ValueError(f"`by: {self.by}` needs a column. Add `column: NAME` to split.")
        return self


class FeatureOptions(Section):
    """What is known of one column; what is None is inferred. In YAML, a bare role is short for a mapping with its kind.

    Attributes:
        kind: the role.
        type: how Examples hold a value: int, float or text.
        unit: timestamps that are whole numbers: the unit in which they count from 1970-01-01 UTC.
        repeated: whether a row may hold several values.
        vocabulary: categorical: how many of the most frequent values get an index of their own.
        buckets: numeric: how many quantile bins the model's encodings may use.
    """

    kind: Role | None = None
    type: Payload | None = None
    unit: Unit | None = None
    repeated: bool | None = None
    vocabulary: Count | None = None
    buckets: Annotated[Count, Field(ge=2, le=1000)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_role(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


class Statistics(Section):
    """How fine the statistics are: they feed the transform graph and the monitoring."""

    quantiles: Annotated[Count, Field(ge=2, le=10_000)] = 48
    top_values: Count = 10_000
    slices: Slices = ()


class Limits(Section):
    """A limit for all features, and others for those named. A limit of null means: not checked."""

    default: Positive | None = None
    features: dict[str, Positive | None] = {}


class Validate(Section):
    """When the data stop a run.

    Attributes:
        drift: the largest distance between this span's train split and the last one's.
        skew: the largest distance between train and the other splits.
        max_leaked_rows: the largest share of test rows that may also be in train; null for any.
    """

    drift: Limits = Limits()
    skew: Limits = Limits()
    max_leaked_rows: Share | None = None


class Model(Section):
    """Which model is trained: a family, and hyperparameters that the search leaves alone."""

    family: str = "mlp"
    hyperparameters: dict[str, Any] = {}


class Tune(Section):
    """The search for hyperparameters, judged on eval.

    Attributes:
        trials: the largest number of models that are trained; with 0 the defaults are taken.
        algorithm: the algorithm that proposes the next trial.
        epochs: the largest number of epochs of one trial.
        max_rows: the largest number of rows of train, and of eval, that a trial sees.
        seed: the seed of the proposals and of each trial.
    """

    trials: CountOrNone = 4
    algorithm: str = "bayesian"
    epochs: Count = 5
    max_rows: Count = 50_000
    seed: Seed = 0


class Train(Section):
    """The training of the final model.

    Attributes:
        epochs: the largest number of passes over the training rows; large tables need fewer.
        batch_size: rows per step over all devices; null chooses it by the number of rows.
        patience: training stops after so many epochs without a lower loss on eval.
        learning_rate: replaces the hyperparameter of that name.
        seed: the seed of the initial weights, the dropout and the order of the rows.
    """

    epochs: Count = 30
    batch_size: Count | None = None
    patience: Count = 4
    learning_rate: Positive | None = None
    seed: Seed = 0


class Gate(Section):
    """The range in which a metric on test must lie, and that on each slice of 100 rows or more."""

    min: float | None = None
    max: float | None = None
    slice_min: float | None = None
    slice_max: float | None = None

    @model_validator(mode="after")
    def _has_limit(self) -> "Gate":
        if all(limit is None for limit in (self.min, self.max, self.slice_min, self.slice_max)):
            raise ValueError("a gate without limits. Give it `min`, `max`, `slice_min` or `slice_max`.")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}, so nothing can pass. Exchange them.")
        return self


class Evaluate(Section):
    """What is measured on test: by which columns it is also taken apart, and what a model must reach."""

    slices: Slices = ()
    gates: dict[str, Gate] = {}


class Serve(Section):
    """What the served model must keep: its predictions equal the trainer's, and its median latency for one row."""

    max_difference: Positive = 1e-4
    max_p50_ms: Positive | None = None
