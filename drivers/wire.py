"""Where a bus is and how it speaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wire:
    """Either host and port_number, or serial_port. baud is the remote line's for RTU over TCP."""

    name: str
    host: str = ""
    port_number: int = 502
    serial_port: str = ""
    baud: int = 19200
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1
    rtu_framing: bool = False
    listen_s: float = 0.0
    rs485: bool = False  # let the kernel switch the transceiver's direction, where the port can

    @property
    def where(self) -> str:
        return self.serial_port or f"{self.host}:{self.port_number}"

    @property
    def is_serial(self) -> bool:
        return bool(self.serial_port)

    @property
    def is_rtu(self) -> bool:
        return self.is_serial or self.rtu_framing

    @property
    def character_s(self) -> float:
        """Seconds for one character: start, data, parity and stop bits."""
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baud

    @property
    def silence_s(self) -> float:
        """3.5 characters between frames, 1.75 ms above 19200 baud (Modbus over serial line V1.02, 2.5.1.1); TCP: 0."""
        if not self.is_rtu:
            return 0.0
        return 0.00175 if self.baud > 19200 else 3.5 * self.character_s
