"""Reads and writes YAML: the safe subset, with the line of every key.

Only what YAML 1.2 calls numbers, true, false and null is not text: `no`, `on`, `2024-01-01`, `12:30` and `007`
stay texts, and `1e-4` is a number (YAML 1.1, which PyYAML reads, has all six the other way). Keys are always texts.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from core.errors import UserError
from core.text import clause

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
)

_PLAIN = r'[^."=\\]+'
_KEY = rf'(?:"(?:[^"\\]|\\.)*"|{_PLAIN})'
PATH = rf"{_KEY}(?:\.{_KEY})*"

Path = tuple[str, ...]


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}


class _Dumper(yaml.SafeDumper):
    """Quotes whatever either version of YAML would not read as text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text_node(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Returns a text that keeps its line ends; what does not print is escaped, since YAML may fold it."""
    lines = all(line.isprintable() for line in text.split("\n"))
    style = None if text.isprintable() else "|" if lines else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)
for _tag, _pattern, _first in _SCALARS:
    _regexp = re.compile(f"^(?:{_pattern})$")
    _firsts = ["" if character == "\0" else character for character in _first]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _regexp, _firsts)
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _regexp, _firsts)
# PyYAML's own readers of numbers take 010 for eight and 1:30 for ninety.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(re.sub(r"\.(?=[inIN])", "", node.value)))


def parse(text: str, where: str) -> tuple[Any, dict[Path, int]]:
    """Reads one YAML document.

    Args:
        text: the document.
        where: what to call it in errors: a file's name or a flag.

    Returns:
        The value, and the line (from 1) of every key by its path.

    Raises:
        UserError: the text is no YAML, or repeats a key, or uses anchors.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines = _lines(node, where)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        raise UserError(_syntax_error(error, where)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{where} cannot be read as YAML: {clause(error)}. Write it as plain YAML.") from None
    finally:
        loader.dispose()


def dump(value: Any) -> str:
    """Returns a value as YAML in the order given: innermost lists and mappings on one line, else one key a line."""
    return yaml.dump(value, Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=120, allow_unicode=True)


def dump_inline(value: Any) -> str:
    """Returns a value as YAML on one line."""
    # Inside of a list, where a text can take no more than its line.
    text = yaml.dump([value], Dumper=_Dumper, default_flow_style=True, sort_keys=False, width=10**9, allow_unicode=True)
    return text.strip()[1:-1]


def dump_plain(value: Any) -> str:
    """Returns a value as a YAML document of one line, a text without quotes where it is read as itself."""
    try:
        return value if isinstance(value, str) and parse(value, "")[0] == value else dump_inline(value)
    except UserError:
        return dump_inline(value)


def split_path(text: str) -> Path:
    """Returns the keys of a dotted path; a key in double quotes may hold anything: `features."a.b".kind`.

    Raises:
        UserError: the path has an empty key or an open quote.
    """
    if not re.fullmatch(PATH, text):
        raise UserError(
            f"`{text}` is not a path of keys. Write keys with dots between, such as train.epochs, "
            "and a key that has dots of its own in double quotes."
        )
    return tuple(re.sub(r"\\(.)", r"\1", key[1:-1]) if key[0] == '"' else key for key in re.findall(_KEY, text))


def join_path(keys: Path) -> str:
    """Returns the dotted path of some keys, which `split_path` takes apart again."""
    return ".".join(key if re.fullmatch(_PLAIN, key) else '"' + re.sub(r'(["\\])', r"\\\1", key) + '"' for key in keys)


def _lines(root: yaml.Node, where: str) -> dict[Path, int]:
    """Returns the line of every key, and makes every key a text."""
    lines: dict[Path, int] = {}
    seen: set[int] = set()
    for path, node in _walk(root):
        if id(node) in seen:
            raise UserError(
                f"{where}:{node.start_mark.line + 1}: an alias (`*name`) stands for another value. "
                "Configurations have no aliases; write the value out."
            )
        seen.add(id(node))
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, path, where, lines)
    return lines


def _check_keys(node: yaml.MappingNode, path: Path, where: str, lines: dict[Path, int]) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise UserError(f"{where}:{line}: a key is a list or a mapping. Keys are texts; write `key: value`.")
        if key.value in first:
            raise UserError(
                f"{where}:{line}: `{join_path((*path, key.value))}` is given twice, first on line {first[key.value]}. "
                "Keep one of the two."
            )
        first[key.value] = line
        lines[(*path, key.value)] = line
        key.tag = "tag:yaml.org,2002:str"


def _walk(root: yaml.Node) -> Iterator[tuple[Path, yaml.Node]]:
    """Yields every value with its path; a value that stands in two places is yielded twice, its content once."""
    stack: list[tuple[Path, yaml.Node]] = [((), root)]
    expanded: set[int] = set()
    while stack:
        path, node = stack.pop()
        yield path, node
        if id(node) in expanded:
            continue
        expanded.add(id(node))
        if isinstance(node, yaml.MappingNode):
            stack.extend(((*path, str(key.value)), value) for key, value in reversed(node.value))
        elif isinstance(node, yaml.SequenceNode):
            stack.extend(((*path, str(index)), value) for index, value in reversed(list(enumerate(node.value))))


def _syntax_error(error: yaml.MarkedYAMLError, where: str) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
    problem = " ".join(text for text in (error.context, error.problem) if text)
    return f"{place}: this is not YAML: {problem}. Check the indentation, the quotes and the space after each colon."


def nested(keys: Path, value: Any) -> dict[str, Any]:
    """Returns mappings inside one another that lead to a value."""
    for key in reversed(keys):
        value = {key: value}
    return value


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `base` with the values of `over` in place of its own, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[key] = merged(below, value) if both and isinstance(below, Mapping) else value
    return result


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yields the path of everything in nested mappings that is no mapping itself."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    else:
        yield path
