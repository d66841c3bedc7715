"""EEG of every format becomes the same epochs, and the epochs are right."""

import numpy as np
import pytest

from simulators.features.band_pass import band_pass
from simulators.features.spectrum import frequencies, log_power
from simulators.recordings import EEG, EegEpochs, EegOptions, kinds, read_eeg
from tests.simulators.recordings import eeg_writers as writers

LABELS = ("closed", "open", "closed", "open")
CODES = EegOptions(markers=("1 = closed", "2=open"))


@pytest.fixture(scope="module")
def samples():
    return writers.alpha_waves()


@pytest.fixture(scope="module")
def files(samples, tmp_path_factory):
    """The same recording in every format: path and options."""
    folder = tmp_path_factory.mktemp("eeg")
    plain, codes = EegOptions(), CODES
    return {
        "fif": (writers.write_fif(folder / "a_raw.fif", samples), plain),
        "fif with triggers": (
            writers.write_fif(folder / "b_raw.fif", samples, annotate=False, stim=True),
            codes,
        ),
        "edf": (writers.write_edf(folder / "a.edf", samples), plain),
        "brainvision": (writers.write_brainvision(folder / "a.vhdr", samples), codes),
        "csv": (writers.write_table(folder / "a.csv", samples), plain),
        "epochs": (writers.write_epochs_fif(folder / "a-epo.fif", samples), plain),
    }


@pytest.mark.parametrize("name", ["fif", "fif with triggers", "edf", "brainvision", "csv", "epochs"])
def test_every_format_gives_the_same_epochs(files, samples, name):
    path, options = files[name]
    found = read_eeg(path, options=options)
    assert found.labels == LABELS
    assert "Oz" in found.channel
    assert found.epochs.shape == (4, 1024)
    if name != "epochs":
        assert found.attrs["start"] == (1.0, 11.0, 21.0, 31.0)  # 8 s in the middle of 10
    reference = read_eeg(files["fif"][0]).epochs
    # Epochs that were cut before they were filtered differ at their ends; 16 bits round to 0.1 uV.
    inner = slice(128, -128) if name == "epochs" else slice(None)
    assert np.abs(found.epochs - reference)[:, inner].max() < (0.5 if name == "epochs" else 0.2)


def test_amplitude_and_place_of_the_waves(files):
    found = read_eeg(files["fif"][0])
    time = np.arange(1024) / 128 + 1.0  # the first epoch begins after 1 s
    waves = 40.0 * np.sin(2 * np.pi * 10 * time)
    assert found.unit == "uV"
    fitted = found.epochs[0] @ waves / (waves @ waves)
    assert fitted == pytest.approx(1.0, abs=0.02)
    assert np.abs(found.epochs.mean(axis=1)).max() < 0.1  # no offset is left
    power = np.stack([np.asarray(log_power(row)) for row in found.epochs])
    assert frequencies(128.0)[power[0].argmax()] == pytest.approx(10.0, abs=1.0)
    assert power[0].max() - power[1].max() == pytest.approx(2.0, abs=0.2)  # ten times higher waves


def test_what_was_found_is_told(files):
    told = read_eeg(files["fif"][0]).told
    assert told == (
        "Oz, one of 2 channels, 256 Hz, 40 s with 4 marks (eyes closed 2, eyes open 2): 4 epochs of 8 s "
        "(closed 2, open 2), 3 to 40 Hz."
    )
    unknown = read_eeg(files["brainvision"][0])
    assert set(unknown.labels) == {""}
    assert len(unknown) == 5  # 40 s
    assert "Stimulus/S  1 2" in unknown.told


def test_options(files):
    path = files["fif"][0]
    whole = read_eeg(path, options=EegOptions(low=None, high=None))
    assert np.isfinite(whole.epochs).all()
    assert whole.epochs.std() > read_eeg(path).epochs.std()
    assert read_eeg(path, options=EegOptions(channel="fp1")).channel == "Fp1"
    assert read_eeg(path, options=EegOptions(channel="fp1")).epochs.std() < 10
    longer = EegOptions(markers=("1=closed", "2=open"), condition_seconds=9.0)
    assert read_eeg(files["brainvision"][0], options=longer).attrs["start"][0] == 0.5


def test_bad_stretches_are_left_out(samples, tmp_path):
    found = read_eeg(writers.write_fif(tmp_path / "a_raw.fif", samples, bad=(12.0,)))
    assert found.labels == ("closed", "closed", "open")
    assert "1 epochs marked as bad left out" in found.told


def test_a_table_may_hold_words_or_epochs(samples, tmp_path):
    words = tmp_path / "words.csv"
    rows = [f"{k / 128},{10 * np.sin(k)},{'eyes open' if k < 1280 else 'eyes closed'}" for k in range(2560)]
    words.write_text("time [s],O2 [uV],condition\n" + "\n".join(rows))
    found = read_eeg(words)
    assert (found.channel, found.labels) == ("O2", ("open", "closed"))
    rows = [f"{k % 1100 / 128},{k // 1100},rest,{10 * np.sin(k)}" for k in range(2200)]
    words.write_text("time [s],epoch,condition,O2 [uV]\n" + "\n".join(rows))
    found = read_eeg(words)
    assert (found.labels, found.attrs["start"]) == (("rest", "rest"), (None, None))


def test_one_epoch_by_its_number(files):
    path, _ = files["fif"]
    every = read_eeg(path)
    one = EEG.read(path, sweep=2)
    assert len(one) == 1
    assert one.names == ("epoch 2",)
    assert np.array_equal(one.epochs[0], every.epochs[2])
    assert EEG.sweeps(path) == [0, 1, 2, 3]
    contents = EEG.contents(path)
    assert isinstance(contents, kinds.Contents)
    assert (contents.labels, contents.channels) == (LABELS, ("Oz", "Fp1"))
    assert EEG.describe(path).kind == "fif"


def test_the_filter_of_an_epoch_is_that_of_the_recording():
    """What a model does to its own 8 s is what reading does to a recording, but for the ends.

    The ends are all that is left below the band, at 0 and 2 Hz.
    """
    noise = np.random.default_rng(1).normal(0, 10, 128 * 30).astype(np.float32)
    whole = np.asarray(band_pass(noise, (3.0, 40.0), 128.0))[1280:2304]
    alone = np.asarray(band_pass(noise[1280:2304], (3.0, 40.0), 128.0))
    assert np.abs(whole - alone)[128:-128].max() < 1e-3
    difference = np.asarray(log_power(whole)) - np.asarray(log_power(alone))
    assert np.abs(difference[2:]).max() < 0.05
    assert np.abs(difference).max() < 0.3


@pytest.mark.parametrize("frequency", [0.5, 1.0, 3.0, 10.0, 40.0, 50.0, 60.0])
def test_the_filter_passes_its_band(frequency):
    time = np.arange(1024 * 2) / 128
    passed = np.asarray(
        band_pass(np.sin(2 * np.pi * frequency * time).astype(np.float32), (3.0, 40.0), 128.0)
    )
    gain = passed[512:-512].std() * np.sqrt(2)
    assert gain == pytest.approx(1.0, abs=0.02) if 3 <= frequency <= 40 else gain < 0.02


def test_epochs_are_checked_when_made():
    with pytest.raises(ValueError, match="the shape"):
        EegEpochs(np.ones((2, 1024)), ("closed",), "Oz")
