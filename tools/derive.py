"""Derive every catalogued loss at its defaults and write the Programs into the package: using one needs no sympy.

python tools/derive.py            write src/lossmith/catalogue/derived.json
python tools/derive.py --check    exit 1 if what is written differs from what is derived now
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lossmith.catalogue import every
from lossmith.derived import fresh, question

TARGET = Path(__file__).parents[1] / "src/lossmith/catalogue/derived.json"


def table() -> dict[str, object]:
    """Fingerprint → derived Programs, for every loss with its default static parameters."""
    asked = [question(kind()) for kind in every().values()]
    return {q.fingerprint: json.loads(fresh(q)) for q in asked}


def written(body: dict[str, object]) -> str:
    """The file: one loss a line, so that a change shows as one line."""
    lines = (f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'), ensure_ascii=False)}" for k, v in body.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    """Write or check."""
    text = written(table())
    if "--check" in sys.argv[1:]:
        same = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        print("up to date" if same else f"{TARGET.name} is stale; run python tools/derive.py")
        return 0 if same else 1
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(text) / 1e3:.0f} kB for {len(every())} losses")
    return 0


if __name__ == "__main__":
    sys.exit(main())
