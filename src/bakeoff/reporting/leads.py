"""Compares two networks in words: the same in `bakeoff answer`, on the page and in notebooks."""

from bakeoff.analysis.pairwise import Lead
from bakeoff.text.formats import bracket, point_digits, points, signed_points


def describe_numbers(lead: Lead) -> str:
    """Return difference, interval, probability and p value: "+0.62 points [−13.68, 14.93], P(better) 0.612, p 1"."""
    found, digits = lead.difference, point_digits(lead.difference.images)
    p_value = "< 1e-12" if lead.corrected < 1e-12 else f"{lead.corrected:.2g}"
    text = (
        f"{signed_points(found.mean, digits)} points{bracket(found.low, found.high, digits)}, "
        f"P(better) {found.probability:.3f}, p {p_value}"
    )
    if lead.mcnemar is not None:
        text += f" by McNemar's test, {lead.mcnemar.only_a} to {lead.mcnemar.only_b} images"
    return f"{text} ({found.basis})"


def describe_verdict(lead: Lead) -> str:
    """Say whether the network is better than the other, and what would settle it if that is open."""
    if lead.difference.seeds == 1 and not lead.difference.folds and lead.is_significant:
        return "significant for these two runs; what other seeds would give is open"
    settled = ", valid under continuous monitoring" if lead.standing.verdict == "first" else ""
    outlook = lead.outlook or "on the seeds that both have it is behind"
    return f"significant{settled}" if lead.is_better else f"open; {outlook}"


def describe_optimism(optimism: float | None, nets: int, images: int | None) -> str:
    """Say how much of the accuracy of the best is due to selecting it; empty if that is almost nothing."""
    digits = point_digits(images)
    if optimism is None or round(100 * optimism, digits) == 0:
        return ""
    return (
        f"picking the best of {nets} on these test images flatters it: about {points(optimism, digits)} of its "
        "accuracy are luck"
    )


def describe_lead(lead: Lead) -> str:
    """Return both: "over conv: +0.62 points […], P(better) 0.612, p 1 (3 seeds): open; 12 more seeds would …"."""
    return f"over {lead.net}: {describe_numbers(lead)}: {describe_verdict(lead)}"
