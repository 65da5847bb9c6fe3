"""Engine that changes and scores images: pure torch, bounded memory, paired batches.

Memory holds the batch, `micro_batch` changed images, the donors of one draw, and the weights of one
region. Memory does not grow with the number of conditions.

The test callback and `memlab ablate` call `evaluate`, which scores the images of `changed_images`.
`memlab apply` and validation call `changed_images` directly. No other code makes or scores changed
images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.checks import require_images
from memlab.ablations.eligibility import Reason
from memlab.ablations.placement import Place
from memlab.ablations.plan import Condition
from memlab.ablations.preparation import Preparation, Prepared, blamed
from memlab.ablations.surprise import CleanFeatures, listening
from memlab.data.donors import DonorList
from memlab.errors import MemlabError, PluginError
from memlab.precision import single_precision
from memlab.types import Context


@dataclass(frozen=True)
class ConditionScores:
    """Scores of a batch under one draw of one condition.

    Args:
        condition: the condition.
        draw: index of the repetition.
        eligible: (B,) bool, on the CPU. Images that lack what the ablation needs, and controls
            without a valid position, are not scored.
        predicted: (B,) memorability scores on the CPU, NaN where not eligible.
        donors: ids of the donors, None where an image has no donor.
        measures: `area`, `eccentricity`, `gradient_energy` and `luminance_sd` of the changed region
            or of the matched control, (B,) each; empty if the condition has no matched control.
        places: what was changed: the region itself (`own`), its shape at another position
            (`matched`), or a random shape of its area (`random-shape`); None where the condition
            has no matched control or the control has no valid position.
        reasons: why each image is not eligible, None for eligible images.
        surprise: (B,) distance of the changed image to unchanged images in the model's penultimate
            features, as a quantile of the distances of unchanged images; NaN where it is not known.
        distance: (B,) the same in standard deviations from the mean of the unchanged images.
    """

    condition: Condition
    draw: int
    eligible: Tensor
    predicted: Tensor
    donors: Sequence[str | None]
    measures: dict[str, Tensor] = field(default_factory=dict)
    places: Sequence[Place | None] = ()
    reasons: Sequence[Reason | None] = ()
    surprise: Tensor | None = None
    distance: Tensor | None = None


@torch.no_grad()
def changed_images(
    images: Tensor, prepared: Prepared, condition: Condition, micro_batch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `(places, images)`: indices into the batch, and the changed eligible images.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        prepared: inputs of the condition's draw, for the same images.
        condition: how to change the images.
        micro_batch: largest number of images changed at once; bounds the memory.

    Raises:
        PluginError: if the ablation returns another shape, NaN or values out of range, or raises an
            error other than MemlabError; the message names the ablation and the image.
    """
    for places in torch.split(prepared.eligible.nonzero().flatten(), micro_batch):
        if len(places) == 0:  # torch splits an empty tensor into one empty part
            continue
        everything = len(places) == len(images)  # avoids a copy
        some = images if everything else images[places.to(images.device)]
        part = prepared.context if everything else prepared.context.select(places)
        try:
            changed = _changed(some, part, condition)
        except PluginError:
            for place in range(len(some)):  # one image at a time, to find the image that fails
                alone = torch.tensor([place])
                _changed(some[alone.to(some.device)], part.select(alone), condition)
            raise
        yield places, changed


