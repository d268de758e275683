import sys

from documents import ROOT

sys.path.append(str(ROOT / "docs"))
