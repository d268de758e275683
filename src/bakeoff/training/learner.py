"""A network with everything that changes its weights: optimizer, groups of weights, clipping and moving average."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bakeoff.spec.recipe import Recipe
from bakeoff.training.average import Average
from bakeoff.training.groups import Groups, group_weights
from bakeoff.training.optimizers import add_penalty_gradient, build_optimizer, penalised_weights, set_rate


@dataclass(frozen=True, eq=False)
class Learner:
    """A network that is being trained by a recipe."""

    net: nn.Module
    recipe: Recipe
    optimizer: torch.optim.Optimizer
    groups: Groups
    average: Average | None
    penalised: list[Tensor]
    """The weights that the recipe's l2 applies to."""

    @classmethod
    def of(cls, net: nn.Module, name: str, recipe: Recipe, heads: tuple[str, ...] = ()) -> "Learner":
        """Return the learner for the network called `name`, whose classifier is `heads` (see `heads_of`).

        Raises:
            BakeoffError: the network lacks a part that the recipe freezes, or nothing would be trained.
        """
        groups = group_weights(net, name, recipe, heads)
        if recipe.zero_head:
            for weight in groups.heads:
                nn.init.zeros_(weight)
        optimizer = build_optimizer(recipe.optimizer, groups.groups)
        average = Average(net, recipe.average) if recipe.average else None
        return cls(net, recipe, optimizer, groups, average, penalised_weights(net, recipe.l2))

    def begin_epoch(self, epochs_done: int) -> None:
        """Put the network into training mode, with the parts frozen that the recipe freezes after this many epochs."""
        until = self.recipe.thaw_after
        is_frozen = until is None or epochs_done < until
        for weight in self.groups.frozen:
            weight.requires_grad_(not is_frozen)
        self.net.train()
        for norm in (*self.groups.norms, *(self.groups.frozen_norms if is_frozen else ())):
            norm.eval()

    def update(self, rate: float, head_rate: float, step: int) -> None:
        """Change the weights by their gradients, at these learning rates, in step `step` counted from 1."""
        add_penalty_gradient(self.penalised, self.recipe.l2)
        if self.recipe.clip_norm is not None:
            weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
            nn.utils.clip_grad_norm_(weights, self.recipe.clip_norm)
        set_rate(self.optimizer, self.recipe.optimizer, rate, step, head_rate)
        self.optimizer.step()
        if self.average:
            self.average.update(step)

    def finish(self) -> None:
        """Give the network the averaged weights for good, and make its frozen weights ordinary ones again."""
        if self.average:
            self.average.exchange()
        for weight in self.groups.frozen:
            weight.requires_grad_(True)
