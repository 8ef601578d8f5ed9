# Each target creates or reuses .venv. On Debian, Ubuntu and Raspberry Pi OS nothing else has to be installed first.
PYTHON ?= python3
BIN := .venv/bin
DATA := $(wildcard ../shared/data)
export MAGWATT_DATA ?= $(abspath $(DATA))
ifeq ($(MAGWATT_DATA),)
  unexport MAGWATT_DATA
endif

# Bytecode is compiled once; without it each of several hundred interpreters of the tests compiles all sources again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help vectors dashboards demo fleet-demo test lint bench bench-agent bench-bus bench-condition bench-database bench-dsp bench-fleet bench-ingest bench-lake bench-northbound bench-page bench-pi bench-plant bench-proven bench-reanalyse bench-savings bench-store bench-web container container-check soak compile messages docs picture plant-pictures page-pictures system arm-check clean deb deb-check deb-lock deb-tools release
.DEFAULT_GOAL := help

help:
	@echo "make demo    a simulated plant, the agent and a live table"
	@echo "make test    all tests      make lint    style and types"
	@echo "make bench   speed          make soak    long proofs"
	@echo "make compile signal-processing kernels into the cache"
	@echo "make docs    generated pages, and the site of the documentation in build/docs"
	@echo "make deb     Debian packages    make deb-check  installs and upgrades one in a chroot"
	@echo "make container  an image of the package    make container-check  runs it with podman"
	@echo "make release packages, wheel, sdist, bills of materials, notes and checksums in dist/"

demo: .venv/demo
	$(BIN)/magwatt demo

# Twenty simulated gateways through a broker into a lake and a temporary database, and the report of the fleet, in fleet-demo/.
fleet-demo: .venv/test catalogues
	@sh ./install-system-packages mosquitto
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || sh ./install-system-packages postgresql
	rm -rf fleet-demo
	PYTHONPATH=.:tests $(BIN)/python -m support.fleet_demo

compile: .venv/demo
	$(BIN)/magwatt compile

# First the tests marked `browser`: Chromium uses both processors. Their two workers also compile all test files, which four
# would do four times. Then the tests that can share the processors; some wait, so there are more workers than processors.
# Then the tests marked `alone`, which measure real time on real buses and sleep most of the time, three files at a time.
test: .venv/test system catalogues
	$(BIN)/magwatt compile
	$(BIN)/python -m pytest -m "not soak and browser" -n 2 --dist loadfile
	$(BIN)/python -m pytest -m "not soak and not alone and not browser" -n 4 --dist worksteal
	$(BIN)/python -m pytest -m "not soak and alone" -n 3 --dist loadfile $$(grep -rl mark.alone tests --include='test_*.py')

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.architecture.wording
	$(BIN)/python -m tests.architecture.prose_logic

bench: .venv/test system
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.bench

# The installed agent under a steady load of 16 meters, and of 32 meters with motors: processor time, memory, disk.
bench-agent: .venv/test system
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.agent_load

bench-bus: .venv/bench system
	PYTHONPATH=.:tests $(BIN)/python benchmarks/bus.py

# A thousand gateways for five minutes; more: PYTHONPATH=.:tests .venv/bin/python -m benchmarks.fleet --help
bench-fleet: .venv/test system
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.fleet

# 100, 300 and 1,000 gateways for ten minutes each into a lake; continues after an interruption
bench-ingest: .venv/test system
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.ingest

# Compared with libraries that need SciPy. Without a compiler and C FFTW3 these are reported and omitted.
bench-dsp: .venv/bench-dsp
	@test -e /usr/include/fftw3.h || sh ./install-system-packages gcc libc6-dev libfftw3-dev
	PYTHONPATH=.:tests .venv/peers/bin/python -m benchmarks.dsp

# Condition on simulated machines: cage motors next to an open analyser that needs SciPy, then rows of 100 motor-years and of single
# faults: more than an hour on two idle cores.
bench-condition: .venv/bench-dsp
	PYTHONPATH=.:tests .venv/peers/bin/python -m benchmarks.condition_cage
	PYTHONPATH=.:tests .venv/peers/bin/python -m benchmarks.condition_cost
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.condition_rows

# Bytes and processor time of the lake; questions about 15 million rows.
bench-lake: .venv/test
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.lake

# Rows a second and bytes a row in PostgreSQL and TimescaleDB.
bench-database: .venv/test
	@sh ./install-system-packages postgresql-17-timescaledb
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.database

# Re-analysis of 2,000 snapshots by one, four and killed processes and by Dask; 3.5 GB of temporary files.
bench-reanalyse: .venv/test
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.reanalyse

# The servers for the systems above, with 30 motors: processor time and memory.
bench-northbound: .venv/test
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.northbound

bench-store: .venv/test system
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.store

# The page with 30 motors and 20 clients, beside a real broker.
bench-web: .venv/test system
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.web

# The page in Chromium: bytes and time of the first load on a slow phone, delay of a live value.
bench-page: .venv/test system catalogues
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.web_page

# The budget for the Raspberry Pi of docs/reference/measured.md; on one, what it takes. Half an hour.
bench-pi: .venv/test
	@sh ./install-system-packages mosquitto
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.budget

bench-plant: .venv/test
	PYTHONPATH=.:tests $(BIN)/python benchmarks/plant.py

# How often U95 of a saving covers the true value: a thousand retrofits of each kind, five minutes for a kind.
bench-savings: .venv/test
	PYTHONPATH=.:tests $(BIN)/python -m benchmarks.savings 1000

# Verdicts on plants in which one thing is wrong: sixty seeds of each case, ten minutes on two idle cores.
bench-proven: .venv/test
	PYTHONPATH=. $(BIN)/python -m benchmarks.proven

