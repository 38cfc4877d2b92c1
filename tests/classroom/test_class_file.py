"""class.toml: what it may say, and a sentence for everything else; passwords and numbers that stay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ecrlab_course.authoring.content import course
from ecrlab_course.classroom.class_file import ClassError, read
from ecrlab_course.classroom.class_host import slips, stop
from ecrlab_course.classroom.doors import port_of, tcp_door, unix_door
from ecrlab_course.classroom.pseudonyms import password_of


def written(folder: Path, text: str) -> Path:
    path = folder / "class.toml"
    path.write_text(text)
    return path


def test_the_courses_own_file_is_a_class_of_thirty() -> None:
    found = read(course().root / "classroom" / "class.toml")
    assert (len(found.learners), found.learners[0], found.learners[-1]) == (30, "learner01", "learner30")
    assert (found.spawner, found.port, found.board_port) == ("namespaces", 8000, 8003)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learners = ", "cannot be read"),
        ("learners = 0", "learners is a number"),
        ("learners = true", "learners is a number"),
        ('learners = ["Ada"]', "learners is a number"),
        ('learners = ["ada", "ada"]', "learners is a number"),
        ('learners = ["../ada"]', "learners is a number"),
        ('learners = 2\ninstructors = ["learner01"]', "a learner's and an instructor's"),
        ("learners = 2\nport = '8000'", "port has a value of another kind"),
        ("learners = 2\nport = true", "port has a value of another kind"),
        ("learners = 2\nat_a_time = 0", "at_a_time has a value of another kind"),
        ("learners = 2\npasword = 'x'", "has a field pasword"),
        ("learners = 2\nfolder = 'here'", "must be an absolute path"),
        ("learners = 2\nfolder = '/tmp/class'", "must be an absolute path"),
        ("learners = 2\nspawner = 'systemd'", "namespaces, containers"),
    ],
)
def test_what_a_class_cannot_be_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ClassError, match=said):
        read(written(tmp_path, text))
    with pytest.raises(ClassError, match="There is no file"):
        read(tmp_path / "none.toml")


def test_each_has_a_password_and_a_number_of_their_own_that_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, 'learners = ["ada", "ben"]\nlisten = "127.0.0.1"\nfolder = "/srv/no-such-class"')
    found = read(path)
    monkeypatch.setattr("ecrlab_course.classroom.class_file.Class.secret", b"secret")
    text = slips(found)
    passwords = {name: password_of(b"secret", name) for name in found.learners}
    assert len(set(passwords.values())) == 2
    for name, password in passwords.items():
        assert f"name      {name}\n  password  {password}\n" in text
    # Nothing runs: that is said, and nothing is made.
    stop(path, print)
    assert "Nothing was running." in capsys.readouterr().out
    assert not found.folder.exists()


async def test_a_door_leads_to_a_socket_and_back(tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.write_eof()
        await writer.drain()
        writer.close()

    inner = await asyncio.start_unix_server(echo, tmp_path / "inner")
    outer = await tcp_door(tmp_path / "inner")
    again = await unix_door(tmp_path / "again", port_of(outer))
    try:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "again")
        writer.write(b"x" * 200_000)
        writer.write_eof()
        assert await reader.read() == b"X" * 200_000
        writer.close()
        # Behind the door nobody is there any more: the connection ends, and the door stays.
        inner.close()
        (tmp_path / "inner").unlink()
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(outer))
        assert await reader.read() == b""
        writer.close()
    finally:
        for each in (inner, outer, again):
            each.close()
