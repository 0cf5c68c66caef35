"""The doctor says what is wrong and what to do about it."""


def test_a_new_home_is_well(new):
    result = new("doctor")

    assert (result.code, result.err) == (0, "")
    assert "is not there yet: `cfsm demo` or `cfsm run` makes it" in result.out
    assert not new.home.exists()
    assert all(check["ok"] for check in new("doctor", "--json").json)


def test_blobs_that_are_gone_are_named_with_what_to_do(cfsm):
    result = cfsm("doctor")

    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if line.startswith("BAD")]
    assert line.startswith("BAD  blobs:")
    assert "cfsm restore" in result.out
    assert "checks found something wrong" in result.err


def test_a_machine_without_room_is_named_with_the_rule(cfsm):
    (cfsm.home / "cfsm.yaml").write_text("admission: {min_disk_free_mb: 1000000000}\n")

    result = cfsm("doctor")

    assert result.code == 1
    assert "BAD  machine: disk free is" in result.out
    assert "at least 1000000000 MB is wanted" in result.out


def test_a_wrong_configuration_is_told_before_anything_else(cfsm):
    (cfsm.home / "cfsm.yaml").write_text("store:\n  engin: sqlite\n")

    (check,) = cfsm("doctor", "--json").json

    assert (check["name"], check["ok"]) == ("configuration", False)
    assert "did you mean store.engine?" in check["message"]


def test_a_backup_comes_back_whole_in_another_home(cfsm, new, tmp_path):
    file = tmp_path / "factory.cfsm"
    before = cfsm("history", "replay", "--json").out

    assert cfsm("backup", file).code == 0
    assert cfsm("backup", file).code == 78
    assert cfsm("backup", file, "--overwrite").code == 0
    assert new("restore", file).code == 0
    assert new.home.stat().st_mode & 0o077 == 0

    assert new("history", "replay", "--json").out == before
    assert new("history", "verify").code == 0


def test_a_restore_over_events_has_to_be_meant(cfsm, tmp_path):
    file = tmp_path / "factory.cfsm"
    cfsm("backup", file)

    refused = cfsm("restore", file)
    assert refused.code == 78
    assert "--replace" in refused.err

    replaced = cfsm("restore", file, "--replace")
    assert replaced.code == 0
    assert "What was there before lies in" in replaced.err


def test_what_is_no_backup_changes_nothing(cfsm, tmp_path):
    (tmp_path / "photos").write_bytes(b"\x89PNG" * 1000)
    before = (cfsm.home / "events.sqlite").read_bytes()

    result = cfsm("restore", tmp_path / "photos", "--replace")

    assert result.code == 78
    assert "is no whole backup of CFSM" in result.err
    assert (cfsm.home / "events.sqlite").read_bytes() == before
