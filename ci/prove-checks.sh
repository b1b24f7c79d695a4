#!/usr/bin/env bash
# Proves that the checks of this suite can fail; `--help` tells how.
set -euo pipefail
set -m # each command in a process group of its own: Ctrl-C reaches this script, which then ends the whole group

usage() {
    cat <<'HELP'
Proves that the checks of this suite can fail: copies the committed tree (HEAD) to a temporary folder, spoils one
system there by a patch of ci/sabotage/, and expects that the tests fail by name and that the benches refuse to print a
figure. First the same commands must pass on the copy as it is.

  ci/prove-checks.sh              all sabotages
  ci/prove-checks.sh --quick      tests, kernels and daemon_performance, not optimized; neither instructions nor the
                                  exchange of names, whose ratios mean something in optimized programs only
                                  (then the exchange alone: --only lineup-exchanged)
  ci/prove-checks.sh --only NAME  only this one (may be given more than once)
  ci/prove-checks.sh --list       their names, and what each breaks

It builds the benches anew for each sabotage (2 minutes each on two free cores, --quick half a minute), so it is no
step of .ci/run: run it when the checks themselves, the systems or the lineup have changed. Builds are kept in
$CARGO_TARGET_DIR/prove-checks (default: target/prove-checks). Exit status: 0 if everything was noticed, 1 if not, 2 if
it could not be tried.
HELP
}

cd "$(dirname "$0")/.."
root=$PWD
quick=false only=()

refuse() {
    echo "prove-checks: $*" >&2
    exit 2
}

sabotages() {
    local patch
    for patch in "$root"/ci/sabotage/*.patch; do basename "$patch" .patch; done
}

list() {
    local name
    for name in $(sabotages); do printf '%-24s %s\n' "$name" "$(head -n1 "ci/sabotage/$name.patch")"; done
}

while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit ;;
    --list) list && exit ;;
    --quick) quick=true ;;
    --only)
        [ -f "ci/sabotage/${2:-}.patch" ] || refuse "no sabotage \`${2:-}\`; there are: $(sabotages | xargs)"
        only+=("$2") && shift
        ;;
    *) refuse "unknown argument \`$1\`; see --help" ;;
    esac
    shift
done
command -v jq >/dev/null || refuse "jq is not installed: ci/install.sh"
[ ${#only[@]} -gt 0 ] || mapfile -t only < <(sabotages)

# shellcheck source=ci/sabotage/checks.sh
. ci/sabotage/checks.sh

work=$(mktemp -d) child=
clean_up() {
    if [ -n "$child" ]; then
        kill -TERM -- "-$child" && wait "$child"
    fi 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'echo "prove-checks: interrupted" >&2; exit 130' INT
trap 'exit 143' TERM

# git apply must not take the user's repository for the one to patch, should the temporary folder lie within it.
export GIT_CEILING_DIRECTORIES=$work
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/prove-checks
export CARGO_TERM_COLOR=never
mkdir -p "$CARGO_TARGET_DIR"
# Two runs would build one sabotage over the other.
if command -v flock >/dev/null; then
    exec 9>"$CARGO_TARGET_DIR/prove-checks.lock"
    flock -n 9 || refuse "another run is at work in $CARGO_TARGET_DIR; wait for its end"
fi

copy_committed_tree() {
    git diff --quiet HEAD || echo "uncommitted changes are not looked at: this is about $(git rev-parse --short HEAD)"
    mkdir "$work/tree"
    # -m: with the time of the commit, files would look older than what an earlier run of this script built of others.
    git archive HEAD | tar -x -m -C "$work/tree"
    cd "$work/tree"
}

# All of them before anything is built.
expect_that_patches_fit() {
    local name patch why unfit=()
    for name in "${only[@]}"; do
        patch=$root/ci/sabotage/$name.patch
        why=$(git apply --check "$patch" 2>&1) || { echo "$why" >&2 && unfit+=("$name"); }
    done
    [ ${#unfit[@]} -eq 0 ] || refuse "the code has changed and these do not fit any more: ${unfit[*]}
To mend one, make the change that its first line tells by hand in a clean tree, then, in bash:
  patch=ci/sabotage/${unfit[0]}.patch; git diff -U2 | cat <(head -n1 \$patch) - >mended; mv mended \$patch; git checkout -- src"
}

start=$SECONDS
copy_committed_tree
expect_that_patches_fit
sabotage=control
build
control
all_noticed || refuse "the checks do not pass without sabotage, so their failing would prove nothing"
for sabotage in "${only[@]}"; do
    case $sabotage in
    core-*) expected=(is_noticed core CrucibleCore coordinator) ;;
    coordinator-*) expected=(is_noticed coordinator DataCoordinator core) ;;
    lineup-*) if $quick; then continue; else expected=(ratios_invert); fi ;;
    *) refuse "ci/sabotage/$sabotage.patch: the name tells what is spoilt: core-…, coordinator-… or lineup-…" ;;
    esac
    git apply "$root/ci/sabotage/$sabotage.patch"
    build
    "${expected[@]}"
    git apply -R "$root/ci/sabotage/$sabotage.patch"
done

minutes=$(((SECONDS - start) / 60))
all_noticed || { echo "NOT everything was noticed ($minutes min)" && exit 1; }
echo "everything was noticed ($minutes min)"
