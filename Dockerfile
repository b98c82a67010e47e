# One image for web, worker and beat. Built in two stages, runs as an ordinary user.
FROM python:3.12-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir uv
COPY requirements.txt .
RUN /opt/venv/bin/uv pip install --python /opt/venv/bin/python -r requirements.txt && /opt/venv/bin/uv pip uninstall --python /opt/venv/bin/python uv

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /app aiops && mkdir -p /app /data && chown aiops /data
COPY --from=build /opt/venv /opt/venv
COPY --chown=root:root . /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 AIOPS_DATA_DIR=/data
USER aiops
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "manage.py", "web", "--host", "0.0.0.0"]
