"""The child process that trains exported files of a booster where lossmith cannot be imported.

As a script: `python -I -S export_trained.py FOLDER SITE_PACKAGES` fits every file of the folder to its rows in
rows.npz, and writes what it predicts to found.npz.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path


def main(folder: Path, packages: str) -> None:
    sys.path.append(packages)
    sys.modules["lossmith"] = None
    import numpy as np

    rows, found = np.load(folder / "rows.npz"), {}
    params = json.loads((folder / "params.json").read_text(encoding="utf-8"))
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        model = getattr(module, path.stem).fit(rows["X"], rows[path.stem], rows["weight"], **params)
        found[path.stem] = model.predict(rows["X"])
    np.savez(folder / "found.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
