"""Checkpoints: exact resuming, what they hold, what is refused by which words, nothing left half-written."""

import errno
import json
import os

import numpy as np
import pytest

from tinygrad_nlp import DTypeError, Tensor, nn, optim, random, serialize
from tinygrad_nlp.errors import CheckpointError

safetensors_numpy = pytest.importorskip("safetensors.numpy")


def make(name="Adam", **options):
    random.manual_seed(0)
    model = nn.Sequential(nn.Embedding(12, 6), nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.4), nn.Linear(8, 3))
    optimizer = getattr(optim, name)(model.parameters(), **options)
    return model, optimizer, optim.warmup_cosine(optimizer, 4, 12)


def train(model, optimizer, schedule, steps):
    loss_of = nn.CrossEntropyLoss()
    for _ in range(steps):
        words = random.generator().integers(0, 12, 16)
        optimizer.zero_grad()
        loss_of(model(words), words % 3).backward()
        optimizer.step()
        schedule.step()


def same_bits(a, b):
    return all(x.tobytes() == b.state_dict()[name].tobytes() for name, x in a.state_dict().items())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


@pytest.fixture
def saved(path):
    model, optimizer, schedule = make()
    train(model, optimizer, schedule, 2)
    serialize.save(path, model=model, optimizer=optimizer, schedule=schedule, metadata={"epoch": 2})
    return path


