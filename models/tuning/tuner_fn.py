"""Defines TFX's `tuner_fn`, which returns the search of a family, or the one over several of family `auto`."""

import dataclasses
from typing import Any, NamedTuple

from core import digests, examples
from core.config.sections import Train, Tune
from models import families
from models.training import dataset, member_costs, workers
from models.training import fn_args as fn_args_reader
from models.tuning import parallel_trials, time_budget
from models.tuning.auto_search import AutoSearch
from models.tuning.search import Search
from models.tuning.time_budget import TimeBudget


class TunerFnResult(NamedTuple):
    """The result of `tuner_fn` as TFX defines it."""

    tuner: "Search | AutoSearch"
    fit_kwargs: dict[str, Any]


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Returns the search. TFX calls it, and then its method `search`."""
    workers.check_one()
    spec, tune, graph = fn_args_reader.read(fn_args, Tune)
    parallel_trials.check(spec.family)
    train, validation = (
        dataset.load(fn_args_reader.split_uri(files), graph, max_rows=tune.max_rows, seed=tune.seed)
        for files in (fn_args.train_files, fn_args.eval_files)
    )
    identity = [fn_args.custom_config, fn_args.train_files, fn_args.eval_files, fn_args.transform_graph_path]
    name = digests.of_values(identity)
    config = fn_args.custom_config
    options = Train.model_validate_json(config["train"])
    given = (train, validation, tune, name, config["directory"], config["logs"] or None)
    if spec.family != families.AUTO:
        budget = TimeBudget(time_budget.of_one_family(tune.minutes))
        return TunerFnResult(Search(spec, graph.inputs, *given, budget, options), {"verbose": 0})
    rows = sum(group.rows for group in examples.row_groups(fn_args_reader.split_uri(fn_args.train_files)))
    budget = TimeBudget(time_budget.of_several(tune.minutes, rows))
    full = len(train) == rows

    def search(family: str) -> Search:
        of_family = dataclasses.replace(spec, family=family)
        return Search(of_family, graph.inputs, *given, budget, options, several=True, keep=full)

    limits = member_costs.limits(fn_args, graph)
    auto = AutoSearch(search, spec.label.task, validation, tune.trials, budget, limits, rows / len(train))
    return TunerFnResult(auto, {"verbose": 0})
