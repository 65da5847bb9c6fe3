"""The low-level catalogue and the nuisance floor: laws, and equality to originals."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation
from torchvision.transforms.v2.functional import adjust_contrast

from memlab import Ablation, Context
from memlab.ablations.colour import ColorContrast, Desaturate, Grayscale, HueRotate
from memlab.ablations.contrast import Brightness, Contrast
from memlab.ablations.frequency import Blur, Highpass
from memlab.ablations.nuisance import Flip, Jpeg, Noise, ResizeRoundtrip, Shift
from memlab.ablations.statistics import STATISTICS
from memlab.ablations.texture import PatchShuffle, PhaseScramble, PowerEqualize, TextureSmooth
from memlab.errors import MemlabError
from memlab.imaging.band_gains import GAIN
from memlab.imaging.colour import LUMA, chroma, luma
from memlab.imaging.filters import gaussian_blur, gaussian_matrix
from memlab.imaging.texture import (
    equalize_power,
    scramble_phases,
    spectral_distance,
)
from memlab.testing import check_ablation, sample_images
from memlab.validation.selectivity import gradient_correlation

CLASSES: list[type[Ablation]] = [
    *(Blur, Highpass, Grayscale, Desaturate, HueRotate, ColorContrast, Contrast, Brightness),
    *(TextureSmooth, PatchShuffle, PhaseScramble, PowerEqualize),
    *(Shift, Flip, Jpeg, ResizeRoundtrip, Noise),
]


def names(count: int) -> Context:
    return Context([f"image-{place}" for place in range(count)], seed=11)


def pillow(pixels: torch.Tensor) -> Image.Image:
    return Image.fromarray(pixels[0].permute(1, 2, 0).byte().numpy())


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("cls", CLASSES)
def test_they_keep_the_contract(cls: type[Ablation]) -> None:
    check_ablation(cls)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(47, 64), (64, 47), (224, 224)])
@pytest.mark.parametrize("cls", CLASSES)
def test_laws(cls: type[Ablation], shape: tuple[int, int]) -> None:
    images = sample_images(3, max(shape))[..., : shape[0], : shape[1]].contiguous()
    before, context, ablation = images.clone(), names(3), cls()
    statistic = STATISTICS[cls.target]
    assert torch.equal(ablation(images, context, 0), images)
    last = statistic(ablation, images, context, 0).mean()
    for dose in cls.ladder:
        changed = ablation(images, context, dose)
        assert changed.shape == images.shape
        assert changed.dtype == torch.float32
        assert ((changed >= 0) & (changed <= 1)).all()
        assert torch.equal(images, before)
        now = statistic(ablation, images, context, dose).mean()
        assert now < last
        last = now
    some = torch.tensor([2, 0])
    turned = ablation(images[some], context.select(some))
    assert torch.allclose(turned, ablation(images, context)[some], atol=1e-5)


@pytest.mark.parametrize("cls", [PatchShuffle, PhaseScramble, Shift, Noise])
def test_randomness_is_the_images_own(cls: type[Ablation]) -> None:
    image = sample_images(1).expand(6, -1, -1, -1)
    changed = cls()(image, names(6))
    assert not all(torch.equal(changed[0], other) for other in changed[1:])
    assert torch.equal(changed, cls()(image, names(6)))


@pytest.mark.parametrize("ablation", [PatchShuffle(), Shift(), Jpeg(), Flip()])
def test_counts_are_whole(ablation: Ablation) -> None:
    with pytest.raises(MemlabError, match=r"not a whole number \(ladder: "):
        ablation(sample_images(1), names(1), 0.5)


def test_blur_equals_scipys() -> None:
    images = sample_images(1, 64)[..., :47, :]
    wanted = gaussian_filter(
        images.double().numpy(), (0, 0, 1.92, 1.92), mode="nearest", truncate=4.2
    )
    assert np.abs(gaussian_blur(images, 3.0).numpy() - wanted).max() < 1e-5


@pytest.mark.parametrize("sigma", [0.1, 0.32, 0.5, 0.8, 0.999, 1.3])
def test_blur_has_its_sigma_between_pixels_too(sigma: float) -> None:
    kernel = gaussian_matrix(41, sigma).double()[20]
    assert (kernel @ (torch.arange(41.0).double() - 20).square()) ** 0.5 == pytest.approx(
        sigma, rel=1e-3
    )


def test_highpass_halves_its_cutoff_and_keeps_the_mean() -> None:
    wave = torch.cos(torch.arange(256) / 256 * 2 * torch.pi * 8)
    images = (0.5 + 0.2 * wave).expand(1, 3, 256, 256).contiguous()
    found = Highpass(cutoff=8.0)(images, names(1))[0, 0, 0] - 0.5
    assert found[64:192].max() == pytest.approx(0.1, abs=2e-3)
    assert found.mean().abs() < 1e-4


def test_hue_is_turned_about_the_axis_of_luma() -> None:
    images = 0.4 + 0.1 * sample_images(2)  # every hue has room
    axis = np.array(LUMA) / np.linalg.norm(LUMA)
    grey = luma(images)
    offsets = (images - grey).permute(0, 2, 3, 1).numpy()
    wanted = Rotation.from_rotvec(axis * np.radians(60)).apply(offsets.reshape(-1, 3))
    found = HueRotate(degrees=60.0)(images, names(2))
    assert np.allclose((found - grey).permute(0, 2, 3, 1).reshape(-1, 3), wanted, atol=1e-6)
    assert torch.allclose(chroma(found), chroma(images), atol=1e-6)


@pytest.mark.parametrize("ablation", [HueRotate(), HueRotate(180.0), ColorContrast()])
def test_changes_of_colour_keep_luma(ablation: Ablation) -> None:
    images = sample_images(3)
    assert torch.allclose(luma(ablation(images, names(3))), luma(images), atol=1e-6)


def test_color_contrast_keeps_the_palettes_mean() -> None:
    images = 0.4 + 0.2 * sample_images(2)
    changed = ColorContrast()(images, names(2))
    assert torch.allclose(changed.mean(dim=(2, 3)), images.mean(dim=(2, 3)), atol=1e-5)
    assert (changed - luma(changed)).std(dim=(2, 3)).max() < 1e-5


def test_desaturate_keeps_lightness() -> None:
    from kornia.color import rgb_to_lab

    images = sample_images(3)
    before = rgb_to_lab(images)
    after = rgb_to_lab(Desaturate()(images, names(3)))
    assert (after - before)[:, 0].abs().max() < 0.05  # of 100
    assert (after[:, 1:].norm(dim=1).mean() < 0.8 * before[:, 1:].norm(dim=1).mean()).all()


def test_contrast_is_torchvisions_on_grey_and_keeps_colour() -> None:
    grey = luma(sample_images(1)).expand(-1, 3, -1, -1)
    found = Contrast(amount=0.4)(grey, names(1))
    assert torch.allclose(found, adjust_contrast(grey, 0.6), atol=1e-3)
    images = 0.4 + 0.2 * sample_images(2)
    changed = Contrast()(images, names(2))
    assert torch.allclose(changed - luma(changed), images - luma(images), atol=1e-6)


def test_brightness_is_pillows() -> None:
    pixels = (sample_images(1) * 255).round()
    wanted = tensor(ImageEnhance.Brightness(pillow(pixels)).enhance(0.55))
    found = Brightness(amount=0.45)(pixels / 255, names(1)) * 255
    assert (found - wanted).abs().max() <= 1.01


def test_texture_smoothing_spares_contours_more_than_blur() -> None:
    disc = (torch.hypot(*torch.meshgrid(*[torch.arange(64.0) - 32] * 2, indexing="ij")) < 20) * 0.5
    noise = 0.05 * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    images = (0.25 + disc + noise).clamp(0, 1).expand(-1, 3, -1, -1).contiguous()
    texture = STATISTICS["fine_texture"]
    smooth, context = TextureSmooth(threshold=20.0), names(1)
    left = texture(smooth, images, context, 20.0)
    blurs = [sigma / 100 for sigma in range(40, 800, 5)]
    equal = next(one for one in blurs if texture(Blur(), images, context, one) <= left)
    kept = gradient_correlation(images, smooth(images, context, 20.0))
    assert left < 0.5 * texture(smooth, images, context, 0)
    assert kept > gradient_correlation(images, Blur()(images, context, equal)) + 0.05


def test_shuffled_patches_are_the_same_pixels_elsewhere() -> None:
    images = torch.rand(2, 3, 48, 64)
    changed = PatchShuffle(patches=4.0)(images, names(2))
    assert torch.equal(changed.flatten(2).sort().values, images.flatten(2).sort().values)
    cells = (slice(None), slice(None), slice(0, 12), slice(0, 16))
    assert not torch.equal(changed[cells], images[cells])
    moved = (changed != images).any(dim=1).float().mean()
    assert moved > 0.99  # no patch stays


def test_patches_need_pixels() -> None:
    with pytest.raises(MemlabError, match="20 × 20 pixels cannot be cut into 32"):
        PatchShuffle(32.0)(torch.rand(1, 3, 20, 20), names(1))


@pytest.mark.parametrize("shape", [(64, 64), (47, 64), (64, 47), (47, 47)])
@pytest.mark.parametrize("amount", [0.3, 0.7, 1.0])
def test_scrambling_keeps_amplitudes_and_is_real(amount: float, shape: tuple[int, int]) -> None:
    images = sample_images(2, 64)[..., : shape[0], : shape[1]]
    noise = torch.randn(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    changed = scramble_phases(images, amount, noise).double().numpy()
    before, after = np.fft.fft2(images.double().numpy()), np.fft.fft2(changed)
    size = shape[0] * shape[1]
    assert np.abs(np.abs(after) - np.abs(before)).max() / size < 1e-4
    turn = after / before  # the same turn for all channels, Hermitian: the result is real
    assert np.abs(turn - turn[:, :1]).max() < 0.02
    assert np.abs(np.fft.ifft2(before * turn).imag).max() < 1e-5
    assert np.allclose(after[..., 0, 0], before[..., 0, 0])


def test_scrambled_images_keep_mean_and_contrast() -> None:
    images = sample_images(3, 64)
    changed = PhaseScramble()(images, names(3))
    assert (changed.mean(dim=(2, 3)) - images.mean(dim=(2, 3))).abs().max() < 2e-3
    ratio = changed.std(dim=(2, 3)) / images.std(dim=(2, 3))
    assert (ratio - 1).abs().max() < 0.02


def test_power_goes_to_the_reference_and_phases_stay() -> None:
    images = 0.3 + 0.4 * sample_images(2, 64)
    _, before = spectral_distance(images)
    _, after = spectral_distance(PowerEqualize(0.5)(images, names(2)))
    assert torch.allclose(after[:, :32], before[:, :32] / 2, atol=0.05)
    agreement = STATISTICS["phase_agreement"](PowerEqualize(0.5), images, names(2), 0.5)
    assert agreement.min() > 0.999


def test_rounding_of_a_smooth_image_is_amplified_so_far_and_no_farther() -> None:
    noise = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = (gaussian_blur(noise, 8.0) * 255).round() / 255
    before, last = torch.fft.rfft2(smooth.double()).abs(), 0.0
    for amount in PowerEqualize.ladder:
        changed = equalize_power(smooth, amount).double()
        ratio = (torch.fft.rfft2(changed).abs() / before)[before > 1e-2]
        assert 0.9 * GAIN**amount < ratio.max() < 1.01 * GAIN**amount
        rough = float(changed.diff(dim=3).std())
        assert rough > last
        last = rough


def test_shift_moves_by_whole_pixels() -> None:
    image = torch.rand(1, 3, 20, 24)
    changed = Shift(3.0)(image, names(1))[..., 6:-6, 6:-6]
    steps = [(y, x) for y in (-3, 0, 3) for x in (-3, 0, 3) if (y, x) != (0, 0)]
    rolled = [image.roll(step, (2, 3))[..., 6:-6, 6:-6] for step in steps]
    assert sum(torch.equal(changed, one) for one in rolled) == 1


def test_jpeg_is_pillows_at_quality_95() -> None:
    pixels = (sample_images(1, 64) * 255).round()
    stream = io.BytesIO()
    pillow(pixels).save(stream, "JPEG", quality=95)
    with Image.open(stream) as image:
        wanted = tensor(image)
    assert (Jpeg()(pixels / 255, names(1)) * 255 - wanted).abs().max() < 1e-3


def test_noise_has_its_sd_and_one_field_for_all_doses() -> None:
    grey = torch.full((2, 3, 64, 64), 0.5)
    one, two = (Noise()(grey, names(2), dose) - 0.5 for dose in (1.0, 2.0))
    assert one.std() == pytest.approx(0.01, rel=0.02)
    assert torch.allclose(2 * one, two, atol=1e-6)
