"""The build hook: source archives and wheels carry the built console, so that nobody who installs one needs Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface):
    """Builds the console where it is not built yet; without Node the archives are made without it, and say so."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  the hook's signature
        """Before the files are gathered. An editable installation uses what `make console` builds."""
        root = Path(self.root)
        if version == "editable" or (root / "src/onefold/console/dist/index.html").is_file():
            return
        npm = shutil.which("npm")
        if npm is None or not (root / "console/package.json").is_file():
            self.app.display_warning("The console is not built and there is no Node: the archive is made without it.")
            return
        for command in (["ci", "--no-audit", "--no-fund", "--silent"], ["run", "--silent", "build"]):
            subprocess.run([npm, *command], cwd=root / "console", check=True)  # noqa: S603  the project's own recipe
