# Every target installs or builds what it needs first. Those that test end with `N passed, N failed` and fail when something did.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

modules := node_modules/.package-lock.json
client := operator/dataplane-api/dist/index.js
gateway_api := sigs.k8s.io/gateway-api@v1.6.1

.PHONY: help demo test check differential e2e contract conformance bench feature-cost golden types client bundle image cluster cluster-down install current haproxy
help:
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: ## a test cluster with the examples in it: requests and answers told as a story
	@echo 'This takes about a minute; the first time about ten.'
	@$(MAKE) --no-print-directory cluster && $(MAKE) --no-print-directory install
	@node e2e/demo.ts

test: $(modules) ## everything: check, generated files, contract, cluster, e2e, conformance
	@e2e/everything.sh

check: $(modules) $(client) ## types, lint, format, architecture, unit tests, scenarios with haproxy -c
	@HAPROXY=$$(e2e/cluster/haproxy.sh) && NGINX_PATH=$$(e2e/cluster/nginx.sh) && export HAPROXY NGINX_PATH && e2e/tally.sh \
		'types: tsc -p .' \
		'lint: oxlint --type-aware operator e2e deploy' \
		'format: biome format .' \
		'unit tests and scenarios: c8 mocha'

contract: $(modules) $(client) ## what we rely on in the Data Plane API; DATAPLANEAPI=/path/to/program: upstream's, too
	@HAPROXY=$$(e2e/cluster/haproxy.sh) && export HAPROXY && e2e/tally.sh 'contract: mocha --no-config --timeout 60000 "e2e/contract/**/*.test.ts"'

differential: $(modules) $(client) ## random clusters and requests against an independent reading of the specification; REQUESTS=200000 SEED=7
	@node e2e/differential/differential.ts

e2e: cluster install ## requests against the operator on the test cluster; TEST=examples: one file
	@e2e/tally.sh 'e2e: mocha --config e2e/mocha.yaml "e2e/tests/$(or $(TEST),*).test.ts"'

conformance: cluster install ## the official suite, all profiles of gateways; TEST=HTTPRouteWeight: one test
	@e2e/conformance/run.sh $(TEST)

bench: cluster install ## speed, memory and faults against the bars, written to docs/benchmarks; ONLY=throughput: one section; SHORT=1: as CI does
	@e2e/cluster/deps.sh wrk nghttp2-client openssl util-linux
	@HAPROXY=$$(e2e/cluster/haproxy.sh) && export HAPROXY && node e2e/bench/bench.ts

feature-cost: $(modules) ## what each feature costs a request, without a cluster, written to docs/benchmarks/features.json and docs/conformance.md
	@e2e/cluster/deps.sh wrk openssl util-linux
	@HAPROXY=$$(e2e/cluster/haproxy.sh) && export HAPROXY && node e2e/bench/feature-cost.ts

golden: $(modules) $(client) ## writes the expected files of all scenarios anew; read the difference
	@GOLDEN=write mocha --no-config 'operator/scenarios/*.test.ts'

types: $(modules) ## Gateway API types from the CRDs of its Go module
	@folder=$$(cd / && go mod download -json $(gateway_api) | node -p 'JSON.parse(require("fs").readFileSync(0)).Dir') && \
		node operator/model/generate-types.ts "$$folder/config/crd/experimental" operator/model/gateway-api.generated.ts

client: $(modules) ## the Data Plane API client from openapi.yaml, compiled
	@npm run --silent generate -w haproxy-dataplane-api && npm run --silent build -w haproxy-dataplane-api

bundle: $(modules) ## deploy/haproxy-gateway.yaml
	@node deploy/bundle.ts

image: $(modules) $(client) ## the operator's image and the test cluster's data plane images
	@e2e/cluster/images.sh nginx haproxy node && deploy/image.sh

cluster: $(modules) ## a test cluster: kind where Docker answers, otherwise one node of local processes
	@e2e/cluster/up.sh

cluster-down: ## ends it and leaves nothing behind but the build cache
	@e2e/cluster/down.sh

# Not listed: steps of the targets above.
install: $(client) bundle
	@e2e/install.sh

current: types client bundle
	@node e2e/conformance/table.ts
	@node e2e/bench/page.ts
	@git diff --exit-code -- operator/model/gateway-api.generated.ts operator/dataplane-api deploy docs/benchmarks README.md

haproxy:
	@e2e/cluster/haproxy.sh

$(modules): package.json package-lock.json
	@command -v npm > /dev/null || { echo 'npm is missing: install Node.js (https://nodejs.org), then run this again.' >&2; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(client): $(modules) $(wildcard operator/dataplane-api/*.ts operator/dataplane-api/*.json operator/dataplane-api/src/*.ts) $(wildcard operator/dataplane-api/src/generated/*.ts)
	@npm run --silent build -w haproxy-dataplane-api
	@touch $@
