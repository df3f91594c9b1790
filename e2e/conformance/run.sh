#!/usr/bin/env bash
# Runs the official Gateway API conformance suite, all five profiles of gateways, against the installed operator. Prints what passed, failed
# and was skipped, and ends with `N passed, N failed, N skipped`. The features are those that the GatewayClass reports.
# Usage: run.sh [TEST]     one test by its short name (HTTPRouteWeight); a whole run also writes report-VERSION.yaml here and README's table
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../cluster/settings.sh
. "$here/../cluster/settings.sh"
version=$(sed -nE 's/^  "version": "(.*)",/\1/p' "$here/../../package.json")
log=$cluster/conformance.log
report=$cluster/conformance-report.yaml
# Twenty Gateways start their pods at a time: on two cores that takes longer than the suite expects of a listener.
flags=(-gateway-class=haproxy -conformance-profiles=GATEWAY-HTTP,GATEWAY-GRPC,GATEWAY-TLS,GATEWAY-TCP,GATEWAY-UDP
	-timeout-config-overrides='GatewayStatusMustHaveListeners:180;GatewayListenersMustHaveConditions:180')
if [ -n "${1:-}" ]; then
	flags+=(-run-test="$1" -debug)
else
	flags+=(-report-output="$report" -organization=haproxy-gateway-operator -project=haproxy-gateway-operator
		-url=https://haproxy-gateway.dev -version="$version" -contact=https://haproxy-gateway.dev)
fi
if [ "$(provider)" = local ]; then flags+=(-usable-address="${lb_static%.*}.10" -unusable-address="$net.250.1"); fi

# The suite tells verdicts only at its end: meanwhile, each test's name and how long it took.
progress() {
	local line name='' began=$SECONDS
	while IFS= read -r line; do
		case $line in
			'=== RUN   TestConformance/'*/* | [^=]*) continue ;;
			'=== RUN   TestConformance/'* | '--- '*)
				[ -z "$name" ] || [ $((SECONDS - began)) -lt 1 ] || printf '%4d s  %s\n' $((SECONDS - began)) "$name"
				name=${line##*TestConformance/} began=$SECONDS ;;
		esac
	done
}
status=0
KUBECONFIG=$kubeconfig "$bin/conformance.test" -test.v -test.run '^TestConformance$' -test.timeout "${TIMEOUT:-40m}" "${flags[@]}" 2>&1 |
	tee "$log" | progress || status=$?

verdict() { sed -nE "s|^ +--- $1: TestConformance/([^/ ]+) .*|\1|p" "$log" | sort -u; }
passed=$(verdict PASS) failed=$(verdict FAIL) skipped=$(verdict SKIP)
count() { printf '%s' "$1" | grep -c . || true; }
[ -z "$skipped" ] || { echo; echo "skipped: tests of meshes, of gateways without a feature that the class reports, and of features that it does not report:"; echo "$skipped" | sed 's/^/  /'; }
[ -z "$failed" ] || { echo; echo "failed; the suite's words are in $log:"; echo "$failed" | sed 's/^/  /'; }
if [ -z "$passed$failed" ]; then tail -20 "$log"; echo "0 passed, 1 failed"; exit 1; fi
echo "$(count "$passed") passed, $(count "$failed") failed, $(count "$skipped") skipped"
# The suite writes its report before its parallel tests have ended, so it is kept only when the verdicts bear it out.
[ -z "$failed" ] && [ $status = 0 ] || exit 1
if [ -z "${1:-}" ]; then
	install -m644 "$report" "$here/report-$version.yaml"
	node "$here/table.ts"
fi