@pytest.mark.parametrize(
    "name, options",
    [
        ("Adam", {"lr": 0.01, "amsgrad": True}),
        ("Adam", {"lr": 0.01, "sparse": True}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("RMSprop", {"centered": True}),
        ("AdamAsWritten", {}),
    ],
)
def test_ten_steps_equal_five_saved_loaded_and_five_more_to_the_bit(path, name, options):
    whole = make(name, **options)
    train(*whole, 10)
    first = make(name, **options)
    train(*first, 5)
    serialize.save(path, model=first[0], optimizer=first[1], schedule=first[2])
    second = make(name)
    random.manual_seed(99)  # the generator must come from the file
    serialize.load(path, model=second[0], optimizer=second[1], schedule=second[2])
    train(*second, 5)
    assert same_bits(whole[0], second[0])
    assert second[2].get_last_lr() == whole[2].get_last_lr()


def test_metadata_comes_back_as_it_was(path):
    metadata = {
        "numbers": [1, -2.5, float("inf"), 10**30, True, None],
        "tuple": (1, ("a", [])),
        7: "a number as key",
        "nested": {"array": np.arange(6, dtype=np.int16).reshape(2, 3), "array.": {}, "dict": {"tuple": 1}},
        "0-d": np.array(0.1, np.float32),
        "empty": np.zeros((0, 4)),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "big-endian": np.arange(3, dtype=">f8"),
        "tensor": Tensor([1.0, 2.0]),
        "numpy number": np.float64(0.1),
        "words": "Übung ŷ ✓",
        "own generator": np.random.default_rng(3).bit_generator.state,
        "twister": np.random.Generator(np.random.MT19937(3)).bit_generator.state,
    }
    serialize.save(path, metadata=metadata)
    back = serialize.load(path).metadata
    assert back["numbers"] == metadata["numbers"] and back["tuple"] == (1, ("a", [])) and back[7] == metadata[7]
    for name in ("0-d", "empty", "turned"):
        assert back[name].shape == metadata[name].shape and back[name].dtype == metadata[name].dtype
        assert (back[name] == metadata[name]).all()
    assert back["nested"]["array"].dtype == np.int16 and (back["nested"]["array"] == metadata["nested"]["array"]).all()
    assert back["nested"]["dict"] == {"tuple": 1} and back["words"] == metadata["words"]
    assert (back["big-endian"] == np.arange(3.0)).all() and (back["tensor"] == [1, 2]).all()
    assert back["numpy number"] == 0.1 and type(back["numpy number"]) is float
    assert back["own generator"] == metadata["own generator"]
    twister = np.random.MT19937()
    twister.state = back["twister"]
    assert (twister.random_raw(3) == np.random.MT19937(3).random_raw(3)).all()


def test_two_arrays_whose_paths_would_be_one(path):
    serialize.save(path, metadata={"a.b": np.zeros(1), "a": {"b": np.ones(2)}})
    back = serialize.load(path).metadata
    assert back["a.b"].tolist() == [0.0] and back["a"]["b"].tolist() == [1.0, 1.0]


def test_loading_without_receivers_changes_nothing(saved):
    random.manual_seed(1)
    before = random.get_state()
    checkpoint = serialize.load(saved)
    np.testing.assert_equal(random.get_state(), before)
    assert list(checkpoint.model) == ["0.weight", "1.weight", "1.bias", "4.weight", "4.bias"]
    assert checkpoint.metadata == {"epoch": 2} and checkpoint.optimizer["param_groups"][0]["betas"] == (0.9, 0.999)
    assert checkpoint.schedule["last_epoch"] == 2 and checkpoint.model["1.bias"].flags.writeable


def test_other_programs_find_the_parameters_by_name(saved):
    tensors = safetensors_numpy.load_file(saved)
    model = make()[0]
    serialize.load(saved, model=model)
    assert (tensors["model.1.weight"] == model[1].weight.data).all()


def test_random_generator_of_another_kind_is_restored():
    state = np.random.PCG64DXSM(4).state
    random.set_state(state)
    assert random.generator().bit_generator.state == state
    with pytest.raises(CheckpointError, match="random.set_state: a state that NumPy does not take"):
        random.set_state({"bit_generator": "PCG64", "state": "none"})
    with pytest.raises(CheckpointError, match="expected what random.get_state\\(\\) returned"):
        random.set_state({"bit_generator": "nonsense"})
    with pytest.raises(DTypeError, match="rng: 7; expected a np.random.Generator\n.*default_rng"):
        random.generator(7)


# ---- nothing half-written --------------------------------------------------------------------


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["save_file", "fsync", "replace"])
def test_failure_while_writing_leaves_the_old_checkpoint_and_nothing_else(saved, monkeypatch, where):
    before = saved.read_bytes()

    def half_written(tensors, filename, metadata=None):
        with open(filename, "wb") as file:
            file.write(b"half")
        full_disk()

    if where == "save_file":
        monkeypatch.setattr(safetensors_numpy, "save_file", half_written)
    else:
        monkeypatch.setattr(os, where, full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        serialize.save(saved, model=make()[0])
    monkeypatch.undo()
    assert saved.read_bytes() == before and os.listdir(saved.parent) == [saved.name]
    serialize.load(saved)


def test_interruption_while_writing_cleans_up(saved, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        serialize.save(saved, model=make()[0])
    assert os.listdir(saved.parent) == [saved.name]


def test_file_is_synced_before_it_takes_its_place(path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda f: (calls.append("fsync"), fsync(f)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    serialize.save(path, model=make()[0])
    assert calls[:2] == ["fsync", "replace"]


def test_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        serialize.save(tmp_path / "nowhere" / "x", metadata=1)
    with pytest.raises(FileNotFoundError):
        serialize.load(tmp_path / "nothing")


def test_link_stays_a_link(saved):
    link = saved.parent / "latest"
    link.symlink_to(saved)
    serialize.save(link, metadata="new")
    assert link.is_symlink() and serialize.load(saved).metadata == "new"


def test_what_cannot_be_saved_is_refused_before_anything_is_written(path):
    with pytest.raises(DTypeError, match="save: metadata.tool: function .*expected dicts, lists, tuples"):
        serialize.save(path, metadata={"tool": full_disk})
    with pytest.raises(DTypeError, match="save: metadata.z: an array of complex128; expected numbers or bools"):
        serialize.save(path, metadata={"z": np.zeros(2, complex)})
    with pytest.raises(DTypeError, match=r"save: metadata: a key \(1, 2\); expected strings or whole numbers"):
        serialize.save(path, metadata={(1, 2): 3})
    assert not os.listdir(path.parent)


# ---- what is refused, by its words --------------------------------------------------------------------


def refused(path, words, **receivers):
    with pytest.raises(CheckpointError, match=words) as caught:
        serialize.load(path, **receivers)
    assert str(path) in str(caught.value) and "write instead" in str(caught.value)


def test_every_cut_is_noticed(saved):
    whole = saved.read_bytes()
    for length in (0, 5, 8, 9, 200, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        refused(saved, "a file cut short|no safetensors file")
    saved.write_bytes(whole[:-1])
    refused(saved, rf"a file cut short; expected {len(whole)} bytes, not {len(whole) - 1}\n.*copy the file again")
    saved.write_bytes(whole + b"\0")
    refused(saved, "bytes too many")


def test_every_flipped_bit_is_noticed(saved):
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    for place in (*rng.integers(8, len(whole), 150), len(whole) - 1):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(bytes(broken))
        with pytest.raises(CheckpointError, match="run.safetensors"):
            serialize.load(saved)
    refused(saved, "contents that do not match their digest: damaged; expected the bytes that were saved")


def test_foreign_files_are_refused(path):
    path.write_text("epoch,loss\n1,2.3\n" * 20)
    refused(path, "no safetensors file; expected a checkpoint of tinygrad_nlp")
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    refused(path, "no safetensors file")
    safetensors_numpy.save_file({"weight": np.zeros(3)}, path)
    refused(path, "a safetensors file of another program.*\n.*safetensors.numpy.load_file")


def test_other_version_is_refused(saved):
    whole = saved.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    header["__metadata__"]["version"] = "2"
    text = json.dumps(header).encode()
    saved.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])
    refused(saved, "format version 2; expected version 1, which this release")


def test_checkpoint_of_another_model_is_refused_and_nothing_changes(saved):
    model, optimizer, schedule = make()
    before, rate = model.state_dict(), optimizer.param_groups[0]["lr"]
    other = optim.SGD(model.parameters())
    refused(saved, "load_state_dict of SGD: a difference in options", model=model, optimizer=other)
    assert all((model.state_dict()[name] == array).all() for name, array in before.items())
    wrong = nn.Linear(2, 2)
    refused(
        saved,
        "load_state_dict of Linear: missing: weight, bias. unexpected: 0.weight",
        model=wrong,
        optimizer=optimizer,
    )
    assert optimizer.param_groups[0]["lr"] == rate and not optimizer.state
    refused(saved, "the state of SequentialLR", schedule=optim.StepLR(optimizer, 3))


def test_part_that_was_not_saved_is_named(path):
    model, optimizer, _ = make()
    serialize.save(path, model=model)
    refused(path, "no optimizer in it; expected one saved with optimizer=…", model=model, optimizer=optimizer)


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path):
    model, usual, path = make()[0], tmp_path / "usual", tmp_path / "model.safetensors"
    usual.touch()
    serialize.save(path, model=model)
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    serialize.save(path, model=model)
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_no_file_is_not_replaced(tmp_path):
    for target, kind in ((tmp_path, "folder"), (os.devnull, "device")):
        with pytest.raises(OSError, match=f"cannot write .*: it is a {kind}, not a file"):
            serialize.save(target, metadata={"a": 1})
    assert not os.path.isfile(os.devnull) and list(tmp_path.iterdir()) == []
