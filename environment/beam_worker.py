"""Runs a worker of Beam that a cluster starts as a process of its own, without a container.

The cluster gives the name of the worker and the address of its provision service, which knows the rest. Beam's launcher
for containers does the same, and installs packages and writes into the working folder; here all is installed.
"""

import argparse
import os
from collections.abc import Mapping

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import json_format, text_format


def main() -> None:
    """Runs until the cluster ends the worker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--id", required=True, help="the name of the worker")
    parser.add_argument("--provision_endpoint", required=True, help="HOST:PORT of the provision service")
    arguments, _ = parser.parse_known_args()
    os.environ.update(settings(arguments.id, provisions(arguments.provision_endpoint, arguments.id)))
    sdk_worker_main.main([])


def provisions(address: str, worker: str) -> beam_provision_api_pb2.ProvisionInfo:
    """Returns the addresses and the options that the cluster has for a worker."""
    with grpc.insecure_channel(address) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        return service.GetProvisionInfo(request, metadata=[("worker_id", worker)], wait_for_ready=True, timeout=60).info


def settings(worker: str, info: beam_provision_api_pb2.ProvisionInfo) -> Mapping[str, str]:
    """Returns the environment variables from which Beam's worker takes its addresses and options."""
    return {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.logging_endpoint),
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.control_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


if __name__ == "__main__":
    main()
