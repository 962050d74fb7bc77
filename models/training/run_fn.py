"""Defines TFX's `run_fn`: trains the model, and writes the served model and the report of the Trainer."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core import digests, examples, storage
from core.config.sections import Train
from core.spec import Input, Spec
from models import families
from models.evaluation import metrics
from models.preprocessing.rows import TransformedRows
from models.preprocessing.transform_graph import TransformGraph
from models.serving import export, made_rows
from models.trained import Predict, WarmStart
from models.training import calibration, dataset, ensemble, member_costs, warm_start, workers
from models.training import fn_args as fn_args_reader
from models.training.ensemble import Member

_EXPECTED_ROWS = 1_000  # rows that the ServingValidator compares


def run_fn(fn_args: Any) -> None:
    """Trains the model and writes the outputs of the stage. TFX calls it.

    The served model goes to `fn_args.serving_model_dir`. The folder `fn_args.model_run_dir` gets TensorBoard's logs,
    `report.json`, and `expected.parquet`: rows of eval and rows made of them, with the predictions of the model in
    memory in the column `examples.PREDICTION`.
    """
    workers.check_one()
    spec, options, graph = fn_args_reader.read(fn_args, Train)
    folder = pathlib.Path(fn_args.model_run_dir)
    allocator = dataset.ArrayAllocator(directory=fn_args.model_run_dir)
    eval_uri = fn_args_reader.split_uri(fn_args.eval_files)
    train = dataset.load(fn_args_reader.split_uri(fn_args.train_files), graph, allocator=allocator)
    validation = dataset.load(eval_uri, graph, allocator=allocator)
    members = _members(fn_args, graph)
    backup = _backup(fn_args, members)
    beginning, said = _beginning(fn_args.custom_config.get("champion", ""), spec, graph.inputs, members[0])
    training = _Training(spec, graph.inputs, train, validation, options, folder, backup, beginning)
    predictor, report = training.run(members, member_costs.limits(fn_args, graph))
    report["warm_start"] = said
    export.save(fn_args.serving_model_dir, spec, graph, predictor)
    family = families.NAMES[spec.family]
    if family and family.build:
        inputs = beginning.inputs if beginning else graph.inputs
        warm_start.save(
            fn_args.serving_model_dir, spec.family, members[0].hyperparameters, spec.label, inputs, predictor
        )
    _write_expected(folder / "expected.parquet", eval_uri, graph, predictor)
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    for file in storage.glob(f"{backup}*") if backup else ():
        storage.remove(file)


def _backup(fn_args: Any, members: Sequence[Member]) -> str | None:
    """Returns the start of the paths of backups, which only this very training finds again; None for none."""
    folder = fn_args.custom_config.get("backup")
    identity = [fn_args.custom_config, fn_args.train_files, fn_args.eval_files, fn_args.transform_graph_path]
    described = [member.to_json() for member in members]
    return f"{folder}/{digests.of_values(*identity, described)}" if folder else None


def _beginning(champion: str, spec: Spec, inputs: tuple[Input, ...], member: Member) -> tuple[WarmStart | None, str]:
    """Returns what the training begins with, and that in words; None and why where it begins anew.

    Args:
        champion: the folder of a version that was trained on other data; empty for none.
        spec: the spec.
        inputs: the inputs of the model.
        member: the only member; any of an ensemble, which begins anew.
    """
    if not champion:
        return None, ""
    found, reason = warm_start.of(champion, families.NAMES[spec.family], member.hyperparameters, spec, inputs)
    version = f"version {pathlib.Path(champion).name}"
    return found, f"not from the weights of {version}: {reason}" if reason else f"from the weights of {version}"


def _members(fn_args: Any, graph: TransformGraph) -> list[Member]:
    """Returns what is to be trained: the ensemble that the Tuner selected, or the one family of the spec."""
    spec = graph.spec
    if spec.family == families.AUTO:
        return ensemble.load(fn_args.base_model, graph.inputs)
    tuned = (fn_args.hyperparameters or {}).get("values", {})
    hyperparameters = families.FAMILIES[spec.family].defaults({**tuned, **spec.hyperparameters})
    return [Member(spec.family, 1.0, hyperparameters)]


@dataclasses.dataclass(frozen=True)
class _Training:
    """What the training of every member has in common."""

    spec: Spec
    inputs: tuple[Input, ...]
    train: TransformedRows
    validation: TransformedRows
    options: Train
    folder: pathlib.Path
    backup: str | None = None
    beginning: WarmStart | None = None

    def run(self, members: Sequence[Member], limits: np.ndarray | None) -> tuple[keras.Model, dict[str, Any]]:
        """Returns the final model and its report, whose metrics are those of models that have not seen validation."""
        task, rows = self.spec.label.task, self.validation
        trained = self._complete(members, limits)
        found = Predict(ensemble.combine(trained, self.inputs))(rows.features)
        temperature = 1.0
        if self.spec.family == families.AUTO:
            temperature = calibration.temperature(task, rows.labels, found, rows.weights)
        if temperature != 1:
            found = calibration.scaled(found, temperature)
        final = trained if self.options.refit == "never" else self._refit(trained)
        predictor = ensemble.combine(final, self.inputs, temperature)
        measured = metrics.compute(task, rows.labels, found, rows.weights)
        return predictor, _report(final, predictor, temperature, measured)

    def _complete(self, members: Sequence[Member], limits: np.ndarray | None) -> list[Member]:
        """Returns the members, all of them trained.

        Where some were not, the weights were those of models of fewer rows: they are selected again. So they are where
        `serve` has limits, for which the Tuner has not measured models of fewer rows.
        """
        missing = [member for member in members if member.trained is None]
        complete = [member if member.trained else self._fit(number, member) for number, member in enumerate(members, 1)]
        if len(members) == 1 or not (missing or limits is not None):
            return complete
        return ensemble.reweighted(self.spec.label.task, complete, self.validation, limits)

    def _fit(self, number: int, member: Member) -> Member:
        folder = self.folder if member.weight == 1 else self.folder / f"{number}-{member.family}"
        board = keras.callbacks.TensorBoard(folder, write_graph=False)
        family = families.FAMILIES[member.family]
        given = (self.spec, self.inputs, member.hyperparameters, self.train, self.validation, self.options)
        of_networks: dict[str, Any] = {"backup": f"{self.backup}-{number}.npz"} if family.build and self.backup else {}
        if self.beginning:
            of_networks["warm_start"] = self.beginning
        trained = family.fit(*given, callbacks=[board], **of_networks)
        return dataclasses.replace(member, trained=trained, hyperparameters=trained.hyperparameters)

    def _refit(self, members: Sequence[Member]) -> list[Member]:
        """Returns the members, of which those for which it pays are trained again on train and validation.

        A network takes as long again, for which the search of an ensemble has no time: `auto` leaves it as it is there.
        """
        again = []
        for member in members:
            family = families.FAMILIES[member.family]
            pays = family.auto_refit and (len(members) == 1 or not family.build)
            if family.refit and (pays or self.options.refit == "always"):
                given = (self.spec, self.inputs, member.trained, self.train, self.validation, self.options)
                begun = {"warm_start": self.beginning} if self.beginning else {}
                member = dataclasses.replace(member, trained=family.refit(*given, **begun))
            again.append(member)
        return again


def _write_expected(path: pathlib.Path, split_uri: str, graph: TransformGraph, predictor: keras.Model) -> None:
    raw = examples.read(examples.row_groups(split_uri)[0]).slice(0, _EXPECTED_ROWS)
    predict = Predict(predictor)
    raw = made_rows.add(raw, graph.spec.features, made_rows.bases(predict(graph(raw))))
    predictions = predict(graph(raw))
    column = pa.array(list(predictions.reshape(raw.num_rows, -1)), pa.list_(pa.from_numpy_dtype(predictions.dtype)))
    pq.write_table(pa.Table.from_batches([raw]).append_column(examples.PREDICTION, column), path)


def _report(
    members: Sequence[Member], predictor: keras.Model, temperature: float, measured: dict[str, float]
) -> dict[str, Any]:
    only = members[0].trained if len(members) == 1 else None
    times = [member.trained.time for member in members if member.trained and member.trained.time]
    return {
        "family": members[0].family if only else "ensemble",
        "hyperparameters": only.hyperparameters if only else {},
        "members": [member.to_json() for member in members],
        "temperature": temperature,
        "parameters": predictor.count_params(),
        "epochs": only.epochs if only else None,
        "trees": only.trees if only else None,
        "history": only.history if only else {},
        "execution": only.execution if only else "",
        "time": dataclasses.asdict(max(times, key=lambda time: time.seconds)) if times else None,
        "metrics": {"eval": measured},
    }
