"""The functions that the cases of exercism's problem specifications describe, written for Exemplar to run.

Each is a plain function under the name `<exercise>__<function>`, with the arguments that its cases give; one that must
refuse raises ValueError with the words that its cases expect.
"""