# In the same three parts, here the real time first; `--durations` for the summary in docs/reference/measured.md.
soak: .venv/test system catalogues
	@sh ./install-system-packages postgresql-17-timescaledb docker-compose
	$(BIN)/magwatt compile
	$(BIN)/python -m pytest -m "soak and alone" -n 2 --dist loadfile --durations=0 --durations-min=1
	$(BIN)/python -m pytest -m "soak and not alone and not browser" -n 2 --dist worksteal --durations=0 --durations-min=1
	$(BIN)/python -m pytest -m "soak and browser" -n 2 --dist worksteal --durations=0 --durations-min=1

plant-pictures: .venv/test
	PYTHONPATH=.:tests $(BIN)/python docs/generate/plant_pictures.py

picture: .venv/test
	PYTHONPATH=.:tests $(BIN)/python docs/generate/live_table.py

page-pictures: .venv/test system catalogues
	PYTHONPATH=.:tests $(BIN)/python docs/generate/page_pictures.py

# Files of Grafana from deploy/grafana/dashboards.toml.
dashboards: .venv/test
	$(BIN)/python -m deploy.grafana.make_dashboards

# Generated pages and files, then the site in build/docs, which needs no server: open build/docs/index.html.
# With --quiet, mkdocs does not count warnings.
docs: .venv/test
	@sh ./install-system-packages mosquitto
	$(BIN)/python docs/generate/tables.py
	PYTHONPATH=.:tests $(BIN)/python docs/generate/mistakes_table.py
	$(BIN)/python docs/generate/shell_files.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Test vectors of docs/reference/ledger-format.md and contract-format.md.
vectors: .venv/test
	PYTHONPATH=.:tests $(BIN)/python docs/generate/vectors.py

# Message catalogues: `messages` brings new texts of the code into the .po files, `catalogues` compiles them.
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard agent/locale/*/LC_MESSAGES/magwatt.po))

messages: .venv/test
	$(BIN)/pybabel -q extract -F pyproject.toml -k N_ -k Code:2 --add-location=file --project=magwatt --no-wrap \
	  -o agent/locale/magwatt.pot .
	$(BIN)/pybabel -q update -D magwatt -d agent/locale -i agent/locale/magwatt.pot --no-fuzzy-matching --ignore-obsolete --no-wrap \
	  --ignore-pot-creation-date
	rm agent/locale/magwatt.pot
	$(MAKE) catalogues

catalogues: $(CATALOGUES)

# Not by pybabel compile, which takes "% of" for a placeholder and rejects the translation.
%.mo: %.po
	$(BIN)/python -c "import sys; from babel.messages import mofile, pofile; \
	  mofile.write_mo(open(sys.argv[2], 'wb'), pofile.read_po(open(sys.argv[1], 'rb')))" $< $@

# The real broker, an independent Modbus master, and a browser with Chinese letters, for the tests.
system:
	@sh ./install-system-packages mosquitto mbpoll
	@sh ./install-system-packages chromium fonts-wqy-microhei
	@command -v systemd-analyze >/dev/null || sh ./install-system-packages systemd

.venv/bin/python:
	@sh ./install-system-packages --python $(PYTHON)
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[demo]"
	@touch $@

.venv/test: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@ .venv/demo

.venv/bench: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[bench]"
	@touch $@ .venv/test .venv/demo

.venv/bench-dsp: .venv/demo
	$(PYTHON) -m venv .venv/peers
	.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[bench-dsp]"
	@touch $@

# Debian packages into dist/, for all releases and architectures or for TARGETS, such as deb13-arm64. Each package contains byte code
# of its release's Python, which has to be there: python3.11 for Debian 12, python3.13 for Debian 13.
deb: .venv/packages deb-tools
	PYTHONPATH=. .venv/packages/bin/python -m deploy.debian.build $(TARGETS)

# All files of a release in the empty folder dist/: packages, wheel, sdist, bills of materials, notes, checksums.
release: .venv/packages deb-tools
	PYTHONPATH=. .venv/packages/bin/python -m deploy.release $(TARGETS)

# Installs, upgrades and removes the package in a new root file system of Debian, as root. Six minutes.
deb-check: .venv/packages deb-tools
	PYTHONPATH=. .venv/packages/bin/python -m deploy.debian.check

# Runs the arm64 package of `make deb TARGETS=deb13-arm64` in an emulator and compares its results with those here. Five minutes.
arm-check: .venv/test
	@sh ./install-system-packages mmdebstrap proot qemu-user-static
	PYTHONPATH=. $(BIN)/python -m deploy.debian.arm

# The newest versions of all that the packages contain.
deb-lock: .venv/packages
	PYTHONPATH=. .venv/packages/bin/python -m deploy.debian.lock

# The container image as one file in dist/: the package on a new Debian, without a registry. BASE=debian:trixie-slim takes that image instead.
container: .venv/packages deb-tools
	@sh ./install-system-packages buildah netavark
	PYTHONPATH=. .venv/packages/bin/python -m deploy.container.build $(if $(BASE),--base $(BASE))

# Runs the image with podman, as root, as its quadlet does, next to a simulated plant. Two minutes.
container-check: .venv/test
	@sh ./install-system-packages podman runc
	PYTHONPATH=. $(BIN)/python -m deploy.container.check

deb-tools:
	@sh ./install-system-packages dpkg-dev zstd lintian mmdebstrap binutils-aarch64-linux-gnu binutils-x86-64-linux-gnu

.venv/packages: .venv/bin/python deploy/debian/tools.txt
	$(PYTHON) -m venv --clear $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement deploy/debian/tools.txt
	@touch $@

clean:
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache
	find agent benchmarks docs drivers dsp simulators tests -name __pycache__ -prune -exec rm -rf {} +
