"""The machine as a contender: single-precision matrix products, to know its ceiling."""

import torch
from peer_protocol import Baton, Workload

SIDE = 2048


def main() -> None:
    """Multiply until the input ends; one product counts as one image of 2·SIDE³ FLOPs."""
    torch.set_num_threads(Workload.read().threads)
    a, b = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    product = torch.empty(SIDE, SIDE)
    baton = Baton(flops=2 * SIDE**3, version=f"torch {torch.__version__}")
    while True:
        torch.mm(a, b, out=product)
        baton.step(1)


if __name__ == "__main__":
    main()
