"""The summary of a run, built from the reports of the stages."""

from pipeline.run import summary


def test_mappings_are_merged_and_lists_are_joined():
    found = {"metrics": {"eval": {}, "test": {}}, "gates": [], "serving": {"path": None, "version": None}}
    summary._merge(found, {"metrics": {"eval": {"auc": 0.8}}})
    summary._merge(found, {"metrics": {"test": {"auc": 0.7}}, "gates": [{"name": "linear"}]})
    summary._merge(found, {"gates": [{"name": "parity"}], "serving": {"version": 2}, "new": {"key": 1}})
    assert found == {
        "metrics": {"eval": {"auc": 0.8}, "test": {"auc": 0.7}},
        "gates": [{"name": "linear"}, {"name": "parity"}],
        "serving": {"path": None, "version": 2},
        "new": {"key": 1},
    }
