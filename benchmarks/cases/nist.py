"""NIST's univariate series: mean, standard deviation and lag-1 autocorrelation, certified to 15 digits."""

import csv
import json
from decimal import Decimal
from pathlib import Path

from benchmarks.cases.described import CaseSet, DescribedCase, DescribedFunction, Rows

SERIES = ({"name": "place", "type": "integer"}, {"name": "y", "type": "number", "precision": 12, "scale": 1})
FIGURES = ("mean", "standard_deviation", "autocorrelation")
RESULT = tuple({"name": name, "type": "number"} for name in FIGURES)
CERTIFIED = ("certified_mean", "certified_sd_n_minus_1", "certified_lag1_autocorrelation")
RELATIVE_TOLERANCE = 1e-14

SQL = """
-- d is n times the distance from the mean: exact, as are the sums; a double is first made when one is divided.
WITH total AS (SELECT count(*) AS n, sum(y) AS y FROM series),
     centred AS (SELECT place, CAST(series.y * n - total.y AS DECIMAL(18, 1)) AS d FROM series, total)
SELECT total.y / n AS mean,
       sqrt((SELECT sum(d * d) FROM centred) / (n - 1)) / n AS standard_deviation,
       (SELECT sum(a.d * b.d) FROM centred AS a JOIN centred AS b ON b.place = a.place + 1)
           / (SELECT sum(d * d) FROM centred) AS autocorrelation
FROM total
"""


def read(data: Path) -> CaseSet:
    """Four series, one function."""
    folder = data / "22_nist_strd"
    function = DescribedFunction("nist", {"series": SERIES}, {"figures": RESULT}, "sql", {"figures": SQL})
    cases = []
    for certified in json.loads((folder / "certified.json").read_text()):
        with (folder / f"{certified['dataset']}.csv").open() as stream:
            values = [row["y"] for row in csv.DictReader(stream)]
        series = Rows(SERIES, tuple(enumerate(values, 1)))
        figures = Rows(RESULT, (tuple(float(Decimal(certified[name])) for name in CERTIFIED),))
        comparison = {"rel_tol": RELATIVE_TOLERANCE}
        cases.append(
            DescribedCase(f"nist {certified['dataset']}", "nist", {"series": series}, {"figures": figures}, comparison)
        )
    return CaseSet("nist", [function], cases)
