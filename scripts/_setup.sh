# Sourced by the other scripts: makes .venv with the locked versions, once per lock.
# Needs Python >= 3.11 with pip; everything else is fetched into the project's own folders.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  local candidate
  for candidate in "${AFFETTO_PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo "affetto needs Python 3.11 or newer with pip; none was found on PATH." >&2
  echo "Install one, or name it: AFFETTO_PYTHON=/path/to/python3 $0" >&2
  return 1
}

PYTHON=$(find_python)
STAMP=.venv/.ready-$(cat requirements.lock | "$PYTHON" -c \
  'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])')

if [ ! -e "$STAMP" ]; then
  echo "Setting up .venv (once; about half a minute) ..." >&2
  UV=.venv-uv/bin/uv
  if [ ! -x "$UV" ]; then
    "$PYTHON" -m venv .venv-uv
    .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
  fi
  "$UV" venv --quiet --clear --python "$PYTHON" .venv
  # Compiled once here: where Python may not write bytecode, every start would compile anew.
  install=("$UV" pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes
    requirements.lock)
  # uv brings certificates of its own; behind a company's proxy those of the system are needed.
  "${install[@]}" || UV_NATIVE_TLS=1 UV_SYSTEM_CERTS=1 "${install[@]}"
  "$UV" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
  .venv/bin/python -m compileall -q src
  touch "$STAMP"
fi

# One thread per process: the libraries' own threads only fight over the cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export PATH="$PWD/.venv/bin:$PATH"
