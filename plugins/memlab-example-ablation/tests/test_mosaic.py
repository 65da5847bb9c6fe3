from memlab_example_ablation import Mosaic

from memlab.testing import check_ablation


def test_contract() -> None:
    check_ablation(Mosaic)
