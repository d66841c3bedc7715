"""Every action on a run as nobody, as another user and as the owner."""

import pytest
from argon2 import PasswordHasher
from tornado.web import create_signed_value

from dashboard import logins, rights, settings
from dashboard.login import COOKIE
from dashboard.notes import Notes, read_notes
from dashboard.people import People, cookie_secret
from dashboard.rights import EXAMPLE, NotAllowed, PersonalStore
from inference import trash
from inference.files import files_size
from inference.requests import Request
from inference.runs import RunStore

REQUEST = Request("linear_gaussian")


@pytest.fixture(params=["users", "proxy", "oauth"])
def lab(tmp_path, monkeypatch, request):
    """Says who is logged in; a server with one of the ways to log in."""
    WAYS[request.param](tmp_path, monkeypatch)
    monkeypatch.setenv(settings.ROOT_VARIABLE, str(tmp_path / "root"))
    secret = cookie_secret(settings.root())

    def come(name):
        cookie = name and create_signed_value(secret, COOKIE, f"{name}:{logins.known().since(name)}").decode()
        monkeypatch.setattr(rights, "_cookie", lambda: cookie)

    return come


def with_users(folder, monkeypatch):
    monkeypatch.setattr("dashboard.people._hasher", lambda: PasswordHasher(1, 8, 1))  # in no time
    people = People(folder / "users.json")
    for name in ("ada", "bob"):
        people.add(name, "a long password")
    monkeypatch.setenv(settings.USERS_VARIABLE, str(people.file))


def behind_proxy(folder, monkeypatch):
    monkeypatch.setenv(settings.HEADER_VARIABLE, "X-Forwarded-User")
    monkeypatch.setenv(settings.PROXIES_VARIABLE, "127.0.0.1")


def with_oauth(folder, monkeypatch):
    monkeypatch.setenv(settings.oauth_variable("provider"), "github")
    monkeypatch.setenv(settings.oauth_variable("allow"), "ada,bob")


WAYS = {"users": with_users, "proxy": behind_proxy, "oauth": with_oauth}


@pytest.fixture
def run(lab):
    lab("ada")
    return rights.store().create(REQUEST)


def changes_to(run):
    """Everything that only the owner of a run may do."""
    return (
        lambda: rights.check_change(run),
        lambda: rights.share(run, "lab"),
        lambda: rights.annotate(run, Notes("mine now", ("mine",))),
        lambda: rights.delete(run),
        lambda: rights.set_priority(run, "high"),
    )


def test_a_server_without_users_has_one_person_who_may_all(tmp_path, monkeypatch):
    monkeypatch.delenv(settings.USERS_VARIABLE, raising=False)
    monkeypatch.setenv(settings.ROOT_VARIABLE, str(tmp_path))
    run = rights.store().create(REQUEST)
    rights.check_change(run)
    assert rights.person() is None
    assert rights.store().get(run.id).owner == "local"


def test_nobody_sees_or_does_anything(lab, run):
    lab(None)
    acts = (rights.store, rights.deleted_runs, rights.bringing, lambda: rights.check_see(run))
    acts += (rights.my_deleted_runs, lambda: rights.restore(run.id), lambda: rights.remove(run.id))
    for act in (*acts, *changes_to(run)):
        with pytest.raises(NotAllowed, match="Your login has ended"):
            act()


def test_a_login_of_another_way_or_a_made_up_one_is_nobodys(lab, monkeypatch):
    secret = cookie_secret(settings.root())
    for content, signed_by in (
        ("ada:0123456789abcdef", secret),
        ("ada:", secret),
        ("eve:None", secret),
        ("ada:proxy", "another"),
        ("ada:oauth x", secret),
    ):
        cookie = create_signed_value(signed_by, COOKIE, content).decode()
        monkeypatch.setattr(rights, "_cookie", lambda cookie=cookie: cookie)
        with pytest.raises(NotAllowed):
            rights.person()


def test_no_session_is_nobody(lab):
    """Outside a session there is no cookie, and so no rights."""
    with pytest.raises(NotAllowed):
        rights.person()


def test_a_run_is_its_owners_alone_at_first(lab, run):
    assert run.owner == "ada"
    assert [one.id for one in rights.store().list()] == [run.id]
    lab("bob")
    store = rights.store()
    assert store.list() == []
    assert store.scan() == ([], [])
    missing = run.id[:-4] + ("0000" if not run.id.endswith("0000") else "0001")
    said = []
    for run_id in (run.id, missing):
        with pytest.raises(ValueError, match="There is no run") as refused:
            store.get(run_id)
        said.append(str(refused.value).replace(run_id, "ID"))
    assert said[0] == said[1]  # not even whether it exists
    for act in changes_to(run):
        with pytest.raises(NotAllowed, match="belongs to ada"):
            act()
    with pytest.raises(ValueError, match="There is no run"):
        rights.check_see(run)
    assert run.folder.is_dir()
    assert read_notes(run.record) == Notes()


