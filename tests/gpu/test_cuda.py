"""Models on a GPU give what they give on the processor; skipped where there is none."""
# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

import xai
from tests.craft import networks
from xai import reagent
from xai.craft import Craft, FactorConfig, load
from xai.craft.maps import METHODS
from xai.datasets.vignettes import generate
from xai.models.text import MaskedLM, demo_masked
from xai.models.vision import ImageModel, Preprocess
from xai.reagent.gradients import gradient_x_input, integrated_gradients
from xai.reagent.problem import make_problem

NOTE = generate(1, 77)[0]
SHORT = " ".join(NOTE.prompt.split()[-20:])


@pytest.fixture(scope="module", autouse=True)
def _exact():
    """Products in full single precision, as on the processor."""
    allowed = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = allowed


@pytest.fixture(scope="module")
def lms():
    """The demo model on the processor and on the GPU."""
    pytest.importorskip("transformers")
    return reagent.load_lm("demo"), reagent.load_lm("demo", device="cuda")


def test_a_language_model_answers_alike(lms):
    here, there = lms
    assert next(there.model.parameters()).is_cuda
    ids = here.encode(NOTE.prompt).ids[:50]
    rows = np.repeat(ids[None], 30, axis=0)
    rng = np.random.default_rng(0)
    for row in rows[2:]:
        row[rng.integers(20, 50)] = rng.integers(5, 1700)
    targets, positions = np.array([10, 50]), np.array([45, 50])
    a, b = (lm.score(rows, targets, positions) for lm in lms)
    np.testing.assert_allclose(b.log_probs, a.log_probs, atol=1e-3)
    np.testing.assert_allclose(there.next_tokens(rows), here.next_tokens(rows), atol=1e-3)
    np.testing.assert_allclose(there.left_context(ids), here.left_context(ids), atol=1e-3)
    points = here.embeddings(ids)[None]
    np.testing.assert_allclose(there.embeddings(ids)[None], points)
    np.testing.assert_allclose(there.after_embeddings(points), here.after_embeddings(points), atol=1e-3)
    np.testing.assert_allclose(there.attention(ids), here.attention(ids), atol=1e-4)
    assert list(there.generate(ids, 5)) == list(here.generate(ids, 5))


def test_tokens_get_the_same_values(lms):
    found = [reagent.attribute(lm, SHORT, " gout") for lm in lms]
    assert found[0].targets == found[1].targets
    scale = np.abs(found[0].values).max()
    np.testing.assert_allclose(found[1].values, found[0].values, atol=0.01 * scale)
    problems = [make_problem(lm, SHORT, " gout", None, 1, reagent.ReagentConfig()) for lm in lms]
    for method in (gradient_x_input, lambda p: integrated_gradients(p, steps=8)):
        a, b = map(method, problems)
        np.testing.assert_allclose(b, a, atol=2e-3 * np.abs(a).max())


def test_gaps_are_filled_alike(lms):
    here = demo_masked()
    there = MaskedLM(copy.deepcopy(here.model).cuda(), here.tokenizer)
    ids = np.asarray(here.tokenizer(SHORT)["input_ids"])
    places = np.arange(1, len(ids) - 1)
    np.testing.assert_allclose(there.fill(ids, places), here.fill(ids, places), atol=1e-3)


@pytest.mark.parametrize("kind", ["non-negative", "tokens"])
def test_concepts_of_a_network_are_alike(kind, tmp_path):
    images, _ = networks.squares(24)
    net = networks.colour_net(hidden=True) if kind == "non-negative" else networks.Tokens().eval()
    nets = net, copy.deepcopy(net).cuda()
    factor = FactorConfig(solver="torch")
    models = [ImageModel(one, Preprocess(size=(48, 48)), class_names=("red", "green", "blue")) for one in nets]
    np.testing.assert_allclose(models[1].predict(images), models[0].predict(images), atol=1e-4)
    here, there = (Craft(model, 3, factor=factor).fit(images) for model in models)
    assert there.factors.error == pytest.approx(here.factors.error, abs=0.01)
    # Last bits differ and may grow in the solver: what follows is compared for the same concepts.
    here.save(tmp_path / "concepts.npz")
    there = load(tmp_path / "concepts.npz", models[1])
    np.testing.assert_allclose(there.transform(images), here.transform(images), atol=1e-3)
    for method in METHODS:
        a, b = (craft.concept_maps(images[:4], method) for craft in (here, there))
        if method == "smoothgrad":  # its noise is drawn where the model is
            assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.7
        else:
            np.testing.assert_allclose(b, a, atol=5e-3 * np.abs(a).max(), err_msg=method)
    a, b = (craft.importance(images, "green", "sobol") for craft in (here, there))
    np.testing.assert_allclose(b.sobol, a.sobol, atol=5e-3)


def test_the_gpu_finds_the_colours_by_itself():
    images, masks = networks.squares(24)
    net = networks.colour_net(hidden=True).cuda()
    model = ImageModel(net, Preprocess(size=(48, 48)), class_names=("red", "green", "blue"))
    maps = Craft(model, 3).fit(images).concept_maps(images)
    mass = np.einsum("nrhw,nchw->cr", maps, masks) / maps.sum(axis=(0, 2, 3))
    assert sorted(mass.argmax(axis=1)) == [0, 1, 2]
    assert mass.max(axis=1).min() > 0.6


def test_tables_of_torch_modules_are_explained_alike():
    pytest.importorskip("captum")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).eval()
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 5)), columns=list("abcde"))
    found = []
    for one in (module, copy.deepcopy(module).cuda()):
        model = xai.wrap_model(one)
        found.append(xai.explain(model, X, method="integrated_gradients", background=X.head(5)))
    np.testing.assert_allclose(found[1].values, found[0].values, atol=1e-4)
    np.testing.assert_allclose(found[1].outputs, found[0].outputs, atol=1e-4)
