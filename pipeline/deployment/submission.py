"""Starts or schedules a compiled pipeline by the clients of Kubeflow Pipelines and Vertex AI themselves.

The clients are imported only here, since they take seconds.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import GateError, UserError
from pipeline.deployment.target import Target

_MOST_SECONDS = 7 * 24 * 3600  # that --wait waits


@dataclasses.dataclass(frozen=True)
class Submission:
    """What is sent.

    Attributes:
        target: the platform.
        file: the compiled pipeline.
        name: of the pipeline and of the experiment.
        parameters: the values of runtime parameters that are not the defaults.
        host: the address of Kubeflow Pipelines.
        schedule: a cron expression, to start it again and again; None to start it once.
        wait: whether to wait until the run has ended.
    """

    target: Target
    file: Path
    name: str
    parameters: Mapping[str, Any]
    host: str | None = None
    schedule: str | None = None
    wait: bool = False

    def __post_init__(self) -> None:
        """Checks that the place is given.

        Raises:
            UserError: it is not.
        """
        if self.target.platform == "kubeflow" and not self.host:
            raise UserError("--submit to Kubeflow Pipelines needs its address. Give it like --host http://HOST:8888.")
        if self.target.platform == "vertex" and not (self.target.project and self.target.region):
            raise UserError("--submit to Vertex AI needs the project and the region. Give --project and --region.")
        fields = len((self.schedule or "* * * * *").split())
        if fields != 5:
            raise UserError(
                f"--schedule {self.schedule!r} has {fields} fields, expected minute, hour, day of the month, month and "
                "day of the week. Write it like --schedule '0 6 * * *'."
            )

    def describe(self) -> dict[str, Any]:
        """Returns what would be sent, as JSON values."""
        place = {"host": self.host} if self.host else {"project": self.target.project, "region": self.target.region}
        return {
            **place,
            "pipeline": str(self.file),
            "experiment" if self.host else "display_name": self.name,
            "pipeline_root": self.target.pipeline_root,
            "parameters": dict(self.parameters),
            "schedule": self.schedule,
        }

    def send(self) -> str:
        """Sends it; returns a line that says what was started.

        Raises:
            UserError: the platform cannot be reached, or refuses.
            GateError: the run that was waited for has failed.
        """
        return self._send_to_kubeflow() if self.target.platform == "kubeflow" else self._send_to_vertex()

    def _send_to_kubeflow(self) -> str:
        import kfp
        import kfp_server_api
        import urllib3

        try:
            client = kfp.Client(host=self.host)
            if self.schedule:
                experiment = client.create_experiment(self.name)
                run = client.create_recurring_run(
                    experiment.experiment_id,
                    job_name=self.name,
                    cron_expression=f"0 {self.schedule}",  # Kubeflow's first field is the second
                    pipeline_package_path=str(self.file),
                    params=dict(self.parameters),
                    pipeline_root=self.target.pipeline_root,
                )
                return f"scheduled: recurring run {run.recurring_run_id} at {self.host}"
            run = client.create_run_from_pipeline_package(
                str(self.file),
                arguments=dict(self.parameters),
                experiment_name=self.name,
                pipeline_root=self.target.pipeline_root,
            )
            if self.wait:
                ended = client.wait_for_run_completion(run.run_id, _MOST_SECONDS)
                if ended.state != "SUCCEEDED":
                    raise GateError(f"Run {run.run_id} at {self.host} ended as {ended.state}. Its steps have the logs.")
        except urllib3.exceptions.HTTPError as error:
            raise UserError(
                f"Kubeflow Pipelines cannot be reached at {self.host}: {_short(getattr(error, 'reason', error))}. Is "
                "the address right, and the service up? From outside, kubectl port-forward makes it reachable."
            ) from None
        except kfp_server_api.ApiException as error:
            hint = " Are the credentials right?" if error.status in (401, 403) else ""
            raise UserError(f"{self.host} refused: {error.status} {error.reason}.{hint}") from None
        return f"{'ended' if self.wait else 'started'}: run {run.run_id} at {self.host}"

    def _send_to_vertex(self) -> str:
        from google.api_core import exceptions
        from google.auth import exceptions as auth
        from google.cloud import aiplatform

        try:
            aiplatform.init(project=self.target.project, location=self.target.region)
            job = aiplatform.PipelineJob(
                display_name=self.name,
                template_path=str(self.file),
                pipeline_root=self.target.pipeline_root,
                parameter_values=dict(self.parameters),
            )
            if self.schedule:
                schedule = job.create_schedule(cron=self.schedule, display_name=self.name)
                return f"scheduled: {schedule.resource_name}"
            job.submit()
            if self.wait:
                job.wait()
        except (auth.DefaultCredentialsError, auth.RefreshError) as error:
            raise UserError(
                f"There are no credentials for Google Cloud: {_short(error)}. Run `gcloud auth application-default "
                "login`, or name a key in GOOGLE_APPLICATION_CREDENTIALS."
            ) from None
        except (exceptions.GoogleAPIError, auth.GoogleAuthError, ValueError) as error:
            raise UserError(
                f"Vertex AI in {self.target.region} cannot be reached, or refused: {_short(error)}. Check --project, "
                "--region, and the rights of the account."
            ) from None
        except RuntimeError as error:  # what aiplatform raises where the job has failed
            raise GateError(f"The run has failed: {_short(error)}. Its steps have the logs.") from None
        return f"{'ended' if self.wait else 'started'}: {job.resource_name}"


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
