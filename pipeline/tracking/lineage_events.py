"""Sends the events of a run and of its stages to OpenLineage: to a server, or to a file with one event a line.

The client of OpenLineage is imported where it is used.
"""

import datetime
import logging
import os
import urllib.parse
from typing import TYPE_CHECKING, Any

from core.config.review import Track
from core.errors import PROJECT, first_cause
from pipeline.config import extras
from pipeline.run.run_folder import LocalContext

if TYPE_CHECKING:
    from pipeline.run.history import Execution

_NAMESPACE = os.environ.get("OPENLINEAGE_NAMESPACE", "skewless")  # of the jobs
_SECONDS = 5  # that a server may take for an event
_RETRIES = 2


def check(track: Track) -> None:
    """Checks, before a run starts, that the client of OpenLineage is installed; does nothing where it is not needed.

    Raises:
        UserError: it is not installed.
    """
    if track.openlineage:
        extras.check("openlineage", "openlineage", f"track.openlineage is {track.openlineage}")


class LineageEvents:
    """The events of one run; none are sent without an address.

    Where one cannot be sent, the run goes on and no other is tried.

    Attributes:
        warning: why an event could not be sent; empty where all were.
    """

    def __init__(self, address: str | None, context: LocalContext):
        """Names the server or the file; opens nothing."""
        self.warning = ""
        self._address = address
        self._context = context
        self._client: Any = None
        self._runs: dict[str, str] = {}

    def started(self, stage: str = "") -> None:
        """Sends that a stage, or without a name the run, has started."""
        self._try("START", stage)

    def stage_ended(self, stage: str, execution: "Execution | None", error: BaseException | None = None) -> None:
        """Sends that a stage has ended: with its inputs and outputs, or with the error that stopped it."""
        self._try("COMPLETE" if execution else _failure(error), stage, execution, error)

    def run_ended(self, pusher: "Execution | None", error: BaseException | None) -> None:
        """Sends that the run has ended: with the execution that pushed its model, or with the error that stopped it."""
        self._try(_failure(error) if error else "COMPLETE", "", pusher, error)

    def _try(
        self, state: str, stage: str, execution: "Execution | None" = None, error: BaseException | None = None
    ) -> None:
        if not self._address or self.warning:
            return
        try:
            self._send(state, stage, execution, error)
        except Exception as unsent:
            logging.exception("An event could not be sent to OpenLineage.")
            self.warning = (
                f"The events of the run were not all sent to OpenLineage at {self._address}: {first_cause(unsent)}. "
                "The result of the run is not affected. The stack trace is in the log."
            )

    def _send(self, state: str, stage: str, execution: "Execution | None", error: BaseException | None) -> None:
        from openlineage.client import OpenLineageClient, event_v2
        from openlineage.client.facet_v2 import job_type_job, set_producer
        from openlineage.client.uuid import generate_new_uuid

        if not self._client:
            set_producer(PROJECT)
            self._client = OpenLineageClient(config={"transport": _transport(str(self._address))})
        run = self._runs.setdefault(stage, str(generate_new_uuid()))
        name = self._context.settings.name
        kind = job_type_job.JobTypeJobFacet("BATCH", "SKEWLESS", "TASK" if stage else "DAG")
        self._client.emit(
            event_v2.RunEvent(
                eventTime=datetime.datetime.now(datetime.UTC).isoformat(),
                run=event_v2.Run(run, self._run_facets(stage, error)),
                job=event_v2.Job(_NAMESPACE, f"{name}.{stage}" if stage else name, {"jobType": kind}),
                eventType=event_v2.RunState(state),
                inputs=self._inputs(stage, execution),
                outputs=_outputs(stage, execution),
            )
        )

    def _run_facets(self, stage: str, error: BaseException | None) -> dict[str, Any]:
        """Returns the run that a stage belongs to, and the error that stopped it."""
        from openlineage.client.facet_v2 import error_message_run, parent_run

        facets: dict[str, Any] = {}
        if stage:
            job = parent_run.Job(_NAMESPACE, self._context.settings.name)
            facets["parent"] = parent_run.ParentRunFacet(parent_run.Run(self._runs[""]), job)
        if error:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(str(error), "Python")
        return facets

    def _inputs(self, stage: str, execution: "Execution | None") -> list[Any]:
        """Returns the artifacts that a stage has read; for the run, and for a stage without artifacts, the files."""
        from openlineage.client import event_v2
        from openlineage.client.facet_v2 import dataset_version_dataset, schema_dataset

        if stage and not execution:
            return []
        if stage and execution and execution.inputs:
            return [event_v2.InputDataset(*_name(artifact.uri)) for artifact in execution.inputs]
        source = self._context.source
        fields = [schema_dataset.SchemaDatasetFacetFields(column.name, column.type) for column in source.columns]
        facets = {
            "schema": schema_dataset.SchemaDatasetFacet(fields),
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(self._context.data_digest),
        }
        return [event_v2.InputDataset(*_name(file), facets=facets) for file in source.files]


def _outputs(stage: str, execution: "Execution | None") -> list[Any]:
    """Returns the artifacts that a stage has written, and the version of the model that it has pushed."""
    from openlineage.client import event_v2
    from openlineage.client.facet_v2 import dataset_version_dataset

    artifacts = execution.outputs if execution else ()
    found = [event_v2.OutputDataset(*_name(artifact.uri)) for artifact in artifacts if stage]
    for artifact in artifacts:
        if pushed := artifact.properties.get("pushed_destination"):
            version = dataset_version_dataset.DatasetVersionDatasetFacet(str(artifact.properties["pushed_version"]))
            found.append(event_v2.OutputDataset(*_name(pushed), facets={"version": version}))
    return found


def _failure(error: BaseException | None) -> str:
    return "ABORT" if isinstance(error, KeyboardInterrupt) else "FAIL"


def _name(uri: str) -> tuple[str, str]:
    """Returns namespace and name of a file or an object, by the naming rules of OpenLineage."""
    parts = urllib.parse.urlsplit(uri)
    return (f"{parts.scheme}://{parts.netloc}", parts.path.removeprefix("/")) if parts.netloc else ("file", uri)


def _transport(address: str) -> dict[str, Any]:
    """Returns the client's settings; others, such as those of TLS, come from its own environment variables."""
    if "://" not in address:
        return {"type": "file", "log_file_path": address, "append": True}
    key = os.environ.get("OPENLINEAGE_API_KEY")
    return {
        "type": "http",
        "url": f"{address.rstrip('/')}/",
        "timeout": _SECONDS,
        "retry": {"total": _RETRIES},
        **({"auth": {"type": "api_key", "apiKey": key}} if key else {}),
    }
