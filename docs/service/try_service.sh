#!/bin/sh
# Install the service into a clean environment, start it, and send it a picture: the steps of the Dockerfile.
#
#   sh docs/service/try_service.sh              installs into a temporary environment
#   sh docs/service/try_service.sh .venv/bin/python    takes an environment that has the extra app
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
service=""
clean_up() {
    [ -z "$service" ] || kill "$service" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT

python=${1:-}
if [ -z "$python" ]; then
    if python3 -c 'import ensurepip' 2>/dev/null; then
        python3 -m venv "$folder/environment"
    else # Debian and Ubuntu split ensurepip from the venv module; virtualenv brings its own pip
        python3 -m pip install --quiet --disable-pip-version-check --target "$folder/virtualenv" virtualenv
        PYTHONPATH="$folder/virtualenv" python3 -m virtualenv --quiet "$folder/environment"
    fi
    python="$folder/environment/bin/python"
    "$python" -m pip install --quiet --disable-pip-version-check "$root[app]"
fi
cd "$folder" # the installed package, not the folder of its sources

export HYBRIDMATTE_TOKEN="token-of-the-trial"
"$python" -m hybridmatte compile
"$python" -m hybridmatte.server.warming
"$python" -m hybridmatte serve --host 0.0.0.0 --port 0 --workers 1 --no-open 2>service.log &
service=$!
"$python" - service.log <<'PYTHON'
import re
import sys
import time
from pathlib import Path

import numpy as np

from hybridmatte.server import Client, ServiceError

end, address = time.monotonic() + 120, None
while address is None:
    assert time.monotonic() < end, Path(sys.argv[1]).read_text()
    address = re.search(r"listening on http://0\.0\.0\.0:(\d+)/", Path(sys.argv[1]).read_text())
    time.sleep(0.1)
url = f"http://127.0.0.1:{address[1]}"
client = Client(url, token="token-of-the-trial")
while client.health()["status"] != "ready":
    assert time.monotonic() < end, "the service is not ready"
    time.sleep(0.2)
image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
trimap = np.full((90, 120), 0.5)
trimap[:, :30], trimap[:, 90:] = 0, 1
alpha = client.matte(image, trimap).array("alpha")
assert alpha.shape == (90, 120) and (alpha[:, 90:] == 1).all(), "alpha is wrong"
try:
    Client(url).methods()
except ServiceError as error:
    assert error.status == 401, error
else:
    raise AssertionError("the service has answered without a token")
print("the service has answered")
PYTHON
kill -TERM "$service"
wait "$service"
service=""
echo "the service has ended"
