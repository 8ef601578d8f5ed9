"""The configuration: TOML file to frozen records, topology, tariff, periods, emission factors."""
