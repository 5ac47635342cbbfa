"""Pictures per second of a training step (forward, backward, SGD) in PyTorch on the CPU.

Reads one JSON request a line on stdin and answers each with one JSON line on stdout, so that the
bench that asks (host/benches/train_step) can take turns with it. A request is

    {"layers": [{"kind": "conv", "out": 32, "stride": 1}, ...], "labels": 7, "batch": 64,
     "threads": 1, "precision": "f32" | "bf16", "seconds": 1.0}

with the layers of a recipe; an answer {"pictures_per_second", "steps", "parameters", "version"}.
PyTorch is set up as its documentation recommends for CPUs: channels_last, autocast to bfloat16.
"""

import json
import os
import sys
import time

# Threads that wait must leave the cores to the program that is measured next.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

SIDE = 48


def conv_norm(inputs, outputs, kernel, stride):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Squeeze(nn.Module):
    """Squeeze-and-excitation through `channels // ratio`."""

    def __init__(self, channels, ratio):
        super().__init__()
        self.down = nn.Linear(channels, channels // ratio)
        self.up = nn.Linear(channels // ratio, channels)

    def forward(self, x):
        scale = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class Residual(nn.Module):
    """Two 3x3 convolutions beside a 1x1 one, or beside nothing where the shape stays."""

    def __init__(self, inputs, outputs, stride, ratio):
        super().__init__()
        self.first = conv_norm(inputs, outputs, 3, stride)
        self.second = conv_norm(outputs, outputs, 3, 1)
        if ratio:
            self.second.append(Squeeze(outputs, ratio))
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


def network(layers, labels):
    modules, channels = [], 1
    for layer in layers:
        kind = layer["kind"]
        if kind == "conv":
            modules += [conv_norm(channels, layer["out"], 3, layer.get("stride", 1)), nn.ReLU()]
            channels = layer["out"]
        elif kind == "residual":
            stride, ratio = layer.get("stride", 1), layer.get("se", 0)
            modules.append(Residual(channels, layer["out"], stride, ratio))
            channels = layer["out"]
        elif kind == "max_pool":
            modules.append(nn.MaxPool2d(2))
        elif kind == "global_avg_pool":
            modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        elif kind == "dropout":
            modules.append(nn.Dropout(layer["rate"]))
        else:
            raise ValueError(f"no such layer here: {kind}")
    modules.append(nn.Linear(channels, labels))
    return nn.Sequential(*modules).to(memory_format=torch.channels_last)


def parameters(net):
    """As Keras counts them: BatchNorm's running statistics too."""
    statistics = (b for n, b in net.named_buffers() if not n.endswith("num_batches_tracked"))
    return sum(p.numel() for p in net.parameters()) + sum(b.numel() for b in statistics)


class Case:
    def __init__(self, layers, labels, batch):
        torch.manual_seed(1)
        self.net = network(layers, labels).train()
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        inputs = torch.randn(batch, 1, SIDE, SIDE)
        self.inputs = inputs.to(memory_format=torch.channels_last)
        self.targets = torch.randint(labels, (batch,))
        self.warm = set()

    def step(self, bf16):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            logits = self.net(self.inputs)
        loss = F.cross_entropy(logits.float(), self.targets)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def measure(self, threads, bf16, seconds):
        torch.set_num_threads(threads)
        if (threads, bf16) not in self.warm:
            self.step(bf16)
            self.warm.add((threads, bf16))
        steps, started = 0, time.perf_counter()
        while steps == 0 or time.perf_counter() - started < seconds:
            self.step(bf16)
            steps += 1
        took = time.perf_counter() - started
        return steps, steps * len(self.targets) / took


def main():
    cases = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps([request["layers"], request["labels"], request["batch"]])
        if key not in cases:
            cases[key] = Case(request["layers"], request["labels"], request["batch"])
        case = cases[key]
        bf16 = request["precision"] == "bf16"
        steps, rate = case.measure(request["threads"], bf16, request["seconds"])
        answer = {
            "pictures_per_second": rate,
            "steps": steps,
            "parameters": parameters(case.net),
            "version": torch.__version__,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
