"""What the repository says of itself agrees with what it holds."""

import re
import tomllib

from program import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_direct_dependency_has_its_licence_on_the_page() -> None:
    extras = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    needed = {re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in PROJECT["dependencies"] + extras}
    packages = (ROOT / "docs" / "licences.md").read_text().split("## Packages")[1]
    listed = re.findall(r"^\| ([a-z][a-z0-9-]*)(?: \(\w+\))? \| \S", packages, re.MULTILINE)
    assert sorted(set(listed) - {"package"}) == sorted(needed)
