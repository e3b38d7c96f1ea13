"""Prints torch_optim.json: what torch.optim does with six fixed gradients, step by step, in float64.

Run by hand where torch is installed:  python tests/golden/torch_optim.py > tests/golden/torch_optim.json
"""

from __future__ import annotations

import json

import torch

START = [0.3, -0.2, 1.0]
GRADIENTS = [
    [0.5, -1.0, 0.0],
    [0.25, 2.0, 1e-9],
    [-0.75, 0.125, 1e-9],
    [1.5, -0.5, -3e-9],
    [0.1, 0.3, 1.0],
    [-2.0, 0.7, -0.4],
]
RATE = 0.1
optim, schedulers = torch.optim, torch.optim.lr_scheduler

RULES = {
    "plain": lambda w: optim.SGD(w, lr=RATE),
    "heavy-ball": lambda w: optim.SGD(w, lr=RATE, momentum=0.9),
    "nesterov": lambda w: optim.SGD(w, lr=RATE, momentum=0.9, nesterov=True),
    "rmsprop": lambda w: optim.RMSprop(w, lr=RATE, alpha=0.9, eps=1e-8),
    "adagrad": lambda w: optim.Adagrad(w, lr=RATE, eps=1e-10),
    "adam": lambda w: optim.Adam(w, lr=RATE),
    "adamw": lambda w: optim.AdamW(w, lr=RATE, weight_decay=0.01),
}
SCHEDULES = {
    "step": lambda o: schedulers.StepLR(o, 4, 0.5),
    "exponential": lambda o: schedulers.ExponentialLR(o, 0.9),
    "cosine": lambda o: schedulers.CosineAnnealingLR(o, 11, 0.1),
    "warm-up": lambda o: schedulers.SequentialLR(
        o, [schedulers.LinearLR(o, 0.1, 1.0, 4), schedulers.ExponentialLR(o, 0.9)], [4]
    ),
}


def path(make):
    w = torch.tensor(START, requires_grad=True)
    optimizer, seen = make([w]), []
    for g in GRADIENTS:
        w.grad = torch.tensor(g)
        optimizer.step()
        seen.append(w.tolist())
    return seen


def factors(make):
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, seen = make(optimizer), []
    for _ in range(12):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def clipped(clip, limit):
    w = torch.zeros(3, requires_grad=True)
    w.grad = torch.tensor([3.0, -4.0, 12.0])
    clip([w], limit)
    return w.grad.tolist()


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    table = {
        "from": f"torch {torch.__version__}, CPU, float64; printed by tests/golden/torch_optim.py",
        "start": START,
        "gradients": GRADIENTS,
        "rate": RATE,
        **{f"rule {name}": path(make) for name, make in RULES.items()},
        **{f"schedule {name}": factors(make) for name, make in SCHEDULES.items()},
        "clipped by norm 6.5": clipped(torch.nn.utils.clip_grad_norm_, 6.5),
        "clipped by value 3.5": clipped(torch.nn.utils.clip_grad_value_, 3.5),
    }
    print("{" + ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in table.items()) + "}")
