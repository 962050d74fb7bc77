"""Which queries look at each row by itself."""

import pathlib

import pytest

from ingest import connect
from ingest.sql import user_query
from ingest.sql.user_query import files_in_query


@pytest.mark.parametrize(
    ("sql", "reach"),
    [
        (None, "each row"),
        ("FROM data", "each row"),
        ("SELECT * EXCLUDE (tips), tips > 0.2 * fare AS big_tip FROM data", "each row"),
        ("SELECT * REPLACE (lower(a) AS a), year(t), t + INTERVAL 1 DAY, a::INT, nullif(b, 0) FROM data", "each row"),
        (
            "SELECT list_transform(l, lambda x: x + 1), CASE WHEN a THEN b END, a IN (1, 2) FROM data d",
            "each row",
        ),
        ("SELECT * FROM DATA WHERE a IN (1, 2) AND b LIKE 'x%'", "some rows"),
        ("SELECT * FROM (\nSELECT *, round(a) AS c FROM data\n) WHERE (c) IS NOT NULL", "some rows"),
        ("SELECT sum(a) FROM data", "whole table"),
        ("SELECT a FROM data GROUP BY a", "whole table"),
        ("SELECT a FROM data GROUP BY ALL", "whole table"),
        ("SELECT DISTINCT a FROM data", "whole table"),
        ("SELECT * FROM data ORDER BY a", "whole table"),
        ("SELECT * FROM data LIMIT 5", "whole table"),
        ("SELECT *, row_number() OVER () FROM data", "whole table"),
        ("SELECT * FROM data QUALIFY row_number() OVER () = 1", "whole table"),
        ("SELECT * FROM data JOIN 'other.csv' USING (a)", "whole table"),
        ("SELECT * FROM data, data", "whole table"),
        ("SELECT * FROM data UNION ALL SELECT * FROM data", "whole table"),
        ("SELECT unnest(l) FROM data", "whole table"),
        ("SELECT *, (SELECT max(a) FROM data) FROM data", "whole table"),
        ("SELECT * FROM data WHERE a IN (SELECT a FROM data)", "whole table"),
        ("SELECT * FROM data USING SAMPLE 10%", "whole table"),
        ("SELECT random() FROM data", "whole table"),
        ("SELECT current_timestamp FROM data", "whole table"),
        ("SELECT now() FROM data", "whole table"),
        ("SELECT wavg(a, b) FROM data", "whole table"),
        ("WITH x AS (FROM data) FROM x", "whole table"),
        ("SELECT * FROM 'data.csv'", "whole table"),
        ("SELECT * FROM other.data", "whole table"),
        ("VALUES (1)", "whole table"),
        ("not SQL at all", "whole table"),
    ],
)
def test_reach(sql: str | None, reach: str) -> None:
    assert user_query.reach(connect(), sql) == reach


def test_the_files_that_a_query_names(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "towns.parquet", "x.json", "not a table.csv"):
        (tmp_path / name).write_text("k\n1\n")
    sql = (
        "SELECT * FROM data JOIN read_csv(['a.csv', 'b*.csv'], header = true) USING (k) JOIN 'towns.parquet' USING (k) "
        "WHERE k IN (SELECT k FROM 'x.json') AND name <> 'not a table.csv' AND k IN (SELECT k FROM 'missing.csv')"
    )
    assert files_in_query(sql) == tuple(str(tmp_path / name) for name in ("a.csv", "b.csv", "towns.parquet", "x.json"))
    assert files_in_query(None) == files_in_query("SELECT * FROM data") == files_in_query("no query") == ()
