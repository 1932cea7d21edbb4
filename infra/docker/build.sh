#!/bin/sh
# Builds all images: infra/docker/build.sh [role ...]; roles are hub, spoke, nats, simulators.
# VERSION is their tag; PIP_CONFIG is a pip.conf for a package index of your own (a build secret: no
# image keeps it); further options of `docker build` go into BUILD_OPTIONS.
set -eu
cd "$(dirname "$0")/../.."
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)}
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ $# -gt 0 ] || set -- hub spoke nats simulators
for role in "$@"; do
  # shellcheck disable=SC2086 # a list of words
  DOCKER_BUILDKIT=1 docker build \
    --file "infra/docker/$role.Dockerfile" \
    --tag "spindle-$role:$version" \
    --build-arg "VERSION=$version" \
    --build-arg "REVISION=$revision" \
    ${PIP_CONFIG:+--secret "id=pip,src=$PIP_CONFIG"} \
    ${BUILD_OPTIONS:-} .
done
docker image ls --filter "reference=spindle-*:$version"
