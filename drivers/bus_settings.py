"""Address and line settings of a bus."""

from __future__ import annotations

from msgspec import Struct

QUIET_S = 1200.0  # longer than the period of the slowest usual master, a reader of 15-minute demands


class BusSettings(Struct, frozen=True):
    """Settings of a bus: either host and port_number (TCP), or serial_port.

    name: the bus in messages.
    host: IP address or host name; empty for a serial port.
    port_number: TCP port.
    serial_port: path of the device file; empty for TCP.
    baud: bit rate in bit/s; with rtu_framing that of the remote serial line.
    data_bits: 7 or 8.
    parity: N, E or O.
    stop_bits: 1 or 2.
    rtu_framing: RTU frames over TCP (transparent converter).
    listen_s: listening time before the first request, in seconds; 0: none.
    quiet_s: time without a frame of another master after which requests are sent again, in seconds.
    dlt645: frames of DL/T 645-2007 instead of Modbus, at a serial port or through a transparent converter.
    rack_slot: rack and slot of the CPU of a PLC that is read by the S7 protocol; None: no PLC.
    listen_only: another master polls the bus; nothing is sent.
    rs485: let the kernel switch the direction of the transceiver, if the port supports it.
    """

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
    quiet_s: float = QUIET_S
    rs485: bool = False
    dlt645: bool = False
    rack_slot: tuple[int, int] | None = None
    listen_only: bool = False

    @property
    def where(self) -> str:
        """Serial port, or host and port, for messages."""
        return self.serial_port or f"{self.host}:{self.port_number}"

    @property
    def is_serial(self) -> bool:
        return bool(self.serial_port)

    @property
    def is_plc(self) -> bool:
        return self.rack_slot is not None

    @property
    def is_rtu(self) -> bool:
        """Whether the frames are those of a serial line, here or behind a transparent converter."""
        return self.is_serial or self.rtu_framing or self.dlt645

    @property
    def character_s(self) -> float:
        """Transmission time of one character in seconds (start, data, parity and stop bits); 0 for TCP."""
        if not self.is_rtu:
            return 0.0
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baud

    @property
    def silence_s(self) -> float:
        """Inter-frame delay in seconds: 3.5 characters; 1.75 ms above 19200 baud; 0 for TCP.

        Source: Modbus over serial line V1.02, 2.5.1.1.
        """
        return 0.00175 if self.is_rtu and self.baud > 19200 else 3.5 * self.character_s
