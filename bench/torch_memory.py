"""What losses of classes keep and need in PyTorch: `python bench/torch_memory.py [--rows 8192] [--classes 32000]`.

For each loss, in a process of its own: the bytes that autograd keeps between forward and backward besides what the
caller holds (input and target), and how far the resident memory rises above its level before the loss, in forward and
in forward and backward together, all in units of one array of the size of `input` (float32, on the CPU). The gradient
itself is one such unit of the second figure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

PEERS = ("torch cross_entropy", "torch cross_entropy, shares", "torch log_softmax + nll", "plain focal")
OURS = ("CrossEntropy", "CrossEntropy, shares", "Focal", "LabelSmoothing", "ZLoss", "MultiClassBrier", "CrammerSinger",
        "KullbackLeibler, shares")  # fmt: skip


def resident() -> int:
    """Bytes of this process in memory, now (Linux)."""
    import os

    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Peak(threading.Thread):
    """The most that was resident while a block ran, looked at every millisecond."""

    def __enter__(self) -> Self:
        self.before = self.most = resident()
        self.running = True
        self.start()
        return self

    def run(self) -> None:
        while self.running:
            self.most = max(self.most, resident())
            time.sleep(0.001)

    def __exit__(self, *error: object) -> None:
        self.most = max(self.most, resident())
        self.running = False
        self.join()

    @property
    def rise(self) -> int:
        return self.most - self.before


def loss_of(name: str) -> Callable[[Any, Any], Any]:
    """A loss of (input, target)."""
    import torch

    import lossmith

    F = torch.nn.functional
    own = name.partition(",")[0]

    def focal(z: Any, y: Any) -> Any:
        logp = z.log_softmax(1).gather(1, y[:, None])[:, 0]
        return (-((1 - logp.exp()) ** 2) * logp).mean()

    table: dict[str, Callable[[Any, Any], Any]] = {
        "torch cross_entropy": F.cross_entropy,
        "torch log_softmax + nll": lambda z, y: F.nll_loss(z.log_softmax(1), y),
        "plain focal": focal,
    }
    return table[own] if own in table else getattr(lossmith.torch, own)()


def one(name: str, rows: int, classes: int) -> dict[str, float]:
    """Kept, and how far the memory rises, in arrays like input."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    loss = loss_of(name)
    few, some = torch.randn(4, 5, requires_grad=True), torch.randint(0, 5, (4,))
    shares = name.endswith("shares")
    loss(few, torch.full((4, 5), 0.2) if shares else some).backward()  # what is built once is built
    z = torch.randn(rows, classes, requires_grad=True)
    y: Any = torch.randint(0, classes, (rows,))
    if shares:
        y = torch.full((rows, classes), 1 / classes)
    unit, held, kept = z.numel() * z.element_size(), {z.data_ptr(), y.data_ptr()}, dict[int, int]()

    def pack(tensor: Any) -> Any:
        store = tensor.untyped_storage()
        if tensor.data_ptr() not in held:
            kept[store.data_ptr()] = store.nbytes()
        return tensor

    with Peak() as forward, torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        value = loss(z, y)
    with Peak() as backward:
        value.backward()
    whole = max(forward.most, backward.most) - forward.before
    return {"kept": sum(kept.values()) / unit, "forward": forward.rise / unit, "both": whole / unit}


def main() -> None:
    """One process for each loss, one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--classes", type=int, default=32_000)
    parser.add_argument("--one", help="measure this loss here, and print numbers")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one, asked.rows, asked.classes)))
        return
    size = asked.rows * asked.classes * 4 / 2**20
    print(f"{asked.rows} × {asked.classes} float32: one array like input is {size:.0f} MiB\n")
    print("| loss | kept for the way back | rise in forward | rise in forward and backward |\n|---|---|---|---|")
    for name in (*PEERS, *OURS):
        command = [sys.executable, __file__, "--rows", str(asked.rows), "--classes", str(asked.classes), "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {name} | failed ({done.stderr.strip().splitlines()[-1:]}) | | |")
            continue
        found = json.loads(done.stdout.strip().splitlines()[-1])
        print(f"| {name} | {found['kept']:.2f} | {found['forward']:.2f} | {found['both']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
