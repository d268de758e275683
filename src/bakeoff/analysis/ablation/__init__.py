"""Which change helped? Plans the runs between two (network, recipe) pairs, and computes what each change gained."""

from bakeoff.analysis.ablation.gains import Gain, compute_gains
from bakeoff.analysis.ablation.plan import Ablation, Change, choose_ablation, plan_ablation

__all__ = ["Ablation", "Change", "Gain", "choose_ablation", "compute_gains", "plan_ablation"]
