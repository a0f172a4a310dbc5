"""A YAML file as a tree of nodes that know their lines.

Nothing is constructed from the nodes, so no tag can run code, and what stands in the file stays text until
its reader says what it is.
"""

from pathlib import Path

import yaml

from deepsquat.errors import UserError

MOST_BYTES = 16 * 2**20  # a labels file of 100,000 squats has less
DEEPEST = 8  # a labels file nests four deep; the parser calls itself once a level


class _Loader(yaml.SafeLoader):
    """Composes plain trees only: no aliases, which a few lines can blow up to gigabytes, and no tags."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(event, f"the alias *{event.anchor} is not allowed; write out what it stands for")
        if getattr(event, "tag", None) not in (None, "!"):
            raise _Refused(event, f"the tag {event.tag} is not allowed; take it out")
        if self.depth == DEEPEST:
            raise _Refused(event, "nested too deep; take out brackets or indentation")
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Refused(Exception):
    def __init__(self, event: yaml.Event, what: str) -> None:
        super().__init__(what)
        self.line = event.start_mark.line + 1


def compose(path: Path) -> yaml.Node | None:
    """The root node; None for an empty file.

    Raises:
        UserError: the file cannot be read or is no plain YAML, with the line number.
    """
    text = _text(path)
    try:
        node: yaml.Node | None = _Loader(text).get_single_node()
        return node
    except _Refused as error:
        raise UserError(f"{path}, line {error.line}: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join((error.problem or error.context or "it cannot be parsed").split())
        what = "a tab; indent with spaces" if "'\\t'" in what else f"not valid YAML: {what}"
        raise UserError(f"{path}, line {mark.line + 1 if mark else 1}: {what}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(f"{path}, line {line}: a control character; save the file as plain text") from error


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; name the labels file in it")
        if path.stat().st_size > MOST_BYTES:
            raise UserError(
                f"{path}: is too large for a labels file; name the YAML file that lists the squats"
            )
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such labels file; write one, or correct the name") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8 text; save the file with that encoding") from error


def wrong(path: Path, node: yaml.Node, what: str, place: str = "") -> UserError:
    """The error about one node of the file; `place` says more than its line does."""
    return UserError(f"{path}, line {node.start_mark.line + 1}{place}: {what}")


def scalar(node: yaml.Node) -> str | None:
    """The text of a single value; None for a list or a mapping."""
    return node.value if isinstance(node, yaml.ScalarNode) else None


def kind(node: yaml.Node) -> str:
    """What YAML takes it for: str, int, float, bool, null, timestamp, seq, map."""
    return str(node.tag).rpartition(":")[2]
