"""Codes of `magwatt simulate`: why an option, an output file or an earlier run cannot be used."""

from __future__ import annotations

from drivers.reasons import Code

# Options

TIME_FACTOR_OUT_OF_RANGE = Code(
    "time_factor_out_of_range", "--time-factor {value:g}: must be a number from {low:g} to {high:g}"
)
DURATION_MISSING = Code("duration_missing", "--time-factor {value:g}: a factor above {limit:g} requires `--seconds`")
NOT_ACCELERATED = Code(
    "not_accelerated", "`--output` and `--state-dir` are only valid with a `--time-factor` above {limit:g}"
)
SCENARIO_WITHOUT_PLC = Code("scenario_without_plc", "--plc: {scenario} has no bus for a PLC")
SCENARIO_WITHOUT_FAULTS = Code("scenario_without_faults", "--fault {value}: {scenario} has no faults")
FAULT_UNKNOWN = Code("fault_unknown", "--fault {value}: unknown fault of {scenario}; expected {known}")
FAULT_TIME_INVALID = Code(
    "fault_time_invalid",
    "--fault {value}: expected begin and end in seconds after the start after @, for example {example}",
)
FAULT_MOTOR_UNKNOWN = Code("fault_motor_unknown", "--fault {value}: {fault} is possible for {known}")
FAULT_WITHOUT_MOTOR = Code("fault_without_motor", "--fault {value}: {fault} concerns all motors; omit the motor")
SIMULATE_LINE_INVALID = Code("simulate_line_invalid", "--line {value}: {error}")
PROXY_TARGET_INVALID = Code("proxy_target_invalid", "--proxy {value}: expected host:port or the path of a serial port")
FAULT_RATE_INVALID = Code("fault_rate_invalid", "--fault-rate {error}")
SCENARIO_ENDED = Code("scenario_ended", "{scenario}: the scenario ended on {date}; to continue it, specify `--seconds`")

# Earlier runs that cannot be resumed

RUN_FOLDER_NOT_EMPTY = Code(
    "run_folder_not_empty", "--state-dir {folder}: the folder contains other files; specify a new folder"
)
RUN_RECORD_CORRUPT = Code(
    "run_record_corrupt", "--state-dir {folder}: {file} cannot be read ({error}); specify a new folder"
)
OTHER_SCENARIO = Code(
    "other_scenario",
    "--state-dir {folder}: the folder contains a run of scenario {earlier}, not of {now}; specify a new folder",
)
OTHER_SEED = Code(
    "other_seed",
    "--state-dir {folder}: the folder contains a run with seed {earlier}, not {now}; specify a new folder",
)
OTHER_FAULT = Code(
    "other_fault",
    "--state-dir {folder}: the folder contains a run with other faults ({earlier}, not {now}); specify a new folder",
)
OTHER_VERSION = Code(
    "other_version",
    "--state-dir {folder}: the folder contains a run of version {earlier}, not {now}; specify a new folder",
)
SCENARIO_CHANGED = Code(
    "scenario_changed",
    "--state-dir {folder}: the file of {scenario} has changed since the last run; specify a new folder",
)
RUN_NOT_FINISHED = Code(
    "run_not_finished",
    "--state-dir {folder}: the last run was killed or is still running, and its end is not known; specify a new folder",
)
