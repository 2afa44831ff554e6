"""Captum's methods under xai.explain, against closed forms and exact Shapley values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import InputError, MissingExtraError, ModelError
from xai.shapley import SamplingConfig
from xai.shapley.torchgrad import TorchConfig

torch = pytest.importorskip("torch")
pytest.importorskip("captum")
METHODS = ("integrated_gradients", "deeplift", "gradient_shap", "feature_ablation")


@pytest.fixture(scope="module", name="X")
def rows() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4)), columns=list("abcd"))


def net(k: int, seed: int = 0, *, double: bool = True):
    torch.manual_seed(seed)
    layers = torch.nn.Sequential(
        torch.nn.Linear(4, 16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(16, 8),
        torch.nn.ReLU(),
        torch.nn.Linear(8, k),
    )
    return layers.double() if double else layers


@pytest.mark.parametrize("method", METHODS)
def test_linear_modules_in_closed_form(method, X):
    module = torch.nn.Linear(4, 3).double()
    a = xai.explain(xai.wrap_model(module), X[:5], method, background=X[20:], config=TorchConfig(n_samples=4000))
    weights = module.weight.detach().numpy()
    expected = (X[:5] - X[20:].mean()).to_numpy()[:, :, None] * weights.T[None]
    # GradientShap draws the background rows it starts from.
    assert np.abs(a.values - expected).max() < (0.06 if method == "gradient_shap" else 1e-8)
    assert a.output_names == ("value_0", "value_1", "value_2")
    assert np.allclose(a.base_values, module(torch.tensor(X[20:].to_numpy())).detach().numpy().mean(axis=0))
    assert np.abs(a.additivity_gap).max() < (0.1 if method == "gradient_shap" else 1e-8)
    assert a.provenance.engine.startswith("captum ")
    assert {"captum", "torch"} <= set(a.provenance.versions)


def test_gaps_are_shown_and_integrated_gradients_close_theirs(X):
    model = xai.wrap_model(net(1))
    scale = np.abs(model.predict(X)).max()
    coarse, fine = (
        np.abs(
            xai.explain(
                model, X[:10], "integrated_gradients", background=X, config=TorchConfig(n_steps=n)
            ).additivity_gap
        ).max()
        for n in (4, 512)
    )
    assert fine < 0.01 * scale < 10 * coarse
    lift = xai.explain(model, X[:10], "deeplift", background=X)
    assert np.abs(lift.additivity_gap).max() < 1e-10
    # Ablation is one unit at a time: what interacts is left over, and said.
    alone = xai.explain(model, X[:10], "feature_ablation", background=X)
    centre = X.mean().to_frame().T
    removed = xai.explain(model, X[:10], "removal", background=centre)
    assert np.allclose(alone.values, removed.values, atol=1e-10)
    assert np.allclose(alone.additivity_gap, removed.additivity_gap, atol=1e-10)
    assert np.abs(alone.additivity_gap).max() > 1e-3


@pytest.mark.parametrize("method", ["integrated_gradients", "deeplift", "gradient_shap"])
def test_near_shapley_values_against_the_same_background(method, X):
    model = xai.wrap_model(net(2, seed=3))
    exact = xai.explain(model, X[:8], background=X[30:])
    assert exact.provenance.engine == "enumeration of all coalitions"
    a = xai.explain(model, X[:8], method, background=X[30:], config=TorchConfig(baseline="each", n_samples=2000))
    assert np.corrcoef(a.values.ravel(), exact.values.ravel())[0, 1] > 0.9
    assert np.allclose(a.base_values, exact.base_values)


def test_classifiers_say_what_they_answer(X):
    logits = net(2)
    model = xai.wrap_model(logits, "margin", classes=["healthy", "ill"], feature_names=list("abcd"))
    raw = logits.eval()(torch.tensor(X.to_numpy())).detach().numpy()
    assert model.task == "binary"
    assert model.output_names == ("ill",)
    assert np.allclose(model.predict(X)[:, 0], raw[:, 1] - raw[:, 0])
    a = xai.explain(model, X[:4], "deeplift", background=X)
    assert a.values.shape == (4, 4, 1)
    assert np.abs(a.additivity_gap).max() < 1e-10
    one = torch.nn.Sequential(net(1), torch.nn.Sigmoid())
    probability = xai.wrap_model(one, "probability", classes=["healthy", "ill"])
    assert np.allclose(probability.predict(X).sum(axis=1), 1.0)
    b = xai.explain(probability, X[:4], "integrated_gradients", background=X)
    assert b.output_names == ("healthy", "ill")
    assert np.allclose(b.values[..., 0], -b.values[..., 1])
    assert xai.wrap_model(net(3), output_names=["p", "q", "r"]).predict(X).shape == (60, 3)


def test_modules_are_left_as_they_were(X):
    module = net(1, double=False)
    module.train()
    module[0].eval()
    model = xai.wrap_model(module)
    assert np.array_equal(model.predict(X), model.predict(X))  # no dropout
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002  # Captum draws from it
    a, b = (xai.explain(model, X[:6], "gradient_shap", background=X) for _ in range(2))
    assert np.array_equal(a.values, b.values)
    assert np.array_equal(a.values[2], xai.explain(model, X[2:3], "gradient_shap", background=X).values[0])
    assert a.provenance.seed == 0
    assert np.array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before[1], torch.get_rng_state())
    assert module.training
    assert module[1].training
    assert not module[0].training
    other = xai.wrap_model(net(1, seed=1, double=False))
    assert len(model.hash) == 64
    assert model.hash == xai.wrap_model(net(1, double=False)).hash != other.hash


def test_other_methods_take_modules_too(X):
    model = xai.wrap_model(net(1, seed=5))
    a = xai.explain(model, X[:2], "sampling", background=X[:20], config=SamplingConfig(budget=3000))
    exact = xai.explain(model, X[:2], "exact", background=X[:20])
    assert np.allclose(a.values, exact.values, atol=1e-9)


def test_what_does_not_fit(X):
    from sklearn.linear_model import LinearRegression

    model = xai.wrap_model(net(1))
    with pytest.raises(ModelError, match="needs the gradients of a torch module, but this is a sklearn model"):
        xai.explain(LinearRegression().fit(X, X.a), X, "deeplift", background=X)
    with pytest.raises(InputError, match="needs background"):
        xai.explain(model, X, "deeplift")
    with pytest.raises(ModelError, match="torch could not predict"):
        xai.wrap_model(net(1)).predict(X[["a", "b"]])
    with pytest.raises(ModelError, match=r"\(60, 4, 1\)"):
        xai.wrap_model(torch.nn.Unflatten(1, (4, 1))).predict(X)
    with pytest.raises(ModelError, match="there is no output 'logit'"):
        xai.wrap_model(net(1), "logit")
    with pytest.raises(InputError, match="baseline"):
        TorchConfig(baseline="zero")
    with pytest.raises(InputError, match="n_steps"):
        TorchConfig(n_steps=0)


def test_a_missing_captum_names_the_extra(X, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(MissingExtraError, match=r"hemicycle\[vision\]"):
        xai.explain(xai.wrap_model(net(1)), X, "deeplift", background=X)


def test_torch_is_imported_when_a_module_comes_and_not_before():
    code = "import sys, xai.shapley, xai.models; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
