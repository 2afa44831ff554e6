# The dashboard with all extras, as a user without rights. See docs/deployment.md.
FROM python:3.11-slim AS build
RUN python -m venv /srv/hemicycle && /srv/hemicycle/bin/pip install --no-cache-dir uv
WORKDIR /src
COPY . .
# CPU builds of torch; XGBoost's communication library for several GPUs (470 MB) is left out.
RUN echo "nvidia-nccl-cu12 ; sys_platform == 'never'" > /tmp/overrides.txt \
 && VIRTUAL_ENV=/srv/hemicycle /srv/hemicycle/bin/uv pip install --compile-bytecode --torch-backend cpu \
    --override /tmp/overrides.txt "/src[all]"

FROM python:3.11-slim
# The OpenMP runtime that LightGBM asks the system for.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hemicycle
COPY --from=build /srv/hemicycle /srv/hemicycle
ENV PATH=/srv/hemicycle/bin:$PATH HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba PYTHONUNBUFFERED=1
USER 10001
WORKDIR /tmp
EXPOSE 8501
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health')"]
ENTRYPOINT ["xai", "dashboard", "--no-browser", "--address", "0.0.0.0"]
