"""Write one page for each loss, from its declaration: python docs/loss_pages.py docs/losses

Nothing about a loss is written by hand: the formula, parameters, facts and the generated kernel are asked of the loss.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from lossmith.adapters.rosetta import hosts, peers
from lossmith.catalogue import every
from lossmith.choose.charts import shape
from lossmith.cli.showing import HEADS
from lossmith.loss import Loss
from lossmith.proofs import suspicion


def page(loss: Loss) -> str:
    """The Markdown page of one loss."""
    parts = (head(loss), formula(loss), shapes(loss), parameters(loss), facts(loss), elsewhere(loss), kernel(loss))
    return "\n\n".join(filter(None, parts)) + "\n"


def head(loss: Loss) -> str:
    """The name, what the docstring says, and where the loss comes from."""
    about = inspect.getdoc(type(loss)) or loss.title
    others = ", ".join(f"`{alias}`" for alias in type(loss).aliases)
    known = f"Also known as {others}." if others else ""
    source = f"Source: {loss.cite}." if loss.cite else ""
    return "\n\n".join(filter(None, (f"# {loss.name}", about, known, source)))


def formula(loss: Loss) -> str:
    """The formula as it is written and as mathematicians write it, with the slots and targets it speaks of."""
    outputs = f" Raw outputs: {', '.join(f'`{name}`' for name in loss.lift.outputs)}." if loss.lift.outputs else ""
    return (
        f"$$\n\\ell = {loss.latex()}\n$$\n\n```text\n{loss.formula}\n```\n\n"
        f"Lift: `{loss.lift.name}`.{outputs} Targets: {loss.target.says} (`{loss.target.name}`)."
    )


def drawn(loss: Loss) -> tuple[str, str]:
    """The curves of a loss of one raw output on one line of SVG, and what they show; nothing for other losses."""
    if loss.lift.joint:
        return "", ""
    picture, names = shape(loss, 1.0, 2)
    return " ".join(str(picture).split()), ", ".join(names)


def shapes(loss: Loss) -> str:
    """The curves as a picture with a caption, at the default parameters."""
    picture, names = drawn(loss)
    return f'<figure class="shape">{picture}<figcaption>{names}</figcaption></figure>' if picture else ""


def parameters(loss: Loss) -> str:
    """The table of parameters, or nothing."""
    rows = [f"| `{n}` | {p.default:g} | {cell(p.domain)} | {cell(p.doc)} |" for n, p in type(loss).declared.items()]
    return table("Parameters", "| name | default | domain | meaning |", rows)


def facts(loss: Loss) -> str:
    """The table of facts: proved, refuted or unknown, and why."""
    rows = [f"| {cell(f.name)} | {f.verdict} | {cell(f.because)} |" for f in loss.facts().values()]
    return table("Facts", "| fact | verdict | because |", rows)


def elsewhere(loss: Loss) -> str:
    """What other libraries call the loss, at its default parameters; nothing where none is known to have it."""
    rows = [f"| {cell(peers()[peer])} | `{cell(name)}` |" for peer, name in hosts(loss).items()]
    return table("In other libraries", "| library | name there |", rows)


def kernel(loss: Loss) -> str:
    """The generated NumPy kernel."""
    return f"## Kernel\n\n```python\n{loss.source('numpy').strip()}\n```"


def table(title: str, header: str, rows: list[str]) -> str:
    """A Markdown table under its own heading; nothing where there are no rows."""
    rule = "|" + "---|" * (header.count("|") - 1)
    return "\n".join((f"## {title}\n", header, rule, *rows)) if rows else ""


def cell(value: object) -> str:
    """Text that stays within one cell of a table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def index(losses: Iterable[Loss]) -> str:
    """The page that lists them all, by lift, in the words and the order of `lossmith list`."""
    by_lift: dict[str, list[Loss]] = {lift: [] for lift in HEADS}
    for loss in losses:
        by_lift.setdefault(loss.lift.name.partition("(")[0], []).append(loss)
    parts = [
        table(f"{_sentence(HEADS.get(lift, lift))} (`{lift}`)", "| loss | |", list(map(entry, found)))
        for lift, found in by_lift.items()
    ]
    names = "\n".join(loss.name for found in by_lift.values() for loss in found)
    return "\n\n".join(("# The losses", *filter(None, parts), f"```{{toctree}}\n:hidden:\n\nunknown\n{names}\n```\n"))


def unknowns(losses: Iterable[Loss]) -> str:
    """The page of the facts that nobody has decided, with what trying them by values alone says."""
    open_facts = [(loss, f) for loss in losses for f in loss.facts().values() if f.holds is None]
    rows = [
        f"| [{loss.name}]({loss.name}.md) | {cell(f.name)} | {cell(f.because)} | {suspicion(loss, f.name)} |"
        for loss, f in open_facts
    ]
    says = (
        "Facts that are neither proved nor refuted. Sampling speaks against a fact only at a place where two "
        "computations, of 500 and of 3,000 bits, agree that it fails; such a place is named. Most have no such try."
    )
    return f"# What is not known\n\n{says}\n\n" + table("Facts", "| loss | fact | why | tried by values |", rows) + "\n"


def entry(loss: Loss) -> str:
    """One row of the list: the name, what it is, and its curves where one raw output has them."""
    return f"| [{loss.name}]({loss.name}.md) | {cell(loss.title)} {drawn(loss)[0]} |"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def write(folder: Path, losses: Mapping[str, type[Loss]]) -> int:
    """Write all pages and the index into `folder`; the number of losses."""
    folder.mkdir(parents=True, exist_ok=True)
    every = [cls() for _, cls in sorted(losses.items())]
    for loss in every:
        (folder / f"{loss.name}.md").write_text(page(loss), encoding="utf-8")
    (folder / "unknown.md").write_text(unknowns(every), encoding="utf-8")
    (folder / "index.md").write_text(index(every), encoding="utf-8")
    return len(every)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    print(f"{where}: {write(where, every())} losses")
