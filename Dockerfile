# Audience Mock in one process, as a user without a name or rights.
#
#   docker build --tag audience-mock .
#   docker run --rm --read-only --tmpfs /tmp --publish 127.0.0.1:8000:8000 audience-mock
#
# It needs no file system to write to, but for two places: /data, where a store may lie (a volume, and
# AUDIENCE_MOCK_DATABASE=sqlite:////data/audiences.db), and /tmp, where large uploads lie while they come in.
# Requests cannot ask for faults, since anybody who reaches it could: AUDIENCE_MOCK_REQUEST_FAULTS=true lets them.
# Change the port by AUDIENCE_MOCK_PORT, not by the flag: the health check looks there.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN mkdir /data
RUN python -m venv --without-pip /opt/audience-mock

# What changes least comes first, so that a change of the code downloads nothing again.
COPY deploy/requirements.lock ./
RUN pip --python /opt/audience-mock install --no-compile --require-hashes -r requirements.lock
COPY tests/requirements.lock tests/
RUN sed -nE '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)(\[[^]]*\])?==/,/[^\\]$/p' \
        tests/requirements.lock > build.lock \
 && pip install --require-hashes -r build.lock

COPY pyproject.toml README.md LICENSE ./
COPY .ci/metadata.py .ci/
COPY app app
COPY fixtures/worlds fixtures/worlds
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/audience-mock install --no-compile --no-deps --no-index dist/*.whl

# A start without bytecode takes seconds, and who runs it later cannot write any. By content, not by time: the
# files are about to be copied.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/audience-mock/lib

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Audience Mock" \
      org.opencontainers.image.description="A mock server for two advertising audience APIs" \
      org.opencontainers.image.licenses="MIT"
# The base image leaves out the bytecode of the standard library.
RUN python -m compileall -q -j 0 -x '/(site-packages|idlelib|test|tkinter|turtledemo)/' /usr/local/lib/python3.13
COPY --from=build /opt/audience-mock /opt/audience-mock
COPY --from=build --chown=10001:10001 /data /data
ENV PATH=/opt/audience-mock/bin:$PATH \
    AUDIENCE_MOCK_HOST=0.0.0.0 \
    AUDIENCE_MOCK_PORT=8000 \
    AUDIENCE_MOCK_REQUEST_FAULTS=false
WORKDIR /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=5s --start-period=15s --retries=3 \
    CMD audience-mock wait "http://127.0.0.1:${AUDIENCE_MOCK_PORT}" --timeout-s 3
ENTRYPOINT ["audience-mock"]
CMD ["serve"]
