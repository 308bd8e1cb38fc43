"""The real OBS Studio and BUTT, with a screen and a sound card that exist in memory only."""

import asyncio
import json
import os
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.on_air.server import run

_SCREEN_SIZE = "1280x800x24"


class Desktop:
    """A home folder with an X server and a PulseAudio of its own, in which a tone plays."""

    def __init__(self, home: Path, display: str) -> None:
        self.home = home
        self.env = {
            **os.environ,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "DISPLAY": display,
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        self.stack = AsyncExitStack()

    async def launch(self, *command: str, log: Path | None = None) -> Process:
        """Run a program until the desktop goes."""
        output = log.open("wb") if log else DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *command, env=self.env, stdin=DEVNULL, stdout=output, stderr=output
            )
        finally:
            if not isinstance(output, int):
                output.close()
        self.stack.push_async_callback(_end, process)
        return process


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def desktop() -> AsyncIterator[Desktop]:
    """Bring a desktop up; the X server chooses its own number."""
    # In /tmp: a socket's path may have 107 characters only.
    with tempfile.TemporaryDirectory(prefix="desktop-", dir="/tmp") as folder:
        home = Path(folder)
        (home / "run").mkdir(mode=0o700)
        screen = await asyncio.create_subprocess_exec(
            "Xvfb", "-displayfd", "1", "-screen", "0", _SCREEN_SIZE, stdout=PIPE, stderr=DEVNULL
        )
        assert screen.stdout is not None
        async with asyncio.timeout(20):
            number = (await screen.stdout.readline()).decode().strip()
        made = Desktop(home, f":{number}")
        made.stack.push_async_callback(_end, screen)
        async with made.stack:
            await _play_tone(made)
            yield made


async def _play_tone(made: Desktop) -> None:
    await made.launch(
        *("pulseaudio", "-n", "--exit-idle-time=-1", "--use-pid-file=no"),
        *("-L", "module-native-protocol-unix", "-L", "module-null-sink sink_name=nul"),
    )
    async with asyncio.timeout(20):
        while (await run("pactl", "info", env=made.env))[0] != 0:  # noqa: ASYNC110  # a daemon
            await asyncio.sleep(0.2)
    alsa = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
    (made.home / ".asoundrc").write_text(alsa)
    await made.launch(
        *("ffmpeg", "-v", "error", "-re", "-f", "lavfi"),
        *("-i", "sine=frequency=440:sample_rate=44100", "-ac", "2", "-f", "pulse"),
        *("-device", "nul", "tone"),
    )


def _ini(sections: dict[str, dict[str, object]]) -> str:
    return "".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())
        for name, values in sections.items()
    )


async def start_obs(made: Desktop, server_url: str, stream_key: str) -> Path:
    """Have OBS stream a black picture and the tone as AAC at 160 kbit/s; return its log."""
    config = made.home / ".config/obs-studio"
    profile, scenes = config / "basic/profiles/p", config / "basic/scenes"
    profile.mkdir(parents=True)
    scenes.mkdir(parents=True)
    general = {"FirstRun": "true", "LastVersion": 486539266, "InfoIncrement": -1}
    basic: dict[str, object] = {
        "Profile": "p",
        "ProfileDir": "p",
        "SceneCollection": "s",
        "SceneCollectionFile": "s",
    }
    (config / "global.ini").write_text(
        _ini({"General": {**general, "EnableAutoUpdates": "false"}, "Basic": basic})
    )
    (profile / "basic.ini").write_text(
        _ini(
            {
                "General": {"Name": "p"},
                "Video": {
                    "BaseCX": 320,
                    "BaseCY": 180,
                    "OutputCX": 320,
                    "OutputCY": 180,
                    "FPSType": 1,
                    "FPSInt": 10,
                },
                "Output": {"Mode": "Simple", "Reconnect": "true", "RetryDelay": 2},
                "SimpleOutput": {
                    "VBitrate": 300,
                    "StreamEncoder": "x264",
                    "ABitrate": 160,
                    "Preset": "ultrafast",
                },
                "Audio": {"SampleRate": 44100, "ChannelSetup": "Stereo"},
            }
        )
    )
    settings = {"server": server_url, "key": stream_key, "use_auth": False, "bwtest": False}
    service = {"type": "rtmp_custom", "settings": settings}
    (profile / "service.json").write_text(json.dumps(service))
    (scenes / "s.json").write_text(json.dumps(_OBS_SCENES))
    log = made.home / "obs.log"
    await made.launch(
        *("obs", "--startstreaming", "--profile", "p", "--collection", "s", "--multi"),
        "--disable-updater",
        log=log,
    )
    return log


_OBS_SCENES = {
    "name": "s",
    "current_scene": "Scene",
    "current_program_scene": "Scene",
    "scene_order": [{"name": "Scene"}],
    "sources": [{"id": "scene", "name": "Scene", "settings": {"items": []}}],
    "DesktopAudioDevice1": {
        "enabled": True,
        "id": "pulse_output_capture",
        "mixers": 255,
        "muted": False,
        "name": "Desktop Audio",
        "settings": {"device_id": "default"},
        "volume": 1.0,
    },
}


class Butt:
    """A BUTT that connects when it starts; it is told and asked through its own command line."""

    def __init__(self, made: Desktop, control_port: int) -> None:
        self._made = made
        self._control = ("butt", "-p", str(control_port))

    async def status(self) -> dict[str, str]:
        """What BUTT says of itself; empty while it does not answer."""
        _, out, _ = await run(*self._control, "-S", env=self._made.env)
        pairs = (line.partition(": ") for line in out.splitlines())
        return {name: value for name, _, value in pairs}

    async def until(self, name: str, value: str, timeout_s: float = 30) -> None:
        """Wait until BUTT says so; it does not answer while it is busy."""
        async with asyncio.timeout(timeout_s):
            while (await self.status()).get(name, "").strip() != value:  # noqa: ASYNC110  # see above
                await asyncio.sleep(0.5)

    async def set_song(self, song: str) -> None:
        await run(*self._control, "-u", song, env=self._made.env)


async def start_butt(
    made: Desktop, host: str, port: int, password: str, mount: str, control_port: int
) -> Butt:
    """Have BUTT stream the tone as MP3 at 128 kbit/s."""
    audio = {"device": "default", "samplerate": 44100, "bitrate": 128, "channel": 2, "codec": "mp3"}
    config = made.home / "buttrc"
    config.write_text(
        _ini(
            {
                "main": {
                    "server": "target",
                    "num_of_srv": 1,
                    "num_of_icy": 0,
                    "srv_ent": "target",
                    "connect_at_startup": 1,
                    "gain": 1.0,
                },
                "audio": audio,
                "gui": {"show_listeners": 1},
                "target": {
                    "address": host,
                    "port": port,
                    "password": password,
                    "type": 1,
                    "tls": 0,
                    "mount": mount,
                    "usr": "source",
                    "protocol": 0,
                },
            }
        )
    )
    await made.launch("butt", "-p", str(control_port), "-c", str(config))
    return Butt(made, control_port)
