"""Settings come from the environment, each time they are asked for."""

import os

import pytest

from dashboard import settings


def test_root_is_the_home_folder_unless_the_environment_says_else(monkeypatch, tmp_path):
    monkeypatch.delenv("POSTERIOR_LAB_ROOT", raising=False)
    assert settings.root().name == ".posterior-lab"
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path))
    assert settings.root() == tmp_path


def test_data_folders(monkeypatch, tmp_path):
    (tmp_path / "main" / "data").mkdir(parents=True)
    (tmp_path / "shared" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "main")
    monkeypatch.delenv("POSTERIOR_LAB_DATA", raising=False)
    assert settings.data_folders() == [tmp_path / "main" / "data", tmp_path / "shared" / "data"]
    listed = [str(tmp_path / "shared"), str(tmp_path / "missing"), "data"]
    monkeypatch.setenv("POSTERIOR_LAB_DATA", os.pathsep.join(listed))
    assert settings.data_folders() == [tmp_path / "shared", tmp_path / "main" / "data"]


def test_upload_limit(monkeypatch):
    monkeypatch.delenv("POSTERIOR_LAB_UPLOAD_MB", raising=False)
    assert settings.upload_limit() == 200_000_000
    monkeypatch.setenv("POSTERIOR_LAB_UPLOAD_MB", "1.5")
    assert settings.upload_limit() == 1_500_000
    for wrong in ("much", "0", "-1", "nan"):
        monkeypatch.setenv("POSTERIOR_LAB_UPLOAD_MB", wrong)
        with pytest.raises(ValueError, match="number of megabytes above 0"):
            settings.upload_limit()
