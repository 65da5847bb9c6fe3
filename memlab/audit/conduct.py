"""An audit from the model to its tables: prepares the plan, runs it, and keeps both in a folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.ablations.base import Ablation
from memlab.ablations.needs import donor_notes
from memlab.audit.about import model_record, population_record, provenance
from memlab.audit.assessment import audit_result
from memlab.audit.budget import parse_budget
from memlab.audit.gauge_notes import distance_notes
from memlab.audit.plan import AuditPlan, plan_audit
from memlab.audit.population import Population, regions_of
from memlab.audit.protocol import Protocol
from memlab.audit.request import request_of
from memlab.audit.result import AuditResult
from memlab.audit.run import CHANGED, CLEAN, Machine, changed_rows_of, clean_rows
from memlab.audit.sample import strata_of
from memlab.audit.trial import run_trial
from memlab.audit.work import Work, presence_of, work_of
from memlab.data.donors import DonorList
from memlab.data.mask_summary import annotation_notes, region_notes
from memlab.errors import CheckpointError
from memlab.inference.predict import device_named
from memlab.models.base import MemorabilityModel
from memlab.models.leak import leak_notes
from memlab.provenance import now
from memlab.scorer import Scorer
from memlab.shards import write_table


@dataclass(frozen=True)
class Prepared:
    """Audit that can be planned or run.

    Args:
        model: the model, on its device.
        population: the images.
        protocol: the protocol.
        regions: which images have each region.
        features: presence features: name to the ablation that removes the feature.
        work: the conditions.
        machine: how to run.
        seed: seed of the sample, of random changes and of the intervals.
        budget: the budget as the user wrote it, or None.
    """

    model: Scorer
    population: Population
    protocol: Protocol
    regions: pd.DataFrame
    features: dict[str, Ablation]
    work: Work
    machine: Machine
    seed: int
    budget: str | None

    @property
    def request(self) -> dict[str, Any]:
        """Return what the rows depend on; see `memlab.audit.request`."""
        return request_of(
            self.model,
            self.population,
            self.protocol,
            budget=self.budget,
            seed=self.seed,
            batch_size=self.machine.batch_size,
            device=str(self.model.device),
        )

    @property
    def strata(self) -> pd.Series:
        """Return the stratum of each image of the population, by id."""
        needed = {name: one.regions[0] for name, one in self.features.items()}
        return strata_of(self.regions[list(needed.values())].set_axis(list(needed), axis=1))

    def plan(self) -> AuditPlan:
        """Measure times and noise, and return the largest audit that the budget allows."""
        machine = self.machine
        trial = run_trial(
            self.model,
            self.population,
            self.regions,
            self.work,
            seed=self.seed,
            device=machine.device,
            shown=machine.shown,
        )
        limit = parse_budget(self.budget)
        return plan_audit(
            self.protocol,
            self.regions,
            self.strata,
            self.work,
            trial,
            limit,
            self.seed,
            self.budget,
        )

    def donors(self, plan: AuditPlan) -> tuple[DonorList | None, list[str]]:
        """Return the donors of the audited images, and notes on them."""
        if not self.work.needs_donors:
            return None, []
        rows = self.population.rows
        audited = rows[rows["id"].isin(set(plan.audited))].reset_index(drop=True)
        donors, origin = self.population.donors(audited, self.seed)
        if donors is None:
            return None, []
        shared = [] if donors.among_themselves else donor_notes(donors, self.work.main)
        return donors, [f"Donors: {origin}.", *shared]

    def notes(self, plan: AuditPlan) -> list[str]:
        """Return sentences on images, masks and donors for the reader."""
        masks = self.population.table.masks
        found = [*self.population.notes]
        found += annotation_notes(masks, masks, plan.audited)
        found += region_notes(
            masks, {name for one in self.features.values() for name in one.regions}
        )
        if not masks:
            found.append(
                "There are no masks: faces, people, objects and text are not measured, and surface "
                "is measured anywhere, figures included. memlab regions find makes masks."
            )
        if plan.sd == 0:
            found.append("The model gave all images of the trial the same score.")
        found += self.model.card_notes()
        if isinstance(self.model, MemorabilityModel):
            data = self.population.data
            found += leak_notes(self.model, data.layout.spec["class_path"], data.root)
        return [*found, *self.donors(plan)[1]]


@dataclass(frozen=True)
class Finished:
    """Tables of a finished run.

    Args:
        rows: unchanged images; see `memlab.audit.run.clean_rows`.
        conditions: changed images, as in `conditions.csv`.
        errors: reason for each image without a prediction, by id.
    """

    rows: pd.DataFrame
    conditions: pd.DataFrame
    errors: dict[str, str]

    @property
    def forwards(self) -> int:
        """Return the number of forward passes of unchanged and changed images."""
        return len(self.rows) + len(self.errors) + int(self.conditions["eligible"].sum())


def prepare(
    model: Scorer,
    population: Population,
    protocol: Protocol,
    machine: Machine,
    *,
    seed: int = 0,
    budget: str | None = None,
) -> Prepared:
    """Return an audit that can be planned or run.

    Raises:
        MemlabError: if the budget cannot be read, no weights were loaded, the device does not
            exist, or the protocol has wrong arguments.
    """
    parse_budget(budget)  # an error here comes before the work
    if model.weights_id() is None:
        raise CheckpointError(
            f"{model.title}: nothing proves that its weights were loaded (weights_id() is None); "
            "load the model with memlab.load"
        )
    model.to(model.device if machine.device is None else device_named(machine.device))
    ids = [str(name) for name in population.rows["id"]]
    regions = regions_of(population.table, ids)
    features = presence_of(protocol, list(regions.columns))
    donors = len(ids) + len(population.others) > 1
    work = work_of(protocol, regions, donors)
    return Prepared(model, population, protocol, regions, features, work, machine, seed, budget)


def carry_out(prepared: Prepared, plan: AuditPlan, folder: Path) -> Finished:
    """Run a plan in a folder, or go on with it; write the tables; the shards stay.

    Raises:
        MemlabError: if no image can be scored, or the model fails on a changed image.
    """
    one = prepared
    donors, _ = one.donors(plan)
    rows, errors = clean_rows(
        one.model, one.population, plan, one.features, one.strata, folder, one.machine
    )
    conditions = changed_rows_of(
        one.model, one.population, plan, one.work, rows, donors, folder, one.machine, one.seed
    )
    write_table(rows, folder, CLEAN)
    write_table(conditions, folder, CHANGED)
    return Finished(rows, conditions, errors)


def result_of(
    prepared: Prepared, plan: AuditPlan, finished: Finished, name: str, started: str
) -> AuditResult:
    """Return what the audit found, with the records of what it was made with.

    Args:
        prepared: the audit.
        plan: its plan.
        finished: its tables.
        name: the model, as the user named it.
        started: UTC, ISO 8601.
    """
    one = prepared
    result = audit_result(
        finished.rows,
        finished.conditions,
        one.work.records,
        one.protocol,
        one.seed,
        one.work.left_out,
    )
    notes = one.notes(plan)
    donors = next((note for note in notes if note.startswith("Donors: ")), None)
    failed = len(finished.errors)
    unread = [f"{failed} images have no prediction and are left out."] if failed else []
    return replace(
        result,
        notes=[*result.notes, *distance_notes(result.features), *notes, *unread],
        model=model_record(one.model, name if Path(name).exists() else None),
        data=population_record(one.population, donors, finished.errors),
        provenance=provenance(one.model, one.work),
        started=started,
        finished=now(),
    )
