"""All figures of the README, one script after another: `python -m benchmarks [POSTGRES_URL]`.

POSTGRES_URL: a server where databases may be made; with it, a JSONB model stands beside Exemplar too.
"""

import subprocess
import sys

from benchmarks.sites import ROOT

SCRIPTS = (
    "loading",
    "constraints",
    "reading",
    "small_tables",
    "profile_and_diff",
    "comparison",
    "small_cases",
    "many_cases",
    "storage",
)
BESIDE_POSTGRES = ("loading", "reading")


def main() -> None:
    for script in SCRIPTS:
        print(f"\n== {script}", flush=True)
        beside = ["--postgres", *sys.argv[1:]] if sys.argv[1:] and script in BESIDE_POSTGRES else []
        subprocess.run([sys.executable, "-m", f"benchmarks.{script}", *beside], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
