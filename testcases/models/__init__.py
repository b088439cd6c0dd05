"""Test cases with their bindings, and the runs that judge them."""

from testcases.models.cases import Binding, TestCase
from testcases.models.runs import ActualPart, Pin, Result, ResultOutput, Run

__all__ = ["ActualPart", "Binding", "Pin", "Result", "ResultOutput", "Run", "TestCase"]
