"""Entry of the dashboard: the pages and what stands beside all of them."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import frame

frame.configure()
page = st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("pages/your_model.py", title="Your model", icon=":material/upload:"),
        st.Page("pages/parliament.py", title="Parliament", icon=":material/account_balance:"),
        st.Page("pages/shap_comparison.py", title="SHAP comparison", icon=":material/compare_arrows:"),
        st.Page("pages/model_comparison.py", title="Models compared", icon=":material/balance:"),
        st.Page("pages/editable_map.py", title="Editable map", icon=":material/brush:"),
        st.Page("pages/concepts.py", title="Concepts", icon=":material/category:"),
        st.Page("pages/tokens.py", title="Tokens", icon=":material/notes:"),
        st.Page("pages/batch.py", title="Batch", icon=":material/table_rows:"),
        st.Page("pages/report.py", title="Report", icon=":material/description:"),
    ]
)
frame.around(page)
