#!/usr/bin/env bash
# The patches with which ci/prove-*.sh spoil the code still fit it, and what they make of it still builds. That it is then
# noticed takes too long for each push: those scripts show it.
. "$(dirname "$0")/step" || exit
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# git apply must not take the user's repository for the one to patch, should the temporary folder lie within it.
export GIT_CEILING_DIRECTORIES=$work
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}

git ls-files -z | tar -c --null -T - | tar -x -m -C "$work"
cd "$work"
failed=() count=0
for patch in $(find ci/sabotage -name '*.patch' | sort); do
    count=$((count + 1))
    package=crucible-events
    ! grep '^+++ b/' "$patch" | grep -qv '^+++ b/src/systems/' || package=crucible-perf
    # Warnings are to be expected of spoilt code, and told only with what fails.
    if { git apply "$patch" && cargo check --quiet --locked --package "$package" --lib; } >"$work/.log" 2>&1; then
        git apply --reverse "$patch"
    else
        cat "$work/.log" >&2
        failed+=("$patch")
        git apply --reverse "$patch" 2>/dev/null || true
    fi
done
[ ${#failed[@]} -eq 0 ] || { printf 'does not fit or build any more: %s\n' "${failed[@]}" >&2 && exit 1; }
echo "all $count patches fit and build"
