#!/usr/bin/env bash
# Holds the counts that ci/counts.sh left against ci/baseline.json. Where they cannot be compared, with another compiler or
# valgrind, both revisions are measured here: this one and the one that it comes from.
. "$(dirname "$0")/step" || exit

format=text
[ -z "${GITHUB_ACTIONS:-}" ] || format=github

# The job's summary gets a table, too.
regress() { cargo regress "$@" --format "$format" ${GITHUB_STEP_SUMMARY:+--append-markdown "$GITHUB_STEP_SUMMARY"}; }

# Where this work began; on the main branch itself, the commit before.
base() {
    local base
    base=$(git merge-base HEAD "${GATE_BASE:-origin/main}" 2>/dev/null) || base=
    if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then base=HEAD~1; fi
    echo "$base"
}

status=0
regress check || status=$?
if [ "$status" -eq 5 ]; then
    echo "so both revisions are measured on this machine; this takes a quarter of an hour"
    status=0
    regress against "$(base)" || status=$?
fi
exit "$status"
