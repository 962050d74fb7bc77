"""Declares the sections of the configuration: the default, the range and the meaning of each setting."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from core.config.types import (
    Amount,
    Column,
    Count,
    CountOrZero,
    Positive,
    Section,
    Seed,
    Share,
    Slices,
    Texts,
    check_dotted_path,
)
from core.spec import Payload, Unit

Role = Literal["numeric", "categorical", "text", "timestamp", "ignore"]


class Csv(Section):
    """The dialect of CSV files; null: detected from the first file."""

    delimiter: Annotated[str, Field(min_length=1, max_length=4)] | None = None
    """the text between two fields of a row"""
    quote: Annotated[str, Field(max_length=1)] | None = None
    """the character around a field that contains delimiters or line ends; empty for none"""
    escape: Annotated[str, Field(max_length=1)] | None = None
    """the character before a quote inside a quoted field"""
    header: bool | None = None
    """whether the first row holds the names of the columns"""
    decimal: Literal[".", ","] | None = None
    """the decimal separator"""
    encoding: Annotated[str, Field(min_length=1)] | None = None
    """the name of a Python codec, such as latin-1"""
    nulls: Texts | dict[str, Texts] | None = None
    """the texts that mean a missing value, beside the empty field: a list for all columns, or lists by column"""
    date_format: str | None = None
    """how dates and times are written, such as %d/%m/%Y; null: ISO 8601"""


class Data(Section):
    """The table."""

    files: Annotated[Texts, Field(min_length=1)]
    """paths, globs, {SPAN} or {YYYY}-{MM}-{DD} patterns, or package:NAME/PATH inside an installed package"""
    spans: Count = 1
    """the number of the newest spans, or days, that are read as one table"""
    query: str | None = None
    """SQL over the files, which are its table `data`; null: all rows"""
    format: str | None = None
    """the format of the files; null: by their names"""
    hive: Texts | None = None
    """the columns that the names of folders hold, such as year in year=2024/; null: those that the folders of all files
    name, that the files do not hold, and that a glob matches or the files differ in"""
    on_bad_rows: Literal["stop", "quarantine"] = "stop"
    """whether a row that cannot be read stops the run, or is written to rejects.parquet and counted"""
    max_bad_rows: Share = 0.001
    """the largest share of rows that may be put aside"""
    memory: Amount = "1GB"
    """the memory limit of DuckDB"""
    csv: Csv = Csv()
    """the dialect of CSV files, where it is not detected"""


class Fractions(Section):
    """The share of the rows in each split; together they are 1."""

    train: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """the share of train"""
    eval: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """the share of eval, for early stopping and the search"""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """the share of test, for the Evaluator alone"""

    @model_validator(mode="after")
    def _add_up(self) -> "Fractions":
        total = self.train + self.eval + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the fractions add up to {total:g}, expected 1. Set all of train, eval and test.")
        return self


class Split(Section):
    """The split of the rows into train, eval and test."""

    by: Literal["hash", "time", "group", "column"] = "hash"
    """hash of the row or of `column`; time: the latest rows are test; group: rows with the same value of `column` stay
    together; column: it holds train, eval or test"""
    column: Column | None = None
    """the column that `by` refers to"""
    fractions: Fractions = Fractions()
    """the share of each split; not used with `by: column`"""
    seed: Seed = 0
    """another number gives other splits by hash and by group"""

    @model_validator(mode="after")
    def _has_column(self) -> "Split":
        if self.by != "hash" and self.column is None:
            raise ValueError(f"`by: {self.by}` needs a column. Add `column: NAME` to split.")
        return self


class FeatureOptions(Section):
    """The options of one column; null: inferred. A role alone, such as `zip: categorical`, is short for its kind."""

    kind: Role | None = None
    """the role"""
    type: Payload | None = None
    """the type in Examples"""
    unit: Unit | None = None
    """timestamps that are whole numbers: their unit since 1970-01-01 UTC"""
    repeated: bool | None = None
    """whether a row may hold several values"""
    vocabulary: Count | None = None
    """categorical: the number of values with an index each, while the others share hash buckets; null: 10,000"""
    buckets: Annotated[Count, Field(ge=2, le=1000)] | None = None
    """numeric: the number of quantile bins of the model's encodings; null: 48"""
    also_numeric: bool | None = None
    """categorical whole numbers: whether their amount is an input too; null: where the label does not rule it out"""

    @model_validator(mode="before")
    @classmethod
    def _bare_role(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _amounts_of_categories(self) -> "FeatureOptions":
        if self.also_numeric and self.kind not in (None, "categorical"):
            raise ValueError(f"also_numeric is for categorical columns; the kind of this one is {self.kind}")
        return self


class Statistics(Section):
    """The statistics of the splits, from which the transform graph takes its constants."""

    quantiles: Annotated[Count, Field(ge=2, le=10_000)] = 48
    """the number of quantile buckets of a numeric feature"""
    top_values: Count = 10_000
    """the number of most frequent values of a category that are counted"""
    slices: Slices = ()
    """lists of columns by whose values the statistics are also computed, such as [[city], [city, zip]]"""


class Limits(Section):
    """A limit for all features, and others for those named; null: not checked."""

    default: Positive | None = None
    """the limit of the features that are not named"""
    features: dict[str, Positive | None] = {}
    """the limits of single features"""


class Validate(Section):
    """The conditions under which the data stop a run."""

    drift: Limits = Limits()
    """the largest distance to the statistics of the served model, or of the last validated data"""
    skew: Limits = Limits()
    """the largest distance of eval and test from train"""
    max_leaked_rows: Share | None = None
    """the largest share of test rows that may also be in train; null: any"""


class Model(Section):
    """The model that is trained."""

    family: str = "auto"
    """the model family; auto: an ensemble of the best ones"""
    hyperparameters: dict[str, Any] = {}
    """fixed hyperparameters, which the search does not change"""


_TRIALS_IN_TIME = 50


class Tune(Section):
    """The search for hyperparameters, which compares trials on eval."""

    minutes: Positive | Literal["auto"] = "auto"
    """the time of the search; auto: any; with family auto 1 s for each 1,000 rows, from 15 s to 5 minutes"""
    trials: CountOrZero = 4
    """the largest number of trials, with family auto beside one of each; 0: the defaults; 50 where minutes are given"""
    algorithm: str = "screen_bayesian"
    """the algorithm that proposes the next trial"""
    epochs: Count = 5
    """the largest number of epochs of one trial"""
    max_rows: Count = 50_000
    """the largest number of rows of train, and of eval, in a trial"""
    seed: Seed = 0
    """the seed of the proposals and of each trial"""

    @model_validator(mode="before")
    @classmethod
    def _time_decides(cls, values: Any) -> Any:
        """Lets a given time end the search, and not the default number of trials."""
        if isinstance(values, dict) and values.get("minutes", "auto") != "auto":
            return {"trials": _TRIALS_IN_TIME, **values}
        return values


class Train(Section):
    """The training of the final model, with early stopping on eval."""

    epochs: Count = 60
    """the largest number of epochs; large tables need fewer"""
    batch_size: Count | None = None
    """rows per step over all devices; null: by the number of rows"""
    patience: Count = 4
    """training stops after so many epochs without a lower loss on eval"""
    learning_rate: Positive | None = None
    """replaces the hyperparameter of that name"""
    refit: Literal["auto", "always", "never"] = "auto"
    """whether models are trained again on train and eval, as many trees or epochs as were best on eval; auto: trees,
    and tabm where it is the only model"""
    warm_start: bool = False
    """networks of one family: whether they begin with the weights of the stable version, if that was trained on other
    data; where new data come month by month, it was worse on the next month"""
    class_weights: Literal["balanced"] | None = None
    """balanced: each class counts the same in the loss, however rare it is; null: each row counts by its weight"""
    noise: Annotated[float, Field(ge=0)] = 0.0
    """networks: the deviation of random noise on the numbers of training rows, in standard deviations of each"""
    swap_noise: Share = 0.0
    """networks: the share of the values of training rows that are swapped with those of other rows"""
    mixup: Annotated[float, Field(ge=0)] = 0.0
    """networks: training rows are mixed with others by shares of the distribution Beta(mixup, mixup), such as 0.2"""
    augmentation: Annotated[str, AfterValidator(check_dotted_path)] | None = None
    """networks: the dotted path of a function(features, inputs, seed) that returns changed features of a training
    batch, by tf operations on packed tensors"""
    mixed_precision: Literal["auto"] | bool = "auto"
    """networks: whether steps are computed in 16 bits; auto: on GPUs with tensor cores, never on a processor"""
    jit_compile: Literal["auto"] | bool = "auto"
    """networks: whether XLA compiles the step; auto: on GPUs, where a measurement shows a gain"""
    steps_per_execution: Count | Literal["auto"] = "auto"
    """networks: about so many steps run at once; auto: 32, or in long trainings by a measurement; the result is the
    same"""
    seed: Seed = 0
    """the seed of the initial weights, the dropout and the order of the rows"""

    def replacing(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns hyperparameters, of which this section replaces the learning rate where it names one."""
        return {**hyperparameters, **({} if self.learning_rate is None else {"learning_rate": self.learning_rate})}


class MetricLimits(Section):
    """The limits of a metric on test, and on each slice with at least 100 rows."""

    min: float | None = None
    """the least value on test"""
    max: float | None = None
    """the greatest value on test"""
    slice_min: float | None = None
    """the least value on every slice"""
    slice_max: float | None = None
    """the greatest value on every slice"""

    @model_validator(mode="after")
    def _has_limit(self) -> "MetricLimits":
        if all(limit is None for limit in (self.min, self.max, self.slice_min, self.slice_max)):
            raise ValueError("a gate without limits. Give it `min`, `max`, `slice_min` or `slice_max`.")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}, so nothing can pass. Exchange them.")
        return self


class Evaluate(Section):
    """The evaluation on test."""

    slices: Slices = ()
    """lists of columns by whose values the metrics are also computed, such as [[city], [city, zip]]"""
    gates: dict[str, MetricLimits] = {}
    """the limits of metrics, such as {auc: {min: 0.7}}, beside those of the baselines"""
    sensitive: Slices = ()
    """lists of columns by whose values people could be treated unfairly; each group is compared with all other rows"""
    max_gaps: dict[str, Positive] = {}
    """the largest difference between a sensitive group and the others, beyond chance, in a metric or in positive_rate,
    true_positive_rate or false_positive_rate"""

    @model_validator(mode="after")
    def _gaps_have_groups(self) -> "Evaluate":
        if self.max_gaps and not self.sensitive:
            raise ValueError("max_gaps are given without groups. Name the columns of the groups in `sensitive`.")
        return self

    @property
    def all_slices(self) -> tuple[tuple[str, ...], ...]:
        """The slices, those of the sensitive groups included, each once."""
        return tuple(dict.fromkeys((*self.slices, *self.sensitive)))