@pytest.mark.parametrize(("sharing", "is_listed"), [("lab", True), ("link", False)])
def test_sharing(lab, run, sharing, is_listed):
    rights.share(run, sharing)
    lab("bob")
    store = rights.store()
    assert bool(store.list()) == is_listed
    assert store.get(run.id) == run
    rights.check_see(run)
    with pytest.raises(NotAllowed):
        rights.check_change(run)
    lab("ada")
    rights.share(run, "private")
    lab("bob")
    with pytest.raises(ValueError, match="There is no run"):
        store.get(run.id)


def test_no_other_way_to_share(lab, run):
    with pytest.raises(ValueError, match="private, lab, link; got 'world'"):
        rights.share(run, "world")
    run.update(sharing="world")  # by hand
    assert rights.sharing_of(run) == "private"


def test_runs_that_ship_with_the_program_are_everybodys(lab, run):
    example = RunStore(settings.root()).create(REQUEST, EXAMPLE)
    lab("bob")
    assert [one.id for one in rights.store().list()] == [example.id]
    with pytest.raises(NotAllowed):
        rights.check_change(example)


def test_what_somebody_makes_is_theirs_whatever_is_said(lab):
    lab("bob")
    assert rights.store().create(REQUEST, "ada").owner == "bob"


def test_limits_of_one_person(lab, run, monkeypatch):
    store = rights.store()
    monkeypatch.setenv(settings.JOBS_VARIABLE, "1")
    with pytest.raises(NotAllowed, match="1 unfinished runs, and 1 is the most"):
        store.create(REQUEST)
    lab("bob")
    rights.store().create(REQUEST)  # ada's runs do not count
    run.set_state("done")
    monkeypatch.setenv(settings.QUOTA_VARIABLE, "0.0000001")
    with pytest.raises(NotAllowed, match="for more room"):
        store.create(REQUEST)


def test_a_folder_that_cannot_be_read_is_nobodys(lab, run):
    (run.folder / "run.json").write_text("{")
    assert rights.store().scan() == ([], [])
    with pytest.raises(ValueError, match="There is no run"):
        PersonalStore(settings.root(), "ada").get(run.id)


def test_only_the_owner_notes_deletes_and_brings_back(lab, run):
    rights.annotate(run, Notes("for figure 3", ("paper",)))
    assert read_notes(run.record) == Notes("for figure 3", ("paper",))
    run.set_state("stopped")
    rights.delete(run)
    assert rights.store().list() == []
    lab("bob")
    assert rights.deleted_runs().list() == []
    for act in (rights.restore, rights.remove):
        with pytest.raises(ValueError, match="There is no run"):
            act(run.id)
    lab("ada")
    assert rights.restore(run.id) == run
    assert rights.store().get(run.id).state == "stopped"


def test_what_was_shared_is_brought_back_by_its_owner_alone(lab, run):
    run.set_state("stopped")
    rights.share(run, "lab")
    rights.delete(run)
    lab("bob")
    assert rights.my_deleted_runs() == []
    for act in (rights.restore, rights.remove):
        with pytest.raises(NotAllowed, match="belongs to ada"):
            act(run.id)
    lab("ada")
    [mine] = rights.my_deleted_runs()
    rights.remove(run.id)
    assert mine.id == run.id
    assert rights.my_deleted_runs() == []


def test_what_ships_with_the_program_stays(tmp_path, monkeypatch):
    monkeypatch.delenv(settings.USERS_VARIABLE, raising=False)
    monkeypatch.setenv(settings.ROOT_VARIABLE, str(tmp_path))
    example = RunStore(settings.root()).create(REQUEST, EXAMPLE)
    example.set_state("done")
    with pytest.raises(NotAllowed, match="ships with the program"):
        rights.delete(example)


def test_the_trash_counts_and_makes_room(lab, run, monkeypatch):
    run.set_state("done")
    size = files_size(run.folder)
    rights.delete(run)
    kept = rights.store().create(REQUEST)
    kept.set_state("done")
    monkeypatch.setenv(settings.QUOTA_VARIABLE, str(2.2 * size / 1e9))  # of one run and the deleted one
    rights.store().check_room()
    assert rights.deleted_runs().list() == [trash.RunStore(trash.trash_root(settings.root())).get(run.id)]
    rights.store().check_room(size)
    assert rights.deleted_runs().list() == []
    assert rights.store().list() == [kept]
