"""memlab on LightningCLI: options, callbacks, folders, weights. No other module imports it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger

from memlab import tracking
from memlab.callbacks.ablation_evaluation import AblationEvaluation
from memlab.callbacks.attribution_maps import AttributionMaps
from memlab.callbacks.blind_scan import BlindScan
from memlab.callbacks.checkpoint_file import WholeCheckpoints
from memlab.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from memlab.callbacks.frozen_features import FrozenFeatures
from memlab.callbacks.history import History
from memlab.callbacks.lr_finder import LRFinder
from memlab.callbacks.read_failures import ReadFailures
from memlab.callbacks.records import Records
from memlab.callbacks.ridge_head import RidgeHead
from memlab.callbacks.step_seeds import StepSeeds
from memlab.cli import processes, runs
from memlab.cli.blame import plugin_error
from memlab.cli.evaluations import add_evaluations, say_overfitted, say_trained, split_use
from memlab.cli.messages import in_file, known_error, readable, unknown_key
from memlab.cli.parser import Parser
from memlab.cli.plugin_names import class_path
from memlab.cli.preflight import check_config, check_data, check_model_options
from memlab.cli.trainer import Plan
from memlab.data.kept_split import KeptSplit, split_of
from memlab.data.module import MemorabilityData
from memlab.errors import CheckpointError, MemlabError, PluginError
from memlab.files import fingerprint, write_text
from memlab.models.base import MemorabilityModel
from memlab.models.load import (
    check_fits,
    check_resumable,
    contradiction,
    read_checkpoint,
    without_downloads,
)
from memlab.reports.terminal import print_results
from memlab.trust import guard


class MemlabCLI(LightningCLI):
    """LightningCLI with memlab's options; see `memlab fit --help`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.kept: KeptSplit | None = None
        self._checkpoint: dict[str, Any] | None = None
        self.folder = Path()
        super().__init__(
            model_class=MemorabilityModel,
            datamodule_class=MemorabilityData,
            subclass_mode_model=True,
            save_config_callback=None,
            seed_everything_default=0,
            trainer_defaults={
                "max_epochs": 10,
                "num_sanity_val_steps": 0,
                "enable_model_summary": False,
            },
            parser_class=Parser,
            parser_kwargs={"allow_abbrev": False},
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            args=[plan.command, *plan.arguments],
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Return the command that runs; parsers of the other three would never be asked."""
        return {self.plan.command: LightningCLI.subcommands()[self.plan.command]}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options of evaluations other than the score."""
        parser.set_defaults({"model": {"class_path": class_path("models", "regressor")}})
        add_evaluations(parser)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the arguments, which are always given explicitly instead of taken from sys.argv."""
        try:
            self.config = parser.parse_args(args)
            seed = self.config[self.plan.command].seed_everything
            if seed < 0:
                raise MemlabError(f"--seed_everything {seed}: 0 or more")
        except MemlabError as error:
            judge = guard()
            if judge is not None and judge.refused:
                raise judge.refusal(judge.refused) from error
            options = self._parser(self.plan.command).get_defaults().keys(branches=True)
            named = in_file(error, self.plan.arguments, self.plan.recorded)
            raise unknown_key(named, options, self.plan.configs) from error

    def before_instantiate_classes(self) -> None:
        """Check that options and checkpoint agree, and create the folder."""
        config = self.config[self.plan.command]
        check_config(config)
        if self.plan.checkpoint is not None:
            checkpoint = self._checkpoint = read_checkpoint(self.plan.checkpoint)
            self.kept = split_of(self.plan.checkpoint, checkpoint)
            if self.plan.command == "fit":
                check_resumable(self.plan.checkpoint, checkpoint)
            asked = config.model.as_dict()
            difference = contradiction(asked, checkpoint["memlab"]["model"])
            if difference:
                raise CheckpointError(f"{self.plan.checkpoint} is of another model: {difference}")
            emptied = {self.plan.command: {"model": without_downloads(asked)}}
            self.config = self.parser.parse_object(emptied, self.config)
        options = self._parser(self.plan.command).dump(self.config[self.plan.command])
        self.plan.asked = fingerprint(f"{self.plan.checkpoint}\n{options}")
        run, self.folder = processes.agreed(lambda: runs.make_folders(self.plan))
        self.plan.folder = self.folder
        if self.plan.out is None:
            self.plan.run = run
        if self.plan.command in ("fit", "test") and processes.is_first():
            self.plan.lock = runs.lock(self.folder)
        os.environ[processes.FOLDER_VARIABLE] = str(self.folder)  # removed at the command's end

    def instantiate_classes(self) -> None:
        """Create data and trainer, check both, then create the model.

        A model may download weights or lack them, so errors in the data or the device are reported
        first. Invalid arguments are reported in one line.
        """
        command = self.plan.command
        others = self.config[command].clone()
        model = others.pop("model")
        self._place_trackers(_as_list(others.trainer.logger))
        try:
            self.config_init = self.config.clone()
            self.config_init[command] = self._made(others)
            self.datamodule = self._get(self.config_init, "data")
            self.datamodule.use = split_use(self.plan, self.kept, self.config[command].model)
            self.trainer = self.instantiate_trainer()
            if processes.is_first():
                check_model_options(model.as_dict())
                check_data(command, self.datamodule, self.trainer, self.evaluation)
            alone = self.config[command].clone()
            for name in [name for name in vars(alone) if name != "model"]:
                alone.pop(name)
            self.model = self._made(alone).model
        except (
            ImportError,
            MisconfigurationException,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            raise known_error(error) or plugin_error(error) or readable(error) from error

    def _place_trackers(self, loggers: list[Any]) -> None:
        """Give the trackers the folder of this command, and a repeated fit its former run.

        The change is kept out of self.config, which is written to disk: a test has its own folder.
        """
        for logger in loggers:
            if not str(logger.class_path).endswith("WandbLogger"):
                continue
            if logger.init_args.save_dir == ".":
                logger.init_args.save_dir = str(self.folder)
            if self.plan.command == "fit" and processes.is_first():
                for name, value in tracking.same_run(self.folder).items():
                    logger.init_args[name] = value

    def _made(self, config: Namespace) -> Namespace:
        """Return the objects that a part of the configuration describes."""
        made: Namespace = self._parser(self.plan.command).instantiate(config)
        return made

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add memlab's callbacks, folder and CSV files to the configured trainer."""
        seed_given = self._get(self.config_init, "seed_everything")
        seed = 0 if isinstance(seed_given, bool) else seed_given  # false: training is not seeded
        self.records = Records(seed, self._get(self.config_init, "figures"))
        self.evaluation = AblationEvaluation(
            self._get(self.config_init, "ablation"),
            self._get(self.config_init, "doses"),
            self._get(self.config_init, "controls"),
            seed=seed,
        )
        maps = AttributionMaps(
            self._get(self.config_init, "attribution"),
            self._get(self.config_init, "maps"),
            self._get(self.config_init, "maps_of"),
            seed,
        )
        self.best = BestCheckpoint(self.folder / "checkpoints")
        configured = self._get(self.config_init, "trainer")
        scan = BlindScan(self._get(self.config_init, "scan"), seed=seed)
        ours: list[Callback] = [ReadFailures(), self.evaluation, scan, maps, self.records]
        if self.plan.command == "fit":
            interval = self._get(self.config_init, "checkpoint_every")
            last = LastCheckpoint(self.folder / "checkpoints", interval)
            ours += [FrozenFeatures(), RidgeHead(seed), StepSeeds(), History(), self.best, last]
        callbacks = _as_list(configured["callbacks"])
        loggers = [
            logger for logger in _as_list(configured["logger"]) if isinstance(logger, Logger)
        ]
        return super().instantiate_trainer(
            default_root_dir=str(self.folder),
            callbacks=[*callbacks, *ours],
            logger=loggers or False,
            plugins=[*_as_list(configured["plugins"]), *_plugins()],
            **kwargs,
        )

    def after_instantiate_classes(self) -> None:
        """Report which weights are loaded, and check that they fit."""
        options = self.config_init[self.plan.command]
        if self.plan.checkpoint is not None:
            check_fits(self.model, self.plan.checkpoint, self._checkpoint)
            self._checkpoint = None  # large
            options["ckpt_path"] = str(self.plan.checkpoint)
        for name in ("verbose", "return_predictions"):
            if name in options:
                options[name] = False

    def before_test(self) -> None:
        """Write the configuration, and pass it to the trackers."""
        if not self.trainer.is_global_zero:
            return
        config = self._parser(self.subcommand).dump(self.config[self.plan.command])
        write_text(self.folder / runs.CONFIG, config)
        tracking.log_config(self.trainer.loggers, yaml.safe_load(config))

    before_validate = before_predict = before_test

    def before_fit(self) -> None:
        """Write the configuration; report what is trained, and the folder."""
        if not self.trainer.is_global_zero:
            return
        self.datamodule.keep_split(self.folder)
        self.before_test()
        say_trained(self.model, self.datamodule.table, self.plan.run)

    def after_fit(self) -> None:
        """Test the best checkpoint in the same process."""
        trainer = self.trainer
        if trainer.fast_dev_run or trainer.interrupted:  # type: ignore[attr-defined]
            return
        if any(isinstance(callback, LRFinder) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            return
        if trainer.overfit_batches:  # type: ignore[attr-defined]
            say_overfitted(trainer)
            return
        best, last = (self.folder / "checkpoints" / f"{name}.ckpt" for name in ("best", "last"))
        if not last.is_file():
            if getattr(self.model, "solved_only", False):
                raise MemlabError(
                    "nothing was trained: a ridge head is not solved again after --ckpt_path, and "
                    "--model.unfrozen 0 trains nothing further; leave --ckpt_path out"
                )
            raise MemlabError(
                f"nothing was trained (--trainer.max_epochs {trainer.max_epochs}, epochs done "
                f"before: {trainer.current_epoch})"
            )
        if not best.is_file() and not getattr(self.model, "solved_only", False):
            self.records.notes.append(
                "No epoch had a defined validation correlation, so the last weights were tested, "
                "not the best."
            )
        weights = best if best.is_file() else last
        trainer.test(self.model, datamodule=self.datamodule, ckpt_path=weights, verbose=False)
        self.after_test()

    def after_test(self) -> None:
        """Print the results; then raise an error if an ablation that the user named is broken."""
        if self.trainer.is_global_zero and self.records.results is not None:
            print_results(self.records.results, self.folder)
            if self.evaluation.broken and not self.plan.swept:
                text = next(iter(self.evaluation.broken.values()))
                raise PluginError(f"{text}; {self.folder} has the results of all others")

    after_validate = after_predict = after_test


def _plugins() -> list[Any]:
    # memlab itself saves at a safe point and requeues the job.
    slurm = [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
    return [WholeCheckpoints(), *slurm]


def _as_list(value: Any) -> list[Any]:
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, Iterable) else [value]
