"""What the repository promises beside its code: commands, requirements, the Space's header."""

import ast
import re
import shlex
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import typer
from huggingface_hub import metadata_load
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from test_architecture import MODULES, imports

import gan_core
from gan_core.__main__ import app

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/lesson.md",
    "docs/python.md",
)  # fmt: skip
# Imported only on a Space with ZeroGPU, which has it in the version that fits its GPUs. Elsewhere
# it would be of no use, and there another version might not fit.
BROUGHT = {"spaces"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def requirements(file: str) -> dict[str, Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {requirement.name.lower(): requirement for requirement in found}


@pytest.fixture(scope="module")
def header() -> dict[str, Any]:
    values = metadata_load(ROOT / "README.md")
    assert values is not None
    return values


def test_the_space_gets_a_gradio_that_the_requirements_admit(header: dict[str, Any]) -> None:
    assert header["sdk"] == "gradio"
    assert header["sdk_version"] in requirements("requirements.txt")["gradio"].specifier


def test_the_space_gets_a_python_that_the_project_supports(header: dict[str, Any]) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    supported = re.search(r'^requires-python = "(.+)"$', project, re.MULTILINE)
    assert supported is not None
    assert isinstance(header["python_version"], str), "unquoted, YAML reads 3.10 as 3.1"
    assert header["python_version"] in SpecifierSet(supported.group(1))


def test_the_space_starts_a_file_that_exists(header: dict[str, Any]) -> None:
    assert (ROOT / header["app_file"]).is_file()


def test_the_space_description_fits_its_card(header: dict[str, Any]) -> None:
    assert 0 < len(header["short_description"]) <= 60


def test_requirements_are_exactly_what_the_program_imports() -> None:
    tops = {target.split(".")[0] for path in MODULES.values() for target in imports(path)}
    foreign = tops - set(sys.stdlib_module_names) - {"gan_core", "ui", "app"} - BROUGHT
    owners = packages_distributions()
    imported = {owners[top][0].lower().replace("_", "-") for top in foreign}
    required = {name.replace("_", "-") for name in requirements("requirements.txt")}
    assert imported == required


def commands() -> list[str]:
    """Every `python -m gan_core ...` that a document tells people to type."""
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS]
    return [
        re.sub(r"\s*#.*", "", line)
        for page in pages
        for line in re.findall(r"^\S*python -m gan_core (.+)$", page, re.MULTILINE)
    ]


@pytest.mark.parametrize("command", commands())
def test_a_documented_knownis_understood_by_the_knownline(command: str) -> None:
    name, *arguments = shlex.split(command)
    group = typer.main.get_command(app)
    known = group.commands[name]  # type: ignore[attr-defined]
    if hasattr(known, "commands"):  # a group of its own
        known = known.commands[arguments.pop(0)]
    # Raises for a missing argument, an unknown option, or a value of the wrong kind.
    parsed = known.make_context(name, arguments)
    assert not parsed.args


def test_the_readme_shows_a_knownfor_everything_the_knownline_does() -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert {command.split()[0] for command in commands()} == known


def test_the_readme_imports_only_names_that_the_core_offers() -> None:
    blocks = re.findall(r"^```python\n(.+?)^```", README, re.MULTILINE | re.DOTALL)
    names = [
        alias.name
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module == "gan_core"
        for alias in node.names
    ]
    assert names
    assert not set(names) - set(gan_core.__all__)


def test_ci_runs_the_very_line_that_the_readme_gives_for_the_tests() -> None:
    show = subprocess.run(
        ["bash", ".ci/run", "--show"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    line = show.stdout.strip()
    assert f"```bash\n{line}\n```" in README
    assert line.endswith(".venv/bin/python -m pytest")
    assert "requirements-dev.txt" in line


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_file_that_a_document_links_to_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert not [link for link in links if not ((ROOT / name).parent / link).exists()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_figure_is_left_to_be_filled_in(name: str) -> None:
    assert "TODO" not in (ROOT / name).read_text(encoding="utf-8")


def test_git_holds_no_file_over_ten_megabytes() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the project has no git history to look at")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    large = {path.name: path.stat().st_size for path in paths if path.is_file()}
    assert not {name: size for name, size in large.items() if size > 10_000_000}


def test_the_core_and_its_knownline_do_not_load_the_page() -> None:
    program = "import sys, gan_core.__main__; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"gradio", "ui", "app", "pandas"} & set(loaded.stdout.split())
