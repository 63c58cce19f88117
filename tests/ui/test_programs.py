"""What other programs may call, of the program as a user starts it; no browser is needed."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from repositories import HERE, PAIR, PUNKS
from serving import ROOT

from gan_core.pictures import read_png_metadata
from gan_core.style.sources import read_picture

QUICK = {"list_models", "fetch_model", "train_status", "pause", "resume", "stop", "delete"}
NAMES = QUICK | {"generate", "stylize", "train", "download"}


def examples() -> dict[str, str]:
    """What README.md shows to other programs, by language."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## For other programs")[1]
    found = re.findall(r"^```(\w+)\n(.+?)^```", section.split("\n## ")[0], re.M | re.S)
    return dict(reversed(found))  # the first of each


def run(command: list[str], folder: Path) -> str:
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_every_endpoint_says_what_it_takes_and_gives(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {f"/{name}" for name in NAMES}
    for name, endpoint in endpoints.items():
        taken = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
        assert "Returns:" in endpoint["description"], name
        assert all(f"{each}: " in endpoint["description"] for each in taken), name


def test_the_python_of_the_readme_fetches_punks_and_trains(
    url: str, client: Client, picture_folder: Path, tmp_path: Path
) -> None:
    picture_folder.rename(tmp_path / "my_pictures")
    code = examples()["python"].replace("http://127.0.0.1:7860", url)
    told = run([sys.executable, "-c", f"{code}\nprint(run_id)"], tmp_path).splitlines()
    paths = re.findall(r"'([^']+\.png)'", "\n".join(told))
    assert len(paths) == 4
    assert read_picture(Path(paths[0])).shape == (240, 240, 3)
    assert read_png_metadata(Path(paths[0]))["model"] == HERE[PUNKS]
    run_id = told[-1]
    assert client.predict(run_id, api_name="/train_status")["message"]
    assert client.predict(run_id, api_name="/delete") == "deleted"
    with pytest.raises(AppError, match="no such run"):
        client.predict(run_id, api_name="/train_status")


def test_the_curl_of_the_readme_gives_the_addresses_of_pictures(url: str, tmp_path: Path) -> None:
    code = examples()["bash"].replace("http://127.0.0.1:7860", url)
    told = run(["bash", "-ec", code], tmp_path)
    assert "event: complete" in told
    assert len(set(re.findall(r'"url": ?"([^"]+\.png)"', told))) == 4


def test_what_is_bundled_is_listed_and_a_model_of_the_hub_says_what_it_can(client: Client) -> None:
    first = client.predict(api_name="/list_models")[0]
    assert first == {
        "model": "dcgan-kaokore-64", "network": "dcgan", "size": 64, "can_train": True,
    }  # fmt: skip
    pair = client.predict(PAIR, api_name="/fetch_model")
    assert pair == {
        "model": HERE[PAIR], "network": "dcgan", "size": 16, "can_train": True,
    }  # fmt: skip
    assert not client.predict(PUNKS, api_name="/fetch_model")["can_train"]


def test_a_program_can_name_no_path_and_is_told_why(client: Client) -> None:
    for name in ("../weights", "/etc/passwd", "weights"):
        with pytest.raises(AppError, match="is no name of a model"):
            client.predict(name, api_name="/fetch_model")
    with pytest.raises(AppError, match="no such repository"):
        client.predict("weights/dcgan-kaokore-64", api_name="/fetch_model")
    with pytest.raises(AppError, match="no model called"):
        client.predict(model="weights/dcgan-kaokore-64", api_name="/generate")


def test_a_program_trains_from_a_model_of_the_hub_pauses_goes_on_and_downloads(
    client: Client, picture_folder: Path, server_folder: Path
) -> None:
    from_hub = client.predict(PAIR, api_name="/fetch_model")["model"]
    files = [handle_file(path) for path in sorted(picture_folder.iterdir())]
    # As long as may be: a machine that is busy may be too slow for anything shorter.
    run_id = client.predict(files=files, minutes=240, start=from_hub, api_name="/train")
    asked = (server_folder / "runs" / run_id / "request.json").read_text()
    assert f'"start": "{from_hub}"' in asked
    client.predict(run_id, api_name="/pause")
    with pytest.raises(AppError, match="has not ended"):
        client.predict(run_id, api_name="/download")
    wait_for(client, run_id, lambda told: told["state"] == "paused")
    client.predict(run_id, api_name="/resume")
    wait_for(client, run_id, lambda told: told.get("kimg", 0) > 0)
    client.predict(run_id, api_name="/stop")
    wait_for(client, run_id, lambda told: told["state"] == "stopped" and told["has_model"])
    assert Path(client.predict(run_id, api_name="/download")).suffix == ".zip"
    assert len(client.predict(model=run_id, count=2, api_name="/generate")) == 2


def wait_for(client: Client, run_id: str, is_so: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + 240
    while not is_so(told := client.predict(run_id, api_name="/train_status")):
        assert time.monotonic() < deadline, told
        time.sleep(0.2)
