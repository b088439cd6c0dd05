"""Cases written by others, loaded into the application `test` and judged by a real Run.

    python -m benchmarks.cases --data FOLDER [sqllogic] [scalar] [nist] [exercism]

Each set becomes a package (functions, tables, test cases) and takes the way of any package.
"""
