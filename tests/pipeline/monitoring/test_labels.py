"""Labels that came after the requests."""

import pyarrow as pa
import pytest

from core import examples
from core.errors import UserError
from core.spec import Label
from pipeline.monitoring.requests.labels import Labels

LABEL = Label("bought", "binary", "text", ("no", "yes"))


def _labels(folder, content):
    (folder / "labels.csv").write_text(content)
    return Labels([str(folder / "labels.csv")], "id", LABEL)


def test_requests_get_the_labels_of_their_keys(tmp_path):
    labels = _labels(tmp_path, "id,bought\n7,yes\n8,\n9,no\n9,no\n")
    requests = pa.Table.from_pylist(
        [{"age": [float(age)]} for age in range(4)], examples.arrow_schema({"age": "float"})
    )
    found = labels.join(requests, pa.array([9, 8, 7, 1]))
    assert found.to_pydict() == {"age": [[0.0], [2.0]], "bought": [[b"no"], [b"yes"]]}
    assert (labels.rows, labels.found) == (2, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,bought\n7,yes\n7,no\n", "id '7' has several labels, and one was expected. Keep the newest one"),
        ("idd,bought\n7,yes\n", "There is no column 'id'. Did you mean 'idd'?"),
        ("id,bougth\n7,yes\n", "There is no column 'bought'. Did you mean 'bougth'?"),
    ],
)
def test_labels_that_cannot_be_joined(tmp_path, content, message):
    with pytest.raises(UserError) as error:
        _labels(tmp_path, content)
    assert message in str(error.value)
