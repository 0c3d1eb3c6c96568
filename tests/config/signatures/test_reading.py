"""Signatures of small modules, as their source says."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from hydra_lightning.config.signatures import cache
from hydra_lightning.config.signatures.model import Signature
from hydra_lightning.config.signatures.read import TargetNotFound, read_signature

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write modules of a package ``pkg`` that is on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(**modules: str) -> None:
        for name, text in {"__init__": "", **modules}.items():
            file = tmp_path / "pkg" / f"{name}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(text))

    return write


def arguments(target: str) -> str:
    """The arguments of ``target`` as text, without its name."""
    signature = read_signature(target)
    assert signature is not None
    return str(signature).removeprefix(target)


def test_a_class_and_a_function(write: Write) -> None:
    write(a="class A:\n    def __init__(self, x: int, *, y=2): ...\ndef f(a, /, b, *c, d, **e): ...")
    assert arguments("pkg.a.A") == "(x, *, y=2)"
    assert arguments("pkg.a.f") == "(a, b, *c, d, **kwargs)"


def test_nothing_is_imported(write: Write) -> None:
    write(a="raise SystemExit('imported')\nclass A:\n    def __init__(self, x): ...")
    assert arguments("pkg.a.A") == "(x)"


def test_inherited_arguments_come_through_the_method_resolution_order(write: Write) -> None:
    write(
        a="""
        class Root:
            def __init__(self, root): ...
        class Left(Root): ...
        class Right(Root):
            def __init__(self, right): ...
        class Both(Left, Right): ...
        """
    )
    assert arguments("pkg.a.Both") == "(right)"


def test_keywords_are_followed_to_the_next_class(write: Write) -> None:
    write(
        a="""
        class Base:
            def __init__(self, size, depth=2, name="x"): ...
        class Child(Base):
            def __init__(self, extra, **kwargs):
                super().__init__(name="child", **kwargs)
        """
    )
    assert arguments("pkg.a.Child") == "(extra, *, size, depth=2)"


def test_keywords_are_followed_through_functions_and_other_modules(write: Write) -> None:
    write(
        a="from .b import build\ndef f(x, **kw):\n    return build(x, **kw)",
        b="def build(first, width=3, *, deep=False): ...",
    )
    assert arguments("pkg.a.f") == "(x, *, width=3, deep=False)"


def test_keywords_that_go_elsewhere_leave_it_open(write: Write) -> None:
    write(
        a="""
        import json
        def stored(x, **kw): settings = kw
        def unused(x, **kw): ...
        def local(x, build, **kw): return build(**kw)
        def computed(x, **kw): return getattr(json, x)(**kw)
        """
    )
    assert all(
        arguments(f"pkg.a.{name}").endswith("**kwargs)") for name in ("stored", "unused", "local", "computed")
    )


def test_keywords_that_are_taken_by_name_and_refused_otherwise(write: Write) -> None:
    write(
        a="""
        class Metric:
            def __init__(self, **kw):
                self.cpu = kw.pop("cpu", False)
                self.sync = kw.get("sync")
                if kw:
                    raise ValueError(f"unexpected: {kw}")
        class Mine(Metric):
            def __init__(self, classes, **kw):
                super().__init__(**kw)
        """
    )
    assert arguments("pkg.a.Mine") == "(classes, *, cpu=..., sync=...)"


def test_class_methods_static_methods_and_nested_classes(write: Write) -> None:
    write(
        a="""
        class A:
            class Inner:
                def __init__(self, inner): ...
            @classmethod
            def load(cls, path, **kw):
                return cls(**kw)
            @staticmethod
            def free(x): ...
            def __init__(self, size=3): ...
        class B(A):
            def __init__(self, other): ...
        """
    )
    assert arguments("pkg.a.A.Inner") == "(inner)"
    assert arguments("pkg.a.A.free") == "(x)"


def test_a_dataclass_and_its_base(write: Write) -> None:
    write(
        a="""
        from dataclasses import dataclass, field, KW_ONLY
        from typing import ClassVar
        @dataclass
        class Base:
            lr: float
            kind: ClassVar[str] = "x"
            names: list[str] = field(default_factory=list)
            hidden: int = field(init=False, default=3)
        @dataclass(frozen=True)
        class Child(Base):
            lr: float = 0.1
            _: KW_ONLY
            deep: bool = False
        """
    )
    assert arguments("pkg.a.Child") == "(lr=0.1, names=[], *, deep=False)"


def test_names_that_are_imported_again_and_again(write: Write) -> None:
    write(
        __init__="from .a import *\nfrom . import b as other",
        a="from .b import Thing as Renamed\n__all__ = ['Renamed']\nHidden = Renamed",
        b="class Thing:\n    def __init__(self, x): ...\nAlias = Thing",
    )
    for target in ("pkg.Renamed", "pkg.a.Hidden", "pkg.other.Alias"):
        assert arguments(target) == "(x)"
    with pytest.raises(TargetNotFound, match="pkg has no 'Hidden'"):
        read_signature("pkg.Hidden")


def test_a_decorator_that_only_passes_on_leaves_the_arguments(write: Write) -> None:
    write(
        a="""
        from functools import wraps
        def timed(function):
            @wraps(function)
            def inner(*args, **kwargs):
                return function(*args, **kwargs)
            return inner
        def renaming(function):
            @wraps(function)
            def inner(*args, **kwargs):
                kwargs["new"] = kwargs.pop("old")
                return function(*args, **kwargs)
            return inner
        def giving(function):
            @wraps(function)
            def inner(*args, **kwargs):
                return function(*args, width=3, **kwargs)
            return inner
        def converting(function):
            @wraps(function)
            def inner(width, **kwargs):
                return function(int(width), **kwargs)
            return inner
        def cache(function):
            return lambda new: function()
        def bound(method):
            @wraps(method)
            def inner(self, *args, **kwargs):
                return method(self, *args, **kwargs)
            return inner
        class Class:
            @bound
            def __init__(self, x): ...
        @timed
        def plain(x): ...
        @renaming
        def renamed(new): ...
        @giving
        def given(width): ...
        @converting
        def converted(width: int): ...
        @cache
        def cached(): ...
        """
    )
    assert arguments("pkg.a.plain") == "(x)"
    assert arguments("pkg.a.Class") == "(x)"
    for name in ("renamed", "given", "converted", "cached"):
        assert read_signature(f"pkg.a.{name}") is None


def test_what_cannot_be_read_is_not_judged(write: Write) -> None:
    write(
        a="""
        import somewhere_else
        from functools import partial
        class Unknown(somewhere_else.Base): ...
        made = partial(print, 1)
        for name in "xyz":
            globals()[name] = name
        class Meta(type):
            def __call__(cls, anything): ...
        class Called(metaclass=Meta):
            def __init__(self, x): ...
        """
    )
    for name in ("Unknown", "made", "never_defined", "Called"):
        assert read_signature(f"pkg.a.{name}") is None


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("pgk.a.A", "no package 'pgk' is installed or in the project"),
        ("pkg.modles.A", "pkg has no 'modles'. Did you mean models?"),
        ("pkg.a.Modle", "pkg.a has no 'Modle'. Did you mean Model?"),
        ("pkg.a.Model.biuld", "pkg.a.Model has no 'biuld'. Did you mean build?"),
        ("pkg.a", "this is a module"),
        ("pkg.a.Model()", "not a dotted path"),
        ("datetime.timedelt", "datetime has no 'timedelt'"),
    ],
)
def test_what_does_not_exist_is_told(write: Write, target: str, message: str) -> None:
    write(models="", a="class Model:\n    def build(self): ...")
    with pytest.raises(TargetNotFound) as error:
        read_signature(target)
    assert message in str(error.value)


def test_a_signature_is_kept_until_its_file_changes(write: Write, tmp_path: Path) -> None:
    write(
        a="from .b import Base\nclass A(Base): ...",
        b="class Base:\n    def __init__(self, x: 'int | None' = 3): ...",
    )
    first = read_signature("pkg.a.A")
    kept = cache.load()["pkg.a.A"]
    assert kept.signature == first
    assert kept.is_current()
    write(a="from .b import Base\nclass A(Base): ...", b="class Base:\n    def __init__(self, other): ...")
    os.utime(tmp_path / "pkg" / "b.py", ns=(1, 1))
    assert not kept.is_current()
    assert arguments("pkg.a.A") == "(other)"


def test_a_broken_or_unwritable_cache_costs_only_time(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(a="class A:\n    def __init__(self, x): ...")
    read_signature("pkg.a.A")
    (file,) = (tmp_path / "cache" / "hydra-lightning").iterdir()
    file.write_text('{"pkg.a.A": [3')
    assert arguments("pkg.a.A") == "(x)"
    (tmp_path / "a_file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a_file"))
    assert arguments("pkg.a.A") == "(x)"


def test_the_standard_library_is_asked_itself() -> None:
    signature = read_signature("collections.Counter")
    assert isinstance(signature, Signature)
    assert signature.open
