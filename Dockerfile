# The service in a container: `make image` builds it, README.md shows how to run it.
# Another base, such as one pinned by its digest: --build-arg BASE=python:3.13-slim-trixie@sha256:…
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /build
RUN python -m venv tools
COPY requirements/run.lock .
# Hashes are checked on the way into this folder; everything after this is installed from here and nowhere else.
RUN tools/bin/pip download -q --require-hashes --only-binary=:all: -r run.lock -d wheels \
 && tools/bin/pip install -q --no-index --find-links wheels hatchling
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY docs/browsee-adapter.1 docs/
COPY schemas schemas
COPY mappings mappings
COPY adapter adapter
# Without pip, and without what only building needs: what is not there need not be kept up to date.
RUN tools/bin/pip wheel -q --no-deps --no-build-isolation -w wheels . \
 && python -m venv --without-pip /opt/browsee-adapter \
 && tools/bin/pip --python /opt/browsee-adapter/bin/python install -q --no-index --find-links wheels "browsee-adapter[ua,geo,postgres,otel]"

FROM ${BASE}
LABEL org.opencontainers.image.title="browsee-adapter" \
      org.opencontainers.image.description="Delivers the events of customer-data platforms to Browsee, mapped by YAML" \
      org.opencontainers.image.source="https://github.com/browsee/browsee-adapter" \
      org.opencontainers.image.url="https://github.com/browsee/browsee-adapter" \
      org.opencontainers.image.documentation="https://github.com/browsee/browsee-adapter/blob/main/docs/deploy.md" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/browsee-adapter /opt/browsee-adapter
# A volume that is made for /data takes over its owner. /mappings is no volume, so that an image on top of this one
# can bring mappings of its own.
RUN mkdir /data /mappings && chown 10001:10001 /data
# Settings here go before those of a file, so the queue stays on the volume and the port where EXPOSE and HEALTHCHECK
# look for it. Bytecode is there already; the files are not this user's to write.
ENV PATH=/opt/browsee-adapter/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    ADAPTER_QUEUE=sqlite:////data/adapter.db \
    ADAPTER_HOST=0.0.0.0 \
    ADAPTER_PORT=8080
USER 10001:10001
# SQLite and Python put temporary files here where there is no /tmp to write to.
WORKDIR /data
VOLUME /data
EXPOSE 8080
# Not urllib, which would send this to HTTP_PROXY.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-Ic", \
    "import os, sys; from http.client import HTTPConnection; asked = HTTPConnection('localhost', os.environ['ADAPTER_PORT'], timeout=4); asked.request('GET', '/readyz'); sys.exit(asked.getresponse().status != 200)"]
# Both as lists: the service is process 1 and gets SIGTERM itself.
ENTRYPOINT ["browsee-adapter"]
CMD ["serve"]
