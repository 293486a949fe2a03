"""Makes channels_compat importable from a checkout, where no installation has."""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("channels_compat") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "compat"))
