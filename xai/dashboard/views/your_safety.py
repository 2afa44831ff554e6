"""Card of the page Your model: what opens at all, and what keeps a file apart."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from ...models.trust import is_trusted
from ...sandbox import Protections, protections

_FORMATS = """
| what | opens | made by |
|---|---|---|
| boosted trees | XGBoost `.json`, `.ubj`; LightGBM `.txt`; CatBoost `.cbm`, `.json` | each library's `save_model` |
| scikit-learn | `.skops`, of types on a fixed list | `skops.io.dump(model, "model.skops")` |
| models of tables or pictures | `.onnx`, without external data | `skl2onnx`, `torch.onnx.export` |
| image networks | `.safetensors` or a `state_dict`: the demo network, EfficientNet-Lite0, plain layers | `save_file` |
| image and language models | a zipped Hugging Face folder with `.safetensors` | `save_pretrained` |
| tables | CSV (UTF-8), Parquet | `to_csv`, `to_parquet` |
| pictures | PNG, JPEG, DICOM, or a zip of them in folders by class | |
"""
_NEVER = (
    "**Never opened:** pickle, joblib, dill, TorchScript, whole torch modules (`.pt`), `torch.export` (`.pt2`), Keras "
    "and HDF5: opening them can run code. Nothing on this page changes that."
)


def safety() -> None:
    """Formats, what never opens, and what protects everybody."""
    with st.expander("Formats"):
        st.markdown(_FORMATS)
        st.markdown(_NEVER)
        if is_trusted():
            st.warning(
                "The operator of this server trusts pickle and joblib files: they are opened here, in the same "
                "processes, and what they import is shown.",
                icon=":material/warning:",
            )
    with st.expander("What keeps a file apart"):
        active = _protections()
        (st.success if active.complete else st.warning)(
            "Every way out that was tried is shut." if active.complete else "Some ways out are open on this machine.",
            icon=":material/shield:" if active.complete else ":material/gpp_maybe:",
        )
        for sentence in active.sentences:
            st.markdown(f"- {sentence}")
        forms = ["seccomp"] * active.seccomp + [f"Landlock {active.landlock}"] * bool(active.landlock)
        forms += ["a fork server with a clean environment"] * active.fork_server
        st.caption(
            f"Active on {active.platform}: {', '.join(forms) or 'none of the kernel'}. A worker tried all of this when "
            "the page was first opened."
        )


@lru_cache(maxsize=1)
def _protections() -> Protections:
    """Tried once a server: a kernel does not change while it runs."""
    return protections()
