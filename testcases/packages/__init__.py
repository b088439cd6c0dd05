"""Packages: a catalog as a folder of files, which can live in git.

An Exemplar package is a Frictionless Data Package (datapackage.org, version 2): `datapackage.json`, Table Schemas and
CSV files, which any Data Package tool reads. It also carries `objects`, `functions` and `testCases`.
"""

from testcases.packages.description import Package, PackageError, PackageProblem
from testcases.packages.loader import LoadReport, load_package
from testcases.packages.reader import read_package
from testcases.packages.writer import write_package

__all__ = [
    "LoadReport",
    "Package",
    "PackageError",
    "PackageProblem",
    "load_package",
    "read_package",
    "write_package",
]
