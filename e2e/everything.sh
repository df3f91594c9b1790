#!/usr/bin/env bash
# All tests, one section after the other whatever comes of them; the last line adds up. Called by make test and .ci/run.
# The cluster is brought up for it and goes at the end, unless it was up before.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=cluster/settings.sh
. e2e/cluster/settings.sh
if [ ! -e "$cluster/ready" ]; then trap 'e2e/cluster/down.sh' EXIT; fi
e2e/tally.sh \
	'check: make check' \
	'generated files are current: make current' \
	'contract: make contract' \
	'second opinion: make differential' \
	'cluster: make cluster' \
	'e2e: make e2e' \
	'conformance: make conformance' \
	'bench, short form: SHORT=1 make bench'
