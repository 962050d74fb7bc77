"""Tables in object stores: found, read by ranges of bytes, and read again where a connection breaks off."""

import urllib.request

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import digests, storage
from core.config.sections import Data
from core.errors import UserError
from ingest import discover
from ingest.sql.connection import connect, mount
from tests import object_stores


@pytest.fixture(scope="module", params=["s3", "gs"])
def store(request):
    with object_stores.store(request.param) as proxy:
        proxy.uri = f"{request.param}://bucket"
        yield proxy


def put(tmp_path, uri, text):
    file = tmp_path / "object"
    file.write_text(text)
    storage.upload(file, uri)
    return uri


def test_files_of_folders_and_spans_are_found(store, tmp_path):
    for year in (1, 2):
        put(tmp_path, f"{store.uri}/found/year={year}/a.csv", f"a,b\n{year},x\n")
    files = tuple(f"{store.uri}/found/year={year}/a.csv" for year in (1, 2))
    source = discover(Data(files=(f"{store.uri}/found/**/*.csv",)))
    assert source.files == files
    assert [(column.name, column.type) for column in source.columns] == [
        ("a", "BIGINT"),
        ("b", "VARCHAR"),
        ("year", "BIGINT"),
    ]
    assert discover(Data(files=(f"{store.uri}/found/year={{SPAN}}/a.csv",))).files == files[1:]


def test_the_digest_changes_with_the_content(store, tmp_path):
    uri = put(tmp_path, f"{store.uri}/digest.csv", "a\n1\n")
    before = digests.of_file(uri)
    assert digests.of_file(put(tmp_path, uri, "a\n1\n")) == before
    assert digests.of_file(put(tmp_path, uri, "a\n2\n")) != before


@pytest.mark.parametrize(
    ("path", "message"),
    [("bucket/none.csv", "is no object of its bucket"), ("nothing/none.csv", "there is no bucket 'nothing'")],
)
def test_what_does_not_exist_is_named(store, path, message):
    uri = store.uri.replace("bucket", path)
    with pytest.raises(UserError, match=message) as raised:
        discover(Data(files=(uri,)))
    assert str(raised.value).startswith(uri)


def test_one_column_moves_only_its_bytes(store, tmp_path):
    numbers = np.random.default_rng(0).integers(0, 1 << 60, (3, 200_000))
    file = tmp_path / "wide.parquet"
    pq.write_table(pa.table(dict(zip("abc", numbers, strict=True))), file, use_dictionary=False, compression="none")
    uri = f"{store.uri}/wide.parquet"
    storage.upload(file, uri)
    with connect() as connection:
        mount(connection, [uri])
        before = store.received
        (total,) = connection.execute(f"SELECT sum(b) FROM read_parquet('{uri}')").fetchone()
    assert total == sum(map(int, numbers[1]))
    assert store.received - before <= 1.1 * numbers[1].nbytes


def test_a_connection_that_breaks_off_is_opened_again(store, tmp_path):
    uri = put(tmp_path, f"{store.uri}/broken.csv", "a\n" + "1\n" * 2_000)
    store.breaks = 1
    with storage.reaching(uri), storage.open_binary(uri) as stream:
        assert len(stream.read()) == 4_002
    assert store.breaks == 0


def test_a_connection_that_always_breaks_off_is_one_message(tmp_path):
    with object_stores.store("s3") as proxy:
        uri = put(tmp_path, "s3://bucket/broken.csv", "a\n" + "1\n" * 2_000)
        proxy.breaks = 1_000
        with pytest.raises(UserError, match="cannot be reached, although it was tried several times"):
            discover(Data(files=(uri,)))
        assert proxy.breaks < 997


def test_a_forbidden_bucket_is_named(tmp_path):
    with object_stores.store("s3") as proxy:
        uri = put(tmp_path, "s3://bucket/forbidden.csv", "a\n1\n")
        check_credentials = f"http://127.0.0.1:{proxy.port}/moto-api/reset-auth"
        request = urllib.request.Request(check_credentials, b"0", {"Content-Type": "text/plain"}, method="POST")
        urllib.request.urlopen(request)
        try:
            with pytest.raises(UserError, match="access to the bucket 'bucket' is forbidden"):
                discover(Data(files=(uri,)))
        finally:
            request.data = b"inf"
            urllib.request.urlopen(request)
