"""The published case: ten mean columns of the breast cancer data, CatBoost with its defaults."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def case_a():
    """Model, training rows and held-out rows of reference case A; training takes a few seconds."""
    from catboost import CatBoostClassifier
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = X[[name for name in X.columns if name.startswith("mean ")]]
    train, test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=42)
    model = CatBoostClassifier(verbose=0, eval_metric="Accuracy", allow_writing_files=False).fit(train, y_train)
    return SimpleNamespace(model=model, train=train, y_train=y_train, test=test, y_test=y_test)
