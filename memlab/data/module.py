"""Data module: data loaders, donors, and images as float RGB on the device."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader, Dataset

from memlab.data.augmentation import Augmentation, augmented
from memlab.data.cache import ImageCache
from memlab.data.contents import copies_among
from memlab.data.dataset import ImageDataset, collate, to_float
from memlab.data.donors import DonorList, with_background
from memlab.data.features import Encoder, FeatureDataset, featured
from memlab.data.geometry import Geometry
from memlab.data.mask_summary import describe_masks
from memlab.data.samplers import EpochSampler, UnpaddedDistributedSampler
from memlab.data.sources.base import Source
from memlab.data.split_data import SplitData
from memlab.data.table import SPLITS
from memlab.data.workers import default_workers
from memlab.errors import DataError
from memlab.imaging.decode import decoder
from memlab.masks.base import EmptyMasks
from memlab.stop_signals import ignore_signals
from memlab.types import Batch, Sample


class MemorabilityData(SplitData):
    """Lightning data module of images with memorability scores.

    Args:
        root: folder of the data set, or a CSV file.
        source: layout of the data set (csv, folder, lamem, synthetic, or a plugin's); recognised by
            default.
        split: number of the split where the data set has several (LaMem: 1 to 5); shares such as
            80/20 (train/test; a tenth of the first is held back for validation) or 70/10/20; a
            fold such as 3of10 (the third of ten parts is tested, a tenth of the rest validates); or
            all, to test every image that the model was not trained on. By default the data set's
            own split, else 70/10/20 to train, and all if the model was not trained here. A run
            keeps its split, image by image.
        split_seed: seed of a random split, and of folds.
        image_size: side in pixels that images are resized to; the model's by default.
        batch_size: images per batch and process.
        num_workers: processes that decode images; by default one less than the cores per training
            process, at most 8.
        cache: folder for decoded images: the first epoch fills it, later epochs and runs read it;
            none by default. It takes 3 * image_size^2 bytes per image, at once.
        feature_cache: folder for the features of a frozen backbone, 4 bytes each; later runs
            compute only those of new images. By default the folder of `cache`.
        masks: masks of faces, people, objects, text: a mask store, as `memlab regions find` makes
            it; a COCO file; or a folder of images REGION/IMAGE.png. They replace the data set's own
            masks of the same region.
        empty_masks: meaning of an image without a mask, such as an empty cell of a table or no file
            in a folder: none (it lacks the region) or unknown (not annotated). By default none for
            a table's own columns, unknown for a folder and for images that a COCO file does not
            list; a mask store records which images are annotated.
        augmentation: augmentation of training images: flip (half of them mirrored), standard (flip,
            a slight crop, slight changes of brightness, contrast and saturation) or none.
        on_error: what to do with an image that cannot be read: fail, or skip and list it.
    """

    def __init__(
        self,
        root: Path = Path("data"),
        source: Source | None = None,
        split: int | str | None = None,
        split_seed: int = 0,
        image_size: int | None = None,
        batch_size: int = 32,
        num_workers: int | None = None,
        cache: Path | None = None,
        feature_cache: Path | None = None,
        masks: Path | None = None,
        empty_masks: EmptyMasks | None = None,
        augmentation: Augmentation = "flip",
        on_error: Literal["fail", "skip"] = "fail",
    ) -> None:
        super().__init__(root, source, split, split_seed, masks, empty_masks, on_error)
        for name, value, least in (
            ("image_size", image_size, 16),
            ("batch_size", batch_size, 1),
            ("num_workers", num_workers, 0),
        ):
            if value is not None and value < least:
                raise DataError(f"--data.{name} {value}: at least {least}")
        self.image_size = image_size
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.cache = None if cache is None else Path(cache)
        self.feature_cache = self.cache if feature_cache is None else Path(feature_cache)
        self.augmentation = augmentation
        self.encoder: Encoder | None = None
        self.failure: str | None = None
        self.donated: str | None = None
        self._decoded: ImageCache | None = None
        self._encoded: dict[tuple[str, ...], FeatureDataset] = {}

    @property
    def geometry(self) -> Geometry:
        """Geometry of the images; the size is the model's unless `image_size` was given."""
        model = None if self.trainer is None else self.trainer.lightning_module
        size: object = self.image_size or getattr(model, "input_size", None)
        if not isinstance(size, int):
            raise DataError("no image size: set --data.image_size")
        return Geometry(size, getattr(model, "resampler", "torch"))

    def donors(self, split: str, seed: int) -> DonorList:
        """Return the donors for swaps into the images of a split.

        Donors are the training images, or else the validation images. If there are none, because
        all images are tested, the tested images donate to each other, never to themselves or to a
        copy of themselves. `donated` records which images donate.

        Args:
            split: split whose images are changed.
            seed: seed of the assignment of donors.

        Raises:
            DataError: if there is no other image.
        """
        others = next((one for one in SPLITS if one != split and len(self.table.part(one))), None)
        rows = self.table.part(others or split)
        if others is None and len(rows) < 2:
            raise DataError(f"{self.table.origin}: one image has no other to swap with")
        # a donor that cannot be read is skipped; a mask of another image is an error
        images = self.images(rows, strict=self.on_error == "fail")
        there = {region: set(self.table.masks[region].having(region)) for region in self.regions}
        having = {
            region: [place for place, name in enumerate(rows["id"]) if name in there[region]]
            for region in self.regions
        }
        evaluated = [str(name) for name in self.table.part(split)["id"]]
        donating = with_background(having, images.annotated)
        self.donated = others or "tested images"
        names = None if others else images.ids
        tested = images.ids, images.images, self.table.root, self._contents
        copies = {} if others else copies_among(*tested)
        return DonorList(images, donating, len(rows), evaluated, seed, names, copies)

    def prepare_data(self) -> None:
        """Let the source make its files, if any, in one process."""
        if self.source is not None:
            self.source.prepare(self.root)

    def setup(self, stage: str) -> None:
        """Read the table and check that the splits of this stage can be used."""
        self._share_contents()
        if stage == "fit":
            # seed of order and augmentation; torch's own seed changes with every training step
            self.seed = torch.initial_seed()
            if self.trainer is not None:  # processes without a seed differ
                self.seed = self.trainer.strategy.broadcast(self.seed)
        needed = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ())
        for split in needed:
            self.check_split(split)
        if stage == "test" and self.table.unscored in self.table.notes and self.is_first:
            print(f"memlab: {self.table.unscored}", file=sys.stderr)  # noqa: T201

    def train_dataloader(self) -> DataLoader[Any]:
        """Return training images in the order of the epoch, from the current position.

        With `--trainer.overfit_batches` the order is the table's, so that all epochs see the same
        images.
        """
        rows = self.table.part("train")
        processes, rank = 1, 0
        if self.trainer is not None:
            if self.trainer.overfit_batches:  # type: ignore[attr-defined]
                return self._loader(rows)
            processes, rank = self.trainer.world_size, self.trainer.global_rank
        # the loader may be made before the trainer has restored its progress from a checkpoint
        place = max(self._progress(), self._place)
        sampler = EpochSampler(
            range(len(rows)), self.batch_size, self.seed, processes, rank, *place
        )
        return self._loader(rows, sampler=sampler)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation images in order."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the test images in order, with the masks that were asked for."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return all images of the table in order."""
        return self._evaluation_loader(None)

    def _evaluation_loader(self, split: str | None) -> DataLoader[Any]:
        rows = self.table.rows.reset_index(drop=True) if split is None else self.table.part(split)
        sampler = None
        if self.trainer is not None and self.trainer.world_size > 1:
            sampler = UnpaddedDistributedSampler(
                range(len(rows)), self.trainer.world_size, self.trainer.global_rank
            )
        return self._loader(rows, sampler=sampler)

    def _loader(self, rows: Any, **options: Any) -> DataLoader[Any]:
        dataset: Dataset[Sample]
        if self.encoder is None:
            dataset, workers = self.images(rows), self._workers
        else:
            dataset, workers = self.encoded(rows, self.encoder), 0  # the features are in memory
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=workers > 0,
            worker_init_fn=ignore_signals,
            **options,
        )

    @property
    def _workers(self) -> int:
        processes = self.trainer.num_devices if self.trainer is not None else 1
        return default_workers(processes) if self.num_workers is None else self.num_workers

    def encoded(self, rows: Any, encoder: Encoder) -> FeatureDataset:
        """Return rows of the table with the features of their images, which are computed once."""
        images = self.images(rows)
        key = (encoder.identity(), *images.ids)
        if key not in self._encoded:
            trainer = self.trainer
            world = (1, 0) if trainer is None else (trainer.world_size, trainer.global_rank)
            how = self.batch_size, self._workers, self.feature_cache, *world
            self._encoded[key] = featured(images, encoder, *how)
        return self._encoded[key]

    def images(self, rows: Any, strict: bool = False) -> ImageDataset:
        """Return rows of the table as samples of decoded images; see `ImageDataset`."""
        masks = {region: self.table.masks[region] for region in self.regions}
        cache = self._decoded_at(self.geometry)
        return ImageDataset(rows, self.table.root, self.geometry, masks, cache, strict)

    def _decoded_at(self, geometry: Geometry) -> ImageCache | None:
        known = self._decoded
        if self.cache is not None and (known is None or known.geometry != geometry):
            made = ImageCache(self.cache, self.table.root, self._images, geometry)
            if made.new:
                size = f"{made.size / 1e9:.2f} GB"
                print(f"memlab: new cache {made.path}, {size}", file=sys.stderr)  # noqa: T201
            self._decoded = made
        return self._decoded

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Raise on, or record, images that could not be read.

        With several processes the error is only stored in `failure`, because all must stop
        together.
        """
        for name, error in zip(batch["ids"], batch["errors"], strict=True):
            if not error:
                continue
            self.skipped[name] = error
            if self.on_error == "fail":
                self.failure = f"{error}\nto leave such images out: --data.on_error skip"
                if self.trainer is None or self.trainer.world_size == 1:
                    raise DataError(self.failure)
        return batch

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Convert images to float RGB in [0, 1] on the device, and augment training images."""
        batch = to_float(batch)
        trainer = self.trainer
        if trainer is not None and trainer.training and not trainer.overfit_batches:  # type: ignore[attr-defined]
            batch["images"] = augmented(
                batch["images"], batch["ids"], self.seed, trainer.current_epoch, self.augmentation
            )
        return batch

    def describe(self) -> dict[str, Any]:
        """Return what was read and how, as plain data for the results."""
        counts = self.table.rows["split"].value_counts()
        splits = dict(zip(self.table.rows["id"], self.table.rows["split"], strict=True))
        return {
            "root": str(self.root),
            "origin": self.table.origin,
            "source": self.layout.spec,
            "split": self.split,
            "split_seed": self.split_seed,
            "images": {split: int(counts.get(split, 0)) for split in SPLITS},
            "split_rule": None if self.rule is None else self.rule.describe(),
            "donors": self.donated,
            "fingerprint": self.table.fingerprint(),
            "decoder": decoder(),
            "geometry": self.geometry.describe(),
            "empty_masks": self.empty_masks,
            "masks": {region: describe_masks(self.table, region) for region in self.regions},
            "skipped": [
                {"id": name, "split": splits.get(name), "reason": why}
                for name, why in sorted(self.skipped.items())
            ],
        }
