# The same as `make run`: the pinned dependencies, the same command, the same settings.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md package.json package-lock.json .npmrc ./
COPY awazpulse awazpulse
COPY ingest ingest
COPY icecast_compat icecast_compat
COPY hls hls
COPY api api
# npm, for the panel's packages, in an environment that the image does not keep.
RUN python -m venv /opt/npm && /opt/npm/bin/python api/panel_packages.py vendor
RUN python -m venv /opt/awazpulse \
 && /opt/awazpulse/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data awazpulse \
 && install --directory --owner=awazpulse --mode=0700 /data
COPY --from=build /opt/awazpulse /opt/awazpulse
ENV PATH=/opt/awazpulse/bin:$PATH PYTHONUNBUFFERED=1 AWAZPULSE_DATA_DIR=/data
USER awazpulse
WORKDIR /data
VOLUME /data
EXPOSE 1935 8000 8088 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["awazpulse", "health"]
STOPSIGNAL SIGTERM
CMD ["awazpulse", "serve"]
