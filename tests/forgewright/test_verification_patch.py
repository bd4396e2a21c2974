"""What a patch may do: change the text of files inside the project, and nothing else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from foureyes.exceptions import ApprovalError, PatchRefusedError, VerificationError
from foureyes.forgewright.verification.patch import MAX_PATCH_BYTES, Change, Patch, changes_of, read_patch
from foureyes.forgewright.verification.replacement import replace_files

CHANGE = "--- a/foureyes/x.py\n+++ b/foureyes/x.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
NEW = "--- /dev/null\n+++ b/foureyes/deep/new.py\n@@ -0,0 +1 @@\n+new\n"
GONE = "--- a/foureyes/y.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n"
NEW_EMPTY = "diff --git a/foureyes/e.py b/foureyes/e.py\nnew file mode 100644\nindex 0000000..e69de29\n"
BINARY = """diff --git a/b.bin b/b.bin
new file mode 100644
index 0000000000000000000000000000000000000000..bdc955b7b2e610ad5a72302b139a2e6cb325519a
GIT binary patch
literal 2
JcmZQz1ONa700IC2

literal 0
HcmV?d00001

"""
REFUSED = {
    "nothing": ("", "No valid patches"),
    "prose": ("please replace b by B", "No valid patches"),
    "a path upwards": (NEW.replace("b/foureyes", "b/../../foureyes"), "reaches beyond the project"),
    "an absolute path": (NEW.replace("b/foureyes", "/tmp/foureyes"), "reaches beyond the project"),  # noqa: S108
    "a hidden absolute path": (NEW.replace("b/foureyes", "b//tmp/foureyes"), "reaches beyond the project"),
    "git's own folder": (NEW.replace("foureyes/deep", ".git/hooks"), "reaches beyond the project"),
    "git's own folder in capitals": (NEW.replace("foureyes/deep", ".GIT/hooks"), "reaches beyond the project"),
    "beyond a link": (NEW.replace("foureyes/deep", "link"), "leads elsewhere by a link"),
    "a link": ("--- a/linked.py\n+++ b/linked.py\n@@ -1 +1 @@\n-a\n+b\n", "leads elsewhere by a link"),
    "a new link": (
        "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n",
        "more than change the text",
    ),
    "a mode": (
        "diff --git a/foureyes/x.py b/foureyes/x.py\nold mode 100644\nnew mode 100755\n",
        "more than change the text",
    ),
    "a new program": (
        "diff --git a/p b/p\nnew file mode 100755\n--- /dev/null\n+++ b/p\n@@ -0,0 +1 @@\n+x\n",
        "more than change the text",
    ),
    "a rename": (
        "diff --git a/foureyes/x.py b/z.py\nsimilarity index 100%\nrename from foureyes/x.py\nrename to z.py\n",
        "more than change the text",
    ),
    "something binary": (BINARY, "of something binary"),
    "what is not there": (CHANGE.replace("x.py", "z.py"), "No such file"),
    "other text": (CHANGE.replace("-b", "-q"), "does not apply"),
    "a directory": (CHANGE.replace("foureyes/x.py", "foureyes"), "which is no file"),
    "an odd name": (NEW.replace("new.py", "C:new.py"), "not every system can hold"),
    "nothing new": (
        "--- a/foureyes/x.py\n+++ b/foureyes/x.py\n@@ -1,3 +1,3 @@\n a\n-b\n+b\n c\n",
        "changes nothing",
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with two files, a link out of it and a folder that is a git repository around it."""
    root = tmp_path / "around" / "project"
    (root / "foureyes").mkdir(parents=True)
    (root / "foureyes" / "x.py").write_text("a\nb\nc\n", "utf-8")
    (root / "foureyes" / "y.py").write_text("gone\n", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere.py").write_text("a\n", "utf-8")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "linked.py").symlink_to(tmp_path / "elsewhere.py")
    return root


def changed(text: str | bytes, tree: Path, *, reverse: bool = False) -> list[Change]:
    scratch = tree.parents[1] / f"scratch{len(list(tree.parents[1].iterdir()))}"
    scratch.mkdir()
    data = text.encode() if isinstance(text, str) else text
    return asyncio.run(changes_of(Patch(data), tree, scratch, reverse=reverse))


def test_what_a_patch_makes_of_a_tree_is_told_without_touching_it(tree: Path) -> None:
    """Files change, appear and go; the tree itself stays as it is until they are written."""
    changes = changed(CHANGE + NEW + GONE + NEW_EMPTY, tree)
    assert {(str(each.path), each.before, each.after) for each in changes} == {
        ("foureyes/x.py", b"a\nb\nc\n", b"a\nB\nc\n"),
        ("foureyes/deep/new.py", None, b"new\n"),
        ("foureyes/y.py", b"gone\n", None),
        ("foureyes/e.py", None, b""),
    }
    assert (tree / "foureyes" / "x.py").read_text("utf-8") == "a\nb\nc\n"


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_patch_may_not_do_is_refused_in_words(tree: Path, tmp_path: Path, name: str) -> None:
    """Nothing outside of the project is read or written, and no links, modes, renames or binaries come into it."""
    text, said = REFUSED[name]
    before = sorted(str(file) for file in tmp_path.rglob("*"))
    with pytest.raises(PatchRefusedError, match=said):
        changed(text, tree)
    after = {str(file) for file in tmp_path.rglob("*") if "scratch" not in str(file)}
    assert sorted(after) == before


def test_where_there_is_no_git_nothing_is_judged(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install, and the patch is not held to be bad."""
    monkeypatch.setenv("PATH", str(tree))
    with pytest.raises(VerificationError, match="there is no git"):
        changed(CHANGE, tree)


def test_what_somebody_set_for_git_does_not_count(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a repository around the project nor variables of git change what a patch means."""
    (tree.parent / ".git").mkdir()
    monkeypatch.setenv("GIT_DIR", str(tree.parent / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", "/")
    assert [str(each.path) for each in changed(CHANGE, tree)] == ["foureyes/x.py"]


def test_only_a_plain_file_of_a_fair_size_is_read(tmp_path: Path) -> None:
    """A link, a pipe, a folder, nothing and five megabytes are refused, each at once."""
    (tmp_path / "real").write_text(CHANGE, "utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 5_000_000)
    wanted = {"link": "it is a link", "pipe": "no plain file", "large": f"{MAX_PATCH_BYTES:,}", "none": "No such"}
    for name, said in wanted.items():
        with pytest.raises(PatchRefusedError, match=said):
            read_patch(tmp_path / name)
    with pytest.raises(PatchRefusedError):
        read_patch(tmp_path)
    assert read_patch(tmp_path / "real").data == CHANGE.encode()


def test_all_files_change_or_none(tree: Path, tmp_path: Path) -> None:
    """Where one was changed meanwhile, what was written is put back; else all is kept and may be undone."""
    changes = changed(CHANGE + NEW + GONE, tree)
    (tree / "foureyes" / "y.py").write_text("somebody's work\n", "utf-8")
    with pytest.raises(ApprovalError, match=r"nothing was changed.*y\.py was changed meanwhile"):
        replace_files(tree, changes, tmp_path / "kept")
    assert (tree / "foureyes" / "x.py").read_text("utf-8") == "a\nb\nc\n"
    assert not (tree / "foureyes" / "deep" / "new.py").exists()
    (tree / "foureyes" / "y.py").write_text("gone\n", "utf-8")
    (tree / "foureyes" / "x.py").chmod(0o750)
    replace_files(tree, changes, tmp_path / "kept")
    assert (tree / "foureyes" / "x.py").read_text("utf-8") == "a\nB\nc\n"
    assert (tree / "foureyes" / "x.py").stat().st_mode & 0o777 == 0o750
    assert not (tree / "foureyes" / "y.py").exists()
    assert (tmp_path / "kept" / "foureyes" / "y.py").read_text("utf-8") == "gone\n"
    replace_files(tree, changed(CHANGE + NEW + GONE, tree, reverse=True), tmp_path / "kept again")
    assert (tree / "foureyes" / "y.py").read_text("utf-8") == "gone\n"
    assert not (tree / "foureyes" / "deep" / "new.py").exists()
