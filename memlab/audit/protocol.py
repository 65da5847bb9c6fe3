"""Protocol of the audit: a versioned YAML file, read strictly, with the hash of its content.

The file is data: nothing that it names is imported or called here. Names of operators are compared
with the entry points of memlab's own distribution, so that installing a plugin never changes an
audit. `memlab.audit.conditions` builds the ablations from names and plain arguments. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from memlab.audit.protocol_fields import Fields, content_hash
from memlab.errors import MemlabError
from memlab.reading import parse_yaml, read_text

VERSION = 1
"""Version of the protocol that this memlab runs; it changes whenever a field or a rule does."""
BUILT_IN = Path(__file__).with_name("protocol-1.yaml")
"""Protocol that is part of memlab."""
Side = Literal["semantic", "low-level", "context", "layout"]
Kind = Literal["presence", "value"]


@dataclass(frozen=True)
class Operator:
    """Ablation of memlab with arguments.

    Args:
        ablation: plugin name of one of memlab's own ablations.
        arguments: arguments of its constructor, such as region and fill; text or numbers.
    """

    ablation: str
    arguments: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Feature:
    """Feature of images whose use by the model is measured.

    Args:
        name: key in all files.
        label: name for readers.
        side: semantic, low-level, context or layout.
        family: features of one family count once in the verdict.
        kind: `presence`, in an image or not; or `value`, which every image has.
        representative: whether the feature stands for its family in the verdict.
        stands_in_for: the feature whose place it takes where that one lacks masks, or None.
        within: the presence feature that an image needs to have a value of this one, or None.
        removals: one operator per fill, the primary fill first; for presence features.
        swap: operator that puts in the value, or the instance, of a donor.
        insertion: operator that adds the feature to images that lack it.
    """

    name: str
    label: str
    side: Side
    family: str
    kind: Kind
    representative: bool = False
    stands_in_for: str | None = None
    within: str | None = None
    removals: tuple[Operator, ...] = ()
    swap: Operator | None = None
    insertion: Operator | None = None


@dataclass(frozen=True)
class Hypothesis:
    """Order of groups of features, from the largest reliance to the smallest.

    Args:
        name: name of the hypothesis.
        claim: what it says of the model.
        order: groups of features' names.
        words: the order in words.
    """

    name: str
    claim: str
    order: tuple[tuple[str, ...], ...]
    words: str


@dataclass(frozen=True)
class Contrast:
    """Difference declared before running: mean T of `first` minus mean T of `second`."""

    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """Rules of an audit.

    Args:
        name: name of the protocol.
        version: version of its form and rules.
        sha256: SHA-256 of the canonical content: JSON with sorted keys, without comments.
        features: the features, in the order of tables.
        hypotheses: orders that are compared with the measured order.
        contrasts: differences that are tested.
        sesoi: smallest effect of interest, in SDs of the clean predictions.
        level: level of the intervals.
        alpha: p-values below it are significant.
        resamples: resamples of the bootstrap.
        draws: matched controls or patches per image at the primary dose.
        draws_elsewhere: draws per image at other doses.
        target_draws: draws of a removal itself.
        swap_draws: donors per image and swap, each with its round trip.
        display_share: share of the audited images that get the dose ladders.
        nuisance: changes that should not matter.
        sufficiency: reductions of images to one kind of information.
        scan: whether images are scanned for marks that no mask names.
        gauge: bounds beyond which an effect is out of distribution, by name.
        thresholds: bounds of the verdict, by name.
        text: the file itself, for the audit folder.
    """

    name: str
    version: int
    sha256: str
    features: tuple[Feature, ...]
    hypotheses: tuple[Hypothesis, ...]
    contrasts: tuple[Contrast, ...]
    sesoi: float
    level: float
    alpha: float
    resamples: int
    draws: int
    draws_elsewhere: int
    target_draws: int
    swap_draws: int
    display_share: float
    nuisance: tuple[Operator, ...]
    sufficiency: tuple[Operator, ...]
    scan: bool
    gauge: Mapping[str, float]
    thresholds: Mapping[str, float]
    text: str = field(default="", repr=False, compare=False)

    def feature(self, name: str) -> Feature:
        """Return the feature of a name; raises KeyError if there is none."""
        return {one.name: one for one in self.features}[name]

    @property
    def representatives(self) -> tuple[Feature, ...]:
        """Return the features that stand for their families, in the order of the file."""
        return tuple(one for one in self.features if one.representative)


def read_protocol(path: Path | None = None) -> Protocol:
    """Read a protocol.

    >>> protocol = read_protocol()
    >>> protocol.version, protocol.feature("face").side
    (1, 'semantic')

    Args:
        path: the file; by default the protocol that is part of memlab.

    Raises:
        MemlabError: if the file cannot be read, has another version, an unknown key or ablation, or
            a value of another type or range; names the file, the field and the value.
    """
    return _built_in() if path is None else _read(path)


@cache
def _built_in() -> Protocol:
    return _read(BUILT_IN)


def _read(path: Path) -> Protocol:
    text = read_text(path)
    found = parse_yaml(text, str(path))
    fields = Fields(found, str(path))
    version = fields.take("version", int, least=1)
    if version != VERSION:
        raise MemlabError(
            f"{path}: version is {version}, and this memlab runs protocol {VERSION}; use the "
            "memlab that belongs to it, or start from a copy of the built-in protocol "
            "(protocol.yaml of any audit folder)"
        )
    read = Protocol(
        name=fields.take("name", str),
        version=version,
        sha256=content_hash(found),
        features=tuple(map(_feature, fields.each("features"))),
        hypotheses=tuple(map(_hypothesis, fields.each("hypotheses"))),
        contrasts=tuple(map(_contrast, fields.each("contrasts"))),
        sesoi=fields.take("sesoi", float, above=0.0, most=1.0),
        level=fields.take("level", float, above=0.5, below=1.0),
        alpha=fields.take("alpha", float, above=0.0, below=0.5),
        resamples=fields.take("resamples", int, least=100, most=1_000_000),
        draws=fields.take("draws", int, least=2, most=64),
        draws_elsewhere=fields.take("draws_elsewhere", int, least=1, most=64),
        target_draws=fields.take("target_draws", int, least=1, most=64),
        swap_draws=fields.take("swap_draws", int, least=2, most=64),
        display_share=fields.take("display_share", float, least=0.0, most=1.0),
        nuisance=tuple(map(_operator, fields.each("nuisance"))),
        sufficiency=tuple(map(_operator, fields.each("sufficiency"))),
        scan=fields.take("scan", bool),
        gauge=fields.numbers("gauge", _known("gauge", path)),
        thresholds=fields.numbers("thresholds", _known("thresholds", path)),
        text=text,
    )
    fields.done()
    _check_names(read, path)
    return read


def _known(section: str, path: Path) -> Sequence[str] | None:
    """Return the names of a section of numbers: those of the built-in protocol, which has any."""
    if path == BUILT_IN:
        return None
    section_of: Mapping[str, float] = getattr(_built_in(), section)
    return tuple(section_of)


def _feature(fields: Fields) -> Feature:
    swap, insertion = (fields.one(name) for name in ("swap", "insertion"))
    feature = Feature(
        name=fields.name("name"),
        label=fields.take("label", str),
        side=fields.choice("side", ("semantic", "low-level", "context", "layout")),
        family=fields.take("family", str),
        kind=fields.choice("kind", ("presence", "value")),
        representative=fields.take("representative", bool, default=False),
        stands_in_for=fields.take("stands_in_for", str, default=None),
        within=fields.take("within", str, default=None),
        removals=tuple(map(_operator, fields.each("removals", optional=True))),
        swap=None if swap is None else _operator(swap),
        insertion=None if insertion is None else _operator(insertion),
    )
    fields.done()
    if feature.kind == "presence" and not feature.removals:
        raise fields.error("removals", "none, but a presence feature is removed; name an operator")
    if feature.kind == "value" and (feature.swap is None or feature.removals or feature.insertion):
        raise fields.error("kind", "value, and such a feature has a swap and nothing else")
    return feature


def _operator(fields: Fields) -> Operator:
    operator = Operator(fields.ablation("ablation"), fields.plain("arguments"))
    fields.done()
    return operator


def _hypothesis(fields: Fields) -> Hypothesis:
    hypothesis = Hypothesis(
        name=fields.take("name", str),
        claim=fields.take("claim", str),
        order=fields.groups("order"),
        words=fields.take("words", str),
    )
    fields.done()
    return hypothesis


def _contrast(fields: Fields) -> Contrast:
    contrast = Contrast(fields.take("name", str), fields.names("first"), fields.names("second"))
    fields.done()
    return contrast


def _check_names(read: Protocol, path: Path) -> None:
    """Check that names are unique and refer to features, and families have one representative."""
    names = [one.name for one in read.features]

    def refuse(where: str, value: object, remedy: str) -> None:
        raise MemlabError(f"{path}: {where} is {value!r}; {remedy}")

    for index, one in enumerate(read.features):
        if one.name in names[:index]:
            refuse(f"features[{index}].name", one.name, "give each feature a name of its own")
        for key, other in (("stands_in_for", one.stands_in_for), ("within", one.within)):
            if other is not None and (other not in names or other == one.name):
                refuse(f"features[{index}].{key}", other, "name another feature")
    for family in dict.fromkeys(one.family for one in read.features):
        chosen = [one.name for one in read.representatives if one.family == family]
        if len(chosen) != 1:
            there = ", ".join(chosen) or "no feature"
            refuse("family", family, f"its representative is {there}; mark exactly one")
    groups = {f"hypotheses: {one.name}": [*sum(one.order, ())] for one in read.hypotheses}
    groups |= {f"contrasts: {one.name}": [*one.first, *one.second] for one in read.contrasts}
    for where, members in groups.items():
        for name in members:
            if name not in names:
                refuse(where, name, f"name a feature: {', '.join(names)}")
