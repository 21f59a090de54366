"""The part of the report on other models: what each says of the same curves, and whether they agree."""

from __future__ import annotations

import math

from hepaflow.domain.case import CaseResult
from hepaflow.domain.comparison import Comparison, ModelFit
from hepaflow.domain.lesions import SHELLS, Ratio, ResponseCall
from hepaflow.kinetics.compare import verdict
from hepaflow.lesions.by_model import by_curve
from hepaflow.lesions.ratios import ratio
from hepaflow.report.compared import meaning_text, sentence, weight_text
from hepaflow.report.content import Block, Bullets, Cell, Paragraph, Row, Section, Table
from hepaflow.report.figures import finished
from hepaflow.report.figures_models import agreement_figures
from hepaflow.report.tables import abbreviation, line, ratio_with_interval
from hepaflow.report.words import DECIMALS, Words
from hepaflow.response.perfusion import says

#: The quantities of the table, each the same thing in every model that gives it.
_SHOWN = ("bf", "haf")


def models(case: CaseResult, *, words: Words) -> Section:
    """A sentence a curve, the figures of agreement, what the models define differently, and the table of weights."""
    names = [compared_name(one.curve, words) for one in case.comparison]
    model = words(f"name_{case.maps.model}") if words.has(f"name_{case.maps.model}") else case.maps.model
    said = tuple((f"{name}: ", sentence(one, words, own=False)) for name, one in zip(names, case.comparison, strict=True))
    blocks: list[Block] = [Paragraph(words("models_intro", model=model)), Bullets(said)]
    for number, figure in enumerate(agreement_figures(case.comparison, names, words=words)):
        caption = words("agreement_caption") if number == 0 else words("agreement_caption_more")
        blocks.append(finished(figure, caption, alternative=words("agreement_alternative")))
    own = _own_meanings(case.comparison, words)
    if own:
        blocks += [Paragraph(words("models_own_lead"), style="note"), Bullets(own)]
    blocks.append(weights_table(case, words))
    return Section("models", words("section_models"), tuple(blocks))


def compared_name(curve: str, words: Words) -> str:
    """A compared curve in the report's words: ``lesion-1-vascular`` is a part of a lesion."""
    for shell in SHELLS[1:]:
        if curve.endswith(f"-{shell}"):
            return words("place_shell", lesion=words.region(curve.removesuffix(f"-{shell}")), shell=words(f"shell_{shell}"))
    return words.region(curve)


def weights_table(case: CaseResult, words: Words) -> Table:
    """Every model on every curve, best first; the preferred one in bold; ratios are to the healthy liver by the same model, and the
    category is what the case's criterion says of them, with the probability of a major response.
    """
    rows: list[Row] = []
    compared = case.comparison
    said = by_curve(case.lesions, compared, says=says)
    healthy = {fit.model: fit.found for one in compared[:1] for fit in one.fits}
    for number, one in enumerate(compared):
        rows.append(Row((Cell(compared_name(one.curve, words), "strong"),), group=True))
        best = one.ranked[0] if one.ranked else None
        preferred = verdict(one).models if verdict(one).kind in {"preferred", "clear"} else ()
        for fit in one.fits:
            below = healthy[fit.model] if number else None
            over = None if fit.found is None or below is None else ratio(fit.found, below, "bf")
            call = said.get(one.curve, {}).get(fit.model)
            rows.append(_row(fit, best, (over, _said(call, words)), strong=fit.model in preferred, words=words))
    head = (
        words("col_model"),
        *(f"{abbreviation(key)}\n{words.unit(key)}".rstrip() for key in _SHOWN),
        words("col_ratio_ci"),
        f"{words('col_category_short')}\n{words('col_p_major')}",
        words("col_r2"),
        words("col_residual_sd"),
        words("col_delta_aic"),
        words("col_aic_weight"),
        words("col_aicc_weight"),
    )
    return Table(words("models_caption"), head, tuple(rows), "lrrrlrrrrr", (26, 18, 16, 25, 14, 11, 14, 13, 13, 13), small=True)


def _said(call: ResponseCall | None, words: Words) -> str:
    """The category, and how probable a major response is: both sides of the cut-off may lie in the interval."""
    if call is None or call.category is None:
        return ""
    return f"{words(f'short_{call.category}')}\n{words.probability(call.probability_major)}"


def _row(fit: ModelFit, best: ModelFit | None, judged: tuple[Ratio | None, str], *, strong: bool, words: Words) -> Row:
    name = Cell(words.brief_model(fit.model), "strong" if strong else "")
    if fit.found is None:
        return line(name, *[Cell(words("na"), "muted")] * 9)
    over, category = judged
    values = []
    for key in _SHOWN:
        estimate = fit.found.parameters.get(key)
        known = estimate is not None and math.isfinite(estimate.value)
        values.append(words.plus_minus(estimate.value, estimate.sd, DECIMALS.get(key, 1)) if estimate and known else words("na"))
    above = None if fit.unranked or best is None or best.found is None else fit.found.aic - best.found.aic
    return line(
        name,
        *values,
        "" if over is None else ratio_with_interval(over, words),
        category,
        words.number(fit.found.r2, 3),
        words.number(fit.found.residual_sd, 2),
        words.number(above, 1),
        weight_text(fit.aic_weight, words),
        weight_text(fit.aicc_weight, words),
    )


def _own_meanings(compared: tuple[Comparison, ...], words: Words) -> tuple[tuple[str, str], ...]:
    """Quantity, and what it is in each model."""
    found: dict[str, dict[str, str]] = {}
    for one in compared:
        for key, meanings in one.own_meaning.items():
            found.setdefault(key, {}).update(meanings)
    items = []
    for key, meanings in found.items():
        by_code: dict[str, list[str]] = {}
        for model, code in meanings.items():
            by_code.setdefault(code, []).append(words.brief_model(model))
        text = "; ".join(f"{meaning_text(code, words)} ({', '.join(models)})" for code, models in by_code.items())
        items.append((f"{words.quantity(key)}: ", f"{text}."))
    return tuple(items)
