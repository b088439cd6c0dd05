"""All figures of the README, one script after another: `python -m benchmarks`."""

import subprocess
import sys

SCRIPTS = ("storage", "small_cases")


def main() -> None:
    for script in SCRIPTS:
        print(f"\n== {script}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{script}"], check=True)


if __name__ == "__main__":
    main()
