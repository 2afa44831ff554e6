# Sourced by ./run and ./test from the checkout's root: makes .venv once, and again when pyproject.toml changes.
# shellcheck shell=sh

say() { printf '%s\n' "$*" >&2; }

# need_package NAME WHY: the exact line that brings a Debian package; as root, and asked to, run it.
need_package() {
  line="apt-get update && apt-get install -y $1"
  if [ "${MAY_APT:-no}" = yes ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "$2: running  $line"
    apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" >&2
  else
    say "$2. Run:  sudo sh -c '$line'  and try again."
    exit 1
  fi
}

# The first Python that is new enough, or $PYTHON.
find_python() {
  # shellcheck disable=SC2086
  for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  say "Python 3.11 or newer is needed. Install it, or name it:  PYTHON=/path/to/python $0"
  exit 1
}

# make_venv FOLDER: an environment with uv in it.
make_venv() {
  [ -x "$1/bin/uv" ] && return
  python=$(find_python) || exit 1
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    need_package "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv" "Python's venv module is missing" || exit 1
  fi
  "$python" -m venv "$1"
  "$1/bin/python" -m pip install -q --disable-pip-version-check uv
}

# uv_install FOLDER ARGUMENTS...: uv pip install into an environment.
uv_install() {
  folder=$1
  shift
  # Compiled now, or compiled while somebody waits for the first page.
  # XGBoost asks for a communication library for several GPUs (470 MB) that nothing here uses.
  echo "nvidia-nccl-cu12 ; sys_platform == 'never'" > "$folder/overrides.txt"
  VIRTUAL_ENV="$PWD/$folder" "$folder/bin/uv" pip install -q --compile-bytecode --override "$folder/overrides.txt" "$@"
}

# torch_install FOLDER ARGUMENTS...: the same for requirements that bring torch: the CPU build where there is one.
torch_install() {
  folder=$1
  shift
  # uv does not read pip's settings: hand on the folders of wheels that pip is told about, if they exist.
  links=""
  for place in $("$folder/bin/python" -m pip config list | sed -n "s/^.*find-links='\(.*\)'\$/\1/p" | sed 's/\\n/ /g' | tr ' ' '\n' | sort -u); do
    [ -d "$place" ] && links="$links --find-links $place"
  done
  if [ -n "$links" ]; then
    # shellcheck disable=SC2086
    uv_install "$folder" $links "$@"
  elif ! (export UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=0; uv_install "$folder" --torch-backend cpu "$@" 2>"$folder/torch.log"); then
    say "torch's own index of CPU builds did not answer: taking torch from PyPI, which is larger."
    uv_install "$folder" "$@"
  fi
}

# once FOLDER NAME COMMAND...: run a command unless it already ran for this pyproject.toml.
once() {
  stamp="$1/.installed-$2"
  shift 2
  cmp -s pyproject.toml "$stamp" && return
  "$@"
  cp pyproject.toml "$stamp"
}
