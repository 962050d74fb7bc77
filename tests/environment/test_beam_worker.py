"""The start of a worker that a cluster asks for."""

from concurrent import futures

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from google.protobuf import struct_pb2, text_format

from environment import beam_worker


class Provisions(beam_provision_api_pb2_grpc.ProvisionServiceServicer):
    """Answers as a cluster does."""

    def GetProvisionInfo(self, request, context):
        assert ("worker_id", "1-1") in [tuple(each) for each in context.invocation_metadata()]
        options = struct_pb2.Struct()
        options["beam:option:parallelism:v1"] = 2
        return beam_provision_api_pb2.GetProvisionInfoResponse(
            info=beam_provision_api_pb2.ProvisionInfo(
                pipeline_options=options,
                control_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:1234"),
                logging_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:1235"),
                runner_capabilities=["beam:protocol:one:v1", "beam:protocol:two:v1"],
            )
        )


def test_a_worker_takes_its_addresses_and_options_from_the_cluster():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(Provisions(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        settings = beam_worker.settings("1-1", beam_worker.provisions(f"localhost:{port}", "1-1"))
    finally:
        server.stop(None)
    control = text_format.Parse(settings["CONTROL_API_SERVICE_DESCRIPTOR"], endpoints_pb2.ApiServiceDescriptor())
    assert control.url == "localhost:1234"
    assert "localhost:1235" in settings["LOGGING_API_SERVICE_DESCRIPTOR"]
    assert '"beam:option:parallelism:v1": 2' in settings["PIPELINE_OPTIONS"]
    assert settings["RUNNER_CAPABILITIES"] == "beam:protocol:one:v1 beam:protocol:two:v1"
    assert settings["WORKER_ID"] == "1-1"
