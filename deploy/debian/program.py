"""The program's environment, /opt/magwatt: pinned wheels laid out for another machine, without running it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.debian.targets import MACHINES, PACKAGE, ROOT, Target

PREFIX = Path("opt") / PACKAGE
DEBIAN_PYTHON = "/usr/bin"
# Never loaded on a gateway: tests, sources of catalogues, what extensions are built from. Globs below site-packages.
OMITTED = (
    "numpy/**/tests", "numba/tests", "numba/cuda/tests", "llvmlite/tests", "psutil/tests", "numpy/**/*.a",
    "numpy/_core/include", "numpy/random/_examples", "numpy/f2py", "numpy/distutils", "numba/**/*.c", "numba/**/*.h",
    "numba/**/*.cpp", "agent/locale/**/*.po", "**/*.pyi", "**/*.pxd", "bin", "share", "include", "*.dist-info/RECORD",
    "*.dist-info/REQUESTED", "*.dist-info/direct_url.json",
)  # fmt: skip
# Finds its environment by pyvenv.cfg in the folder above; -P: nothing is imported from the folder of the script.
LAUNCHER = "#!/{prefix}/bin/python -P\nfrom agent.cli import main\n\nmain()\n"
CONFIGURATION = "home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"


def build_wheel(source: Path, folder: Path) -> Path:
    """The wheel of the program, built from `source` with the pinned tools of this environment."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{PACKAGE}-*.whl"):
        old.unlink()
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob(f"{PACKAGE}-*.whl")
    return wheel


def download(target: Target, folder: Path) -> Path:
    """Brings the wheels of the lock file, each checked against its hash; what is there already is checked, too."""
    folder.mkdir(parents=True, exist_ok=True)
    _pip("download", *_for(target), "--require-hashes", "--requirement", str(target.lock), "--dest", str(folder))
    return folder


def lay(target: Target, wheels: Path, program: Path, tree: Path) -> Path:
    """Lays the environment below `tree`; returns its site-packages. The wheels are checked against their hashes."""
    prefix = tree / PREFIX
    site = prefix / "lib" / f"python{target.release.python}" / "site-packages"
    site.mkdir(parents=True)
    local = ("--no-index", "--no-compile", "--no-warn-conflicts", "--find-links", str(wheels), "--target", str(site))
    _pip("install", *_for(target), *local, "--require-hashes", "--requirement", str(target.lock))
    _pip("install", *_for(target), *local, "--upgrade", str(program))
    for found in sorted(path for pattern in OMITTED for path in site.glob(pattern)):
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)
    for installer in site.glob("*.dist-info/INSTALLER"):
        installer.write_text("debian\n")
    strip(target, site)
    (prefix / "pyvenv.cfg").write_text(CONFIGURATION.format(python=target.release.python))
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").symlink_to(f"/usr/bin/python{target.release.python}")
    (prefix / "bin" / "python3").symlink_to("python")
    launcher = prefix / "bin" / PACKAGE
    launcher.write_text(LAUNCHER.format(prefix=PREFIX))
    launcher.chmod(0o755)
    return site


def strip(target: Target, site: Path) -> None:
    """Removes the symbols for debuggers, 20 MB. Not from the bundled libraries (`*.libs`): their sections were
    moved when the wheel was made, and stripping damages such files."""
    files = [str(path) for path in sorted(site.rglob("*.so")) if not path.parent.name.endswith(".libs")]
    subprocess.run([f"{MACHINES[target.arch]}-linux-gnu-strip", "--strip-unneeded", *files], check=True)


def interpreter(target: Target) -> str | None:
    """A Python of the release's version: Debian's, else by its name on PATH. All 3.11.x write the same byte code."""
    name = f"python{target.release.python}"
    candidates = (f"{DEBIAN_PYTHON}/{name}", shutil.which(name))
    return next((found for found in candidates if found and _version_of(found) == target.release.python), None)


def compile_byte_code(target: Target, site: Path) -> None:
    """Compiles all modules by the interpreter of the same version, which need not be of the same architecture.

    Python never compares these files with their sources: nothing but the package changes them, and reading them is
    faster on an SD card. One process and a fixed hash seed give the same bytes each time.
    """
    where = f"/{site.relative_to(site.parents[4])}"
    command = [
        str(interpreter(target)), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
        "-s", str(site), "-p", where, str(site),
    ]  # fmt: skip
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


def _version_of(python: str) -> str:
    """Such as 3.11. A name on PATH may start another version, or none."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def _for(target: Target) -> list[str]:
    platforms = [argument for platform in target.platforms for argument in ("--platform", platform)]
    return [
        "--no-deps", "--only-binary", ":all:", "--implementation", "cp", "--python-version", target.release.python,
        *platforms,
    ]  # fmt: skip


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, cwd=ROOT)
