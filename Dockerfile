# One target per image. From scratch: the program, the C and C++ runtime, CA certificates, third-party licenses.
#   docker build --target media-pod --tag ghcr.io/convene-dev/convene-media-pod:0.1.0 .
# tests/cluster/images.sh builds the same targets from existing binaries: it passes their root file systems as the build
# context "rootfs", which replaces the stage of that name.

FROM node:22-bookworm-slim AS web
WORKDIR /source/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci
COPY web/ ./
RUN npm run build

FROM rust:1.95-bookworm AS build
# The media worker's C++ dependencies are downloaded and linked by the crate's own meson project.
ENV CONVENE_MEDIASOUP_DEPS=upstream
RUN apt-get update && apt-get install --yes --no-install-recommends patch python3-pip && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked

FROM build AS rootfs-maker
COPY --from=web /source/web/dist web/dist
RUN images/rootfs.sh target/release/convene-operator /rootfs/operator \
    && images/rootfs.sh target/release/convene-router /rootfs/router web/dist \
    && images/rootfs.sh target/release/convene-media-pod /rootfs/media-pod web/dist \
    && images/rootfs.sh target/release/convene /rootfs/cli

FROM scratch AS rootfs
COPY --from=rootfs-maker /rootfs /

FROM scratch AS operator
COPY --from=rootfs /operator /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/bin/convene-operator"]

FROM scratch AS router
COPY --from=rootfs /router /
ENV CONVENE_WEB_DIR=/usr/share/convene/web
USER 65532:65532
EXPOSE 8080 8443 9090
ENTRYPOINT ["/usr/bin/convene-router"]

FROM scratch AS media-pod
COPY --from=rootfs /media-pod /
ENV CONVENE_WEB_DIR=/usr/share/convene/web
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/bin/convene-media-pod"]

FROM scratch AS cli
COPY --from=rootfs /cli /
USER 65532:65532
ENTRYPOINT ["/usr/bin/convene"]
