#!/usr/bin/env bash
# Runs commands one after the other, whatever comes of them, and ends with the sum of what they counted:
# `N passed, N failed`. Exits with 1 when anything failed.
# Usage: tally.sh 'TITLE: COMMAND' ...     a command that counts nothing counts as one
set -uo pipefail
output=$(mktemp)
trap 'rm -f "$output"' EXIT
passed=0 failed=0 skipped=0 summary=
number() { sed -nE "s/$1/\1/p" "$output" | tail -1; }
for step; do
	title=${step%%: *} command=${step#*: } began=$SECONDS status=0
	printf '\n== %s\n' "$title"
	bash -c "$command" 2>&1 | tee "$output" || status=$?
	good=$(number '^([0-9]+) passed, [0-9]+ failed.*') bad=$(number '^[0-9]+ passed, ([0-9]+) failed.*')
	left=$(number '^[0-9]+ passed, [0-9]+ failed, ([0-9]+) skipped.*')
	if [ -z "$good" ]; then                # mocha's own words
		good=$(number '^ +([0-9]+) passing.*') bad=$(number '^ +([0-9]+) failing.*') left=$(number '^ +([0-9]+) pending.*')
	fi
	if [ -z "$good$bad" ]; then good=$((status == 0)) bad=$((status != 0)); fi
	[ $status = 0 ] || [ "${bad:-0}" -gt 0 ] || bad=1
	passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${left:-0}))
	summary+=$(printf '%-28s %5d s   %5d passed   %3d failed' "$title" $((SECONDS - began)) "${good:-0}" "${bad:-0}")$'\n'
done
printf '\n%s' "$summary"
[ $skipped = 0 ] && echo "$passed passed, $failed failed" || echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