def evaluate(
    score: Callable[[Tensor, Context], Tensor],
    images: Tensor,
    context: Context,
    conditions: Sequence[Condition],
    micro_batch: int = 64,
    donors: DonorList | None = None,
    broken: Callable[[Ablation, PluginError], None] | None = None,
    clean: CleanFeatures | None = None,
) -> Iterator[ConditionScores]:
    """Change the images by each condition of a plan and score them, in single precision.

    The row of an image does not depend on the other images, on their order, or on `micro_batch`,
    which bounds the memory. Conditions run one after another, so that a caller can save partial
    results::

        conditions = plan([Blur(), Grayscale(region="faces")], controls=8)
        context = Context(ids, seed=0, masks={"faces": faces, "people": people})
        for scores in evaluate(model.scores, images, context, conditions):
            print(scores.condition.key, scores.draw, scores.predicted)

    Args:
        score: function from (b, 3, H, W) images in [0, 1] and the context of the unchanged images
            to (b,) memorability scores, such as `MemorabilityModel.scores`.
        images: (B, 3, H, W) float in [0, 1], on the device of the model.
        context: ids, seed and all masks of the same images, on the same device. Matched controls
            overlap no mask except `background`.
        conditions: the plan.
        micro_batch: largest number of changed images in memory, 1 or more.
        donors: list from which ablations take donors. Without a list no image is eligible for
            ablations that need donors.
        broken: callback for an ablation that breaks its contract; the remaining conditions of the
            ablation are skipped. Without a callback the error is raised.
        clean: features of unchanged images under the same model, for `surprise` and `distance`;
            see `memlab.ablations.surprise.clean_features`.

    Yields:
        One `ConditionScores` for each condition and draw, in the order of the plan.

    Raises:
        PluginError: if an ablation breaks its contract and `broken` is None; the message names the
            ablation and the image.
        MemlabError: if masks and images differ in size, or if the model does not return one finite
            score per image.
    """
    preparation = Preparation(images, context, conditions, donors)
    out: list[Ablation] = []
    for condition in conditions:
        for draw in range(condition.draws):
            if any(condition.ablation is one for one in out):
                break
            try:
                yield _one_draw(score, preparation, condition, draw, micro_batch, clean)
            except PluginError as error:
                if broken is None:
                    raise
                out.append(condition.ablation)
                broken(condition.ablation, error)


@torch.no_grad()
def _one_draw(
    score: Callable[[Tensor, Context], Tensor],
    preparation: Preparation,
    condition: Condition,
    draw: int,
    micro_batch: int,
    clean: CleanFeatures | None,
) -> ConditionScores:
    images, context = preparation.images, preparation.context
    with single_precision(images.device.type):
        prepared = preparation.prepare(condition, draw)
        predicted = torch.full((len(images),), torch.nan)
        apart = torch.full((len(images), 2), torch.nan, dtype=torch.float64)
        for places, changed in changed_images(images, prepared, condition, micro_batch):
            some = context.select(places)
            if clean is None:
                predicted[places] = _scored(score, changed, some, condition)
                continue
            with listening(clean.layer) as heard:
                predicted[places] = _scored(score, changed, some, condition)
            apart[places] = clean.surprise(some.ids, heard)
    donors = prepared.context.donors
    ids = [None] * len(images) if donors is None else list(donors.ids)
    return ConditionScores(
        condition,
        draw,
        prepared.eligible,
        predicted,
        ids,
        prepared.measures,
        prepared.places,
        prepared.reasons,
        apart[:, 0],
        apart[:, 1],
    )


def _scored(
    score: Callable[[Tensor, Context], Tensor],
    changed: Tensor,
    context: Context,
    condition: Condition,
) -> Tensor:
    scores = score(changed, context).detach().float().cpu()
    if scores.shape != (len(changed),):
        raise MemlabError(
            f"the model returned scores of shape {tuple(scores.shape)} for {len(changed)} "
            "images; one score per image, (B,), is needed"
        )
    if not scores.isfinite().all():
        image = context.ids[int((~scores.isfinite()).nonzero()[0])]
        raise MemlabError(
            f"the model's score of image {image} changed by {condition.key} is not finite"
        )
    return scores


def _changed(images: Tensor, context: Context, condition: Condition) -> Tensor:
    with blamed(condition, context.ids):
        changed: Tensor = condition.ablation(images, context, condition.dose)
    if _checked_in_forward(condition.ablation, context):
        return changed
    who, how = f"ablation {condition.ablation.name!r}", f"changed by {condition.key}"
    require_images(changed, images, context.ids, who, how, slack=1e-6)  # for rounding
    return changed


def _checked_in_forward(ablation: Ablation, context: Context) -> bool:
    """Return whether `Ablation.forward` has checked the pixels that it returned.

    The pixels are unchecked if a subclass overrides `forward`, or if weights blend the change with
    the unchanged images afterwards.
    """
    cls = type(ablation)
    own = cls.forward is Ablation.forward and cls._changed is Ablation._changed
    blended = context.where is not None or ablation.place.name != "all"
    return own and cls.within is Ablation.within and not blended
