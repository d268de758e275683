"""`PYTHONPATH=docs python -m generate` writes the reference anew; `--check` says what is not current instead."""

import sys

from generate.reference import PAGES, REFERENCE, outdated


def main() -> int:
    """Write the pages, or with --check list those that are not as the program says; return the exit code."""
    if "--check" in sys.argv[1:]:
        stale = outdated(PAGES)
        print(f"not current: {', '.join(stale)}; make reference writes them anew" if stale else "all current")
        return 1 if stale else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
